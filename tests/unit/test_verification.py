"""Error rates against hand-computed values, analytic limits and scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import norm
from sklearn.metrics import det_curve, roc_auc_score

from anonbench.metrics.verification import (
    auc,
    confusion_at,
    det_points,
    equal_error_rate,
    error_rates,
    fnmr_at_fmr,
    rates_at,
)

INF = np.inf
# Few distinct values, so that ties and failures are frequent.
scores = arrays(
    np.float64, st.integers(1, 12), elements=st.sampled_from([-INF, -2.0, -1.0, 0.0, 1.0, 2.0])
)


def test_hand_computed_rates() -> None:
    rates = error_rates([2.0, 3.0, 3.0, 5.0], [1.0, 2.0, 3.0, 4.0, 6.0])
    above = np.nextafter(6.0, INF)
    np.testing.assert_array_equal(rates.thresholds, [1.0, 2.0, 3.0, 5.0, above])
    np.testing.assert_array_equal(rates.false_matches, [5, 4, 3, 1, 0])
    np.testing.assert_array_equal(rates.false_nonmatches, [0, 0, 1, 3, 4])
    np.testing.assert_allclose(rates.fmr, [1.0, 0.8, 0.6, 0.2, 0.0])
    np.testing.assert_allclose(rates.fnmr, [0.0, 0.0, 0.25, 0.75, 1.0])


@settings(max_examples=200, deadline=None)
@given(scores, scores)
def test_rates_agree_with_their_definition(mated: np.ndarray, nonmated: np.ndarray) -> None:
    rates = error_rates(mated, nonmated)
    assert np.isfinite(rates.thresholds).all()
    assert (np.diff(rates.thresholds) > 0).all()
    for k, t in enumerate(rates.thresholds):
        assert rates.fmr[k] == np.count_nonzero(nonmated >= t) / nonmated.size
        assert rates.fnmr[k] == np.count_nonzero(mated < t) / mated.size
    assert rates.fmr[-1] == 0.0
    assert rates.fnmr[-1] == 1.0


def test_float32_is_kept() -> None:
    one = np.float32(1)
    rates = error_rates(np.array([one, np.nextafter(one, np.float32(2))]), np.array([one]))
    assert rates.thresholds.dtype == np.float32
    np.testing.assert_array_equal(rates.fnmr, [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(rates.fmr, [1.0, 0.0, 0.0])


@pytest.mark.parametrize("bad", [[], [math.nan], [1.0, math.inf]])
def test_bad_scores_are_refused(bad: list[float]) -> None:
    for function in (error_rates, equal_error_rate, auc):
        with pytest.raises(ValueError, match=r"mated scores"):
            function(bad, [1.0])
        with pytest.raises(ValueError, match=r"non-mated scores"):
            function([1.0], bad)
    with pytest.raises(ValueError, match=r"non-mated scores"):
        rates_at([1.0], bad, 0.0)


def test_agrees_with_sklearn() -> None:
    generator = np.random.default_rng(1)
    mated = np.round(generator.normal(1.0, 1.0, 700), 2)
    nonmated = np.round(generator.normal(0.0, 1.0, 3000), 2)
    labels = np.repeat([1, 0], [mated.size, nonmated.size])
    both = np.concatenate([mated, nonmated])
    fpr, fnr, thresholds = det_curve(labels, both)
    rates = error_rates(mated, nonmated)
    known = np.isin(rates.thresholds, thresholds)
    assert known.sum() > 200
    index = np.searchsorted(thresholds, rates.thresholds[known])
    np.testing.assert_allclose(rates.fmr[known], fpr[index])
    np.testing.assert_allclose(rates.fnmr[known], fnr[index])
    assert auc(mated, nonmated) == pytest.approx(roc_auc_score(labels, both), abs=1e-12)


def test_eer_hand_computed() -> None:
    # FNMR is 1/4 between 1 and 4, FMR falls through 1/4 only after 3: it jumps 1/4 -> 0 at 3.
    result = equal_error_rate([1.0, 4.0, 5.0, 6.0], [0.0, 0.5, 0.7, 3.0])
    assert (result.value, result.low, result.high, result.threshold) == (0.25, 0.25, 0.25, 3.0)
    # One threshold, everything tied: from (1, 0) to (0, 1), so they meet half-way.
    tied = equal_error_rate([0.0, 0.0], [0.0, 0.0, 0.0])
    assert (tied.value, tied.low, tied.high) == (0.5, 0.0, 1.0)
    # t1 = 1 with (FMR, FNMR) = (2/3, 0); just above both change, to (0, 1/2).
    step = equal_error_rate([1.0, 2.0], [0.0, 1.0, 1.0])
    assert step.value == pytest.approx(2 / 3 - (2 / 3) / (2 / 3 + 1 / 2) * 2 / 3)
    assert (step.low, step.high) == (0.0, 0.5)


def test_eer_of_separated_scores_is_zero() -> None:
    result = equal_error_rate([3.0, 4.0], [1.0, 2.0])
    assert (result.value, result.low, result.high, result.threshold) == (0.0, 0.0, 0.0, 3.0)


@settings(max_examples=300, deadline=None)
@given(scores, scores)
def test_eer_agrees_with_its_definition(mated: np.ndarray, nonmated: np.ndarray) -> None:
    observed = np.unique(np.concatenate([mated, nonmated]))
    grid = [*observed[np.isfinite(observed)], 3.0]
    fmr = np.array([(nonmated >= t).mean() for t in grid])
    fnmr = np.array([(mated < t).mean() for t in grid])
    result = equal_error_rate(mated, nonmated)
    if not (fnmr <= fmr).any():
        assert math.isnan(result.value)
        assert "failed" in result.reason
        return
    t1 = int(np.flatnonzero(fnmr <= fmr)[-1])
    assert result.threshold == grid[t1]
    assert result.low <= result.value <= result.high
    if fnmr[t1] == fmr[t1]:
        assert result.value == result.low == result.high == fmr[t1]
        return
    t2 = int(np.flatnonzero(fnmr >= fmr)[0])
    low, high = (fnmr[t1], fmr[t1])
    if fnmr[t1] + fmr[t1] > fnmr[t2] + fmr[t2]:
        low, high = fmr[t2], fnmr[t2]
    assert (result.low, result.high) == (low, high)


@pytest.mark.parametrize("separation", [0.0, 1.0, 2.0, 3.0])
def test_eer_and_auc_of_gaussians(separation: float) -> None:
    generator = np.random.default_rng(2)
    mated = generator.normal(separation, 1.0, 200_000)
    nonmated = generator.normal(0.0, 1.0, 200_000)
    assert equal_error_rate(mated, nonmated).value == pytest.approx(
        norm.cdf(-separation / 2), abs=0.003
    )
    assert auc(mated, nonmated) == pytest.approx(norm.cdf(separation / math.sqrt(2)), abs=0.003)
    point = fnmr_at_fmr(error_rates(mated, nonmated), 0.01)
    assert point.fnmr == pytest.approx(norm.cdf(norm.ppf(0.99) - separation), abs=0.01)


def test_failures_can_leave_no_eer() -> None:
    result = equal_error_rate([-INF, -INF, -INF, 1.0], [-INF, -INF, -INF, 0.0])
    assert math.isnan(result.value)
    assert math.isnan(result.low)
    assert "0.75" in result.reason
    nothing = equal_error_rate([-INF], [-INF])
    assert math.isnan(nothing.value)
    assert "failed" in nothing.reason


def test_fnmr_at_fmr_takes_the_smallest_threshold_at_most_the_target() -> None:
    nonmated = np.arange(1.0, 101.0)
    rates = error_rates([90.0, 90.5, 95.0, 200.0], nonmated)
    point = fnmr_at_fmr(rates, 0.1)
    # 91..100 are ten of a hundred; 90 must be rejected, and with it the mated score of 90.
    assert point.threshold == np.nextafter(90.0, INF)
    assert (point.fmr, point.fnmr) == (0.1, 0.25)
    assert (point.false_matches, point.false_nonmatches) == (10, 1)
    assert point.expected_errors == 10.0
    # 0.07 * 100 is 7.000000000000001 and 0.29 * 100 is 28.999999999999996 in floating point.
    for target, matches in ((0.07, 7), (0.29, 29), (0.295, 29)):
        assert fnmr_at_fmr(rates, target).false_matches == matches


@settings(max_examples=200, deadline=None)
@given(scores, scores, st.sampled_from([0.25, 0.3, 0.5, 0.9, 1.0]))
def test_fnmr_at_fmr_agrees_with_its_definition(
    mated: np.ndarray, nonmated: np.ndarray, target: float
) -> None:
    point = fnmr_at_fmr(error_rates(mated, nonmated), target, distinct_nonmated=1000)
    observed = np.unique(np.concatenate([mated, nonmated]))
    grid = [*observed[np.isfinite(observed)], 3.0]
    first = next(t for t in grid if (nonmated >= t).mean() <= target)
    assert point.fmr == (nonmated >= first).mean()
    assert point.fnmr == (mated < first).mean()
    assert (nonmated >= point.threshold).mean() == point.fmr
    assert (mated < point.threshold).mean() == point.fnmr


def test_ties_at_the_target_are_all_rejected() -> None:
    rates = error_rates([5.0] * 4, [1.0] * 50 + [2.0] * 50)
    point = fnmr_at_fmr(rates, 0.3)
    assert (point.threshold, point.fmr) == (np.nextafter(2.0, INF), 0.0)


def test_rule_of_three() -> None:
    mated = np.ones(10)
    enough = fnmr_at_fmr(error_rates(mated, np.arange(3000.0)), 0.001)
    assert enough.supported
    short = fnmr_at_fmr(error_rates(mated, np.arange(2999.0)), 0.001)
    assert not short.supported
    assert math.isnan(short.fnmr)
    assert math.isnan(short.fmr)
    assert "3000" in short.reason
    assert not fnmr_at_fmr(error_rates(mated, np.arange(3000.0)), 0.001, 1500).supported
    with pytest.raises(ValueError, match="target"):
        fnmr_at_fmr(error_rates(mated, mated), 0.0)


def test_confusion_and_rates_at_a_threshold() -> None:
    mated, nonmated = [-INF, 0.0, 1.0, 2.0], [-INF, -1.0, 1.0]
    confusion = confusion_at(mated, nonmated, 1.0)
    assert (confusion.mated_accepted, confusion.mated_rejected) == (2, 2)
    assert (confusion.nonmated_accepted, confusion.nonmated_rejected) == (1, 2)
    point = rates_at(mated, nonmated, 1.0)
    assert (point.fmr, point.fnmr) == (1 / 3, 0.5)
    assert rates_at(mated, nonmated, -1e9).fnmr == 0.25
    with pytest.raises(ValueError, match="finite"):
        rates_at(mated, nonmated, -INF)


def test_auc_counts_ties_half() -> None:
    assert auc([1.0, 2.0], [1.0, 0.0]) == (0.5 + 1 + 1 + 1) / 4
    assert auc([0.0] * 7, [0.0] * 5) == 0.5


def test_shuffled_labels_are_at_chance() -> None:
    generator = np.random.default_rng(3)
    both = generator.permutation(np.concatenate([generator.normal(3, 1, 4000), np.zeros(4000)]))
    assert equal_error_rate(both[:4000], both[4000:]).value == pytest.approx(0.5, abs=0.03)
    assert auc(both[:4000], both[4000:]) == pytest.approx(0.5, abs=0.03)


def test_order_does_not_matter() -> None:
    generator = np.random.default_rng(4)
    mated, nonmated = generator.normal(1, 1, 500), generator.normal(0, 1, 900)
    mixed = generator.permutation(mated), generator.permutation(nonmated)
    assert equal_error_rate(mated, nonmated) == equal_error_rate(*mixed)
    np.testing.assert_array_equal(error_rates(mated, nonmated).fmr, error_rates(*mixed).fmr)


def test_det_points_are_true_operating_points() -> None:
    generator = np.random.default_rng(5)
    rates = error_rates(generator.normal(1, 1, 20_000), generator.normal(0, 1, 100_000))
    points = det_points(rates, 200)
    assert 100 < points.thresholds.size <= 200
    index = np.searchsorted(rates.thresholds, points.thresholds)
    np.testing.assert_array_equal(rates.thresholds[index], points.thresholds)
    np.testing.assert_array_equal(rates.false_matches[index], points.false_matches)
    np.testing.assert_array_equal(rates.fnmr[index], points.fnmr)
    assert (points.thresholds[0], points.thresholds[-1]) == (
        rates.thresholds[0],
        rates.thresholds[-1],
    )
    for low, high in ((1, 10), (10, 100), (100, 1000)):
        assert ((points.false_matches >= low) & (points.false_matches <= high)).sum() >= 5
        assert ((points.false_nonmatches >= low) & (points.false_nonmatches <= high)).sum() >= 5
    everything = det_points(rates, 10**6)
    assert everything.thresholds.size == rates.thresholds.size
