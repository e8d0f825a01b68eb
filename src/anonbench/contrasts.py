"""Differences of two methods with intervals: what one keeps more than the other, and its cost.

All methods of a data set are scored on the same draws of subjects, replicate by replicate, so the
replicates of a difference are the differences of the replicates. What both methods share, above
all which subjects are easy, cancels; intervals of each on its own cannot tell that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench.io import rows
from anonbench.metrics.intervals import percentile_interval
from anonbench.protocols import ATTACKERS
from anonbench.strengths import paired_strengths

Array = NDArray[np.float64]
Key = tuple[str, str, str, str, str]
"""Task, metric, attack, system, policy."""

CONTRAST_COLUMNS = (
    "dataset", "contrast", "first", "first_strength", "second", "second_strength",
    "task", "attack", "system", "policy", "metric", "first_value", "second_value",
    "difference_value", "difference_low", "difference_high", "p_value", "first_n", "second_n",
    "note",
)  # fmt: skip
WORST = "worst"
"""Stands for attack, system and policy where the most successful attack is meant."""

_NONE = np.zeros(0)
_COMPARED = {
    "verification": r"eer|geer|fta|fte|fnmr_at_fmr_.+|gfrr_at_gfar_.+",
    "identification": r"rank_1",
    "expression": r"(?!majority_|chance_|kid_|fid_).+",
    "detection": r".+",
    "landmarks": r".+",
    "pose": r".+",
    "quality": r"(ssim|gmsd)_inside",
    "ledger": r"fail_closed",
}
"""By task, the metrics that are compared: those with replicates."""
_COMPLEMENTS = (("fnmr_at_fmr_", "tmr_at_fmr_"), ("gfrr_at_gfar_", "gtar_at_gfar_"))
"""Error rates that are compared as success rates: 1 - FNMR, and 1 - GFRR."""


@dataclass(frozen=True)
class Measured:
    """A number of one method: value, interval, replicates (B,), n and what is noted of it."""

    value: float
    low: float = math.nan
    high: float = math.nan
    n: float = math.nan
    note: str = ""
    replicates: Array = field(default_factory=lambda: _NONE)

    def complement(self) -> Measured:
        """Return 1 minus the number."""
        flipped = 1 - self.value, 1 - self.high, 1 - self.low
        return Measured(*flipped, self.n, self.note, 1 - self.replicates)


@dataclass(frozen=True)
class Difference:
    """First minus second: value, interval, and two-sided p; NaN where unknown, with a note."""

    value: float
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan
    note: str = ""


def contrasts(
    table: pd.DataFrame,
    replicates: pd.DataFrame,
    wanted: Sequence[Mapping[str, Any]],
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return the differences of pairs of methods, one row a number.

    Parameters
    ----------
    table : DataFrame
        Metric rows of the run.
    replicates : DataFrame
        With `anonbench.io.REPLICATE_COLUMNS`. Two rows that differ in method and strength alone
        have the same subjects in every replicate, also where `paired` says that other tables have
        others: the draw depends on seed, data set and protocol, not on the method.
    wanted : sequence of mapping
        Entries of `anonbench.config.Contrast`.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    DataFrame
        `CONTRAST_COLUMNS`; positive differences: the first method's number is higher. Attacks
        succeed by `tmr_at_fmr_X` = 1 - FNMR and `gtar_at_gfar_X` = 1 - GFRR. The most successful
        attack (`WORST`) is chosen for each method on its own, anew in every replicate.

    Raises
    ------
    ValueError
        If nothing says which strengths of two methods belong together.
    """
    kept = _by_condition(replicates)
    found: list[dict[str, Any]] = []
    for dataset, own in table.groupby("dataset", sort=False):
        sides = _sides(own, kept)
        for entry in wanted:
            methods = tuple(entry["methods"])
            # A method without a row on this data set has nothing to be compared by.
            labels = [[s for m, s in sides if m == method] for method in methods]
            if not all(labels):
                continue
            for strengths in _pairs(entry, (labels[0], labels[1])):
                pair = {"dataset": dataset, "contrast": entry["name"]}
                for side, method, strength in zip(
                    ("first", "second"), methods, strengths, strict=True
                ):
                    pair |= {side: method, f"{side}_strength": strength}
                first, second = (sides[k] for k in zip(methods, strengths, strict=True))
                found += [{**pair, **row} for row in _rows(first, second, methods, confidence)]
    return pd.DataFrame(found, columns=list(CONTRAST_COLUMNS))


def _pairs(
    entry: Mapping[str, Any], labels: tuple[Sequence[str], Sequence[str]]
) -> list[tuple[str, str]]:
    try:
        return paired_strengths(entry["methods"], labels, entry["strengths"])
    except ValueError as error:
        raise ValueError(f"contrasts.{entry['name']}: {error}") from None


def _by_condition(replicates: pd.DataFrame) -> dict[tuple[str, ...], Array]:
    return {
        (r.dataset, r.method, r.strength, r.metric, r.attack, r.system, r.policy): np.asarray(
            r.values, np.float64
        )
        for r in rows(replicates)
    }


def _sides(
    own: pd.DataFrame, kept: Mapping[tuple[str, ...], Array]
) -> dict[tuple[str, str], dict[Key, Measured]]:
    """Return what is compared of every method and strength of a data set."""
    sides: dict[tuple[str, str], dict[Key, Measured]] = {}
    for r in rows(own):
        side = sides.setdefault((r.method, r.strength), {})
        if _is_compared(r):
            place = (r.dataset, r.method, r.strength, r.metric, r.attack, r.system, r.policy)
            drawn = kept.get(place, _NONE)
            number = Measured(r.value, r.low, r.high, r.n, r.note, drawn)
            metric, number = _as_success(r.metric, number)
            side[r.task, metric, r.attack, r.system, r.policy] = number
    for side in sides.values():
        side |= dict(_worst(side))
    return sides


def _is_compared(row: Any) -> bool:
    known = re.fullmatch(_COMPARED.get(row.task, "(?!)"), row.metric)
    return known is not None and row.attack in ("", *ATTACKERS)


def _as_success(metric: str, number: Measured) -> tuple[str, Measured]:
    for error, success in _COMPLEMENTS:
        if metric.startswith(error):
            return metric.replace(error, success), number.complement()
    return metric, number


def _worst(side: Mapping[Key, Measured]) -> Iterator[tuple[Key, Measured]]:
    """Yield the success of the most successful attack at every false match rate."""
    names = dict.fromkeys(k[1] for k in side if k[1].startswith("gtar_at_gfar_"))
    for metric in names:
        known = [(k, m) for k, m in side.items() if k[1] == metric and not math.isnan(m.value)]
        key: Key = ("verification", metric, WORST, "", "")
        if not known:
            notes = [m.note for k, m in side.items() if k[1] == metric]
            yield key, Measured(math.nan, note=notes[0])
            continue
        whose, best = max(known, key=lambda item: item[1].value)
        drawn = [m.replicates for _, m in known]
        same = all(d.size == drawn[0].size for d in drawn)
        most = np.fmax.reduce(drawn) if same else _NONE
        told = f"most successful: {', '.join(whose[2:])}"
        note = "; ".join(n for n in (told, best.note) if n)
        yield key, replace(best, note=note, replicates=most)


def _rows(
    first: Mapping[Key, Measured],
    second: Mapping[Key, Measured],
    methods: tuple[str, ...],
    confidence: float,
) -> Iterator[dict[str, Any]]:
    missing = Measured(math.nan, note="not among the run's results")
    for key in dict.fromkeys([*first, *second]):
        a, b = first.get(key, missing), second.get(key, missing)
        found = difference(a, b, confidence)
        names = dict(zip(("task", "metric", "attack", "system", "policy"), key, strict=True))
        yield {
            **names, "first_value": a.value, "second_value": b.value,
            "difference_value": found.value, "difference_low": found.low,
            "difference_high": found.high, "p_value": found.p, "first_n": a.n, "second_n": b.n,
            "note": "; ".join(p for p in (found.note, _noted(methods, a.note, b.note)) if p),
        }  # fmt: skip


def _noted(methods: Sequence[str], first: str, second: str) -> str:
    """Return what is noted of both numbers, once where it is the same."""
    if first == second:
        return first
    told = zip(methods, (first, second), strict=True)
    return "; ".join(f"{method}: {note}" for method, note in told if note)


def difference(first: Measured, second: Measured, confidence: float = 0.95) -> Difference:
    """Subtract one number from another, replicate by replicate.

    Parameters
    ----------
    first, second : Measured
        Of two methods; replicate b of both has the same subjects.
    confidence : float
        Coverage of the interval, percentiles of the replicates of the difference.

    Returns
    -------
    Difference
        `p` is min(1, 2 min(1 + #{d <= 0}, 1 + #{d >= 0}) / (1 + B)) over the d of B replicates:
        the percentile interval inverted (Efron and Tibshirani 1993), with one added to each count
        so that no p is 0 (Davison and Hinkley 1997, chapter 4). Where both numbers are 0 or 1 in
        every replicate, there is no spread to resample: the interval is widened by the exact
        bounds of either, and there is no p.
    """
    value = first.value - second.value
    if math.isnan(value):
        return Difference(value)
    a, b = first.replicates, second.replicates
    if not a.size or not b.size:
        return Difference(value, note="no interval: there are no bootstrap replicates")
    if a.size != b.size:
        told = f"{a.size} and {b.size} replicates"
        return Difference(value, note=f"no interval: {told} cannot be paired")
    drawn = a - b
    bounds = percentile_interval(drawn, confidence)
    if math.isnan(bounds.low):
        lost = int(np.isnan(drawn).sum())
        return Difference(value, note=f"no interval: {lost} of {drawn.size} replicates lack it")
    # That of two maxima, as of the most successful attacks, may lie outside of its percentiles.
    low, high = min(bounds.low, value), max(bounds.high, value)
    if _is_certain(first) and _is_certain(second):
        low = min(low, value - _room(first)[0], value - _room(second)[1])
        high = max(high, value + _room(first)[1], value + _room(second)[0])
        return Difference(value, low, high, note="no p: both are 0 or 1 in every replicate")
    return Difference(value, low, high, p_value(drawn))


def p_value(drawn: Array) -> float:
    """Return the two-sided p of replicates (B,) of a difference; undefined ones are left out."""
    known = drawn[~np.isnan(drawn)]
    fewer = 1 + min(int((known <= 0).sum()), int((known >= 0).sum()))
    return float(min(1.0, 2 * fewer / (1 + known.size)))


def _is_certain(number: Measured) -> bool:
    """Tell whether a rate is 0 or 1 whoever is drawn."""
    known = number.replicates[~np.isnan(number.replicates)]
    return number.value in (0.0, 1.0) and bool((known == number.value).all())


def _room(number: Measured) -> tuple[float, float]:
    """Return how far below and above its value a number may lie, by its own interval."""
    return float(np.fmax(number.value - number.low, 0)), float(
        np.fmax(number.high - number.value, 0)
    )
