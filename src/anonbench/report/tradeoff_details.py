"""Privacy against what else is left of the pictures: faces by detector, and likeness."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anonbench.report._style import (
    HALO,
    TEXT,
    Colour,
    Layout,
    footnote,
    heading,
    listing,
    marks,
    shades,
)
from anonbench.report._tables import Measure, Tables
from anonbench.tradeoff import attacker_success

FMR = 0.01


@dataclass(frozen=True)
class Point:
    """One method and strength: privacy and utility, each value, low and high."""

    strength: str
    privacy: Measure
    utility: Measure

    @property
    def complete(self) -> bool:
        """Whether both values are known."""
        return not (math.isnan(self.privacy.value) or math.isnan(self.utility.value))


def details_figure(tables: Tables) -> Figure:
    """Draw a panel for each kind of utility; up and to the right is better."""
    kinds = _kinds(tables)
    n_legend = -(-len(tables.methods) // 4)
    layout = Layout(2, (2.85, 2.5), (0.62, 0.55), (0.52, 0.25, 0.72, 0.72 + 0.17 * n_legend))
    figure, panels = layout.figure(len(kinds))
    privacy = _privacy(tables)
    missing: set[str] = set()
    for axes, (metric, system, title) in zip(panels, kinds, strict=True):
        points = {
            m: [Point(s, privacy.get((m, s), Measure(math.nan)), tables.plain(metric, m, s, system))
                for s in tables.strengths(m)]
            for m in tables.plan["methods"]
        }  # fmt: skip
        missing |= {f"{m} {p.strength}" for m, ps in points.items() for p in ps if not p.complete}
        _panel(axes, tables, points, title)
    heading(figure, "Privacy against faces found and likeness",
            f"{tables.dataset}. Privacy: 1 - TMR of the most successful attack at FMR "
            f"{100 * FMR:g} %, failures to acquire count as safe.\nUp and to the right is better. "
            "Bars: 95 % intervals over subjects. Larger and darker: stronger.")  # fmt: skip
    _legend(figure, tables)
    if missing:
        footnote(figure, f"Not drawn, a value is missing: {listing(sorted(missing))}.")
    return figure


def _kinds(tables: Tables) -> list[tuple[str, str, str]]:
    """Return metric, system and axis label of every panel."""
    own = tables.metrics[tables.metrics["metric"] == "detected"]
    found = [("detected", s, f"Faces still found by {s}") for s in sorted(set(own["system"]))]
    inside, outside = "SSIM inside the face region", "SSIM outside the face region"
    return [*found, ("ssim_inside", "", inside), ("ssim_outside", "", outside)]


def _privacy(tables: Tables) -> dict[tuple[str, str], Measure]:
    table = attacker_success(tables.metrics, FMR).reset_index()
    return {
        (m, s): Measure(1 - value, 1 - high, 1 - low)
        for m, s, value, low, high in zip(
            *(table[c] for c in ("method", "strength", "value", "low", "high")), strict=True
        )
    }


def _panel(axes: Axes, tables: Tables, points: dict[str, list[Point]], title: str) -> None:
    low = floor([p.utility.value for m in tables.methods for p in points[m] if p.complete])
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(low - 0.09 * (1 - low), 1 + 0.1 * (1 - low))
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "0.25", "0.5", "0.75", "1"])
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.set_xlabel("Privacy →", labelpad=1)
    axes.set_ylabel(f"{title} →", labelpad=2)
    for method in tables.methods:
        own = [p for p in points[method] if p.complete]
        colours = shades(tables.looks[method].colour, max(1, len(points[method])))
        tones = [c for p, c in zip(points[method], colours, strict=False) if p.complete]
        _trail(axes, tables, method, own, tones)
    for control in tables.controls:
        for point in points[control]:
            if point.complete:
                _anchor(axes, tables, control, point, low)


def floor(values: Sequence[float]) -> float:
    """Return where a utility axis begins: 0, or just below the values if those are all high."""
    least = min(values, default=0.0)
    steps = [s for s in (0.5, 0.6, 0.7, 0.8, 0.9, 0.95) if s <= least - 0.1 * (1 - least)]
    return max(steps) if steps else min(0.0, least)


def _trail(
    axes: Axes, tables: Tables, method: str, own: Sequence[Point], tones: Sequence[Colour]
) -> None:
    """Draw a method's points from weak to strong, joined by a line."""
    look = tables.looks[method]
    x, y = [p.privacy.value for p in own], [p.utility.value for p in own]
    axes.plot(x, y, color=look.colour, linewidth=0.9, alpha=0.75, zorder=2)
    sizes = np.linspace(3, 5.5, len(own)) if len(own) > 1 else [4.5] * len(own)
    for point, tone, size in zip(own, tones, sizes, strict=True):
        _bars(axes, point, tone)
        axes.plot(point.privacy.value, point.utility.value, markersize=size, zorder=3,
                  **marks(look, tone))  # fmt: skip


def _bars(axes: Axes, point: Point, colour: Any) -> None:
    p, u = point.privacy, point.utility
    style = {"color": colour, "linewidth": 0.5, "alpha": 0.55, "zorder": 1.5}
    axes.plot([p.low, p.high], [u.value, u.value], **style)
    axes.plot([p.value, p.value], [u.low, u.high], **style)


def _anchor(axes: Axes, tables: Tables, control: str, point: Point, low: float) -> None:
    """Draw a control with its name; one far below the axis stands at its edge, with its value."""
    x, y = point.privacy.value, point.utility.value
    look, below = tables.looks[control], y < low
    if not below:
        _bars(axes, point, look.colour)
    shown = low if below else y
    right = x > 0.5
    axes.plot(x, shown, zorder=4, clip_on=False, **{**marks(look), "markersize": 6,
              "marker": "v" if below else look.marker})  # fmt: skip
    label = f"{control} ({y:.2g})" if below else control
    lower = shown < 0.5 * (1 + low)
    axes.annotate(label, (x, shown), (4 if right else -4, -6 if lower else 5),
                  textcoords="offset points", ha="right" if right else "left",
                  va="top" if lower else "bottom", fontweight="bold", color=TEXT, zorder=5,
                  path_effects=HALO)  # fmt: skip


def _legend(figure: Figure, tables: Tables) -> None:
    entries = [Line2D([], [], linewidth=0.9, markersize=4.5, label=m, **marks(tables.looks[m]))
               for m in tables.methods]  # fmt: skip
    if entries:
        corner = (0.08 / figure.get_figwidth(), 0.24 / figure.get_figheight())
        figure.legend(handles=entries, loc="lower left", bbox_to_anchor=corner, ncols=4,
                      borderpad=0.2, columnspacing=1.6)  # fmt: skip
