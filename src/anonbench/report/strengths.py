"""Error rates and failures against strength."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from anonbench.report._style import (
    NOTE,
    TEXT,
    Colour,
    Layout,
    dark,
    heading,
    panel_title,
    shades,
)
from anonbench.report._tables import Condition, Measure, Tables, number

_ATTACK_MARKS = ("o", "s", "^", "D", "v")
_ATTACK_LINES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)), "-.", "-")
_MISSING_MARKS = ("x", "+", "1", "2", "3")
_FTA = "#e3e3e3"
_TOP = 103.0
"""Upper end of the rates; marks of missing values stand above it, where no rate can be."""


def strengths_figure(tables: Tables, system: str, policy: str) -> Figure:
    """Draw EER under every attack, with intervals, and FTA against strength, a panel a method."""
    graded = [m for m in tables.methods if tables.graded(m)]
    single = [m for m in [*tables.controls, *tables.methods] if not tables.graded(m)]
    layout = Layout(3, (1.95, 1.3), (0.3, 0.75), (0.48, 0.12, 1.25, 0.85))
    figure, panels = layout.figure(len(graded) + bool(single))
    reasons: dict[str, str] = {}
    for axes, method in zip(panels, graded, strict=False):
        points = [(method, s) for s in tables.strengths(method)]
        x = positions([s for _, s in points])
        _panel(axes, tables, points, x, tables.looks[method].colour, (system, policy), reasons)
        _strength_axis(axes, tables, method, x)
        panel_title(axes, method, colour=dark(tables.looks[method].colour))
    if single:
        _single_panel(panels[-1], tables, single, (system, policy), reasons)
    for k, axes in enumerate(panels):
        if k % layout.columns == 0:
            axes.set_ylabel("EER, FTA in %", labelpad=1, y=0.38)
    order = ", ".join(tables.plan["attacks"])
    heading(figure, "Error rates against strength",
            f"{tables.dataset}, {system}, {policy} faces. EER with 95 % intervals over subjects, "
            "completed comparisons only;\nFTA of anonymised probes. "
            f"Crosses above a panel: no EER; in rows, from the top: {order}.")  # fmt: skip
    _legend(figure, tables, reasons)
    return figure


def positions(labels: Sequence[str]) -> list[float]:
    """Return strengths as numbers; where one is none, all are counted off instead."""
    numbers = [number(s) for s in labels]
    if any(math.isnan(v) for v in numbers):
        return [float(k) for k in range(len(labels))]
    return numbers


def _panel(
    axes: Axes,
    tables: Tables,
    points: Sequence[tuple[str, str]],
    x: Sequence[float],
    colour: Colour,
    where: tuple[str, str],
    reasons: dict[str, str],
) -> None:
    """Draw FTA as an area and one line an attack; gaps are marked above, by reason."""
    attacks: Sequence[str] = tables.plan["attacks"]
    fta = [tables.measure("fta", Condition(m, s, "naive", *where)).value for m, s in points]
    share = 100 * np.asarray(fta, np.float64)
    if len(points) == 1:
        axes.bar(x, share, width=0.7, color=_FTA, edgecolor="#b5b5b5", linewidth=0.8, zorder=1)
    else:
        axes.fill_between(x, share, color=_FTA, linewidth=0, zorder=1)
        axes.plot(x, share, color="#b5b5b5", linewidth=0.8, marker=".", markersize=3, zorder=1.5)
    axes.axhline(50, color=NOTE, linewidth=0.6, linestyle=":", zorder=1.6)
    tones = shades(colour, len(attacks)) if len(attacks) > 1 else [colour]
    for k, attack in enumerate(attacks):
        found = [tables.measure("eer", Condition(m, s, attack, *where)) for m, s in points]
        _eer_line(axes, x, found, k, tones[k])
        for place, measure in zip(x, found, strict=True):
            if measure.reason:
                mark = reasons.setdefault(
                    measure.reason, _MISSING_MARKS[len(reasons) % len(_MISSING_MARKS)]
                )
                height = _TOP + 7 + 9 * (len(attacks) - 1 - k)
                axes.plot(place, height, mark, color=tones[k], markersize=3.5,
                          markeredgewidth=0.9, clip_on=False)  # fmt: skip
    axes.set_ylim(0, _TOP + 7 + 9 * len(attacks))
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.spines["left"].set_bounds(0, 100)


def _eer_line(
    axes: Axes, x: Sequence[float], found: Sequence[Measure], k: int, colour: Colour
) -> None:
    value = 100 * np.array([m.value for m in found], np.float64)
    ends = 100 * np.array([[m.low, m.high] for m in found], np.float64)
    axes.vlines(x, ends[:, 0], ends[:, 1], color=colour, linewidth=0.7, alpha=0.7, zorder=2)
    axes.plot(x, value, color=colour, linestyle=_ATTACK_LINES[k % 5], linewidth=1.1,
              marker=_ATTACK_MARKS[k % 5], markersize=3.4, markeredgewidth=0.6,
              markeredgecolor="white", zorder=3)  # fmt: skip


def _strength_axis(axes: Axes, tables: Tables, method: str, x: Sequence[float]) -> None:
    """Scale the strengths and turn the axis so that stronger is always to the right."""
    labels, info = tables.strengths(method), tables.info(method)
    numeric = not any(math.isnan(number(s)) for s in labels)
    log = numeric and min(x) > 0 and max(x) >= 4 * min(x)
    if log:
        axes.set_xscale("log")
    axes.set_xticks(x, labels_apart(labels, np.log(x) if log else x))
    axes.minorticks_off()
    if info.stronger == "lower" and numeric:
        axes.invert_xaxis()
    direction = "" if info.stronger == "none" else " (stronger →)"
    axes.set_xlabel(textwrap.fill(f"{info.strength}{direction}", 34), labelpad=1)


def labels_apart(labels: Sequence[str], places: Any, share: float = 0.085) -> list[str]:
    """Blank the labels that stand closer to the last one written than a share of the axis."""
    where = np.asarray(places, np.float64)
    span = float(np.ptp(where)) or 1.0
    order = np.argsort(where, kind="stable")
    kept: list[str] = [""] * len(labels)
    last = -math.inf
    for k in order:
        if where[k] - last >= share * span:
            kept[k], last = labels[k], float(where[k])
    return kept


def _single_panel(
    axes: Axes,
    tables: Tables,
    methods: Sequence[str],
    where: tuple[str, str],
    reasons: dict[str, str],
) -> None:
    """Put the methods without strengths, and the controls, side by side."""
    for k, method in enumerate(methods):
        points = [(method, s) for s in tables.strengths(method)[:1]]
        if points:
            _panel(axes, tables, points, [k], tables.looks[method].colour, where, reasons)
    axes.set_xlim(-0.6, len(methods) - 0.4)
    axes.set_xticks(range(len(methods)), methods, rotation=35, ha="right", rotation_mode="anchor")
    panel_title(axes, "without strengths, and controls")


def _legend(figure: Figure, tables: Tables, reasons: dict[str, str]) -> None:
    entries: list[Any] = [
        Line2D([], [], color=TEXT, linestyle=_ATTACK_LINES[k % 5], marker=_ATTACK_MARKS[k % 5],
               markersize=3.4, linewidth=1.1, label=f"EER, {attack} attack")
        for k, attack in enumerate(tables.plan["attacks"])
    ]  # fmt: skip
    entries += [
        Patch(facecolor=_FTA, edgecolor="#b5b5b5", label="FTA (share of samples)"),
        Line2D([], [], color=NOTE, linestyle=":", linewidth=0.6, label="EER of chance"),
    ]
    entries += [
        Line2D([], [], color=TEXT, linestyle="", marker=mark, markersize=3.5,
               label=f"no EER: {reason}")
        for reason, mark in reasons.items()
    ]  # fmt: skip
    corner = (0.08 / figure.get_figwidth(), 1 - 0.58 / figure.get_figheight())
    figure.legend(handles=entries, loc="upper left", bbox_to_anchor=corner, ncols=4,
                  borderpad=0.2, columnspacing=1.4, handlelength=2.2)  # fmt: skip
