"""Expression metrics: by hand, at their limits, and against other people's implementations."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
)

from anonbench.metrics import expression as measure
from anonbench.metrics.feature_distance import BLOCK, fid, kid

K = 3
PAIRS = np.array([
    # anonymised: class 0, 1, 2, no crop
    [4, 1, 0, 3],
    [1, 2, 0, 0],
    [0, 0, 0, 5],
    [1, 1, 0, 2],  # no crop in the original
], float)  # fmt: skip
TRUTHS = PAIRS[:-1]


def answers(n: int, seed: int = 0) -> tuple[NDArray[np.int64], ...]:
    """Two answers, K of which is no crop, and subjects."""
    draw = np.random.default_rng(seed)
    first = draw.integers(0, K + 1, n)
    second = np.where(draw.random(n) < 0.4, first, draw.integers(0, K + 1, n))
    return first, second, draw.integers(0, 5, n)


def counted(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
    none = np.zeros_like(first)
    return measure.subject_counts(first, second, none, (1, K + 1, K + 1))[0]


def test_preservation_by_hand() -> None:
    assert measure.preservation(PAIRS) == 6 / 16, "of those classified in the original"
    assert measure.preservation_found(PAIRS) == 6 / 8
    assert measure.preservation_by_class(PAIRS).tolist() == [4 / 8, 2 / 3, 0 / 5]


def test_truth_by_hand() -> None:
    assert measure.accuracy(TRUTHS) == 6 / 16 and measure.accuracy_found(TRUTHS) == 6 / 8
    assert measure.recalls(TRUTHS).tolist() == [4 / 8, 2 / 3, 0.0]
    assert measure.uar(TRUTHS) == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    # Of the third label no image was found: its recall is unknown there, not 0.
    assert measure.uar_found(TRUTHS) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert measure.majority(TRUTHS) == 8 / 16
    assert measure.retention(0.25, 0.5) == 0.5 and np.isnan(measure.retention(0.0, 0.0))


def test_kappa_by_hand() -> None:
    # p_o = 6/16; p_e = (8*5 + 3*3 + 5*0) / 256; no crop is an answer that the original never gives.
    expected = (6 / 16 - 49 / 256) / (1 - 49 / 256)
    assert measure.kappa(PAIRS) == pytest.approx(expected)
    found = (6 / 8 - (5 * 5 + 3 * 3) / 64) / (1 - 34 / 64)
    assert measure.kappa_found(PAIRS) == pytest.approx(found)


def test_limits_are_exact() -> None:
    same = np.diag([7.0, 11.0, 13.0, 2.0])
    assert measure.preservation(same) == measure.kappa(same) == 1.0
    assert measure.preservation_by_class(same).tolist() == [1.0] * K
    constant = np.zeros((K + 1, K + 1))
    constant[:, 1] = [7, 11, 13, 2]
    assert measure.kappa(constant) == 0.0, "an answer that never changes tells nothing"
    assert measure.uar(constant[:-1]) == pytest.approx(1 / K)
    lost = np.zeros((K + 1, K + 1))
    lost[:, K] = [7, 11, 13, 2]
    assert measure.preservation(lost) == measure.accuracy(lost[:-1]) == measure.uar(lost[:-1]) == 0
    assert np.isnan(measure.preservation_found(lost)) and np.isnan(measure.uar_found(lost[:-1]))
    one = np.zeros((K + 1, K + 1))
    one[0, 0] = 5
    assert np.isnan(measure.kappa(one)), "agreement beyond chance is not defined"


def test_nothing_is_missing_not_zero() -> None:
    empty = np.zeros((K + 1, K + 1))
    for function in (measure.preservation, measure.preservation_found, measure.kappa):
        assert np.isnan(function(empty))
    for function in (measure.accuracy, measure.uar, measure.majority):
        assert np.isnan(function(empty[:-1]))


@pytest.mark.filterwarnings("ignore:y_pred contains classes")
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_scikit_learn(seed: int) -> None:
    first, second, _ = answers(300, seed)
    pairs = counted(first, second)
    np.testing.assert_array_equal(pairs, confusion_matrix(first, second, labels=range(K + 1)))
    labelled = first < K
    truth, answer = first[labelled], second[labelled]
    assert measure.accuracy(pairs[:-1]) == pytest.approx(accuracy_score(truth, answer))
    assert measure.preservation(pairs) == pytest.approx(accuracy_score(truth, answer))
    assert measure.uar(pairs[:-1]) == pytest.approx(balanced_accuracy_score(truth, answer))
    assert measure.kappa(pairs) == pytest.approx(cohen_kappa_score(truth, answer))
    both = labelled & (second < K)
    expected = cohen_kappa_score(first[both], second[both])
    assert measure.kappa_found(pairs) == pytest.approx(expected)
    expected = balanced_accuracy_score(first[both], second[both])
    assert measure.uar_found(pairs[:-1]) == pytest.approx(expected)


def test_replicates_are_those_of_the_repeated_images() -> None:
    first, second, subjects = answers(200)
    weights = np.random.default_rng(3).multinomial(5, np.full(5, 0.2), size=20).astype(float)
    counts = measure.subject_counts(first, second, subjects, (5, K + 1, K + 1))
    replicates = measure.resampled(weights, counts)
    functions = (measure.preservation, measure.kappa, measure.preservation_found)
    found = [f(replicates) for f in functions]
    uars = measure.uar(replicates[:, :-1])
    assert np.std(uars) > 0
    for b, row in enumerate(weights):
        again = np.repeat(np.arange(200), row[subjects].astype(int))
        pairs = counted(first[again], second[again])
        assert [f(pairs) for f in functions] == [values[b] for values in found]
        assert measure.uar(pairs[:-1]) == uars[b]


def test_divergence_is_that_of_scipy_in_bits() -> None:
    draw = np.random.default_rng(0)
    p, q = draw.dirichlet(np.ones(7), 20), draw.dirichlet(np.ones(7), 20)
    p[0] = [1, 0, 0, 0, 0, 0, 0]
    expected = jensenshannon(p, q, base=2, axis=1) ** 2
    np.testing.assert_allclose(measure.jensen_shannon(p, q), expected, atol=1e-12)
    assert (measure.jensen_shannon(p, p) == 0).all(), "exactly"
    one, other = np.eye(7)[:1], np.eye(7)[1:2]
    assert measure.jensen_shannon(one, other) == 1.0
    assert np.isnan(measure.jensen_shannon(one * np.nan, other)).all()


def draws(*mean: float, n: int = 4000, seed: int = 0, scale: float = 1.0) -> NDArray[np.float64]:
    draw = np.random.default_rng(seed)
    return np.asarray(mean) + scale * draw.standard_normal((n, len(mean)))


def test_fid_of_gaussians_is_analytic() -> None:
    moved = fid(draws(0, 0), draws(3, 4, seed=1))
    assert moved == pytest.approx(25, rel=0.02), "|m1 - m2|^2"
    wider = fid(draws(0, 0), draws(0, 0, seed=1, scale=3))
    assert wider == pytest.approx(2 * (3 - 1) ** 2, rel=0.05), "sum of (s1 - s2)^2"
    turned = draws(0, 0) * [1, 3]
    matrix = np.array([[1.0, -1.0], [1.0, 1.0]]) / np.sqrt(2)
    # tr(S1 + S2 - 2 (S1 S2)^(1/2)) of diag(1, 9) and the same turned by 45 degrees: (S1 S2)^(1/2)
    # has determinant 9 and, as tr(S1 S2) = 50, trace sqrt(50 + 18).
    expected = 20 - 2 * np.sqrt(68)
    assert fid(turned, (draws(0, 0, seed=1) * [1, 3]) @ matrix) == pytest.approx(expected, rel=0.05)
    assert fid(turned, turned) == pytest.approx(0, abs=1e-9)


def test_fid_of_too_few_images_is_refused() -> None:
    with pytest.raises(ValueError, match="2 images are too few for 2 features"):
        fid(draws(0, 0, n=2), draws(0, 0, n=2, seed=1))
    assert fid(draws(0, 0, n=3), draws(0, 0, n=3, seed=1)) >= 0


def test_kid_by_hand() -> None:
    x, y = np.array([[1.0], [2.0]]), np.array([[0.0], [3.0]])
    k = lambda a, b: (a * b + 1) ** 3  # noqa: E731
    expected = (2 * k(1, 2) + 2 * k(0, 3) - 2 * k(1, 3) - 2 * k(2, 0)) / 2
    draw = np.random.default_rng(0)
    assert kid(x, y, draw) == pytest.approx(expected)
    assert kid(x, x.copy(), draw) == pytest.approx(0, abs=1e-12)


def test_kid_is_unbiased_where_the_pairs_depend_on_each_other() -> None:
    """Same distribution, images nearly their own pair: 0 on average; moved by 1: analytic."""
    draw = np.random.default_rng(0)
    values = []
    for seed in range(300):
        x = draws(0, n=20, seed=seed)
        y = 0.9 * x + np.sqrt(1 - 0.81) * draws(0, n=20, seed=1000 + seed)
        values.append(kid(x, y, draw))
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(300)
    # E (xy + 1)^3 = 1 + 3 E(xy)^2 + 3 E xy + E(xy)^3 with moments 0, 1, 0 and 1, 2, 4 of the moved.
    expected = 4 + (1 + 3 * 4 + 3 * 1 + 16) - 2 * (1 + 3 * 2)
    assert kid(draws(0), draws(1, seed=9), draw) == pytest.approx(expected, rel=0.15)


def test_kid_in_blocks_uses_every_image_once() -> None:
    n = BLOCK + 501
    x, y = draws(0, n=n), draws(1, n=n, seed=1)
    first, second = (kid(x, y, np.random.default_rng(s)) for s in (0, 0))
    assert first == second
    assert first == pytest.approx(22, rel=0.25)
    y[0] = 1e3  # one image counts, whichever block it is in
    assert kid(x, y, np.random.default_rng(0)) > 1e3


def test_features_that_are_no_pairs_are_refused() -> None:
    draw = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(4, 2\)"):
        kid(draws(0, 0, n=3), draws(0, 0, n=4), draw)
    with pytest.raises(ValueError, match="1 images cannot be compared"):
        kid(draws(0, 0, n=1), draws(0, 0, n=1), draw)
