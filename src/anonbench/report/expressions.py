"""How much of the expressions is left: preservation, balanced accuracy, accuracy, by class."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anonbench.report._shares import (
    PALE,
    banner,
    banner_height,
    classes_of,
    colours,
    draw_shares,
    inches,
)
from anonbench.report._style import (
    BASELINE,
    GRID,
    NOTE,
    TEXT,
    WIDTH,
    Colour,
    blank_figure,
    dark,
    fitted,
    footnote,
    heading,
    listing,
    marks,
    panel_title,
    shades,
)
from anonbench.report._tables import Condition, Measure, Tables
from anonbench.report.confusions import matrix
from anonbench.report.gates import Gate, gate, reason

ROWS = 64
"""Up to so many methods and strengths, all are drawn; else the ends of each method."""
PANELS = (
    ("preservation", "Preservation", "class unchanged"),
    ("uar", "UAR", "balanced accuracy"),
    ("accuracy", "Accuracy", "share right"),
)
_STEP, _APART = 0.185, 0.07
"""Inches from row to row, and between methods."""
_LEFT, _LEFT_MOST, _GAP, _CELL = 1.5, 1.9, 0.16, 0.235
_TOP, _BOTTOM = 1.06, 0.98


@dataclass(frozen=True)
class Row:
    """One method and strength: where it stands, and how it is drawn."""

    method: str
    strength: str
    y: float
    first: bool
    colour: Colour


@dataclass(frozen=True)
class _Drawing:
    """What all parts of the figure need."""

    tables: Tables
    verdict: Gate
    rows: Sequence[Row]

    @property
    def pale(self) -> bool:
        return self.verdict.state == "below"

    def measure(self, metric: str, row: Row) -> Measure:
        where = Condition(row.method, row.strength, "", self.verdict.network, self.verdict.policy)
        return self.tables.measure(metric, where)


def expressions_figure(tables: Tables, network: str, policy: str) -> Figure:
    """Draw one row a method and strength: three rates with intervals, and a strip by class."""
    verdict = gate(tables.metrics, tables.plan, tables.dataset, network, policy)
    rows, height, cut = _rows(tables)
    drawing = _Drawing(tables, verdict, rows)
    extra = banner_height(verdict)
    remarks = _remarks(drawing, cut)
    bottom = _BOTTOM + 0.15 * len(remarks)
    figure = blank_figure(WIDTH, _TOP + extra + height + bottom)
    longest = max((len(row.method) for row in rows), default=0)
    left = min(max(_LEFT, 0.4 + 0.085 * longest), _LEFT_MOST)
    strip = _CELL * len(classes_of(set()))
    panel = (WIDTH - 0.1 - strip - left) / len(PANELS) - _GAP
    panels = []
    for k, (metric, title, detail) in enumerate(PANELS):
        axes = inches(figure, (left + k * (panel + _GAP), _TOP + extra, panel, height))
        _rates(axes, drawing, metric, height)
        panel_title(axes, title, detail)
        panels.append(axes)
    _labels(panels[0], drawing, left)
    _baselines(panels, drawing)
    cells = inches(figure, (WIDTH - 0.1 - strip, _TOP + extra, strip, height))
    _strip(cells, drawing)
    panel_title(cells, "Preservation by class", "of the original, in %")
    heading(figure, "How much of the expressions is left",
            f"{tables.dataset}, {network}, {policy} faces. Preservation asks whether the network "
            "answers as on the original;\nUAR and accuracy, whether it is right. Bars: 95 % "
            "intervals over subjects.")  # fmt: skip
    banner(figure, verdict, 0.64)
    _legend(figure, bottom)
    footnote(figure, "\n".join(remarks))
    return figure


def _rows(tables: Tables) -> tuple[list[Row], float, bool]:
    """Return the rows from top to bottom, the height of all, and whether strengths are left out.

    The clear images come first and the blacked-out ones last: all others lie between them.
    """
    ends = [c for c in tables.controls if c != "original"]
    order = [*(c for c in tables.controls if c == "original"), *tables.methods, *ends]
    strengths = {m: tables.strengths(m) for m in order}
    cut = sum(map(len, strengths.values())) > ROWS
    if cut:
        strengths = {m: list(dict.fromkeys([*s[:1], *s[-1:]])) for m, s in strengths.items()}
    found, y = [], 0.0
    for method in order:
        own = tables.looks[method].colour
        tones = shades(own, len(strengths[method])) if strengths[method] else []
        for k, strength in enumerate(strengths[method]):
            found.append(Row(method, strength, y + _STEP / 2, k == 0, tones[k]))
            y += _STEP
        y += _APART if strengths[method] else 0.0
    return found, max(y - _APART, _STEP), cut


def _rates(axes: Axes, drawing: _Drawing, metric: str, height: float) -> None:
    """Draw a rate a row, with its interval, and hollow the rate of the faces that were found."""
    axes.set_xlim(-3, 103)
    axes.set_ylim(height, 0)
    axes.set_xticks([0, 25, 50, 75, 100])
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", zorder=0)
    axes.set_axisbelow(True)
    axes.set_xlabel("%", labelpad=1)
    if drawing.rows and all(math.isnan(drawing.measure(metric, r).value) for r in drawing.rows):
        why = reason(drawing.measure(metric, drawing.rows[0]).note, drawing.verdict)
        axes.text(50, height / 2, textwrap.fill(f"not computed: {why}", 17), ha="center",
                  va="center", color=NOTE)  # fmt: skip
        return
    for row in drawing.rows:
        every, found = (drawing.measure(m, row) for m in (metric, f"{metric}_found"))
        colour = PALE if drawing.pale else row.colour
        axes.axhline(row.y, color=GRID, linewidth=0.4, zorder=0.5)
        if math.isnan(every.value):
            axes.text(50, row.y, "n/a", ha="center", va="center", fontsize=6.5, color=NOTE,
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
            continue
        axes.hlines(row.y, 100 * every.low, 100 * every.high, color=colour, linewidth=1.1,
                    alpha=0.75, zorder=2)  # fmt: skip
        if not math.isnan(found.value) and found.value != every.value:
            axes.plot(100 * found.value, row.y, "|", markersize=6.5, markeredgecolor=colour,
                      markeredgewidth=1.2, zorder=2.5)  # fmt: skip
        look = drawing.tables.looks[row.method]
        axes.plot(
            100 * every.value,
            row.y,
            markersize=3.2,
            zorder=3,
            **marks(replace(look, fill="full"), colour),
        )


def _labels(axes: Axes, drawing: _Drawing, left: float) -> None:
    """Name every method once, and each of its strengths."""
    for row in drawing.rows:
        colour = PALE if drawing.pale else dark(drawing.tables.looks[row.method].colour)
        if row.first:
            axes.annotate(row.method, (0, row.y), (-(left - 0.08) * 72, 0),
                          ("axes fraction", "data"), "offset points", va="center",
                          fontsize=fitted(row.method, left - 0.45), fontweight="bold",
                          color=colour, annotation_clip=False)  # fmt: skip
        if row.strength != "none":
            axes.annotate(row.strength, (0, row.y), (-5, 0), ("axes fraction", "data"),
                          "offset points", va="center", ha="right", color=NOTE,
                          annotation_clip=False)  # fmt: skip


def _baselines(panels: Sequence[Axes], drawing: _Drawing) -> None:
    """Draw what guessing and always answering the same reach, and what the clear images do."""
    clear = Row("original", "none", 0, True, (0, 0, 0))
    chance = drawing.measure("chance_accuracy", clear).value
    majority = {
        "preservation": _commonest(drawing),
        "uar": chance,
        "accuracy": drawing.measure("majority_accuracy", clear).value,
    }
    for axes, (metric, _, _) in zip(panels, PANELS, strict=True):
        lines = (
            (chance, _CHANCE),
            (majority[metric], _MAJORITY),
            (drawing.measure(metric, clear).value, _CLEAR),
        )
        for value, look in lines:
            if not math.isnan(value):
                axes.axvline(100 * value, linewidth=0.9, zorder=1, **look)


_CHANCE: dict[str, Any] = {"color": "#333333", "linestyle": (0, (1, 1.3))}
_MAJORITY: dict[str, Any] = {"color": "#333333", "linestyle": (0, (5, 2))}
_CLEAR: dict[str, Any] = {"color": BASELINE, "linestyle": "-"}


def _commonest(drawing: _Drawing) -> float:
    """Return the share of the commonest class among the predictions on the originals.

    A network that always answers this class, whatever it sees, preserves so much.
    """
    verdict = drawing.verdict
    found = drawing.tables.confused(
        "prediction", "original", "none", verdict.network, verdict.policy
    )
    totals = matrix(found, classes_of({*found["row"]})).sum(axis=1)
    return float(totals.max() / totals.sum()) if totals.sum() > 0 else math.nan


def _strip(axes: Axes, drawing: _Drawing) -> None:
    """Draw preservation by class, as cells in the rows of the rates."""
    classes = classes_of(set())
    values = [[drawing.measure(f"preservation_{c}", r).value for c in classes]
              for r in drawing.rows]  # fmt: skip
    table = np.array(values, np.float64).reshape(-1, len(classes))
    tops = [row.y - _STEP / 2 for row in drawing.rows]
    draw_shares(axes, table, colours(drawing.verdict), range(len(classes)), tops, _STEP, "0")
    axes.set_xlim(0, len(classes))
    axes.set_xticks(np.arange(len(classes)) + 0.5, classes, fontsize=7, rotation=90)


def _legend(figure: Figure, bottom: float) -> None:
    entries = [
        Line2D([], [], color=TEXT, marker="o", markersize=3.2, linewidth=1.1,
               label="all images: no face counts as changed, or wrong"),
        Line2D([], [], color=TEXT, linestyle="", marker="|", markersize=6.5, markeredgewidth=1.2,
               label="only images in which the face was found"),
        Line2D([], [], linewidth=0.9, label="the clear images", **_CLEAR),
        Line2D([], [], linewidth=0.9, label="guessing", **_CHANCE),
        Line2D([], [], linewidth=0.9, label="always the commonest class", **_MAJORITY),
    ]  # fmt: skip
    width, height = figure.get_size_inches()
    figure.legend(handles=entries, loc="upper left",
                  bbox_to_anchor=(0.08 / width, (bottom - 0.33) / height),
                  ncols=2, borderpad=0, columnspacing=1.6, handlelength=2.2)  # fmt: skip


def _remarks(drawing: _Drawing, cut: bool) -> list[str]:
    """Return the lines beneath the figure."""
    parts = []
    if cut:
        parts.append("The weakest and the strongest setting of each method; others are left out.")
    missing = [m for row in drawing.rows for m in _values(drawing, row) if math.isnan(m.value)]
    reasons = dict.fromkeys(reason(m.note, drawing.verdict) for m in missing)
    if reasons:
        parts.append("n/a: " + listing(list(reasons), 3) + ".")
    return textwrap.wrap(" ".join(parts), 112)


def _values(drawing: _Drawing, row: Row) -> list[Measure]:
    return [drawing.measure(metric, row) for metric, _, _ in PANELS]
