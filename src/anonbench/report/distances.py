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
_BINS = 45
"""Bins over the width of a panel, at most: finer ones are joined."""


def distances_figure(tables: Tables, system: str, policy: str) -> Figure:
    """Draw one row a method, weak to strong, under the clear baseline; shares of comparisons."""
    rows: list[tuple[str, list[Condition]]] = [("clear", [tables.baseline(system, policy)])]
    for method in [*tables.methods, *(c for c in tables.controls if c != "original")]:
        labels = spread(tables.strengths(method), COLUMNS)
        rows.append((method, [Condition(method, s, ATTACK, system, policy) for s in labels]))
    layout = Layout(COLUMNS, (1.8, 0.56), (0.12, 0.3), (1.35, 0.12, 1.2, 0.5))
    figure, panels = layout.figure(COLUMNS * len(rows))
    widest = _widest([tables.histogram(c) for _, group in rows for c in group])
    for k, (name, group) in enumerate(rows):
        line = panels[k * COLUMNS : (k + 1) * COLUMNS]
        colour: Any = BASELINE if name == "clear" else tables.looks[name].colour
        ink = TEXT if name == "clear" else dark(colour)
        line[0].annotate(name, (0, 0.5), (-6, 0), "axes fraction", "offset points", ha="right",
                         va="center", fontweight="bold", color=ink)  # fmt: skip
        for axes, condition in zip(line, group, strict=False):
            _panel(axes, tables, condition, colour, widest)
        for axes in line[len(group) :]:
            axes.axis("off")
    for axes in _lowest(panels):
        axes.tick_params(labelbottom=True)
        axes.set_xlabel("Euclidean distance", labelpad=1)
    heading(figure, f"Distances: {ATTACK} attack",
            f"{tables.dataset}, {system}, {policy} faces: clear gallery, anonymised probes. "
            "Strength above each panel, weak to strong.\nEach histogram has area 1. Accepted: mated and "
            "non-mated comparisons below the threshold, failures counted.")  # fmt: skip
    _legend(figure, tables)
    return figure


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


def _panel(axes: Axes, tables: Tables, condition: Condition, colour: Any, widest: float) -> None:
    table = tables.histogram(condition)
    for mated in (False, True):
        edges, density = joined(table[table["mated"] == mated], widest / _BINS)
        if not density.size:
            continue
        if mated:
            axes.stairs(density, edges, fill=True, color=colour, alpha=0.75, linewidth=0, zorder=2)
        else:
            axes.stairs(density, edges, color=TEXT, linewidth=0.8, zorder=3)
    axes.axvline(tables.plan["metrics"]["distance_threshold"], color="#b3261e", linewidth=0.9,
                 linestyle=(0, (3, 1.5)), zorder=4)  # fmt: skip
    axes.set_xlim(0, widest)
    axes.set_ylim(bottom=0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelbottom=False)
    label = {"clear": ""}.get(condition.method, condition.strength)
    _title(axes, tables, condition, "" if label == "none" else label)
    if not table["count"].sum():
        fta = percent(tables.measure("fta", condition).value)
        axes.text(0.5, 0.45, f"nothing to compare: FTA {fta} %", transform=axes.transAxes,
                  ha="center", va="center", color=NOTE)  # fmt: skip


def _title(axes: Axes, tables: Tables, condition: Condition, label: str) -> None:
    limit = tables.plan["metrics"]["distance_threshold"]
    shares = [tables.measure(f"{side}_accepted_at_{limit:g}", condition).value
              for side in ("mated", "nonmated")]  # fmt: skip
    if condition.attack == "baseline":
        label = label or ""
    axes.annotate(label, (0, 1), (1, 2), "axes fraction", "offset points", fontweight="bold")
    if not all(map(math.isnan, shares)):
        text = f"accepted {percent(shares[0])} / {percent(shares[1])} %"
        axes.annotate(text, (1, 1), (0, 2), "axes fraction", "offset points", ha="right",
                      color=NOTE)  # fmt: skip


def _legend(figure: Figure, tables: Tables) -> None:
    limit = tables.plan["metrics"]["distance_threshold"]
    entries: list[Any] = [
        Patch(color=BASELINE, alpha=0.75, linewidth=0, label="mated"),
        Line2D([], [], color=TEXT, linewidth=0.8, label="non-mated"),
        Line2D([], [], color="#b3261e", linewidth=0.9, linestyle=(0, (3, 1.5)),
               label=f"threshold {limit:g}"),
    ]  # fmt: skip
    corner = (0.08 / figure.get_figwidth(), 1 - 0.64 / figure.get_figheight())
    figure.legend(handles=entries, loc="upper left", bbox_to_anchor=corner, ncols=3,
                  borderpad=0.2, columnspacing=1.6)  # fmt: skip
