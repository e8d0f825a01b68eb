"""Metric privacy on singular values: the noise's distribution, and what is left without any."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from anonbench import anonymisers
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers.metric_svd import noise, perturbed
from anonbench.types import Box, Face

NONE = 1e6
"""An epsilon that leaves values as they are."""


def draws(size: int, epsilon: float, count: int = 4000) -> np.ndarray:
    generator = np.random.default_rng(3)
    return np.stack([noise(size, epsilon, generator) for _ in range(count)])


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize("epsilon", [0.01, 3.0])
def test_length_and_direction_of_noise(size: int, epsilon: float) -> None:
    """A density that falls as exp(-epsilon r) makes r a Gamma variable, no direction special."""
    found = draws(size, epsilon)
    lengths = np.linalg.norm(found, axis=1)
    assert stats.kstest(lengths, stats.gamma(size, scale=1 / epsilon).cdf).pvalue > 0.001
    assert np.abs(found.mean(axis=0)).max() < 5 * lengths.std() / np.sqrt(len(found)) * 2
    spread = found.T @ found / len(found)
    # E r² = size (size + 1) / epsilon², shared by all directions.
    np.testing.assert_allclose(np.diag(spread), (size + 1) / epsilon**2, rtol=0.15)


def test_in_one_dimension_it_is_laplace_noise() -> None:
    found = draws(1, 0.5)[:, 0]
    assert stats.kstest(found, stats.laplace(scale=2).cdf).pvalue > 0.001


def test_neighbours_are_told_apart_by_no_more_than_epsilon_times_their_distance() -> None:
    """In one dimension: events of outputs of two inputs a distance of 1 apart."""
    epsilon, count = 0.7, 40_000
    generator = np.random.default_rng(5)
    first = np.array([noise(1, epsilon, generator)[0] for _ in range(count)])
    second = 1 + np.array([noise(1, epsilon, generator)[0] for _ in range(count)])
    bins = np.linspace(-4, 5, 10)
    counts = [np.histogram(x, bins)[0] for x in (first, second)]
    ratios = np.log(counts[0] / counts[1])
    slack = 4 * np.sqrt(1 / counts[0] + 1 / counts[1])
    assert (np.abs(ratios) <= epsilon + slack).all()
    assert np.abs(ratios).max() > 0.8 * epsilon, "and not by much less: the noise is not too strong"


def test_without_noise_the_first_values_are_left() -> None:
    column, row = np.arange(1, 13)[:, None], np.arange(3, 15)[None]
    patch = np.repeat((column * row)[..., None], 3, axis=2).astype(np.uint8)  # Of rank one.
    after = perturbed(patch, NONE, np.random.default_rng(0), values=1)
    assert np.abs(after.astype(int) - patch).max() <= 1
    draw = np.random.default_rng(1).integers(0, 256, (20, 30, 1), np.uint8)
    given = np.repeat(draw, 3, axis=2)
    left, singular, right = np.linalg.svd(given[..., 0].astype(float), full_matrices=False)
    expected = (left[:, :4] * singular[:4]) @ right[:4]
    after = perturbed(given, NONE, np.random.default_rng(0), values=4)
    assert np.abs(after[..., 1] - np.clip(expected, 0, 255)).max() <= 1.01
    assert (after[..., 0] == after[..., 2]).all(), "grey"


def test_of_a_small_region_there_are_fewer_values() -> None:
    patch = np.full((1, 1, 3), 100, np.uint8)
    assert perturbed(patch, NONE, np.random.default_rng(0), values=4).tolist() == [[[100] * 3]]


def test_options_and_strength() -> None:
    plugin = anonymisers.get("metric_svd")
    assert plugin.build({"values": 2}).values == 2
    for value in (0, True, 1.5):
        with pytest.raises(ValueError, match=r"values: .* no whole number from 1"):
            plugin.build({"values": value})
    with pytest.raises(ValueError, match="unknown option 'value'; did you mean 'values'"):
        plugin.build({"value": 2})
    region = Region(0, 0, 5, 5, Face(Box(0, 0, 5, 5)))
    photo = Photo("x", "a", np.zeros((9, 9, 3), np.uint8), (region,))
    with pytest.raises(ValueError, match="epsilon"):
        plugin.build({}).anonymise([photo], None, [np.random.default_rng(0)])
