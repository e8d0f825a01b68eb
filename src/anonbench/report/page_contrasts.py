"""Two methods side by side as part of the page: tables of differences, and their figures."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonbench.contrasts import WORST
from anonbench.io import rows
from anonbench.report.contrasts import Pair, pairs
from anonbench.report.page_figures import few_colours
from anonbench.report.page_run import Run, percent

_KINDS = (
    ("expression", r"preservation(_.+)?|uar|accuracy|uar_retention|kappa|not_found"),
    ("verification", r"gtar_at_gfar_.+|eer|fta"),
    ("landmarks", r".+"),
    ("detection", r"detected"),
    ("quality", r"ssim_inside"),
    ("ledger", r"fail_closed"),
)
"""By task, the numbers that the page shows; the file has all."""
_PLAIN = frozenset({"kappa", "ssim_inside"})
"""Numbers that are no shares."""
_NAMES = {
    "preservation": "expression preserved",
    "preservation_found": "expression preserved where the face is found",
    "uar": "UAR", "uar_retention": "UAR kept", "eer": "EER", "fta": "failure to acquire",
    "not_found": "no face to classify", "nme": "landmarks moved",
    "landmark_failure": "landmarks lost", "landmark_auc": "landmarks, area under the curve",
    "detected": "face still found", "ssim_inside": "SSIM inside the face",
    "fail_closed": "blacked out",
}  # fmt: skip
_PATTERNS = (
    (r"preservation_(.+)", "expression preserved, {}"),
    (r"nme_(.+)", "landmarks moved, {}"),
)
_FIGURES = (
    ("contrasts", "Differences with intervals"),
    ("landmarks", "What becomes of the landmarks"),
)


@dataclass(frozen=True)
class Line:
    """A number of both methods and their difference, printed; `sure` if its interval leaves 0 out.

    `missing` is the reason where there is no difference, else empty; `title` is shown on hover.
    """

    name: str
    where: str
    first: str
    second: str
    difference: str
    interval: str
    p: str
    sure: bool
    missing: str
    title: str


@dataclass(frozen=True)
class Comparison:
    """A pair of methods on a data set."""

    name: str
    first: str
    second: str
    lines: list[Line]


@dataclass(frozen=True)
class Compared:
    """All comparisons of a data set, and their figures as pairs of caption and data URI."""

    dataset: str
    comparisons: list[Comparison]
    pictures: list[tuple[str, str]]


def compared(
    run: Run, figures: Sequence[Path | str], embed: Callable[[Path], str]
) -> list[Compared]:
    """Return what the page says of pairs of methods; nothing where the run compares none.

    Parameters
    ----------
    run : Run
        Whose contrasts.
    figures : sequence of path
        Figures of the run, in folders named by their data set.
    embed : callable
        What makes a data URI of a photograph-like picture.
    """
    found = []
    paths = {(Path(f).parent.name, Path(f).name): Path(f) for f in figures}
    for dataset in run.datasets:
        own = run.contrasts[run.contrasts["dataset"] == dataset]
        if own.empty:
            continue
        pictures = []
        for stem, caption in _FIGURES:
            path = paths.get((dataset, f"{stem}.png"))
            if path is not None and path.is_file():
                make = few_colours if stem == "contrasts" else embed
                pictures.append((caption, make(path)))
        found.append(Compared(dataset, [comparison(pair) for pair in pairs(own)], pictures))
    return found


def comparison(pair: Pair) -> Comparison:
    """Return the table of a pair, in the order of its kinds of numbers."""
    lines = [
        _line(r)
        for task, pattern in _KINDS
        for r in rows(pair.table)
        if r.task == task and re.fullmatch(pattern, r.metric)
    ]
    return Comparison(pair.name, pair.first, pair.second, lines)


def _line(row: Any) -> Line:
    scale, digits = (1.0, 3) if row.metric in _PLAIN else (100.0, 1)

    def shown(value: float, sign: str = "") -> str:
        return "n/a" if math.isnan(value) else f"{scale * value:{sign}.{digits}f}"

    low, high = row.difference_low, row.difference_high
    known = not math.isnan(low)
    counts = " and ".join(
        "n/a" if math.isnan(n) else f"{n:.0f}" for n in (row.first_n, row.second_n)
    )
    return Line(
        name(row.metric),
        ", ".join(p for p in (row.attack, row.system, row.policy) if p),
        shown(row.first_value),
        shown(row.second_value),
        shown(row.difference_value, "+"),
        f"{shown(low, '+')} to {shown(high, '+')}" if known else "",
        "" if math.isnan(row.p_value) else f"{row.p_value:.3f}",
        known and (low > 0 or high < 0),
        row.note if math.isnan(row.difference_value) else "",
        "; ".join(p for p in (f"n = {counts}", row.note) if p),
    )


def name(metric: str) -> str:
    """Say in words what a metric is."""
    for start, text in (("gtar_at_gfar_", "attacker success at FMR {}"),):
        if metric.startswith(start):
            return text.format(percent(float(metric.removeprefix(start))))
    if metric in _NAMES:
        return _NAMES[metric]
    for pattern, text in _PATTERNS:
        known = re.fullmatch(pattern, metric)
        if known:
            return text.format(known[1])
    return metric


BEST = f"“{WORST}” is the most successful attack on each method, chosen anew in every resample."
