"""How near outputs are to their originals and to each other, a line a method and strength."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anonbench.report._style import NOTE, TEXT, Layout, dark, heading, percent
from anonbench.report._tables import Condition, Measure, Tables
from anonbench.report.distances import spread

STRENGTHS = 3
"""Strengths of a method that are drawn, from the weakest to the strongest."""

KINDS = (
    ("same_image", "own original", "o", 0.0),
    ("same_subject", "outputs of one subject", "s", 0.26),
    ("different_subjects", "outputs of two subjects", "D", 0.52),
)
"""What is compared: name in the tables, in the legend, marker, and how far down the line."""

_LINE = 0.31
"""Height of a line in inches."""
_TONES = {"same_image": "", "same_subject": TEXT, "different_subjects": "#9a9a9a"}
_LIMIT, _LIMIT_LINE = "#b3261e", (0.0, (3.0, 1.5))


def closeness_figure(tables: Tables, system: str, policy: str) -> Figure:
    """Draw medians with intervals and the span between quartiles, failures beside them."""
    lines = _lines(tables)
    layout = Layout(1, (4.3, _LINE * max(1, len(lines))), (0, 0), (1.75, 1.15, 1.1, 0.42))
    figure, (axes,) = layout.figure(1)
    for y, (method, strength) in enumerate(lines):
        _name(axes, tables, y, method, strength)
        own = Condition(method, strength, "", system, policy)
        for attack, _, marker, down in KINDS:
            condition = own._replace(attack=attack)
            _span(axes, tables, condition, marker, y - 0.26 + down)
        _failed(axes, tables, own, y)
    axes.axvline(tables.plan["metrics"]["distance_threshold"], color=_LIMIT, linewidth=0.9,
                 linestyle=_LIMIT_LINE, zorder=1)  # fmt: skip
    axes.set_ylim(len(lines) - 0.45, -0.55)
    axes.set_xlim(left=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("Euclidean distance", labelpad=1)
    heading(figure, "Distance to the own original, and consistency",
            f"{tables.dataset}, {system}, {policy} faces. Medians with 95 % intervals over "
            "subjects; thin lines from quartile to quartile.\nOf completed comparisons: the "
            "shares that failed stand on the right, in the order of the legend.")  # fmt: skip
    _legend(figure, tables)
    return figure


def _lines(tables: Tables) -> list[tuple[str, str]]:
    """Return the conditions: the controls, then up to three strengths of each method."""
    names = [*tables.controls, *tables.methods]
    return [(m, s) for m in names for s in spread(tables.strengths(m), STRENGTHS)]


def _name(axes: Axes, tables: Tables, y: int, method: str, strength: str) -> None:
    shown = method if strength == "none" else f"{method}  {strength}"
    axes.annotate(shown, (0, y), (-6, 0), ("axes fraction", "data"), "offset points", ha="right",
                  va="center", color=dark(tables.looks[method].colour),
                  annotation_clip=False)  # fmt: skip


def _span(axes: Axes, tables: Tables, condition: Condition, marker: str, y: float) -> None:
    low, median, high = (
        tables.measure(f"{which}_distance", condition)
        for which in ("lower_quartile", "median", "upper_quartile")
    )
    if math.isnan(median.value):
        return
    colour: Any = _TONES[condition.attack] or tables.looks[condition.method].colour
    axes.plot([low.value, high.value], [y, y], color=colour, linewidth=0.8, zorder=2)
    if not math.isnan(median.low):
        axes.plot([median.low, median.high], [y, y], color=colour, linewidth=2.6, alpha=0.55,
                  solid_capstyle="butt", zorder=2.5)  # fmt: skip
    axes.plot([median.value], [y], marker=marker, color=colour, markersize=4,
              markeredgecolor="white", markeredgewidth=0.5, zorder=3)  # fmt: skip


def _failed(axes: Axes, tables: Tables, own: Condition, y: int) -> None:
    """Write the shares of failed comparisons, and say where no distance is left to draw."""
    found = [tables.measure("not_compared", own._replace(attack=kind)) for kind, *_ in KINDS]
    text = " / ".join(percent(share.value) for share in found)
    axes.annotate(f"{text} %", (1, y), (6, 0), ("axes fraction", "data"), "offset points",
                  va="center", color=NOTE, annotation_clip=False)  # fmt: skip
    medians = [tables.measure("median_distance", own._replace(attack=k)) for k, *_ in KINDS]
    if all(math.isnan(m.value) for m in medians):
        axes.annotate(_why(medians), (0.02, y), xycoords=("axes fraction", "data"), va="center",
                      color=NOTE)  # fmt: skip


def _why(medians: Sequence[Measure]) -> str:
    """Return the reason why the first of some medians is missing."""
    return medians[0].note.split(";")[0] or "not among the run's results"


def _legend(figure: Figure, tables: Tables) -> None:
    limit = tables.plan["metrics"]["distance_threshold"]
    entries = [
        Line2D([], [], color=_TONES[kind] or "#332288", marker=marker, markersize=4,
               linewidth=0.8, label=label)
        for kind, label, marker, _ in KINDS
    ]  # fmt: skip
    entries.append(Line2D([], [], color=_LIMIT, linewidth=0.9, linestyle=_LIMIT_LINE,
                          label=f"threshold {limit:g}"))  # fmt: skip
    corner = (0.08 / figure.get_figwidth(), 1 - 0.58 / figure.get_figheight())
    figure.legend(handles=entries, loc="upper left", bbox_to_anchor=corner, ncols=4,
                  borderpad=0.2, columnspacing=1.4)  # fmt: skip
    corner = (1 - 1.1 / figure.get_figwidth(), 1 - 0.95 / figure.get_figheight())
    figure.text(*corner, "not compared", va="center", color=NOTE)
