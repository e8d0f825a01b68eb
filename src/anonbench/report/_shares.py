"""What the figures of expressions share: the colours of shares, and the banner of the gate."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from anonbench.expressions import EXPRESSIONS
from anonbench.report._style import NOTE, TEXT, percent
from anonbench.report.gates import Gate

NOT_FOUND = "not_found"
SHADES = LinearSegmentedColormap.from_list(
    "shares", ["#ffffff", "#d5e6f1", "#8fbddb", "#3a86b8", "#0f5484", "#06294a"]
)
"""Of a share, 0..1: one hue, from light to dark, so that a print in grey keeps the order."""
GREYED = LinearSegmentedColormap.from_list("greyed", ["#ffffff", "#e4e4e4", "#a8a8a8"])
"""The same below the gate, where nothing may look like a result."""
PALE = "#9a9a9a"
"""Of text and marks below the gate."""

_CAUTION, _CAUTION_EDGE, _CAUTION_INK = "#fff3d6", "#c98a00", "#6b4700"
_LETTERS = 104
"""What fits into a line of the banner."""
_LINE = 0.145


def colours(gate: Gate) -> LinearSegmentedColormap:
    """Return the colours of shares: grey where the network is below the gate."""
    return GREYED if gate.state == "below" else SHADES


def banner_height(gate: Gate) -> float:
    """Return the inches that the banner takes; 0 where the gate is met."""
    lines = _banner_lines(gate)
    return 0.2 + _LINE * len(lines) if lines else 0.0


def banner(figure: Figure, gate: Gate, top: float) -> None:
    """Say across a figure that its numbers are below the gate, or that nobody knows.

    Parameters
    ----------
    figure : Figure
        To write on.
    gate : Gate
        Whose verdict; nothing is written where it is met.
    top : float
        Inches between the figure's upper edge and the banner's.
    """
    lines = _banner_lines(gate)
    if not lines:
        return
    width, height = figure.get_size_inches()
    own = banner_height(gate) - 0.08
    box = (0.08 / width, 1 - (top + own) / height)
    figure.add_artist(Rectangle(
        box, 1 - 0.16 / width, own / height, transform=figure.transFigure, facecolor=_CAUTION,
        edgecolor=_CAUTION_EDGE, linewidth=0.8,
    ))  # fmt: skip
    figure.text(0.16 / width, 1 - (top + own / 2) / height, "\n".join(lines), va="center",
                color=_CAUTION_INK, fontweight="bold", linespacing=1.3)  # fmt: skip


def _banner_lines(gate: Gate) -> list[str]:
    if gate.state == "met":
        return []
    after = " Do not read these numbers as results." if gate.state == "below" else ""
    return textwrap.wrap(gate.note.rstrip(".") + "." + after, _LETTERS)


def inches(figure: Figure, place: tuple[float, float, float, float]) -> Axes:
    """Add axes at (from the left, from the top, width, height), in inches."""
    width, height = figure.get_size_inches()
    x, y, w, h = place
    return figure.add_axes((x / width, 1 - (y + h) / height, w / width, h / height))


def classes_of(found: set[str]) -> list[str]:
    """Return the classes to draw: those of the benchmark, then others that were predicted."""
    return [*EXPRESSIONS, *sorted(found - {*EXPRESSIONS, NOT_FOUND})]


def draw_shares(
    axes: Axes,
    shares: NDArray[np.float64],
    scale: LinearSegmentedColormap,
    lefts: Sequence[float],
    tops: Sequence[float],
    height: float = 1.0,
    zero: str = "",
) -> None:
    """Fill cells by share and write percent into them.

    Parameters
    ----------
    axes : Axes
        Its y axis is turned to point down.
    shares : ndarray of shape (R, C)
        0..1; NaN is drawn as a dash.
    scale : LinearSegmentedColormap
        Of 0..1.
    lefts, tops : sequence of C and of R floats
        Left edge of every column, one unit wide; upper edge of every row.
    height : float
        Of a row.
    zero : str
        What stands for a share of exactly 0.
    """
    for (row, column), share in np.ndenumerate(shares):
        x, y = lefts[column], tops[row]
        known = not np.isnan(share)
        fill = scale(float(share)) if known else to_rgba("#f4f4f4")
        axes.add_patch(Rectangle((x, y), 1, height, facecolor=fill, edgecolor="#cfd6dc",
                                 linewidth=0.3, clip_on=False))  # fmt: skip
        text = zero if share == 0 else percent(float(share)) if known else "-"
        axes.text(x + 0.5, y + 0.54 * height, text, ha="center", va="center", fontsize=5.8,
                  color=_ink(fill) if known else NOTE)  # fmt: skip
    axes.set_ylim((tops[-1] if len(tops) else 0) + height, 0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks([])


def _ink(fill: tuple[float, float, float, float]) -> str:
    """Return white on what is dark, else the colour of text."""
    luma = 0.299 * fill[0] + 0.587 * fill[1] + 0.114 * fill[2]
    return "white" if luma < 0.52 else TEXT
