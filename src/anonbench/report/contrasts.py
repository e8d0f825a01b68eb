"""Two methods side by side: differences with intervals, and who gains by them, in words."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from anonbench.contrasts import WORST
from anonbench.io import rows
from anonbench.landmark_error import GROUPS
from anonbench.report._shares import PALE, banner, banner_height, classes_of, inches
from anonbench.report._style import (
    GRID,
    NOTE,
    TEXT,
    WIDTH,
    blank_figure,
    footnote,
    heading,
    listing,
    panel_title,
)
from anonbench.report._tables import Tables
from anonbench.report.gates import Gate, gate

FMRS = (0.1, 0.01)
"""Of the attackers in the figure; the table has all of the run."""

_STEP, _LEFT, _PANEL, _GAP = 0.185, 1.42, 2.02, 0.36
_TOP, _TITLE, _HEAD, _FOOT, _BOTTOM = 0.76, 0.34, 0.34, 0.62, 0.62
_UNSURE = "#9a9a9a"
_MEANS = {"detected": "o", "aligned": "D", "": "s"}


@dataclass(frozen=True)
class Mark:
    """A difference in percent (points), with its policy; NaN with the reason why."""

    policy: str
    value: float
    low: float
    high: float
    note: str

    @property
    def sure(self) -> bool:
        """Whether the interval is all on one side of 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Line:
    """A row of a panel; `apart` if there is a gap above it."""

    name: str
    marks: list[Mark]
    apart: bool = False


@dataclass(frozen=True)
class Panel:
    """What is compared, and in words what a method does whose number is higher."""

    title: str
    detail: str
    favours: Callable[[str], str]
    lines: list[Line]
    pale: bool = False

    @property
    def height(self) -> float:
        """Inches of the axes."""
        return _STEP * max(1.0, len(self.lines) + 0.4 * sum(line.apart for line in self.lines))


@dataclass(frozen=True)
class Pair:
    """One comparison: the rows of two methods, each at a strength."""

    name: str
    first: str
    second: str
    table: pd.DataFrame

    @cached_property
    def _cells(self) -> dict[tuple[str, str], list[Any]]:
        found: dict[tuple[str, str], list[Any]] = {}
        for row in rows(self.table):
            found.setdefault((row.metric, row.attack), []).append(row)
        return found

    def marks(self, metric: str, attack: str = "", system: str = "", sign: int = 1) -> list[Mark]:
        """Return the difference by policy, in percent, of a system (of any if empty)."""
        found = []
        for row in self._cells.get((metric, attack), []):
            if system in ("", row.system):
                value, low, high = (
                    100 * sign * v
                    for v in (row.difference_value, row.difference_low, row.difference_high)
                )
                low, high = (low, high) if sign > 0 else (high, low)
                found.append(Mark(row.policy, value, low, high, row.note))
        return found

    def systems(self, metric: str) -> list[str]:
        """Return the systems that a metric is known of."""
        own = self.table.loc[self.table["metric"] == metric, "system"]
        return [str(s) for s in own.unique()]


def pairs(table: pd.DataFrame) -> list[Pair]:
    """Return the comparisons of one data set, in the table's order."""
    keys = ["contrast", "first", "first_strength", "second", "second_strength"]
    return [
        Pair(str(name), titled(str(a), str(x)), titled(str(b), str(y)), own)
        for (name, a, x, b, y), own in table.groupby(keys, sort=False)
    ]


def titled(method: str, strength: str) -> str:
    """Name a method with its strength, without one where it has none."""
    return method if strength == "none" else f"{method} {strength}"


def contrasts_figure(tables: Tables) -> Figure:
    """Draw, for every pair of methods, what one keeps more than the other and what that costs."""
    found = pairs(tables.contrasts)
    gates = _gates(tables)
    worst = next((g for g in gates if g.state in ("below", "unknown")), None)
    extra = banner_height(worst) if worst else 0.0
    blocks = [panels(pair, tables, gates) for pair in found]
    heights = [_block_height(block) for block in blocks]
    remarks = _remarks(blocks)
    bottom = _BOTTOM + 0.15 * len(remarks)
    figure = blank_figure(WIDTH, _TOP + extra + sum(heights) + bottom)
    top = _TOP + extra
    for pair, block, height in zip(found, blocks, heights, strict=True):
        _block(figure, pair, block, top)
        top += height
    heading(figure, "Two methods side by side",
            f"{tables.dataset}. Differences of the same images, first method minus second. Bars: "
            f"{100 * tables.plan['metrics']['confidence']:g} % intervals of the\ndifference, over "
            "subjects that both methods share. Grey where an interval holds 0.")  # fmt: skip
    if worst:
        banner(figure, worst, 0.64)
    _legend(figure, bottom)
    footnote(figure, "\n".join(remarks))
    return figure


def _gates(tables: Tables) -> list[Gate]:
    """Return the verdicts on the network that the figure shows; none if the run has none."""
    networks = list(tables.plan.get("expressions", {}))[:1]
    return [gate(tables.metrics, tables.plan, tables.dataset, n, p)
            for n in networks for p in tables.plan["policies"]]  # fmt: skip


def panels(pair: Pair, tables: Tables, gates: Sequence[Gate] = ()) -> list[Panel]:
    """Return what is drawn of a pair: expressions, attacks, landmarks, faces found.

    Without an expression network, or without landmarks, there is no such panel.
    """
    network = next(iter(tables.plan.get("expressions", {})), "")
    pale = any(g.state == "below" for g in gates)
    every = [
        Panel("Expressions", f"seen by {network}; percentage points",
              lambda m: f"{m} keeps more", list(_expressions(pair, network)), pale),
        Panel("Attackers", "success, and \N{MINUS SIGN}EER; percentage points",
              lambda m: f"attacker gains more on {m}", list(_attacks(pair, tables))),
        Panel("Landmarks moved", "faces found; % of the eyes' distance",
              lambda m: f"{m} moves them more", list(_landmarks(pair))),
        Panel("Faces found", "percentage points",
              lambda m: f"more found with {m}", list(_found(pair))),
    ]  # fmt: skip
    return [panel for panel in every if panel.lines]


def _expressions(pair: Pair, network: str) -> Iterator[Line]:
    if not network:
        return
    names = {"preservation": "preserved", "preservation_found": "… where found"}
    names |= {f"preservation_{c}": f"… {c}" for c in classes_of(set())}
    names |= {"uar": "UAR", "accuracy": "accuracy"}
    for metric, name in names.items():
        yield Line(name, pair.marks(metric, system=network), apart=metric == "uar")


def _attacks(pair: Pair, tables: Tables) -> Iterator[Line]:
    """Yield attackers' success at each FMR, and the EER with its sign turned."""
    fmrs = [f for f in FMRS if f in tables.plan["metrics"].get("fmr", FMRS)]
    systems = tables.plan["recognisers"]
    kinds = [(f"gtar_at_gfar_{f:g}", f"FMR {100 * f:g} %", 1) for f in fmrs]
    for metric, name, sign in [*kinds, ("eer", "\N{MINUS SIGN}EER", -1)]:
        lines = [
            Line(f"{name}, {attack}" + (f", {system}" if len(systems) > 1 else ""),
                 pair.marks(metric, attack, system, sign))
            for system in systems for attack in tables.plan["attacks"]
        ]  # fmt: skip
        if sign > 0:
            lines.append(Line(f"{name}, best attack", pair.marks(metric, WORST)))
        for k, line in enumerate(lines):
            yield Line(line.name, line.marks, apart=k == 0 and metric != kinds[0][0])


def _landmarks(pair: Pair) -> Iterator[Line]:
    for system in pair.systems("nme"):
        names = {"nme": "all"} | {f"nme_{part}": part for part in GROUPS}
        for metric, name in names.items():
            yield Line(name, pair.marks(metric, system=system))


def _found(pair: Pair) -> Iterator[Line]:
    """Yield shares of which more is better, failures turned into their opposite."""
    for system in pair.systems("detected"):
        yield Line(f"by {system}", pair.marks("detected", system=system))
    for system in pair.systems("landmark_failure"):
        yield Line("landmarks within 10 %", pair.marks("landmark_failure", system=system, sign=-1))
    yield Line("not blacked out", pair.marks("fail_closed", sign=-1))


def _block_height(block: Sequence[Panel]) -> float:
    lines = [block[k : k + 2] for k in range(0, len(block), 2)]
    return _TITLE + sum(_HEAD + max(p.height for p in line) + _FOOT for line in lines)


def _block(figure: Figure, pair: Pair, block: Sequence[Panel], top: float) -> None:
    """Draw the panels of a pair, two in a line."""
    height = figure.get_figheight()
    figure.text(0.08 / WIDTH, 1 - (top + 0.04) / height, f"{pair.name}: ", va="top", fontsize=9,
                fontweight="bold")  # fmt: skip
    figure.text((0.2 + 0.085 * len(pair.name)) / WIDTH, 1 - (top + 0.04) / height,
                f"{pair.first} minus {pair.second}", va="top", fontsize=9)  # fmt: skip
    y = top + _TITLE
    for k in range(0, len(block), 2):
        line = block[k : k + 2]
        for column, panel in enumerate(line):
            left = _LEFT + column * (WIDTH - _GAP / 2) / 2
            axes = inches(figure, (left, y + _HEAD, _PANEL, panel.height))
            _draw(axes, panel, pair)
        y += _HEAD + max(p.height for p in line) + _FOOT


def _draw(axes: Axes, panel: Panel, pair: Pair) -> None:
    reach = _reach(panel)
    axes.set_xlim(-reach, reach)
    axes.set_ylim(panel.height, 0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x", zorder=0)
    axes.set_axisbelow(True)
    axes.axvline(0, color=TEXT, linewidth=0.8, zorder=1)
    y = 0.0
    for line in panel.lines:
        y += _STEP * (0.4 if line.apart else 0.0)
        _line(axes, line, y + _STEP / 2, panel.pale)
        y += _STEP
    panel_title(axes, panel.title, panel.detail)
    right = f"{panel.favours(pair.first)} →"
    left = f"← {panel.favours(pair.second)}"
    for text, place, drop in ((right, 1.0, -14), (left, 0.0, -24)):
        axes.annotate(text, (place, 0), (0, drop), "axes fraction", "offset points", va="top",
                      ha="right" if place else "left", fontsize=7, color=TEXT,
                      annotation_clip=False)  # fmt: skip


def _reach(panel: Panel) -> float:
    """Return half the width of an axis that holds all intervals, with 0 in its middle."""
    ends = [abs(v) for line in panel.lines for m in line.marks for v in (m.value, m.low, m.high)]
    known = [v for v in ends if not math.isnan(v)]
    return max(1.08 * max(known, default=1.0), 0.5)


def _line(axes: Axes, line: Line, y: float, pale: bool) -> None:
    axes.axhline(y, color=GRID, linewidth=0.4, zorder=0.5)
    axes.annotate(line.name, (0, y), (-5, 0), ("axes fraction", "data"), "offset points",
                  va="center", ha="right", fontsize=7, color=PALE if pale else TEXT,
                  annotation_clip=False)  # fmt: skip
    known = [m for m in line.marks if not math.isnan(m.value)]
    if not known:
        axes.text(0, y, "n/a", ha="center", va="center", fontsize=6.5, color=NOTE,
                  bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
    spread = 0.22 * _STEP if len(known) > 1 else 0.0
    shifts = np.linspace(-spread, spread, len(known))
    for mark, shift in zip(known, shifts, strict=True):
        colour = PALE if pale or not mark.sure else TEXT
        axes.hlines(y + shift, mark.low, mark.high, color=colour, linewidth=1.0, zorder=2)
        axes.plot(mark.value, y + shift, **_look(mark.policy, colour), zorder=3)


def _look(policy: str, colour: str) -> dict[str, Any]:
    hollow = policy == "aligned"
    return {
        "marker": _MEANS.get(policy, "o"), "markersize": 2.8 if hollow else 3.2, "color": colour,
        "markerfacecolor": "white" if hollow else colour, "markeredgewidth": 0.8,
        "linestyle": "",
    }  # fmt: skip


def _legend(figure: Figure, bottom: float) -> None:
    entries = [
        Line2D([], [], label="faces found anew (detected)", **_look("detected", TEXT)),
        Line2D([], [], label="face known from the original (aligned)", **_look("aligned", TEXT)),
        Line2D([], [], label="neither, or the best of both", **_look("", TEXT)),
        Line2D([], [], color=_UNSURE, linewidth=1.0, label="the interval holds 0"),
    ]
    width, height = figure.get_size_inches()
    figure.legend(handles=entries, loc="upper left",
                  bbox_to_anchor=(0.08 / width, (bottom - 0.06) / height),
                  ncols=2, borderpad=0, columnspacing=1.6, handlelength=1.6)  # fmt: skip


def _remarks(blocks: Sequence[Sequence[Panel]]) -> list[str]:
    """Return the lines beneath the figure: why numbers are missing."""
    marks = [m for block in blocks for panel in block for line in panel.lines for m in line.marks]
    reasons = dict.fromkeys(m.note for m in marks if math.isnan(m.value) and m.note)
    parts = [
        "Best attack: chosen for each method on its own, anew in every resample.",
        "Landmarks, EER and where found: over the images in which each method left a face to find.",
    ]
    if reasons:
        parts.append("n/a: " + listing(list(reasons), 3) + ".")
    if any(not line.marks for block in blocks for panel in block for line in panel.lines):
        parts.append("n/a also where the run has no such number.")
    return textwrap.wrap(" ".join(parts), 112)
