"""What becomes of the landmarks of a face: each compared method, as in Brant (2022), Fig. 19."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from anonbench.anonymisers._ciagan_landmarks import SCHEMES, Scheme
from anonbench.expressions import EXPRESSIONS
from anonbench.io import ArchiveReader, member, rows
from anonbench.ledger import Status
from anonbench.overlap import DETECTED_IOU, match
from anonbench.report._pictures import failures
from anonbench.report._style import NOTE, TEXT, blank_figure, heading
from anonbench.report._tables import LandmarkFiles, Tables
from anonbench.report.contrasts import titled
from anonbench.types import Box, Face, Pixels

IMAGES = 6
"""At most so many, two side by side."""
COLOURS = {"dlib_hog": "#e02020", "mediapipe_mesh": "#19b319"}
"""Of landmarks by detector: red and green, as in the paper."""
ROOM = 0.28
"""Around the subject's box, in its longer side."""

_CELL, _GAP, _APART, _MARGIN = 1.62, 0.05, 0.3, 0.08
_TOP, _NAME, _HEAD = 0.86, 0.26, 0.2
_FAILED = "#b3261e"
_BY_DETECTOR = {scheme.detector: scheme for scheme in SCHEMES.values()}


@dataclass(frozen=True)
class Row:
    """A method at a strength, its detectors, and last the one of ``detection.landmarks``."""

    method: str
    strength: str
    detectors: Sequence[str]


@dataclass(frozen=True)
class Known:
    """Landmarks of the images that are shown.

    Attributes
    ----------
    subjects : mapping of str to Box
        By image; images whose subject was not found have none.
    faces : mapping of str to mapping of str to list of Face
        By detector and image.
    refound : mapping of str to mapping of str to list of Face
        By method and archive member.
    """

    subjects: Mapping[str, Box]
    faces: Mapping[str, Mapping[str, list[Face]]]
    refound: Mapping[str, Mapping[str, list[Face]]]

    def own(self, detectors: Sequence[str], image_id: str) -> tuple[str, Face] | None:
        """Return the first detector with landmarks of the subject, and his face by it."""
        box = self.subjects.get(image_id)
        for detector in detectors:
            faces = self.faces.get(detector, {}).get(image_id, [])
            index = match(faces, box) if box else None
            if index is not None and len(faces[index].points):
                return detector, faces[index]
        return None

    def again(self, method: str, strength: str, image_id: str, before: Box) -> Face | None:
        """Return the face of a result that lies where it lay on the original, if there is one."""
        faces = self.refound.get(method, {}).get(member(strength, image_id), [])
        best = match(faces, before, DETECTED_IOU)
        return None if best is None else faces[best]


def landmarks_figure(tables: Tables) -> Figure:
    """Draw original with landmarks, anonymised with landmarks, anonymised: a row a method.

    On the original the landmarks are all that the method's own detector finds, or those of
    ``detection.landmarks`` where it finds boxes alone; on all results they are those of the
    latter, so that methods are compared by one and the same observer.
    """
    names = compared(tables)
    images = choose(tables.labels, tables.subjects, IMAGES)
    with ExitStack() as stack:
        methods = dict.fromkeys(["original", *(r.method for r in names)])
        readers = {
            m: stack.enter_context(ArchiveReader(tables.archives[m]))
            for m in methods if m in tables.archives
        }  # fmt: skip
        return _figure(tables, names, images, readers, _known(tables.landmarks, names, images))


def compared(tables: Tables) -> list[Row]:
    """Return the methods of all contrasts, each once, with the strength that comes first."""
    found: dict[str, Row] = {}
    for r in rows(tables.contrasts.drop_duplicates(["contrast"])):
        # First and second in the order of the paper: the poorer landmarks on top.
        for method, strength in (
            (r.second, r.second_strength),
            (r.first, r.first_strength),
        ):
            entry = tables.plan["methods"][method]
            observer = str(tables.plan.get("landmarks", ""))
            shown = [*entry.get("detectors", ()), observer]
            found.setdefault(method, Row(method, strength, shown))
    return list(found.values())


def choose(labels: Mapping[str, str], subjects: Mapping[str, str], n: int) -> list[str]:
    """Return an image of each expression, each of another subject as far as there are enough.

    Expressions come in the order of the benchmark, neutral last; the k-th is shown by the k-th
    subject by name, with the first of his images that has it. Without labels: the first image of
    the first subjects. Nobody is chosen for how well it went.
    """
    names = sorted({s for s in subjects.values() if s})
    order = [*(c for c in EXPRESSIONS if c != "neutral"), "neutral"]
    classes = [c for c in order if c in set(labels.values())]
    if not classes:
        first = {subjects[i]: i for i in sorted(subjects, reverse=True) if subjects[i]}
        return [first[s] for s in names[:n]]
    found = []
    for k, label in enumerate(classes[:n]):
        own = [i for i in sorted(labels) if labels[i] == label]
        turn = {s: (j - k) % len(names) for j, s in enumerate(names)}
        found.append(min(own, key=lambda i: (turn.get(subjects.get(i, ""), len(turn)), i)))
    return found


def _known(files: LandmarkFiles | None, names: Sequence[Row], images: Sequence[str]) -> Known:
    if files is None:
        return Known({}, {}, {})
    located = pd.read_parquet(files.located, filters=[("image_id", "in", list(images))])
    subjects = {
        r.image_id: Box(r.left, r.top, r.right, r.bottom)
        for r in rows(located) if r.status == Status.OK
    }  # fmt: skip
    members = {r.method: [member(r.strength, i) for i in images] for r in names}
    return Known(
        subjects,
        {d: _faces(path, images) for d, path in files.faces.items()},
        {m: _faces(files.refound[m], members[m]) for m in members if m in files.refound},
    )


def _faces(path: Path, names: Sequence[str]) -> dict[str, list[Face]]:
    """Read the faces of some images alone: a table may hold hundreds of thousands."""
    found: dict[str, list[Face]] = {}
    for r in rows(pd.read_parquet(path, filters=[("image_id", "in", list(names))])):
        points = np.asarray(r.points, np.float32).reshape(-1, 2)
        face = Face(Box(r.left, r.top, r.right, r.bottom), r.score, points)
        found.setdefault(r.image_id, []).append(face)
    return found


def _figure(
    tables: Tables,
    names: Sequence[Row],
    images: Sequence[str],
    readers: Mapping[str, ArchiveReader],
    known: Known,
) -> Figure:
    block = 3 * _CELL + 2 * _GAP
    high = _NAME + len(names) * (_HEAD + _CELL + _GAP)
    n_lines = max(1, -(-len(images) // 2))
    width = 2 * _MARGIN + 2 * block + _APART
    height = _TOP + n_lines * high + _MARGIN
    figure = blank_figure(width, height)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    failed = failures(tables.ledger)
    for k, image_id in enumerate(images):
        x, y = _MARGIN + (k % 2) * (block + _APART), _TOP + (k // 2) * high
        label = tables.labels.get(image_id, "")
        axes.text(x, y + _NAME - 0.06, f"{image_id}" + f" ({label})" * bool(label), color=NOTE)
        for row in names:
            y += _HEAD if row is names[0] else _HEAD + _CELL + _GAP
            title = titled(row.method, row.strength)
            axes.text(x, y + _NAME - 0.05, title, fontweight="bold", color=TEXT)
            status = failed.get((row.method, row.strength, image_id), "")
            _triple(axes, row, image_id, readers, known, (x, y + _NAME), status)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("auto")
    observer = tables.plan.get("landmarks", "")
    heading(figure, f"What becomes of landmarks: {tables.dataset}",
            "Original with the landmarks of the method's own detector, anonymised with those that "
            f"{observer} finds, anonymised. Red: dlib, green: MediaPipe;\nwhere a method's "
            f"detector finds boxes alone, those of {observer} on the original too. One image an "
            "expression, nobody chosen for how well it went.")  # fmt: skip
    return figure


def _triple(
    axes: Axes,
    row: Row,
    image_id: str,
    readers: Mapping[str, ArchiveReader],
    known: Known,
    corner: tuple[float, float],
    status: str,
) -> None:
    """Draw one image by one method: original and result with landmarks, and the result."""
    before = _read(readers.get("original"), member("none", image_id))
    after = _read(readers.get(row.method), member(row.strength, image_id))
    window = _window(known.subjects.get(image_id), before if before is not None else after)
    own, observer = known.own(row.detectors, image_id), row.detectors[-1]
    place = known.own([observer], image_id)
    again = known.again(row.method, row.strength, image_id, place[1].box) if place else None
    seen = (observer, again) if again is not None and len(again.points) else None
    cells: list[tuple[Pixels | None, Any, str]] = [
        (before, own, "" if own else "no landmarks"),
        (after, seen, "" if seen else "no landmarks"),
        (after, None, ""),
    ]
    for k, (pixels, face, lacking) in enumerate(cells):
        x = corner[0] + k * (_CELL + _GAP)
        wrong = status if k and status else lacking
        _cell(axes, pixels, window, face, (x, corner[1]), wrong)


def _read(reader: ArchiveReader | None, name: str) -> Pixels | None:
    return reader.read(name) if reader is not None and name in reader else None


def _window(box: Box | None, pixels: Pixels | None) -> tuple[int, int, int]:
    """Return left, top and side of the square around a face that is shown, inside the picture."""
    high, wide = (1, 1) if pixels is None else pixels.shape[:2]
    if box is None:
        side = min(high, wide)
        return (wide - side) // 2, (high - side) // 2, side
    side = min(int(max(box.width, box.height) * (1 + 2 * ROOM)), high, wide)
    x, y = box.centre
    left = int(np.clip(x - side / 2, 0, wide - side))
    return left, int(np.clip(y - side / 2, 0, high - side)), side


def _cell(
    axes: Axes,
    pixels: Pixels | None,
    window: tuple[int, int, int],
    found: tuple[str, Face] | None,
    corner: tuple[float, float],
    wrong: str,
) -> None:
    """Draw the window of a picture into a square cell, with the lines between landmarks."""
    (x, y), (left, top, side) = corner, window
    if pixels is not None:
        shown = pixels[top : top + side, left : left + side]
        axes.imshow(shown, extent=(x, x + _CELL, y + _CELL, y), interpolation="lanczos", zorder=1)
    frame = Rectangle((x, y), _CELL, _CELL, fill=False, linewidth=0.8, zorder=3,
                      edgecolor=_FAILED if wrong or pixels is None else "none")  # fmt: skip
    axes.add_patch(frame)
    if found is not None:
        scheme = _BY_DETECTOR.get(found[0])
        scale = _CELL / side
        points = (found[1].points - [left, top]) * scale + [x, y]
        _lines(axes, points, scheme, COLOURS.get(found[0], "#1f6fd0"), frame)
    if wrong or pixels is None:
        axes.text(x + _CELL / 2, y + _CELL - 0.12, (wrong or "not in archive").replace("_", " "),
                  color="white", ha="center", va="center", fontweight="bold", zorder=4,
                  bbox={"facecolor": _FAILED, "linewidth": 0, "pad": 1.5})  # fmt: skip


def _lines(
    axes: Axes, points: NDArray[Any], scheme: Scheme | None, colour: str, frame: Rectangle
) -> None:
    """Draw all groups of a scheme as lines; points whose detector has no scheme as dots."""
    if scheme is None or len(points) != scheme.points:
        dots = axes.plot(points[:, 0], points[:, 1], ".", color=colour, markersize=2, zorder=2)
        dots[0].set_clip_path(frame)
        return
    for segments in scheme.groups.values():
        for ends in segments:
            (line,) = axes.plot(*points[list(ends)].T, color=colour, linewidth=1.1, zorder=2,
                                solid_capstyle="round")  # fmt: skip
            line.set_clip_path(frame)
