"""Points of the trade-off, and how they, their spread and their front are drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Ellipse, Rectangle

from anonbench.io import rows
from anonbench.report._style import BASELINE, MARKERS, Colour, Look, dark, mixed
from anonbench.report._tables import Measure, Tables
from anonbench.tradeoff import PRIVACIES, UTILITIES

AXIS_NAMES = {
    "gfrr_at_gfar_0.01": "1 \N{MINUS SIGN} TMR at FMR 1 %",
    "gfrr_at_gfar_0.001": "1 \N{MINUS SIGN} TMR at FMR 0.1 %",
    "geer": "EER",
    "uar_retention": "UAR retention",
    "preservation": "Expressions preserved",
    "detected": "Faces still found",
}
FRONT = "#3d3d3d"
_BEATEN = "#f3f3f1"
# Of the chi-squared distribution with two degrees of freedom: the ellipse holds 95 %.
_ELLIPSE_95 = math.sqrt(5.991464547107979)
_DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)))


@dataclass(frozen=True)
class Point:
    """One method and strength on one pair of axes.

    `spread` holds both standard deviations and the correlation; `chance` is the probability of
    being on the front, NaN for controls.
    """

    method: str
    strength: str
    privacy: Measure
    utility: Measure
    spread: tuple[float, float, float]
    on_front: bool
    chance: float
    note: str

    @property
    def place(self) -> tuple[float, float]:
        """Both values."""
        return self.privacy.value, self.utility.value

    @property
    def complete(self) -> bool:
        """Whether both values are known."""
        return not math.isnan(sum(self.place))


def panel_points(tables: Tables, privacy: str, utility: str) -> dict[str, list[Point]]:
    """Return the points of one pair of axes by method, weakest strength first."""
    table = tables.pareto
    own = table[(table["privacy"] == privacy) & (table["utility"] == utility)]
    found = {(r.method, r.strength): _point(r) for r in rows(own)}
    return {
        m: [found[m, s] for s in tables.strengths(m) if (m, s) in found]
        for m in tables.plan["methods"]
    }


def _point(row: Any) -> Point:
    return Point(
        row.method,
        row.strength,
        Measure(row.privacy_value, row.privacy_low, row.privacy_high),
        Measure(row.utility_value, row.utility_low, row.utility_high),
        (row.privacy_sd, row.utility_sd, row.correlation),
        row.front == "yes",
        row.probability,
        row.note,
    )


def drawable(table: pd.DataFrame, privacy: str, utility: str) -> bool:
    """Tell whether any method has a point on a pair of axes."""
    own = table[(table["privacy"] == privacy) & (table["utility"] == utility)]
    return bool((own["front"] != "").any())


def main_axes(table: pd.DataFrame) -> tuple[str, str]:
    """Return the pair of axes shown large: the first utility, then privacy, that has points."""
    for utility in (UTILITIES[0], UTILITIES[-1], *UTILITIES[1:-1]):
        for privacy in PRIVACIES:
            if drawable(table, privacy, utility):
                return privacy, utility
    return PRIVACIES[0], UTILITIES[0]


def reason(table: pd.DataFrame, privacy: str, utility: str) -> str:
    """Return why a pair of axes has no point: the note most of its rows have."""
    own = table[(table["privacy"] == privacy) & (table["utility"] == utility)]
    notes = own.loc[own["note"] != "", "note"]
    return str(notes.mode().iloc[0]) if len(notes) else "the run has no such rows"


def distinct(tables: Tables) -> tuple[dict[str, Look], dict[str, Any]]:
    """Return looks whose fill is free to mean something, and a line style, by method.

    Methods of one anonymiser share a hue as everywhere. Elsewhere the fill of the marker tells
    them apart; here the further ones get a marker and dashes of their own.
    """
    found: dict[str, Look] = {}
    dashes: dict[str, Any] = {}
    taken = {tables.looks[m].marker for m in tables.methods if tables.looks[m].fill == "full"}
    variants: dict[Colour, int] = {}
    for method in tables.methods:
        look = tables.looks[method]
        k = variants.get(look.colour, 0)
        variants[look.colour] = k + 1
        marker = look.marker
        if k:
            same = {found[m].marker for m in found if found[m].colour == look.colour}
            free = [m for m in MARKERS if m not in taken] or [m for m in MARKERS if m not in same]
            marker = free[0] if free else marker
        taken.add(marker)
        dashes[method] = _DASHES[k % len(_DASHES)]
        found[method] = replace(look, marker=marker, fill="full")
    return found, dashes


def filled(colour: Any, chance: float) -> Colour:
    """Return a marker's fill: white at a probability of 0, the colour at 1."""
    share = 0.0 if math.isnan(chance) else chance
    return mixed((1.0, 1.0, 1.0), to_rgb(colour), share)


def draw_front(axes: Axes, points: Sequence[Point], left: float, bottom: float) -> None:
    """Shade what some point of the front beats on both axes, and draw the steps of its edge."""
    corners = sorted({p.place for p in points if p.on_front})
    if not corners:
        return
    x, y = [left], [corners[0][1]]
    for place, following in zip(corners, [*corners[1:], (corners[-1][0], bottom)], strict=True):
        x += [place[0], place[0]]
        y += [place[1], following[1]]
    axes.fill_between(x, y, bottom, step=None, color=_BEATEN, linewidth=0, zorder=0)
    axes.plot(x, y, color=FRONT, linewidth=0.9, linestyle=(0, (5, 2)), zorder=1.2)


def draw_spread(axes: Axes, point: Point, colour: Any, box: Rectangle) -> None:
    """Draw the 95 % ellipse of the replicates; intervals as bars where an axis does not vary."""
    sd_p, sd_u, correlation = point.spread
    if min(sd_p, sd_u) > 1e-6:
        shared = correlation * sd_p * sd_u
        cover = np.array([[sd_p**2, shared], [shared, sd_u**2]])
        sizes, directions = np.linalg.eigh(cover)
        width, height = 2 * _ELLIPSE_95 * np.sqrt(np.maximum(sizes, 0))
        angle = math.degrees(math.atan2(directions[1, 0], directions[0, 0]))
        for face, edge, alpha in ((True, False, 0.16), (False, True, 0.45)):
            patch = Ellipse(point.place, width, height, angle=angle, fill=face, facecolor=colour,
                            edgecolor=colour if edge else "none", alpha=alpha,
                            linewidth=0.5, zorder=1.5)  # fmt: skip
            axes.add_patch(patch)
            patch.set_clip_path(box)
        return
    draw_bars(axes, point, colour)


def draw_bars(axes: Axes, point: Point, colour: Any) -> None:
    """Draw both intervals as a cross."""
    p, u = point.privacy, point.utility
    style = {"color": colour, "linewidth": 0.6, "alpha": 0.5, "zorder": 1.6}
    axes.plot([p.low, p.high], [u.value, u.value], **style)
    axes.plot([p.value, p.value], [u.low, u.high], **style)


def draw_trail(
    axes: Axes, own: Sequence[Point], look: Look, dashes: Any, size: float, width: float = 1.1
) -> None:
    """Join a method's strengths, and draw each as filled as it is likely to be on the front."""
    edge = dark(look.colour)
    axes.plot(*zip(*(p.place for p in own), strict=True), color=look.colour, linewidth=width,
              linestyle=dashes, zorder=2)  # fmt: skip
    for point in own:
        axes.plot(*point.place, marker=look.marker, markersize=size, linestyle="none",
                  markerfacecolor=filled(look.colour, point.chance), markeredgecolor=edge,
                  markeredgewidth=0.9, zorder=3)  # fmt: skip


def draw_control(axes: Axes, point: Point, size: float) -> None:
    """Draw an end of the scale."""
    star = point.method == "original"
    axes.plot(*point.place, marker="*" if star else "X", markersize=size * (1.5 if star else 1.0),
              color="#111111" if not star else BASELINE, markeredgecolor="#111111",
              markeredgewidth=0.7, linestyle="none", zorder=4, clip_on=False)  # fmt: skip


def shown(points: Mapping[str, Sequence[Point]], methods: Sequence[str]) -> list[Point]:
    """Return the points of some methods that can be drawn."""
    return [p for m in methods for p in points[m] if p.complete]
