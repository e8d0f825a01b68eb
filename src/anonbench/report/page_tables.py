"""The verdict: one row a method and strength, with every missing number explained."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from anonbench.report.page_run import Key, MethodFacts, Run, percent

ABSENT = "not among the run's results"
POLICY_NAMES = {"detected": "finds the face", "aligned": "is told the face"}


@dataclass(frozen=True)
class Cell:
    """One number of the table, or the reason why there is none.

    Attributes
    ----------
    text, small : str
        The number and, beneath it, its interval; ``n/a`` where there is no number.
    title : str
        Shown on hover: interval, number of comparisons, note.
    sort : float or None
        What the column sorts by; None goes last.
    shade : float or None
        Strength of the background, 0..1.
    worst : bool
        The attacker's best chance of the row.
    rough : bool
        Fewer errors than the rule of 30 wants.
    foot : int
        Number of the footnote; 0 for none.
    """

    text: str
    title: str = ""
    small: str = ""
    sort: float | None = None
    shade: float | None = None
    worst: bool = False
    rough: bool = False
    foot: int = 0


@dataclass(frozen=True)
class Column:
    """A column: its headings, the style class that shows or hides it, and what it holds."""

    group: str
    head: str
    help: str
    style: str = ""
    key: Key = field(default_factory=lambda: Key(""))
    read: Callable[[Any], tuple[float, float, float]] = lambda r: (r.value, r.low, r.high)
    scale: float = 100.0
    digits: int = 1
    interval: bool = False
    shaded: bool = False


@dataclass
class Verdict:
    """Table of one data set; `feet` are the footnotes, `rows` pairs of labels and cells."""

    dataset: str
    columns: list[Column]
    groups: list[tuple[str, str, int]]
    rows: list[tuple[MethodFacts, str, str, list[Cell]]]
    feet: list[str]


class Footnotes:
    """Reasons for missing numbers, numbered in order of appearance.

    Reasons that differ in their leading number only share a footnote.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, set[int]] = {}

    def number(self, note: str) -> int:
        """Return the footnote's number, 1 for the first."""
        lead = re.match(r"\d+(?= )", note)
        form = re.sub(r"^\d+(?= )", "N", note)
        self._numbers.setdefault(form, set()).update({int(lead[0])} if lead else ())
        return list(self._numbers).index(form) + 1

    def texts(self) -> list[str]:
        """Return the footnotes; N stays where the numbers differ, with its range."""
        found = []
        for form, numbers in self._numbers.items():
            if len(numbers) == 1:
                found.append(re.sub(r"^N", str(next(iter(numbers))), form))
            else:
                span = f" (N from {min(numbers)} to {max(numbers)})" if numbers else ""
                found.append(form + span)
        return found


def verdict(run: Run, dataset: str) -> Verdict:
    """Return the verdict table of a data set."""
    feet = Footnotes()
    several = len(run.plan["recognisers"]) > 1
    found = []
    heads: list[Column] = []
    for system in run.plan["recognisers"]:
        heads = _columns(run, system)
        for method in run.methods:
            for strength in method.strengths:
                own = run.cells.get((dataset, method.name, strength), {})
                cells = _row(heads, own, feet)
                found.append((method, strength, system if several else "", cells))
    groups = [
        (name, style, len(list(part)))
        for (name, style), part in groupby(heads, key=lambda c: (c.group, c.style))
    ]
    return Verdict(dataset, heads, groups, found, feet.texts())


_ACQUISITION = (
    ("fta", "naive", "FTA", "Failure to acquire: share of the anonymised probe images in which "
     "the attacker's detector finds no face of the subject"),
    ("fte", "reverse", "FTE", "Failure to enrol: share of the subjects of whom the attacker can "
     "enrol no anonymised image"),
)  # fmt: skip


def _columns(run: Run, system: str) -> list[Column]:
    columns = [c for fmr in run.fmrs for c in _success_columns(run, system, fmr)]
    for policy, attack in run.views:
        help_ = f"Equal error rate, {attack} attack, attacker {POLICY_NAMES.get(policy, policy)}"
        columns.append(Column(
            "EER", f"{attack}, {policy}", help_, f"e e-{attack}-{policy}",
            Key("eer", attack, system, policy), interval=True,
        ))  # fmt: skip
    for metric, attack, head, text in _ACQUISITION:
        if ("detected", attack) in run.views:
            key = Key(metric, attack, system, "detected")
            columns.append(Column("Not acquired", head, text, "", key))
    for detector in run.detectors:
        text = f"Share of the subjects' faces that {detector} still finds"
        columns.append(
            Column("Face still found", detector, text, "", Key("detected", "", detector))
        )
    for metric, head in (("ssim_inside", "inside"), ("ssim_outside", "outside")):
        text = f"Mean structural similarity {head} the subject's face box; 1: unchanged"
        columns.append(Column("SSIM", head, text, "", Key(metric), scale=1.0, digits=3))
    closed = "Share of images blacked out as the method could not process them"
    leaked = "Share of processed images that are, where they should differ, (nearly) as they were"
    columns.append(Column("Images", "blacked out", closed, "", Key("fail_closed")))
    columns.append(Column("Images", "leaked", leaked, "", Key("leak_share")))
    return columns


def _success_columns(run: Run, system: str, fmr: float) -> list[Column]:
    """Return the most successful attacker (filled in by `_row`), then every attack and policy."""
    group = f"Attacker success at FMR {percent(fmr)}"
    style = f"f f-{run.fmrs.index(fmr)}"
    metric = f"gfrr_at_gfar_{fmr:g}"
    worst = "The most successful of the attacks to the right, with its interval"
    columns = [Column(group, "worst", worst, style)]
    for policy, attack in run.views:
        text = (
            f"Share of mated comparisons that the {attack} attacker accepts, who "
            f"{POLICY_NAMES.get(policy, policy)}; failures count as safe"
        )
        columns.append(Column(
            group, f"{attack}, {policy}", text, style, Key(metric, attack, system, policy),
            read=lambda r: (1 - r.value, 1 - r.high, 1 - r.low), shaded=True,
        ))  # fmt: skip
    return columns


def _row(heads: list[Column], own: Mapping[Key, Any], feet: Footnotes) -> list[Cell]:
    """Cells of one condition; the empty keys of the worst columns are filled in afterwards."""
    cells = [cell(own.get(head.key), head, feet) for head in heads]
    styles = dict.fromkeys(h.style for h in heads if h.shaded)
    for style in styles:
        places = [k for k, h in enumerate(heads) if h.style == style]
        first, rest = places[0], places[1:]
        known = [k for k in rest if cells[k].sort is not None]
        if not known:
            cells[first] = replace(cells[rest[0]], title="every attack: " + cells[rest[0]].title)
            continue
        best = max(known, key=lambda k: cells[k].sort or 0.0)
        gaps = len(rest) - len(known)
        more = f"; {gaps} of {len(rest)} attacks have no number" if gaps else ""
        whose = f"{heads[best].head}: {cells[best].title}{more}"
        row = own[heads[best].key]
        low, high = (heads[best].read(row)[k] for k in (1, 2))
        cells[first] = replace(cells[best], title=whose, small=_interval(low, high, 100.0, 0))
        for k in known:
            level = cells[k].sort
            if level and level == cells[best].sort:
                cells[k] = replace(cells[k], worst=True)
    return cells


def cell(row: Any, column: Column, feet: Footnotes) -> Cell:
    """Format one metric row.

    Parameters
    ----------
    row : named tuple or None
        A row of the metric table; None where there is none.
    column : Column
        How to read and print it.
    feet : Footnotes
        Takes the reason of a missing value.
    """
    if not column.key.metric:
        return Cell("")
    if row is None or math.isnan(row.value):
        note = (row.note if row is not None else "") or ABSENT
        return Cell("n/a", note, foot=feet.number(note))
    value, low, high = column.read(row)
    text = f"{column.scale * value:.{column.digits}f}"
    span = _interval(low, high, column.scale, column.digits)
    parts = [f"interval {span}" if span else "no interval", f"n = {row.n:.0f}", row.note]
    return Cell(
        text,
        "; ".join(p for p in parts if p),
        span if column.interval else "",
        sort=value,
        shade=value if column.shaded else None,
        rough=row.note.startswith("rough"),
    )


def _interval(low: float, high: float, scale: float, digits: int) -> str:
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"{scale * low:.{digits}f} to {scale * high:.{digits}f}"
