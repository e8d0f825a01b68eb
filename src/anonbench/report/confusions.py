"""What expressions turn into: predictions on the original against those on the anonymised image."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from anonbench.io import rows
from anonbench.report._shares import (
    NOT_FOUND,
    PALE,
    banner,
    banner_height,
    classes_of,
    colours,
    draw_shares,
    inches,
)
from anonbench.report._style import (
    NOTE,
    TEXT,
    Layout,
    dark,
    fitted,
    footnote,
    heading,
    listing,
    panel_title,
    percent,
)
from anonbench.report._tables import Condition, Measure, Tables
from anonbench.report.gates import Gate, gate, reason

PANELS = 12
"""Up to so many conditions, all are drawn; else the weakest and strongest of each method."""
COLUMNS = 4
_GAP = 0.3
"""Between the classes and the column of faces that were not found, in cells."""
_WIDTH = 1.47
"""Of a panel, in inches."""
_TOP, _BETWEEN, _BOTTOM = 1.02, 0.98, 0.74
"""Inches above the panel of the clear images, between it and the others, and below these."""

Array = NDArray[np.float64]


def confusion_figure(tables: Tables, network: str, policy: str) -> Figure:
    """Draw a panel a method and strength (Brant 2022, Fig. 18), after one on the clear images."""
    verdict = gate(tables.metrics, tables.plan, tables.dataset, network, policy)
    shown, cut = conditions(tables)
    classes = _classes(tables, network, policy)
    counts = {c: matrix(tables.confused("prediction", *c, network, policy), classes) for c in shown}
    totals, same = _row_totals(list(counts.values()))
    remarks = _remarks(tables, verdict, shown, cut, same)
    layout = _layout(len(classes), banner_height(verdict), len(remarks))
    figure, methods = layout.figure(len(shown))
    clear = inches(figure, (layout.margin[0], _TOP + banner_height(verdict), *layout.panel))
    _clear_panel(clear, tables, classes, verdict)
    _guide(figure, clear, layout, verdict)
    for k, (axes, condition) in enumerate(zip(methods, shown, strict=True)):
        _panel(axes, counts[condition], classes, verdict)
        _title(axes, tables, condition, verdict)
        if k % COLUMNS == 0:
            _name_rows(axes, classes, totals)
        if k >= len(methods) - COLUMNS:
            _name_columns(axes, classes)
    heading(figure, "What expressions turn into",
            f"{tables.dataset}, {network}, {policy} faces. Rows: class predicted on the original, "
            "with its number of images; columns: class\npredicted on the anonymised image. Percent "
            "of the row; framed: the class is preserved. Empty cells: none.")  # fmt: skip
    banner(figure, verdict, 0.66)
    footnote(figure, "\n".join(remarks))
    return figure


def conditions(tables: Tables) -> tuple[list[tuple[str, str]], bool]:
    """Return the methods and strengths to draw, and whether middle strengths were left out."""
    every = [(m, s) for m in tables.methods for s in tables.strengths(m)]
    if len(every) <= PANELS:
        return every, False
    ends = [
        (m, s)
        for m in tables.methods
        for s in dict.fromkeys([*tables.strengths(m)[:1], *tables.strengths(m)[-1:]])
    ]
    return ends, len(ends) < len(every)


def matrix(found: pd.DataFrame, classes: Sequence[str]) -> Array:
    """Return counts as a matrix.

    Parameters
    ----------
    found : DataFrame
        Columns row, column, n; no rows where nothing was counted.
    classes : sequence of C names
        Rows of the matrix; its columns are these and ``not_found``.

    Returns
    -------
    ndarray of shape (C, C + 1)
        Counts; all NaN where `found` has no rows. Rows of other names are left out.
    """
    places = {name: k for k, name in enumerate([*classes, NOT_FOUND])}
    shape = (len(classes), len(places))
    if found.empty:
        return np.full(shape, math.nan)
    counts = np.zeros(shape)
    for r in rows(found):
        row, column = places.get(r.row), places.get(r.column)
        if row is not None and row < len(classes) and column is not None:
            counts[row, column] += r.n
    return counts


def shares(counts: Array) -> Array:
    """Divide each row by its sum; NaN where the sum is 0."""
    total = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, total, out=np.full_like(counts, math.nan), where=total > 0)


def _classes(tables: Tables, network: str, policy: str) -> list[str]:
    """Return the classes of the matrices: those of the benchmark and what else was predicted."""
    own = tables.confusion
    own = own[(own["system"] == network) & (own["policy"] == policy) & (own["n"] > 0)]
    return classes_of({*own["row"], *own["column"]})


def _layout(n_classes: int, extra: float, n_remarks: int) -> Layout:
    height = _WIDTH * n_classes / (n_classes + 1 + _GAP)
    top = _TOP + extra + height + _BETWEEN
    bottom = _BOTTOM + 0.15 * n_remarks
    return Layout(COLUMNS, (_WIDTH, height), (0.12, 0.44), (0.86, 0.08, top, bottom))


def _panel(axes: Axes, counts: Array, classes: Sequence[str], verdict: Gate) -> None:
    lefts = [*map(float, range(len(classes))), len(classes) + _GAP]
    draw_shares(axes, shares(counts), colours(verdict), lefts, range(len(classes)))
    for k in range(len(classes)):
        axes.add_patch(Rectangle((k, k), 1, 1, fill=False, edgecolor=_frame(verdict),
                                 linewidth=0.8, zorder=3, clip_on=False))  # fmt: skip
    axes.set_xlim(0, len(classes) + 1 + _GAP)
    axes.set_xticks([])


def _frame(verdict: Gate) -> str:
    return PALE if verdict.state == "below" else TEXT


def _title(axes: Axes, tables: Tables, condition: tuple[str, str], verdict: Gate) -> None:
    method, strength = condition
    name = method if strength == "none" else f"{method} {strength}"
    measure = tables.measure(
        "preservation", Condition(*condition, "", verdict.network, verdict.policy)
    )
    colour = PALE if verdict.state == "below" else dark(tables.looks[method].colour)
    size = fitted(name, _WIDTH)
    panel_title(axes, name, f"preserved {spoken(measure)}", colour, size)


def spoken(measure: Measure) -> str:
    """Write a share with its interval: "32 % (30 to 35)"."""
    if math.isnan(measure.value):
        return "n/a"
    text = f"{percent(measure.value)} %"
    if math.isnan(measure.low) or math.isnan(measure.high):
        return text
    return f"{text} ({percent(measure.low)} to {percent(measure.high)})"


def _clear_panel(axes: Axes, tables: Tables, classes: Sequence[str], verdict: Gate) -> None:
    """Show what the network makes of the clear images: label against prediction."""
    found = tables.confused("truth", "original", "none", verdict.network, verdict.policy)
    counts = matrix(found, classes)
    _panel(axes, counts, classes, verdict)
    clear = Condition("original", "none", "", verdict.network, verdict.policy)
    uar = tables.measure("uar", clear)
    labelled = counts.sum() > 0
    detail = f"UAR {spoken(uar)}" if labelled else "no labels"
    panel_title(axes, "original", detail, NOTE)
    totals = counts.sum(axis=1) if labelled else np.full(len(classes), math.nan)
    _name_rows(axes, classes, totals)
    _name_columns(axes, classes)


def _name_rows(axes: Axes, classes: Sequence[str], totals: Array) -> None:
    names = [
        c if math.isnan(n) else f"{c} ({n:,.0f})" for c, n in zip(classes, totals, strict=True)
    ]
    axes.set_yticks(np.arange(len(classes)) + 0.5, names, fontsize=6.5)


def _name_columns(axes: Axes, classes: Sequence[str]) -> None:
    places = [*(np.arange(len(classes)) + 0.5), len(classes) + _GAP + 0.5]
    axes.set_xticks(places, [*classes, "no face"], fontsize=6.5, rotation=90)


def _row_totals(matrices: Sequence[Array]) -> tuple[Array, bool]:
    """Return the images by row, and whether all panels have the same."""
    known = [m.sum(axis=1) for m in matrices if not np.isnan(m).any()]
    if not known:
        return np.full(len(matrices[0]) if matrices else 0, math.nan), True
    return known[0], all(np.array_equal(known[0], other) for other in known)


def _guide(figure: Figure, axes: Axes, layout: Layout, verdict: Gate) -> None:
    """Place the colour scale beside the panel of the clear images."""
    width = figure.get_figwidth()
    place = axes.get_position()
    left = place.x0 + (layout.panel[0] + layout.gap[0] + 0.25) / width
    text = (
        "Left: what the network makes of the clear images; here, rows are the labels. This bounds "
        "what the panels below can tell. They need no labels: they compare the network with "
        "itself. A method that keeps expressions leaves a dark diagonal; one that destroys them "
        "sends all rows to the same columns. No face: nothing to classify, counted as changed."
    )
    figure.text(left, place.y1, textwrap.fill(text, 70), va="top", color=NOTE, linespacing=1.4)
    down = _TOP + banner_height(verdict) + layout.panel[1] + 0.12
    bar = inches(figure, (left * width, down, 2.2, 0.11))
    bar.imshow(np.linspace(0, 1, 256)[None, :], aspect="auto", cmap=colours(verdict),
               extent=(0, 100, 0, 1), vmin=0, vmax=1)  # fmt: skip
    bar.set_yticks([])
    bar.set_xticks([0, 25, 50, 75, 100])
    bar.set_title("share of the row in %", loc="left", color=NOTE, pad=3)
    for spine in bar.spines.values():
        spine.set_visible(False)


def _remarks(
    tables: Tables, verdict: Gate, shown: Sequence[tuple[str, str]], cut: bool, same: bool
) -> list[str]:
    """Return the lines beneath the panels."""
    where = (verdict.network, verdict.policy)
    parts = ["Intervals: 95 %, over subjects; shares of the images classified in the original."]
    if cut:
        parts.append("The weakest and the strongest setting of each method; others are left out.")
    if not same:
        parts.append("The numbers of images differ between panels; those of the first are given.")
    own: Any = tables.confused("prediction", "original", "none", *where)
    lost = own.loc[own["row"] == NOT_FOUND, "n"].sum()
    if lost:
        parts.append(f"Left out, as there is no face in the original: {lost:,.0f} of the images.")
    found = [tables.measure("preservation", Condition(*c, "", *where)) for c in shown]
    reasons = dict.fromkeys(reason(m.note, verdict) for m in found if math.isnan(m.value))
    if reasons:
        parts.append(f"n/a: {listing(list(reasons), 2)}.")
    return textwrap.wrap(" ".join(parts), 112)
