"""What the anonymised images look like: rows of methods, columns of strengths."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from anonbench.io import ArchiveReader, member
from anonbench.report._pictures import (
    Failures,
    choose_images,
    failures,
    shrink,
    stored_images,
)
from anonbench.report._style import NOTE, TEXT, WIDTH, blank_figure, dark, heading, listing
from anonbench.report._tables import Tables
from anonbench.types import Pixels

COLUMNS = 8
"""Cells in a line; a method of more strengths goes on below."""
SMALL = 3
"""Further subjects, shown small beneath each large image."""
PIXEL_BUDGET = 740_000
"""Pixels of all images of a sheet: an SVG stays below 3 MB, even with noise that does not compress
(3 bytes a pixel, 4/3 of that as text)."""
LARGEST = 200
"""Side in pixels beyond which images are not embedded, however few they are."""

_LEFT, _GAP, _TOP, _LABEL, _TITLE = 0.08, 0.06, 0.72, 0.17, 0.22
NOT_STORED = "not_in_archive"
_FAILED = "#b3261e"


@dataclass(frozen=True)
class Cell:
    """One method and strength, with what is written beneath it."""

    method: str
    strength: str
    label: str


def contact_sheet_figure(tables: Tables, *, limited: bool) -> Figure:
    """Draw one subject large and up to three small, for every method and strength.

    Parameters
    ----------
    tables : Tables
        See there.
    limited : bool
        Keep to the budget of pixels: for SVG, which holds the images themselves.
    """
    lines = list(sheet_lines(tables))
    with ExitStack() as stack:
        names = [m for m in tables.plan["methods"] if m in tables.archives]
        readers = {m: stack.enter_context(ArchiveReader(tables.archives[m])) for m in names}
        images = choose_images(_image_ids(readers, tables), tables.subjects, 1 + SMALL)
        return _sheet(tables, lines, readers, images, limited)


def sheet_lines(tables: Tables) -> Iterator[tuple[str, str, list[Cell]]]:
    """Yield title, detail and cells of every line; methods without strengths share lines."""
    every = [m for m in [*tables.controls, *tables.methods] if tables.strengths(m)]
    single = [Cell(m, tables.strengths(m)[0], m) for m in every if not tables.graded(m)]
    for k in range(0, len(single), COLUMNS):
        title = "controls, and methods without strengths" if k == 0 else ""
        yield title, "", single[k : k + COLUMNS]
    for method in (m for m in every if tables.graded(m)):
        cells = [Cell(method, s, s) for s in tables.strengths(method)]
        for k in range(0, len(cells), COLUMNS):
            info = tables.info(method)
            detail = info.strength + ("" if info.stronger == "none" else " (stronger →)")
            yield (method if k == 0 else "", detail if k == 0 else "", cells[k : k + COLUMNS])


def _image_ids(readers: Mapping[str, ArchiveReader], tables: Tables) -> list[str]:
    """Return the images of the first archive, by the strength it has first."""
    for method, reader in readers.items():
        labels = tables.strengths(method)
        if labels:
            return stored_images(reader, labels[0])
    return []


def _sheet(
    tables: Tables,
    lines: Sequence[tuple[str, str, list[Cell]]],
    readers: Mapping[str, ArchiveReader],
    images: Sequence[str],
    limited: bool,
) -> Figure:
    cell = (WIDTH - 2 * _LEFT - (COLUMNS - 1) * _GAP) / COLUMNS
    small = (cell - (SMALL - 1) * _GAP / 2) / SMALL if len(images) > 1 else 0.0
    line_height = _TITLE + cell + small + _GAP / 2 + _LABEL
    height = _TOP + len(lines) * line_height + _GAP
    figure = blank_figure(WIDTH, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    n_cells = sum(len(cells) for _, _, cells in lines)
    side = image_side(n_cells, len(images)) if limited else LARGEST
    failed = failures(tables.ledger)
    y = _TOP
    for title, detail, cells in lines:
        _line_title(axes, tables, title, detail, cells, y)
        for k, one in enumerate(cells):
            reader = readers.get(one.method)
            x = _LEFT + k * (cell + _GAP)
            _cell(axes, reader, one, images, (x, y + _TITLE, cell, small), side, failed)
        y += line_height
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    _heading(figure, tables, images)
    return figure


def image_side(n_cells: int, n_images: int) -> int:
    """Return the side in pixels of a large image, so that all fit the budget of a sheet."""
    share = 1 + (n_images - 1) / SMALL**2 if n_images > 1 else 1.0
    return min(LARGEST, int(math.sqrt(PIXEL_BUDGET / max(1, n_cells) / share)))


def _line_title(
    axes: Axes, tables: Tables, title: str, detail: str, cells: Sequence[Cell], y: float
) -> None:
    if not title:
        return
    named = title == cells[0].method
    colour = dark(tables.looks[title].colour) if named else TEXT
    text = axes.text(_LEFT, y + _TITLE - 0.05, title, fontweight="bold", color=colour)
    axes.annotate(detail, (1, 0), (6, 0), xycoords=text, textcoords="offset points",
                  va="bottom", color=NOTE)  # fmt: skip


def _cell(
    axes: Axes,
    reader: ArchiveReader | None,
    cell: Cell,
    images: Sequence[str],
    place: tuple[float, float, float, float],
    side: int,
    failed: Failures,
) -> None:
    """Draw the large image, the small ones beneath, and the label."""
    x, y, large, small = place
    for k, image_id in enumerate(images):
        status = failed.get((cell.method, cell.strength, image_id), "")
        left = x if k == 0 else x + (k - 1) * (small + _GAP / 2)
        top = y if k == 0 else y + large + _GAP / 2
        width = large if k == 0 else small
        name = member(cell.strength, image_id)
        pixels = reader.read(name) if reader is not None and name in reader else None
        limit = side if k == 0 else max(1, side // SMALL)
        _image(axes, pixels, (left, top, width), limit, status, written=k == 0)
    bottom = y + large + small + _GAP / 2
    axes.text(x + large / 2, bottom + 0.02, cell.label, ha="center", va="top")


def _image(
    axes: Axes,
    pixels: Pixels | None,
    place: tuple[float, float, float],
    limit: int,
    status: str,
    *,
    written: bool,
) -> None:
    """Draw one image into a square; a failure gets a red frame and, in a large one, its status."""
    x, y, width = place
    if pixels is None:
        status = status or NOT_STORED
    else:
        shown = shrink(pixels, limit)
        high, wide = shown.shape[:2]
        w, h = width * wide / max(high, wide), width * high / max(high, wide)
        left, top = x + (width - w) / 2, y + (width - h) / 2
        axes.imshow(shown, extent=(left, left + w, top + h, top), interpolation="none", zorder=1)
    if status:
        axes.add_patch(_frame(x, y, width))
        if written:
            axes.text(x + width / 2, y + width / 2, status.replace("_", "\n"), color="white",
                      ha="center", va="center", fontweight="bold", zorder=3,
                      bbox={"facecolor": _FAILED, "linewidth": 0, "pad": 1.5})  # fmt: skip


def _frame(x: float, y: float, width: float) -> Rectangle:
    return Rectangle((x, y), width, width, fill=False, edgecolor=_FAILED, linewidth=1.2, zorder=2)


def _heading(figure: Figure, tables: Tables, images: Sequence[str]) -> None:
    shown = listing(images, 1 + SMALL) if images else "no image in the archives"
    heading(figure, f"Anonymised images: {tables.dataset}",
            f"The first image of the first subjects: {shown}.\nRed frames: blacked out because the "
            "method failed (status from the ledger), or not in the archive.")  # fmt: skip
