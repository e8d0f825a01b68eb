"""Ranks, CMC and fold accuracy against hand-computed values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anonbench.metrics.folds import best_threshold, fold_accuracy
from anonbench.metrics.identification import chance, cmc, mate_ranks

INF = np.inf


def test_hand_computed_ranks() -> None:
    gallery = np.array([2, 0, 1, 0])
    scores = np.array(
        [
            [0.1, 0.2, 0.3, 0.9],  # subject 0 by its second image: rank 1
            [0.5, 0.6, 0.4, 0.1],  # subject 1 last of three
            [0.5, 0.5, 0.5, 0.5],  # tie: the mate comes first
            [-INF, -INF, -INF, -INF],  # failed probe
            [-INF, 0.2, 0.3, 0.1],  # mate failed to enrol
        ]
    )
    ranks = mate_ranks(scores, gallery, np.array([0, 1, 2, 0, 2]))
    np.testing.assert_array_equal(ranks, [1, 3, 1, 4, 4])
    np.testing.assert_allclose(cmc(ranks, 3), [0.4, 0.4, 0.6])


def test_closed_set_only() -> None:
    with pytest.raises(ValueError, match="not in the gallery"):
        mate_ranks(np.zeros((1, 1)), np.array([0]), np.array([1]))
    with pytest.raises(ValueError, match="NaN"):
        mate_ranks(np.array([[math.nan]]), np.array([0]), np.array([0]))
    with pytest.raises(ValueError, match="no probes"):
        cmc(np.zeros(0, dtype=np.int64), 3)


def test_random_scores_are_at_chance() -> None:
    generator = np.random.default_rng(0)
    scores = generator.normal(size=(20_000, 20))
    ranks = mate_ranks(scores, np.arange(20), np.arange(20_000) % 20)
    expected = [chance(k, 20) for k in range(1, 21)]
    np.testing.assert_allclose(cmc(ranks, 20), expected, atol=0.015)


def test_fold_accuracy_by_hand() -> None:
    scores = np.array([3.0, 1.0, 2.5, 0.5, 1.2, 2.0])
    mated = np.array([True, False, True, False, True, False])
    folds = np.array([1, 1, 2, 2, 3, 3])
    result = fold_accuracy(scores, mated, folds)
    # On folds 2 and 3: accepting from 1.2 or from 2.5 gets three of four right; the lower wins.
    np.testing.assert_array_equal(result.thresholds, [1.2, 1.2, 2.5])
    np.testing.assert_array_equal(result.accuracies, [1.0, 1.0, 0.5])
    assert result.value == pytest.approx(2.5 / 3)
    np.testing.assert_array_equal(result.correct, [True, True, True, True, False, True])


def test_fold_accuracy_does_not_peek() -> None:
    """A threshold that only the tested fold would suggest is not used."""
    scores = np.array([10.0, 9.0, 1.0, 0.0])
    mated = np.array([True, False, True, False])
    result = fold_accuracy(scores, mated, np.array([0, 0, 1, 1]))
    assert result.value == 0.5


def test_failed_pairs_count_as_rejected() -> None:
    scores = np.array([-INF, -INF, 1.0, 0.0])
    mated = np.array([True, False, True, False])
    result = fold_accuracy(scores, mated, np.array([0, 0, 1, 1]))
    assert result.accuracies[0] == 0.5
    assert best_threshold(np.array([-INF]), np.array([True])) == 0.0


def test_one_fold_is_not_computed() -> None:
    result = fold_accuracy(np.array([1.0, 0.0]), np.array([True, False]), np.array([0, 0]))
    assert math.isnan(result.value)
    assert "fold" in result.reason
