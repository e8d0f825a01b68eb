"""The trade-off: privacy against the worst attack, and how much use is left, in one picture."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Rectangle

from anonbench.expressions import EXPRESSIONS
from anonbench.report._front import (
    AXIS_NAMES,
    FRONT,
    Point,
    distinct,
    draw_bars,
    draw_control,
    draw_front,
    draw_spread,
    draw_trail,
    filled,
    main_axes,
    panel_points,
    reason,
    shown,
)
from anonbench.report._labels import LEADER, Label, place
from anonbench.report._style import HALO, NOTE, TEXT, Layout, dark, footnote, heading, listing
from anonbench.report._tables import Condition, Tables
from anonbench.tradeoff import UTILITIES, Choices

_SIZE = 6.5
"""Markers, in points."""
_NAME, _STRENGTH = 8.0, 7.0
MANY = 24
"""Conditions beyond which only the ends of a method's strengths are labelled, and ellipses are
drawn for the front alone."""

_LONG = {
    "gfrr_at_gfar_0.01": "Privacy: 1 \N{MINUS SIGN} TMR of the worst attack at FMR 1 %",
    "gfrr_at_gfar_0.001": "Privacy: 1 \N{MINUS SIGN} TMR of the worst attack at FMR 0.1 %",
    "geer": "Privacy: EER of the worst attack",
    "uar_retention": "Utility: expressions told apart, as a share of the original's (UAR)",
    "preservation": "Utility: expressions unchanged",
    "detected": "Utility: faces still found, by the detector that finds fewest",
}


def tradeoff_figure(tables: Tables) -> Figure:
    """Draw the main pair of axes large, every method named where its points are."""
    privacy, utility = main_axes(tables.pareto)
    points = panel_points(tables, privacy, utility)
    layout = Layout(1, (6.5, 4.55), (0, 0), (0.58, 0.12, 0.82, 1.02))
    figure, (axes,) = layout.figure(1)
    own = shown(points, tables.methods)
    _heading(figure, tables, utility, len(own) > MANY)
    if not own:
        empty_panel(axes, reason(tables.pareto, privacy, utility), 60)
        return figure
    top = frame(axes, points, privacy, utility, tables)
    axes.set_xlabel(f"{_LONG[privacy]}  →", labelpad=4)
    axes.set_ylabel(f"{_LONG[utility]}  →", labelpad=5)
    _guessing(axes, tables, utility)
    looks, dashes = distinct(tables)
    draw_front(axes, own, *(axes.get_xlim()[0], axes.get_ylim()[0]))
    box = Rectangle((0, 0), _end(privacy), top, transform=axes.transData)
    for method in tables.methods:
        mine = [p for p in points[method] if p.complete]
        for point in mine:
            if len(own) <= MANY or point.on_front:
                draw_spread(axes, point, looks[method].colour, box)
            else:
                draw_bars(axes, point, looks[method].colour)
        if mine:
            draw_trail(axes, mine, looks[method], dashes[method], _SIZE)
    controls = shown(points, tables.controls)
    for point in controls:
        draw_bars(axes, point, TEXT)
        draw_control(axes, point, _SIZE + 0.5)
    _direction(axes, [*own, *controls])
    _write_labels(figure, axes, tables, own, controls)
    _key(figure, own)
    gaps = [_title(p) for m in points for p in points[m] if not p.complete]
    if gaps:
        footnote(figure, f"Not drawn, a value is missing: {listing(sorted(gaps))}.")
    return figure


def empty_panel(axes: Axes, why: str, width: int) -> None:
    """Say in an empty panel why nothing is drawn."""
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.set_facecolor("#f6f6f6")
    text = textwrap.fill(f"Nothing to draw: {why}", width)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=NOTE)


def _end(privacy: str) -> float:
    """Return where a privacy axis ends: guessing makes an EER of one half."""
    return 0.5 if privacy == "geer" else 1.0


def frame(
    axes: Axes, points: Mapping[str, Sequence[Point]], privacy: str, utility: str, tables: Tables
) -> float:
    """Set limits, ticks and grid of a panel; return the top of what a utility can be there."""
    every = [p for m in points for p in points[m] if p.complete]
    end = max([_end(privacy), *(p.privacy.value for p in every)])
    top = max([1.0, *(p.utility.value for p in every)])
    axes.set_xlim(-0.035 * end, 1.035 * end)
    axes.set_ylim(-0.045 * top, 1.07 * top)
    ticks = np.linspace(0, _end(privacy), 6)
    axes.set_xticks(ticks, [f"{v:g}" for v in np.round(ticks, 2)])
    axes.set_yticks(
        np.arange(0, 1.01, 0.2), [f"{v:g}" for v in np.round(np.arange(0, 1.01, 0.2), 1)]
    )
    axes.grid(True)
    axes.set_axisbelow(True)
    return max([top, *(p.utility.high for p in every if not math.isnan(p.utility.high))])


def _heading(figure: Figure, tables: Tables, utility: str, many: bool) -> None:
    wanted, network = UTILITIES[0], Choices.of(tables.plan).network
    told = f", expressions by {network}" if utility == wanted else ""
    bars = " Bars: 95 % intervals of other points." if many else ""
    text = (
        f"{tables.dataset}{told}. Up and to the right is better; failures to acquire are private "
        f"and useless. Lines join strengths.\nThe shaded area is beaten on both axes by a point of "
        f"the Pareto front, its dashed edge.{bars}"
    )
    if utility != wanted:
        why = reason(tables.pareto, main_axes(tables.pareto)[0], wanted)
        text += "\n" + textwrap.shorten(f"No {AXIS_NAMES[wanted]}: {why}", 120, placeholder=" …")
    heading(figure, "Privacy against utility", text)


def _guessing(axes: Axes, tables: Tables, utility: str) -> None:
    """Draw what guessing among the expressions retains, where that is the utility."""
    choices = Choices.of(tables.plan)
    clear = tables.measure(
        "uar", Condition("original", "none", "", choices.network, choices.policy)
    )
    if utility != "uar_retention" or not clear.value > 0:
        return
    level = 1 / len(EXPRESSIONS) / clear.value
    axes.axhline(level, color=NOTE, linewidth=0.7, linestyle=(0, (1, 2)), zorder=1)
    axes.annotate("guessing the expression", (0, level), (3, 2), xycoords=("axes fraction", "data"),
                  textcoords="offset points", fontsize=_STRENGTH, color=NOTE, zorder=1)  # fmt: skip


def _direction(axes: Axes, points: Sequence[Point]) -> None:
    """Point to where it is better, unless somebody is there."""
    far = [axes.transLimits.transform(p.place) for p in points]
    if any(x > 0.84 and y > 0.84 for x, y in far):
        return
    axes.annotate("better", (0.985, 0.985), (0.915, 0.915), "axes fraction", "axes fraction",
                  ha="center", va="center", color=NOTE,
                  arrowprops={"arrowstyle": "-|>", "color": NOTE, "linewidth": 0.8})  # fmt: skip


def _title(point: Point) -> str:
    return point.method if point.strength == "none" else f"{point.method} {point.strength}"


def _write_labels(
    figure: Figure, axes: Axes, tables: Tables, own: Sequence[Point], controls: Sequence[Point]
) -> None:
    """Write names beside marks, strengths where there is room."""
    to_points = 72 / figure.dpi
    width, height = (72 * v for v in figure.get_size_inches())

    def at(point: Point) -> tuple[float, float]:
        x, y = axes.transData.transform(point.place) * to_points
        return float(x), float(y)

    texts: list[tuple[str, dict[str, Any], list[tuple[float, float, float]], bool]] = []
    radius, marks, lines = _SIZE / 2 + 0.5, [], []
    for point in controls:
        style: dict[str, Any] = {"fontsize": _NAME, "fontweight": "bold", "color": TEXT}
        texts.append((point.method, style, [(*at(point), radius + 1.5)], False))
        marks.append((*at(point), radius + 1.5))
    for method in tables.methods:
        mine = [p for p in own if p.method == method]
        places = [at(p) for p in mine]
        marks += [(*p, radius) for p in places]
        lines += [(*a, *b) for a, b in pairwise(places)]
        if mine:
            colour = dark(tables.looks[method].colour)
            style = {"fontsize": _NAME, "fontweight": "bold", "color": colour}
            texts.append((method, style, [(*p, radius) for p in places], False))
    for method in tables.methods:
        mine = [p for p in own if p.method == method]
        colour = dark(tables.looks[method].colour)
        for k, point in enumerate(mine):
            if point.strength != "none" and (len(own) <= MANY or k in (0, len(mine) - 1)):
                style = {"fontsize": _STRENGTH, "color": colour}
                texts.append((point.strength, style, [(*at(point), radius)], True))
    x0, y0, x1, y1 = (float(v) * to_points for v in axes.get_window_extent().extents)
    labels = [Label(_extent(figure, t, s), anchors, o) for t, s, anchors, o in texts]
    spots = place(labels, marks, lines, (x0 + 3, y0 + 2, x1 + 8, y1 + 1))
    for (text, style, anchors, _), label, spot in zip(texts, labels, spots, strict=True):
        if spot is None:
            continue
        figure.text((spot.x + 0.5) / width, (spot.y + 1) / height, text, va="bottom", ha="left",
                    zorder=6, path_effects=HALO, linespacing=1, **style)  # fmt: skip
        if spot.gap > LEADER:
            _leader(figure, label, spot, anchors[spot.anchor], style["color"])


def _extent(figure: Figure, text: str, style: Mapping[str, Any]) -> tuple[float, float]:
    """Return width and height of a text in points, with a little air."""
    sample = figure.text(0, 0, text, va="bottom", **style)
    box = sample.get_window_extent()
    sample.remove()
    scale = 72 / figure.dpi
    return float(box.width) * scale + 1, float(box.height) * scale


def _leader(figure: Figure, label: Label, spot: Any, mark: Sequence[float], colour: Any) -> None:
    """Draw a line from the edge of a mark to the nearest point of its name."""
    width, height = (72 * v for v in figure.get_size_inches())
    x = min(max(mark[0], spot.x), spot.x + label.size[0])
    y = min(max(mark[1], spot.y + 1), spot.y + label.size[1] - 1)
    length = math.hypot(x - mark[0], y - mark[1])
    share = mark[2] / length if length else 0.0
    start = mark[0] + share * (x - mark[0]), mark[1] + share * (y - mark[1])
    figure.add_artist(Line2D([start[0] / width, x / width], [start[1] / height, y / height],
                             color=colour, linewidth=0.5, alpha=0.7, zorder=2.5))  # fmt: skip


def _key(figure: Figure, own: Sequence[Point]) -> None:
    """Explain fill, ellipse and front beneath the panel."""
    width, height = figure.get_size_inches()
    strip = figure.add_axes((0.58 / width, 0.3 / height, 6.5 / width, 0.22 / height))
    strip.set_xlim(0, 6.5)
    strip.set_ylim(0, 0.22)
    strip.axis("off")
    grey, y = "#4d4d4d", 0.11
    strip.text(0, y, "Probability of being on the front:", va="center", color=NOTE)
    for k, chance in enumerate((0.0, 0.25, 0.5, 0.75, 1.0)):
        x = 2.04 + 0.4 * k
        strip.plot(x, y, marker="o", markersize=_SIZE, markerfacecolor=filled(grey, chance),
                   markeredgecolor=grey, markeredgewidth=0.9)  # fmt: skip
        strip.text(x + 0.075, y, f"{chance:g}", va="center", color=NOTE, fontsize=_STRENGTH)
    strip.add_patch(Ellipse((4.18, y), 0.24, 0.13, angle=18, facecolor=grey, alpha=0.25))
    strip.text(4.34, y, "95 % of resamples", va="center", color=NOTE)
    strip.plot([5.47, 5.73], [y, y], color=FRONT, linewidth=0.9, linestyle=(0, (5, 2)))
    strip.text(5.78, y, "Pareto front", va="center", color=NOTE)
