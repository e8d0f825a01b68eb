"""Distances of mated and non-mated comparisons under the naive attack."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from anonbench.report._style import BASELINE, NOTE, TEXT, Layout, dark, heading, percent
from anonbench.report._tables import Condition, Tables

ATTACK = "naive"
COLUMNS = 3
_LIMIT, _LIMIT_LINE = "#b3261e", (0.0, (3.0, 1.5))
_BINS = 45
"""Bins over the width of a panel, at most: finer ones are joined."""


def distances_figure(tables: Tables, system: str, policy: str) -> Figure:
    """Draw one row a method, weak to strong, under the clear baseline; shares of comparisons."""
    lines = _lines(tables, system, policy)
    layout = Layout(COLUMNS, (1.78, 0.56), (0.2, 0.32), (1.28, 0.12, 1.12, 0.42))
    figure, panels = layout.figure(COLUMNS * len(lines))
    widest = _widest([tables.histogram(c) for _, group in lines for c in group])
    for k, (name, group) in enumerate(lines):
        row = panels[k * COLUMNS : (k + 1) * COLUMNS]
        if name:
            row[0].annotate(name, (0, 0.5), (-6, 0), "axes fraction", "offset points", ha="right",
                            va="center", fontweight="bold",
                            color=dark(tables.looks[name].colour))  # fmt: skip
        for axes, condition in zip(row, group, strict=False):
            _panel(axes, tables, condition, widest)
            _title(axes, tables, condition, named=not name)
        for axes in row[len(group) :]:
            axes.axis("off")
    for axes in _lowest(panels):
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("Euclidean distance", labelpad=1)
    heading(figure, f"Distances: {ATTACK} attack",
            f"{tables.dataset}, {system}, {policy} faces: clear gallery, anonymised probes. "
            "Strength above each panel, weak to strong.\nEach histogram has area 1. Accepted: "
            "mated / non-mated comparisons up to the threshold, failures counted.")  # fmt: skip
    _legend(figure, tables)
    return figure


def _lines(tables: Tables, system: str, policy: str) -> list[tuple[str, list[Condition]]]:
    """Return the rows: baseline and controls, methods without strengths, then one a method."""

    def group(method: str) -> list[Condition]:
        labels = spread(tables.strengths(method), COLUMNS)
        return [Condition(method, s, ATTACK, system, policy) for s in labels]

    controls = [c for m in tables.controls if m != "original" for c in group(m)]
    single = [c for m in tables.methods if not tables.graded(m) for c in group(m)]
    lines = [("", [tables.baseline(system, policy), *controls][:COLUMNS])]
    lines += [("", single[k : k + COLUMNS]) for k in range(0, len(single), COLUMNS)]
    return lines + [(m, group(m)) for m in tables.methods if tables.graded(m)]


def spread(labels: Sequence[str], n: int) -> list[str]:
    """Return `n` of the strengths, evenly from the weakest to the strongest."""
    places = np.unique(np.linspace(0, len(labels) - 1, n).round().astype(int)) if labels else ()
    return [labels[int(k)] for k in places]


def _lowest(panels: Sequence[Axes]) -> list[Axes]:
    """Return the lowest panel in use of each column."""
    used = [[a for a in panels[k::COLUMNS] if a.axison] for k in range(COLUMNS)]
    return [column[-1] for column in used if column]


def _widest(histograms: Sequence[pd.DataFrame]) -> float:
    """Return the largest distance that occurs, for one axis over all panels."""
    ends = [float(h.loc[h["count"] > 0, "right"].max()) for h in histograms if h["count"].sum()]
    return max(ends, default=1.0)


def joined(table: pd.DataFrame, width: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Join neighbouring bins until they are at least `width` wide.

    Parameters
    ----------
    table : DataFrame
        Columns left, right, count; bins of one width, ascending, without gaps.
    width : float
        Euclidean distance.

    Returns
    -------
    edges : ndarray of shape (N + 1,)
    density : ndarray of shape (N,)
        Area 1; empty where nothing was counted.
    """
    counts = table["count"].to_numpy(np.float64)
    if not counts.sum():
        return np.zeros(1), np.zeros(0)
    own = float(table["right"].iloc[0] - table["left"].iloc[0])
    factor = max(1, math.ceil(width / own - 1e-9))
    padded = np.pad(counts, (0, -counts.size % factor)).reshape(-1, factor).sum(axis=1)
    edges = float(table["left"].iloc[0]) + own * factor * np.arange(padded.size + 1)
    return edges, padded / padded.sum() / (own * factor)


def _panel(axes: Axes, tables: Tables, condition: Condition, widest: float) -> None:
    table = tables.histogram(condition)
    clear = condition.attack == "baseline"
    colour: Any = BASELINE if clear else tables.looks[condition.method].colour
    n_mated = int(table.loc[table["mated"], "count"].sum())
    few = n_mated < tables.plan["metrics"]["minimum_mated"]
    for mated in (False, True):
        edges, density = joined(table[table["mated"] == mated], widest / _BINS)
        if density.size and mated:
            axes.stairs(density, edges, fill=True, color=colour, alpha=0.25 if few else 0.75,
                        linewidth=0, zorder=2)  # fmt: skip
        elif density.size:
            axes.stairs(density, edges, color=TEXT, linewidth=0.8, zorder=3)
    if table["count"].sum():
        axes.axvline(tables.plan["metrics"]["distance_threshold"], color=_LIMIT, linewidth=0.9,
                     linestyle=_LIMIT_LINE, zorder=4)  # fmt: skip
        if few:
            axes.text(0.98, 0.95, f"only {n_mated} mated", transform=axes.transAxes, ha="right",
                      va="top", color=NOTE)  # fmt: skip
    else:
        fta = percent(tables.measure("fta", condition).value)
        axes.text(0.5, 0.45, f"nothing to compare, FTA {fta} %", transform=axes.transAxes,
                  ha="center", va="center", color=NOTE)  # fmt: skip
    axes.set_xlim(0, widest)
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelbottom=False)


def _title(axes: Axes, tables: Tables, condition: Condition, *, named: bool) -> None:
    """Write strength, or method, and the shares accepted above a panel."""
    limit = tables.plan["metrics"]["distance_threshold"]
    shares = [tables.measure(f"{side}_accepted_at_{limit:g}", condition).value
              for side in ("mated", "nonmated")]  # fmt: skip
    clear = condition.attack == "baseline"
    name = "clear" if clear else condition.method
    colour = TEXT if clear else dark(tables.looks[condition.method].colour)
    axes.annotate(name if named else condition.strength, (0, 1), (0, 2), "axes fraction",
                  "offset points", fontweight="bold", color=colour if named else TEXT)  # fmt: skip
    if not all(map(math.isnan, shares)):
        text = f"{percent(shares[0])} / {percent(shares[1])} %"
        text = text if named else f"accepted {text}"
        axes.annotate(text, (1, 1), (0, 2), "axes fraction", "offset points", ha="right",
                      color=NOTE)  # fmt: skip


def _legend(figure: Figure, tables: Tables) -> None:
    limit = tables.plan["metrics"]["distance_threshold"]
    entries: list[Any] = [
        Patch(color=BASELINE, alpha=0.75, linewidth=0, label="mated"),
        Line2D([], [], color=TEXT, linewidth=0.8, label="non-mated"),
        Line2D([], [], color=_LIMIT, linewidth=0.9, linestyle=_LIMIT_LINE,
               label=f"threshold {limit:g}"),
    ]  # fmt: skip
    corner = (0.08 / figure.get_figwidth(), 1 - 0.58 / figure.get_figheight())
    figure.legend(handles=entries, loc="upper left", bbox_to_anchor=corner, ncols=3,
                  borderpad=0.2, columnspacing=1.6)  # fmt: skip
