"""Axes in normal deviates, and curves drawn only as far as error counts support them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import ndtri

from anonbench.report._style import BASELINE, GRID, NOTE
from anonbench.report._tables import Measure

SOLID, DASHED = 30, 3
"""Errors of both kinds that a solid line needs (rule of 30), and a dashed one (rule of 3)."""

TICKS = (0.0001, 0.001, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95)
_STARTS = (0.0001, 0.0003, 0.001, 0.003, 0.006, 0.01)
"""Where the axes may begin."""
_DASHES = (0, (3.2, 1.4))
FEW_ERRORS = f"< {DASHED} errors"

Kind = Literal["solid", "dashed", "point"]


@dataclass(frozen=True)
class Piece:
    """A stretch of a curve: the points start..stop-1, drawn in one way."""

    start: int
    stop: int
    kind: Kind


def pieces(false_matches: Any, false_nonmatches: Any) -> list[Piece]:
    """Cut a curve where the number of errors behind it changes what may be drawn.

    Parameters
    ----------
    false_matches, false_nonmatches : array_like of shape (N,), int
        Errors at each point, in the order of the curve. The smaller of the two decides.

    Returns
    -------
    list of Piece
        A step between two points is solid where both have >= 30 errors, dashed where both have
        >= 3; steps below are left out. A point of >= 3 errors without such a neighbour stands
        alone. Source: rule of 30 and rule of 3 (ISO/IEC 19795-1).
    """
    counts = np.minimum(np.asarray(false_matches), np.asarray(false_nonmatches))
    level = (counts >= DASHED).astype(int) + (counts >= SOLID)
    step = np.minimum(level[:-1], level[1:])
    found = []
    change = np.flatnonzero(np.diff(step)) + 1
    for run in np.split(np.arange(step.size), change) if step.size else ():
        if step[run[0]]:
            kind: Kind = "solid" if step[run[0]] == 2 else "dashed"
            found.append(Piece(int(run[0]), int(run[-1]) + 2, kind))
    covered = np.zeros(counts.size, bool)
    for piece in found:
        covered[piece.start : piece.stop] = True
    alone = np.flatnonzero((level > 0) & ~covered)
    return sorted([*found, *(Piece(int(k), int(k) + 1, "point") for k in alone)], key=_start)


def _start(piece: Piece) -> int:
    return piece.start


def curve_pieces(curve: pd.DataFrame) -> list[Piece]:
    """Return the pieces of a curve table; empty where nothing may be drawn."""
    return pieces(curve["false_matches"], curve["false_nonmatches"]) if len(curve) else []


def no_curve(curve: pd.DataFrame, eer: Measure) -> str:
    """Say in a few words why there is nothing to draw; empty where there is."""
    if curve_pieces(curve):
        return ""
    return FEW_ERRORS if len(curve) else (eer.reason or "no curve")


def plot_curve(axes: Axes, curve: pd.DataFrame, **options: Any) -> None:
    """Draw the pieces of a curve that enough errors support."""
    x, y = deviate(curve["fmr"]), deviate(curve["fnmr"])
    colour = options.get("color", BASELINE)
    for piece in curve_pieces(curve):
        own = slice(piece.start, piece.stop)
        if piece.kind == "point":
            axes.plot(x[own], y[own], ".", color=colour, markersize=3, zorder=3)
        else:
            line: Any = "-" if piece.kind == "solid" else _DASHES
            axes.plot(x[own], y[own], linestyle=line, **{"zorder": 3, **options})


def deviate(rate: Any) -> Any:
    """Return normal deviates of rates; 0 and 1 are kept finite."""
    return ndtri(np.clip(np.asarray(rate, np.float64), 1e-6, 1 - 1e-6))


def prepare(axes: Axes, low: float, *, y_label: bool = True, small: bool = False) -> None:
    """Give axes normal deviates in percent, the chance line and the diagonal of equal errors.

    `low` is where both axes begin, a share; in `small` axes one label is left out for want of room.
    """
    ticks = [t for t in TICKS if t >= low]
    places = ndtri(ticks)
    names = [f"{100 * t:g}" for t in ticks]
    limits = float(ndtri(low)) - 0.08, float(ndtri(TICKS[-1])) + 0.08
    crowded = small and low < TICKS[1]
    axes.set_xticks(places, ["" if crowded and k == 1 else n for k, n in enumerate(names)])
    axes.set_yticks(places, names)
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.grid(True)
    axes.set_axisbelow(True)
    ends = np.array(limits)
    axes.plot(ends, ends, color=GRID, linewidth=0.8, zorder=1)
    axes.plot(ends, -ends, color=NOTE, linewidth=0.7, linestyle=":", zorder=2)
    axes.set_xlabel("FMR in %", labelpad=1)
    if y_label:
        axes.set_ylabel("FNMR in %", labelpad=1)


def lowest_rate(curves: list[pd.DataFrame]) -> float:
    """Return where shared axes begin, 0.01 to 1 %, to hold all that is drawn."""
    drawn = []
    for curve in curves:
        for piece in curve_pieces(curve):
            own = curve[["fmr", "fnmr"]].iloc[piece.start : piece.stop]
            drawn.append(float(own.to_numpy().min()))
    smallest = min(drawn, default=1.0)
    return max([t for t in _STARTS if t <= smallest], default=_STARTS[0])
