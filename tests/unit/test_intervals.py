"""Subject bootstrap against a brute-force computation, limits and a coverage simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anonbench.metrics import replicates as rep
from anonbench.metrics.intervals import (
    percentile_interval,
    rate_interval,
    replicate_share,
    subject_weights,
)
from anonbench.metrics.verification import auc, equal_error_rate, error_rates, fnmr_at_fmr

S = 6


def _comparisons(seed: int = 0, count: int = 120, decimals: int = 1):
    generator = np.random.default_rng(seed)
    mated = np.round(generator.normal(1, 1, count // 4), decimals)
    mated[generator.random(mated.size) < 0.1] = -np.inf
    gallery, probe = generator.integers(0, S, (2, count))
    gallery, probe = gallery[gallery != probe], probe[gallery != probe]
    nonmated = np.round(generator.normal(0, 1, gallery.size), decimals)
    nonmated[generator.random(nonmated.size) < 0.1] = -np.inf
    return (mated, generator.integers(0, S, mated.size)), (nonmated, gallery, probe)


def _repeated(weights: np.ndarray, mated, nonmated):
    """The scores of one replicate, each repeated as often as it weighs."""
    times_m = weights[mated[1]].astype(int)
    times_n = (weights[nonmated[1]] * weights[nonmated[2]]).astype(int)
    return np.repeat(mated[0], times_m), np.repeat(nonmated[0], times_n)


def test_weights_are_draws_of_all_subjects() -> None:
    weights = subject_weights(S, 500, np.random.default_rng(0))
    assert weights.shape == (500, S)
    np.testing.assert_array_equal(weights.sum(axis=1), S)
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.15)
    with pytest.raises(ValueError, match="resample"):
        subject_weights(1, 10, np.random.default_rng(0))


@pytest.mark.parametrize("block", [1 << 22, 64])
def test_exhaustive_grid_equals_repeating_scores(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """Every metric of a replicate is that of the scores repeated by their weights."""
    monkeypatch.setattr(rep, "_BLOCK", block)
    mated, nonmated = _comparisons()
    weights = subject_weights(S, 40, np.random.default_rng(1))
    grid, exhaustive = rep.threshold_grid(mated[0], nonmated[0], np.array([0.33, math.nan]))
    assert exhaustive
    assert 0.33 in grid
    counts = rep.replicate_counts(weights, grid, mated, nonmated, exhaustive)
    eer, area = rep.replicate_eer(counts), rep.replicate_auc(counts)
    at_fmr = rep.replicate_fnmr_at_fmr(counts, 0.3)
    completed = rep.replicate_eer(counts.completed())
    for b, row in enumerate(weights):
        m, n = _repeated(row, mated, nonmated)
        rates = error_rates(m, n)
        np.testing.assert_array_equal(counts.fmr()[b], [(n >= t).mean() for t in grid])
        np.testing.assert_array_equal(counts.fnmr()[b], [(m < t).mean() for t in grid])
        assert eer[b] == pytest.approx(equal_error_rate(m, n).value, nan_ok=True)
        assert area[b] == pytest.approx(auc(m, n))
        assert at_fmr[b] == fnmr_at_fmr(rates, 0.3).fnmr
        finite = m[np.isfinite(m)], n[np.isfinite(n)]
        assert completed[b] == pytest.approx(equal_error_rate(*finite).value)


def test_coarse_grid_is_close() -> None:
    generator = np.random.default_rng(2)
    n_subjects = 30
    mated = generator.normal(2, 1, 4000), generator.integers(0, n_subjects, 4000)
    gallery = generator.integers(0, n_subjects, 50_000)
    probe = (gallery + generator.integers(1, n_subjects, 50_000)) % n_subjects
    nonmated = generator.normal(0, 1, 50_000), gallery, probe
    weights = subject_weights(n_subjects, 10, generator)
    grid, exhaustive = rep.threshold_grid(mated[0], nonmated[0], np.zeros(0))
    assert not exhaustive
    assert grid.size <= 250
    counts = rep.replicate_counts(weights, grid, mated, nonmated, exhaustive)
    eer, area = rep.replicate_eer(counts), rep.replicate_auc(counts)
    for b, row in enumerate(weights):
        m, n = _repeated(row, mated, nonmated)
        rates = error_rates(m, n)
        assert eer[b] == pytest.approx(equal_error_rate(m, n).value, abs=0.002)
        assert area[b] == pytest.approx(auc(m, n), abs=0.001)
        for target in (0.1, 0.01, 0.001):
            exact = fnmr_at_fmr(rates, target).fnmr
            at_fmr = rep.replicate_fnmr_at_fmr(counts, target)
            assert at_fmr[b] == pytest.approx(exact, abs=0.01)


def test_order_of_comparisons_does_not_change_a_bit() -> None:
    mated, nonmated = _comparisons(3)
    weights = subject_weights(S, 20, np.random.default_rng(1))
    grid, _ = rep.threshold_grid(mated[0], nonmated[0], np.zeros(0))
    order = np.random.default_rng(4).permutation(nonmated[0].size)
    mixed = (nonmated[0][order], nonmated[1][order], nonmated[2][order])
    a = rep.replicate_counts(weights, grid, mated, nonmated)
    b = rep.replicate_counts(weights, grid, (mated[0][::-1], mated[1][::-1]), mixed)
    np.testing.assert_array_equal(a.nonmated, b.nonmated)
    np.testing.assert_array_equal(a.mated, b.mated)


def test_nothing_completed_has_no_rate() -> None:
    none = np.full(3, -np.inf)
    grid, exhaustive = rep.threshold_grid(none, none, np.zeros(0))
    codes = np.array([0, 1, 2])
    weights = subject_weights(3, 50, np.random.default_rng(0))
    counts = rep.replicate_counts(
        weights, grid, (none, codes), (none, codes, codes[::-1]), exhaustive
    )
    assert np.isnan(rep.replicate_eer(counts)).all()
    assert np.isnan(counts.completed().fmr()).all()
    assert math.isnan(percentile_interval(rep.replicate_eer(counts)).low)


def test_share_equals_repeating() -> None:
    generator = np.random.default_rng(5)
    values, first, second = generator.normal(size=50), *generator.integers(0, S, (2, 50))
    weights = subject_weights(S, 30, generator)
    shares, pairs = (
        replicate_share(weights, values > 0, first),
        replicate_share(weights, values > 0, first, second),
    )
    for b, row in enumerate(weights):
        each = np.repeat(values, row[first].astype(int))
        assert shares[b] == pytest.approx((each > 0).mean())
        times = np.where(first == second, row[first], row[first] * row[second])
        expected = (times * (values > 0)).sum() / times.sum()
        assert pairs[b] == pytest.approx(expected)


def test_no_variance() -> None:
    """The same rate in every subject has no width; no error at all has the rule of 3."""
    subjects = np.repeat(np.arange(100), 2)
    weights = subject_weights(100, 200, np.random.default_rng(0))
    half = replicate_share(weights, np.tile([True, False], 100), subjects)
    interval = rate_interval(0.5, half, 100)
    assert (interval.low, interval.high) == (0.5, 0.5)
    zero = rate_interval(0.0, replicate_share(weights, np.zeros(200), subjects), 100)
    assert zero.low == 0.0
    assert zero.high == pytest.approx(3 / 100, rel=0.03)
    one = rate_interval(1.0, replicate_share(weights, np.ones(200), subjects), 100)
    assert one.high == 1.0
    assert one.low == pytest.approx(1 - 3 / 100, abs=0.001)


def test_percentile_interval() -> None:
    values = np.arange(1001.0)
    interval = percentile_interval(values)
    assert (interval.low, interval.high) == pytest.approx((25.0, 975.0))
    values[:60] = np.nan
    assert math.isnan(percentile_interval(values).low)
    with pytest.raises(ValueError, match="confidence"):
        percentile_interval(values, 95.0)


def test_clustering_widens_the_interval() -> None:
    """Ten identical copies of each subject's comparison are no more evidence than one."""
    generator = np.random.default_rng(6)
    single = generator.random(60) < 0.3
    weights = subject_weights(60, 1000, generator)
    one = percentile_interval(replicate_share(weights, single, np.arange(60)))
    ten = percentile_interval(
        replicate_share(weights, np.repeat(single, 10), np.repeat(np.arange(60), 10))
    )
    assert ten == one


@pytest.mark.slow
def test_coverage_on_clustered_scores() -> None:
    """About 95 % of the intervals hold the true FNMR and FMR; score-level ones do not."""
    n_subjects, runs = 40, 2000
    generator = np.random.default_rng(7)
    codes = np.arange(n_subjects)
    first, second = (index.ravel() for index in np.meshgrid(codes, codes, indexing="ij"))
    first, second = first[first != second], second[first != second]
    hits, independent = np.zeros(2), np.zeros(2)
    for _ in range(runs):
        person = generator.normal(0, 1, n_subjects)
        mated = np.repeat(person, 3) + generator.normal(0, 0.5, 3 * n_subjects)
        wolf = generator.normal(0, 1, n_subjects)
        nonmated = (wolf[first] + wolf[second]) + generator.normal(0, 0.5, first.size)
        weights = subject_weights(n_subjects, 400, generator)
        grid = np.array([0.0])
        counts = rep.replicate_counts(
            weights, grid, (mated, np.repeat(codes, 3)), (nonmated, first, second)
        )
        for k, values in enumerate((counts.fnmr()[:, 0], counts.fmr()[:, 0])):
            # Both distributions are symmetric about the threshold: the true rates are 1/2.
            interval = percentile_interval(values)
            hits[k] += interval.low <= 0.5 <= interval.high
        for k, right in enumerate((mated >= 0, nonmated >= 0)):
            margin = 1.96 * right.std() / np.sqrt(right.size)
            independent[k] += abs(right.mean() - 0.5) <= margin
    coverage = hits / runs
    assert (independent / runs < 0.85).all(), independent / runs
    assert (coverage > 0.90).all(), coverage
    assert (coverage < 0.985).all(), coverage
