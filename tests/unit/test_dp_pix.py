"""DP-Pix: its cells, its sensitivity, its noise."""

from __future__ import annotations

import numpy as np
import pytest

from anonbench import anonymisers
from anonbench.anonymisers.dp_pix import dp_pix, edges, sensitivity


class Silent:
    """A generator of no noise, which records the scale it was asked for."""

    def __init__(self) -> None:
        self.scales: list[float] = []

    def laplace(self, place: float, scale: float, shape: tuple[int, ...]) -> np.ndarray:
        self.scales.append(scale)
        return np.full(shape, place)


def quiet(patch: np.ndarray, epsilon: float = 1.0, **options: object) -> tuple[np.ndarray, float]:
    silent = Silent()
    settings = {"cell": 2, "m": 1, "grey": True} | options
    after = dp_pix(patch, epsilon, silent, **settings)  # type: ignore[arg-type]
    return after, silent.scales[0]


@pytest.mark.parametrize(
    ("length", "found"), [(6, [0, 2, 4, 6]), (7, [0, 2, 4, 7]), (1, [0, 1]), (3, [0, 3])]
)
def test_no_cell_is_smaller_than_asked_for(length: int, found: list[int]) -> None:
    assert edges(length, 2).tolist() == found


def test_means_by_hand() -> None:
    shades = np.array([[0, 4, 10, 10, 13], [8, 12, 10, 10, 17]], np.uint8)
    after, scale = quiet(np.repeat(shades[..., None], 3, axis=2))
    assert after[..., 0].tolist() == [[6, 6, 12, 12, 12]] * 2  # 24 / 4, 70 / 6 = 11.7
    assert scale == 255 / 4


@pytest.mark.parametrize(
    ("epsilon", "cell", "m", "grey", "scale"),
    [
        (1.0, 16, 16, True, 255 * 16 / 256), (0.5, 16, 16, True, 2 * 255 * 16 / 256),
        (1.0, 4, 1, True, 255 / 16), (1.0, 4, 1, False, 3 * 255 / 16),
    ],
)  # fmt: skip
def test_the_published_scale(epsilon: float, cell: int, m: int, grey: bool, scale: float) -> None:
    # Fan 2018: 255 m / (b^2 epsilon); in colour three channels change at once.
    patch = np.zeros((32, 48, 3), np.uint8)
    assert quiet(patch, epsilon, cell=cell, m=m, grey=grey)[1] == pytest.approx(scale)


@pytest.mark.parametrize("shape", [(8, 8), (9, 11), (3, 20), (2, 2)])
@pytest.mark.parametrize("grey", [True, False])
def test_no_neighbour_is_farther_than_the_sensitivity(shape: tuple[int, int], grey: bool) -> None:
    """Regions that differ in m pixels as much as can be: means differ by no more than stated."""
    draw, cell, m = np.random.default_rng(4), 4, 3
    counts = [np.diff(edges(n, cell)) for n in shape]
    bound = sensitivity(int(np.outer(*counts).min()), m, 1 if grey else 3)
    ends = [edges(n, cell)[:-1] for n in shape]

    def means(values: np.ndarray) -> np.ndarray:
        sums = np.add.reduceat(np.add.reduceat(values, ends[0], 0), ends[1], 1)
        return sums / np.outer(*counts)[..., None]

    farthest = 0.0
    for _ in range(200):
        one = np.zeros((*shape, 1 if grey else 3))
        other = one.copy()
        for place in draw.choice(shape[0] * shape[1], min(m, shape[0] * shape[1]), replace=False):
            other[np.unravel_index(place, shape)] = 255
        farthest = max(farthest, float(np.abs(means(one) - means(other)).sum()))
    assert farthest <= bound + 1e-9
    if min(shape) >= cell and shape[0] % cell == shape[1] % cell == 0:
        assert farthest == pytest.approx(bound), "the bound is met"


def test_likelihoods_of_neighbours_differ_by_no_more_than_epsilon() -> None:
    # Two regions of one cell that differ in m = 4 of 16 pixels by all of 255: the densities of
    # their noisy means at any place differ by a factor of at most e^epsilon, and by that somewhere.
    epsilon, cell, m = 0.7, 4, 4
    scale = sensitivity(cell * cell, m, 1) / epsilon
    places = np.linspace(-2000, 2000, 4001)
    ratios = (np.abs(places - 255 * m / cell**2) - np.abs(places)) / scale
    assert np.abs(ratios).max() == pytest.approx(epsilon)


def test_noise_is_laplace_of_that_scale() -> None:
    patch = np.full((400, 400, 3), 128, np.uint8)
    after = dp_pix(patch, 10.0, np.random.default_rng(2), cell=4, m=1, grey=True)
    noise = after[::4, ::4, 0].astype(float) - 128
    assert np.abs(noise).mean() == pytest.approx(255 / 16 / 10, rel=0.05)  # the mean is the scale
    assert abs(noise.mean()) < 0.15


def test_grey_is_grey_and_colour_is_not() -> None:
    patch = np.zeros((8, 8, 3), np.uint8)
    patch[..., 0] = 200
    assert (np.ptp(quiet(patch)[0], axis=2) == 0).all()
    assert quiet(patch, grey=False)[0][0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize(
    "options", [{"cell": 0}, {"m": 1.5}, {"grey": 1}, {"cell": True}, {"b": 3}]
)
def test_options(options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        anonymisers.get("dp_pix").build(options)
