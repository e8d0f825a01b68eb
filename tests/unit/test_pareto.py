"""The Pareto front against fronts drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest

from anonbench.metrics.pareto import front_probability, nondominated

NAN = float("nan")


def test_front_of_five_points() -> None:
    #      best x, best y, between, inside, below
    x = np.array([0.9, 0.1, 0.5, 0.4, 0.5])
    y = np.array([0.1, 0.9, 0.5, 0.4, 0.3])
    assert nondominated(x, y).tolist() == [True, True, True, False, False]


def test_equal_points_share_the_front_and_a_tie_on_one_axis_decides_by_the_other() -> None:
    x = np.array([0.5, 0.5, 0.5, 1.0])
    y = np.array([0.7, 0.7, 0.6, 0.2])
    assert nondominated(x, y).tolist() == [True, True, False, True]


def test_missing_point_is_on_no_front_and_beats_nobody() -> None:
    x, y = np.array([0.9, NAN, 0.1]), np.array([NAN, 0.9, 0.1])
    assert nondominated(x, y).tolist() == [False, False, True]


def test_fronts_of_replicates_are_independent() -> None:
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 6, (2, 40, 12)) / 5.0
    for own, a, b in zip(nondominated(x, y), x, y, strict=True):
        expected = [
            not any(
                a[j] >= a[i] and b[j] >= b[i] and (a[j] > a[i] or b[j] > b[i]) for j in range(12)
            )
            for i in range(12)
        ]
        assert own.tolist() == expected


def test_probability_is_the_share_of_replicates() -> None:
    # The second point beats the first in one of four replicates, and has no value in another.
    x = np.array([[0.5, 0.4, NAN], [0.5, 0.6, NAN], [0.5, NAN, NAN], [0.5, 0.4, NAN]])
    y = np.array([[0.5, 0.4, 0.1], [0.5, 0.6, 0.1], [0.5, 0.9, 0.1], [0.5, 0.4, 0.1]])
    found = front_probability(x, y)
    np.testing.assert_allclose(found[:2], [0.75, 0.25])
    assert np.isnan(found[2])
    assert np.isnan(front_probability(np.zeros((0, 2)), np.zeros((0, 2)))).all()


def test_exchangeable_points_have_equal_chances() -> None:
    """Of two points with independent uniform values each is dominated a quarter of the time."""
    x, y = np.random.default_rng(1).random((2, 40_000, 2))
    np.testing.assert_allclose(front_probability(x, y), [0.75, 0.75], atol=0.01)


def test_axes_must_match() -> None:
    with pytest.raises(ValueError, match="different shapes"):
        nondominated(np.zeros(3), np.zeros(4))
