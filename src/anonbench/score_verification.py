"""Verification rows of one condition (attack, strength, recogniser, policy)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.comparisons import Compared, Comparisons
from anonbench.metrics import intervals, replicates, verification
from anonbench.metrics.folds import fold_accuracy
from anonbench.metrics.results import OperatingPoint
from anonbench.metrics.score_sets import ScoreSet, SortedScores
from anonbench.score_rows import Rows

Floats = NDArray[np.floating[Any]]
Points = dict[float, OperatingPoint]
Clear = Mapping[float, OperatingPoint]


@dataclass(frozen=True)
class OperatingPoints:
    """Where a condition is measured: completed comparisons, and all of them (``general``).

    The first have no EER and no points where no mated or no non-mated comparison was completed.
    """

    eer: verification.EqualErrorRate | None
    points: Points
    general_eer: verification.EqualErrorRate
    general_points: Points


@dataclass(frozen=True)
class _Condition:
    """Scores of a condition with everything that its rows share."""

    scores: Compared
    all_mated: SortedScores
    all_nonmated: ScoreSet
    mated: SortedScores
    nonmated: ScoreSet
    found: OperatingPoints
    counts: replicates.Replicates
    too_few: str
    too_few_in_all: str


def verification_rows(rows: Rows, scores: Compared, clear: Clear) -> None:
    """Add EER, AUC, FNMR at FMR, generalised rates and the rates at fixed thresholds."""
    condition = _condition(rows, scores, clear)
    _completed_rows(rows, condition)
    _generalised_rows(rows, condition)
    _clear_rows(rows, condition, clear)
    _accepted_rows(rows, condition)
    if isinstance(scores, Comparisons) and scores.folds is not None:
        _accuracy_row(rows, scores, condition.too_few_in_all)


def clear_thresholds(baseline: Compared, targets: Sequence[float]) -> Points:
    """Operating points of the completed clear comparisons at each target FMR."""
    mated, nonmated = baseline.mated_set.finite(), baseline.nonmated_set.finite()
    if mated.size == 0 or nonmated.size == 0:
        reason = "no completed mated or non-mated comparison"
        missing = OperatingPoint(math.nan, math.nan, math.nan, 0, 0, 0.0, False, reason)
        return dict.fromkeys(targets, missing)
    distinct = _distinct(baseline.nonmated_set, baseline.distinct_nonmated)
    return _points(verification.error_rates(mated, nonmated), targets, distinct)


def operating_points(
    mated: SortedScores, nonmated: ScoreSet, distinct: int, targets: Sequence[float]
) -> OperatingPoints:
    """Find all operating points that depend on the scores.

    Parameters
    ----------
    mated, nonmated : sets with failed comparisons
    distinct : non-mated comparisons of distinct pairs of images
    targets : false match rates
    """
    completed = mated.finite(), nonmated.finite()
    eer, points = None, {}
    if completed[0].size and completed[1].size:
        rates = verification.error_rates(*completed)
        eer = verification.equal_error_rate_of(rates)
        points = _points(rates, targets, _distinct(nonmated, distinct))
    rates = verification.error_rates(mated, nonmated)
    return OperatingPoints(
        eer=eer,
        points=points,
        general_eer=verification.equal_error_rate_of(rates),
        general_points=_points(rates, targets, distinct),
    )


def _condition(rows: Rows, scores: Compared, clear: Clear) -> _Condition:
    few, targets = rows.settings.minimum_mated, rows.settings.fmr_targets
    all_mated, all_nonmated = scores.mated_set, scores.nonmated_set
    mated, nonmated = all_mated.finite(), all_nonmated.finite()
    found = operating_points(all_mated, all_nonmated, scores.distinct_nonmated, targets)
    groups = found.points, found.general_points, clear
    fixed = [p.threshold for group in groups for p in group.values()]
    fixed += [-rows.settings.distance_threshold, found.eer.threshold if found.eer else math.nan]
    too_few = "" if nonmated.size else "no completed non-mated comparison"
    if mated.size < few:
        too_few = f"{mated.size} completed mated comparisons, fewer than {few}"
    in_all = f"{all_mated.size} mated comparisons, fewer than {few}"
    return _Condition(
        scores=scores,
        all_mated=all_mated,
        all_nonmated=all_nonmated,
        mated=mated,
        nonmated=nonmated,
        found=found,
        counts=scores.replicated(rows.weights, rows.units, np.array(fixed)),
        too_few=too_few,
        too_few_in_all=in_all if all_mated.size < few else "",
    )


def _points(rates: verification.ErrorRates, targets: Sequence[float], distinct: int) -> Points:
    return {target: verification.fnmr_at_fmr(rates, target, distinct) for target in targets}


def _completed_rows(rows: Rows, condition: _Condition) -> None:
    """Add EER, AUC and FNMR at FMR over completed comparisons."""
    n_mated, n = condition.mated.size, condition.mated.size + condition.nonmated.size
    names = [f"fnmr_at_fmr_{t:g}" for t in rows.settings.fmr_targets]
    if condition.too_few or condition.found.eer is None:
        for name in ("eer", "eer_low_bound", "eer_high_bound", "auc"):
            rows.add(name, math.nan, n, condition.too_few)
        for name in names:
            rows.add(name, math.nan, n_mated, condition.too_few)
        return
    counts, eer = condition.counts.completed(), condition.found.eer
    n_subjects = int(np.unique(condition.scores.mated_subjects).size)
    rows.add("eer", eer.value, n, eer.reason, replicates.replicate_eer(counts), n_subjects)
    rows.add("eer_low_bound", eer.low, n, eer.reason)
    rows.add("eer_high_bound", eer.high, n, eer.reason)
    area = verification.auc(condition.mated, condition.nonmated)
    rows.add("auc", area, n, "", replicates.replicate_auc(counts), n_subjects)
    for name, (target, point) in zip(names, condition.found.points.items(), strict=True):
        values = replicates.replicate_fnmr_at_fmr(counts, target) if point.supported else None
        rows.add(name, point.fnmr, n_mated, _point_note(point), values, n_subjects)


def _generalised_rows(rows: Rows, condition: _Condition) -> None:
    """Add the same with failed comparisons counted as rejected."""
    scores, counts, few = condition.scores, condition.counts, condition.too_few_in_all
    n_subjects = int(np.unique(scores.mated_subjects).size)
    n_mated = condition.all_mated.size
    n = n_mated + condition.all_nonmated.size
    eer = condition.found.general_eer
    value, note = (math.nan, few) if few else (eer.value, eer.reason)
    rows.add("geer", value, n, note, replicates.replicate_eer(counts), n_subjects)
    for target, point in condition.found.general_points.items():
        value, note = (math.nan, few) if few else (point.fnmr, _point_note(point))
        values = replicates.replicate_fnmr_at_fmr(counts, target) if point.supported else None
        rows.add(f"gfrr_at_gfar_{target:g}", value, n_mated, note, values, n_subjects)


def _clear_rows(rows: Rows, condition: _Condition, clear: Clear) -> None:
    """Add the rates achieved at the thresholds fixed on the clear baseline."""
    everything, completed = condition.counts, condition.counts.completed()
    scores, grid = condition.scores, condition.counts.thresholds
    n_subjects = int(np.unique(scores.mated_subjects).size)
    kinds = (
        ("fmr", condition.nonmated, completed.fmr, condition.too_few, rows.n_subjects),
        ("fnmr", condition.mated, completed.fnmr, condition.too_few, n_subjects),
        ("gfrr", condition.all_mated, everything.fnmr, condition.too_few_in_all, n_subjects),
    )
    for name, chosen, replicated, few, subjects in kinds:
        table = replicated()
        for target, point in clear.items():
            metric = f"{name}_at_clear_fmr_{target:g}"
            note = few or (f"no clear threshold: {point.reason}" if not point.supported else "")
            if note:
                rows.add(metric, math.nan, chosen.size, note)
                continue
            accepted = chosen.at_or_above(point.threshold)
            errors = accepted if name == "fmr" else chosen.size - accepted
            values = table[:, _column(grid, point.threshold)]
            rows.add(
                metric, errors / chosen.size, chosen.size, _point_note(point), values, subjects
            )


def _accepted_rows(rows: Rows, condition: _Condition) -> None:
    """Add the shares of all comparisons accepted at a distance (Heimes 2021, fig. 9)."""
    scores, counts, limit = condition.scores, condition.counts, rows.settings.distance_threshold
    column = _column(counts.thresholds, -limit)
    confusion = verification.confusion_at(condition.all_mated, condition.all_nonmated, -limit)
    n_subjects = int(np.unique(scores.mated_subjects).size)
    for name, chosen, share, values, subjects in (
        (
            "mated",
            condition.all_mated,
            confusion.mated_accepted_share,
            1 - counts.fnmr(),
            n_subjects,
        ),
        (
            "nonmated",
            condition.all_nonmated,
            confusion.nonmated_accepted_share,
            counts.fmr(),
            rows.n_subjects,
        ),
    ):
        failed = chosen.size - chosen.completed
        note = f"{failed} of {chosen.size} comparisons failed and count as rejected"
        metric = f"{name}_accepted_at_{limit:g}"
        if condition.too_few_in_all:
            rows.add(metric, math.nan, chosen.size, condition.too_few_in_all)
            continue
        rows.add(metric, share, chosen.size, note if failed else "", values[:, column], subjects)


def _accuracy_row(rows: Rows, scores: Comparisons, few: str) -> None:
    """Add the mean accuracy over folds; its interval resamples subjects at the thresholds found."""
    assert scores.folds is not None
    values = np.concatenate([scores.mated, scores.nonmated])
    mated = np.arange(values.size) < scores.mated.size
    result = fold_accuracy(values, mated, np.concatenate(scores.folds))
    value, note = (math.nan, few) if few else (result.value, result.reason)
    failed = int(np.count_nonzero(values == -np.inf))
    if failed and not note:
        note = f"{failed} of {values.size} pairs failed and count as rejected"
    first = np.concatenate([scores.mated_subjects, scores.nonmated_gallery])
    second = np.concatenate([scores.mated_subjects, scores.nonmated_probe])
    replicated = intervals.replicate_share(
        rows.weights, result.correct, rows.units[first], rows.units[second]
    )
    rows.add("accuracy", value, values.size, note, replicated, rows.n_subjects)


def _point_note(point: OperatingPoint) -> str:
    if not point.supported or point.expected_errors >= verification.RULE_OF_THIRTY:
        return point.reason
    return f"rough: {point.expected_errors:.3g} false matches expected, fewer than 30 (rule of 30)"


def _column(grid: Floats, threshold: float) -> int:
    """Index of a threshold that is in the grid."""
    index = int(np.searchsorted(grid, grid.dtype.type(threshold)))
    assert grid[index] == grid.dtype.type(threshold)
    return index


def _distinct(nonmated: ScoreSet, distinct: int) -> int:
    """Completed non-mated comparisons of distinct image pairs, given how many there are in all."""
    return nonmated.completed // 2 if distinct < nonmated.size else nonmated.completed
