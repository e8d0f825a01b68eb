"""Exact verification error rates (ISO/IEC 19795-1) from similarity scores.

Conventions of the whole package: a score is a similarity (larger = more alike), a comparison
is accepted when ``score >= threshold``, and a comparison that could not be made scores
``-inf``, which no finite threshold accepts. Pass completed comparisons only for FMR and FNMR,
all of them for the generalised rates GFAR and GFRR.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from anonbench.metrics.decisions import confusion_at, rates_at
from anonbench.metrics.results import (
    Confusion,
    DetPoints,
    EqualErrorRate,
    ErrorRates,
    Floats,
    OperatingPoint,
)
from anonbench.metrics.score_sets import ScoreSet, SortedScores

__all__ = [
    "Confusion",
    "DetPoints",
    "EqualErrorRate",
    "ErrorRates",
    "OperatingPoint",
    "auc",
    "confusion_at",
    "det_points",
    "equal_error_rate",
    "equal_error_rate_of",
    "error_rates",
    "fnmr_at_fmr",
    "rates_at",
    "score_sets",
]

Scores = ArrayLike | ScoreSet

RULE_OF_THREE = 3.0
RULE_OF_THIRTY = 30.0


def score_sets(mated: Scores, nonmated: Scores) -> tuple[SortedScores, ScoreSet]:
    """Check both score sets and bring them to one common float32 or float64 type.

    Raises
    ------
    ValueError
        If a set is empty or holds NaN or +inf.
    TypeError
        If the mated scores are a set that is not held in memory.
    """
    sets: list[ScoreSet] = []
    for name, scores in (("mated", mated), ("non-mated", nonmated)):
        held = scores if isinstance(scores, ScoreSet) else SortedScores(scores, name)
        if held.size == 0:
            raise ValueError(f"no {name} scores: error rates need at least one")
        sets.append(held)
    dtype = np.result_type(sets[0].dtype, sets[1].dtype)
    first, second = (held.astype(dtype) for held in sets)
    if not isinstance(first, SortedScores):
        raise TypeError("mated scores must be sorted in memory")
    return first, second


def error_rates(mated: Scores, nonmated: Scores) -> ErrorRates:
    """Exact FMR and FNMR at every threshold that matters.

    Parameters
    ----------
    mated, nonmated : float arrays of similarities, any shape, or `ScoreSet`
        -inf for failed comparisons. float32 and float64 keep their precision. Where a set of
        non-mated scores is counted rather than held, the curve has its precision, while points
        chosen on it (`equal_error_rate`, `fnmr_at_fmr`) are exact.

    Returns
    -------
    ErrorRates
        FMR(t) = #{non-mated s >= t} / n_nonmated, FNMR(t) = #{mated s < t} / n_mated
        (ISO/IEC 19795-1).

    Raises
    ------
    ValueError
        If a set is empty or holds NaN or +inf.
    """
    return _rates(*score_sets(mated, nonmated))


def equal_error_rate(mated: Scores, nonmated: Scores) -> EqualErrorRate:
    """Equal error rate between the two operating points around FMR = FNMR.

    With t1 the largest threshold where FNMR <= FMR and t2 the next operating point, the value
    is where the straight line between them meets FMR = FNMR; low and high are the FVC2000
    interval (Maio et al., "FVC2000: Fingerprint Verification Competition", 2002): [FNMR, FMR]
    at t1 or [FMR, FNMR] at t2, whichever has the smaller sum. `threshold` is t1.

    Where failed comparisons (-inf) keep FNMR above FMR at every finite threshold there is no
    such rate: the value is NaN and `reason` says so.

    Raises
    ------
    ValueError
        As `error_rates`.
    """
    return equal_error_rate_of(error_rates(mated, nonmated))


def equal_error_rate_of(rates: ErrorRates) -> EqualErrorRate:
    """Return `equal_error_rate` of scores whose error rates are known already."""
    gap = rates.false_nonmatches * rates.n_nonmated - rates.false_matches * rates.n_mated
    if gap[0] > 0:
        reason = (
            f"no equal error rate: FNMR is at least {rates.fnmr[0]:.3g} and FMR at most "
            f"{rates.fmr[0]:.3g} at every threshold, as comparisons failed"
        )
        return EqualErrorRate(math.nan, math.nan, math.nan, math.nan, reason)
    before = _last_not_above(rates, int(np.searchsorted(gap, 0, side="right")) - 1)
    threshold = rates.thresholds[before]
    # Between two mated scores FNMR is constant: the crossing may lie at a non-mated score.
    constant = int(rates.false_nonmatches[before + 1])
    needed = -(-constant * rates.n_nonmated // rates.n_mated)
    if 1 <= needed <= rates.n_nonmated:
        threshold = max(threshold, threshold.dtype.type(rates.nonmated.kth_highest(needed)))
    after = threshold.dtype.type(np.nextafter(threshold, threshold.dtype.type(np.inf)))
    fmr1, fnmr1 = _shares(rates, threshold)
    fmr2, fnmr2 = _shares(rates, after)
    if fmr1 == fnmr1:
        return EqualErrorRate(fmr1, fmr1, fmr1, float(threshold))
    rise = (fmr1 - fnmr1) + (fnmr2 - fmr2)
    # It is 0 only for counts that are not exact yet.
    weight = (fmr1 - fnmr1) / rise if rise else 0.0
    low, high = (fnmr1, fmr1) if fmr1 + fnmr1 <= fmr2 + fnmr2 else (fmr2, fnmr2)
    value = min(max(fmr1 + weight * (fmr2 - fmr1), low), high)
    return EqualErrorRate(value, low, high, float(threshold))


def fnmr_at_fmr(
    rates: ErrorRates, target: float, distinct_nonmated: int | None = None
) -> OperatingPoint:
    """FNMR at the smallest threshold whose FMR is at most `target`.

    Parameters
    ----------
    rates : ErrorRates
    target : float in (0, 1]
    distinct_nonmated : int, optional
        Number of non-mated comparisons that count for the rules of 3 and 30, where fewer than
        `rates.n_nonmated` are distinct pairs of images.

    Returns
    -------
    OperatingPoint
        Not supported (all NaN) with fewer than 3 / target non-mated comparisons: zero errors
        among them would not show that FMR is at most `target` (rule of 3).

    Raises
    ------
    ValueError
        If `target` is not in (0, 1].
    """
    if not 0.0 < target <= 1.0:
        raise ValueError(f"target FMR {target} is not in (0, 1]")
    trials = rates.n_nonmated if distinct_nonmated is None else distinct_nonmated
    expected = trials * target
    if expected < RULE_OF_THREE * (1.0 - 1e-12):
        reason = (
            f"{trials} non-mated comparisons, fewer than the {math.ceil(3 / target - 1e-9)} "
            f"that FMR {target:g} needs (rule of 3)"
        )
        return OperatingPoint(math.nan, math.nan, math.nan, 0, 0, expected, False, reason)
    threshold = _smallest_threshold(rates, target)
    return _point(rates, threshold, expected)


def auc(mated: Scores, nonmated: Scores) -> float:
    """Probability that a mated score exceeds a non-mated one, ties counted half (Mann-Whitney).

    Two failed comparisons (-inf) tie. Exact in integers before the one division, where non-mated
    scores are held. Where they are counted, the error is at most the largest share of them that
    one bin holds; it is much smaller where scores spread over the bins.

    Raises
    ------
    ValueError
        As `error_rates`.
    """
    m, n = score_sets(mated, nonmated)
    above = np.nextafter(m.values, m.dtype.type(np.inf))
    below = n.size * m.size - int(n.curve(m.values).sum())
    up_to = n.size * m.size - int(n.curve(above).sum())
    return (below + up_to) / (2 * m.size * n.size)


def det_points(rates: ErrorRates, max_points: int = 1000) -> DetPoints:
    """At most `max_points` operating points, log-spaced in both error counts, ends kept.

    The counts let a plot draw solid from 30 errors, dashed from 3 and nothing below
    (rules of 30 and of 3).

    Raises
    ------
    ValueError
        If `max_points` is below 4.
    """
    if max_points < 4:
        raise ValueError(f"max_points is {max_points}, at least 4 are needed")
    size = rates.thresholds.size
    keep = np.arange(size)
    if size > max_points:
        share = max_points // 2 - 1
        wanted_fnm = np.geomspace(1, rates.n_mated, share)
        wanted_fm = np.geomspace(1, rates.n_nonmated, share)
        by_fnm = np.searchsorted(rates.false_nonmatches, wanted_fnm)
        by_fm = size - 1 - np.searchsorted(rates.false_matches[::-1], wanted_fm)
        chosen = np.concatenate(([0, size - 1], by_fnm, by_fm))
        keep = np.unique(np.clip(chosen, 0, size - 1))
    return DetPoints(
        rates.thresholds[keep],
        rates.fmr[keep],
        rates.fnmr[keep],
        rates.false_matches[keep],
        rates.false_nonmatches[keep],
    )


def _rates(mated: SortedScores, nonmated: ScoreSet) -> ErrorRates:
    """Error rates of checked score sets."""
    thresholds = _thresholds(mated, nonmated)
    false_nonmatches = mated.size - mated.curve(thresholds)
    false_matches = nonmated.curve(thresholds)
    return ErrorRates(
        thresholds=thresholds,
        fmr=false_matches / nonmated.size,
        fnmr=false_nonmatches / mated.size,
        false_matches=false_matches,
        false_nonmatches=false_nonmatches,
        n_mated=mated.size,
        n_nonmated=nonmated.size,
        nonmated=nonmated,
    )


def _thresholds(mated: SortedScores, nonmated: ScoreSet) -> Floats:
    """Lowest finite score, distinct finite mated scores, and one step above the highest."""
    dtype = mated.dtype
    highest = max(mated.highest, nonmated.highest)
    if highest == -np.inf:
        # Nothing was completed: every finite threshold rejects everything.
        return np.zeros(1, dtype=dtype)
    reject_all = np.nextafter(dtype.type(highest), dtype.type(np.inf))
    steps = np.append(mated.finite().values, reject_all)
    if nonmated.completed and not (mated.completed and nonmated.lowest >= mated.lowest):
        steps = np.concatenate([[dtype.type(nonmated.lowest)], steps])
    return np.asarray(steps[np.concatenate(([True], steps[1:] != steps[:-1]))])


def _last_not_above(rates: ErrorRates, index: int) -> int:
    """Last operating point with FNMR <= FMR, found from one that the curve says is near it."""

    def above(k: int) -> bool:
        false_matches = rates.nonmated.at_or_above(float(rates.thresholds[k]))
        missed = int(rates.false_nonmatches[k])
        return missed * rates.n_nonmated > false_matches * rates.n_mated

    while index > 0 and above(index):
        index -= 1
    while not above(index + 1):
        index += 1
    return index


def _smallest_threshold(rates: ErrorRates, target: float) -> float:
    """Smallest representable threshold with FMR <= target, not below the lowest score."""
    n = rates.n_nonmated
    allowed = math.floor(target * n)
    # target * n may round across an integer: settle it on the share itself.
    while allowed < n and (allowed + 1) / n <= target:
        allowed += 1
    while allowed / n > target:
        allowed -= 1
    lowest = rates.thresholds[0]
    if allowed >= n:
        return float(lowest)
    too_low = lowest.dtype.type(rates.nonmated.kth_highest(allowed + 1))
    return float(max(lowest, np.nextafter(too_low, lowest.dtype.type(np.inf))))


def _point(rates: ErrorRates, threshold: float, expected: float) -> OperatingPoint:
    index = int(np.searchsorted(rates.thresholds, rates.thresholds.dtype.type(threshold)))
    fmr, _ = _shares(rates, rates.thresholds.dtype.type(threshold))
    return OperatingPoint(
        threshold=threshold,
        fmr=fmr,
        fnmr=float(rates.fnmr[index]),
        false_matches=round(fmr * rates.n_nonmated),
        false_nonmatches=int(rates.false_nonmatches[index]),
        expected_errors=expected,
        supported=True,
    )


def _shares(rates: ErrorRates, threshold: np.floating[Any]) -> tuple[float, float]:
    """(FMR, FNMR) at a threshold not above the last one of `rates`."""
    false_matches = rates.nonmated.at_or_above(float(threshold))
    index = int(np.searchsorted(rates.thresholds, threshold))
    return false_matches / rates.n_nonmated, float(rates.fnmr[index])
