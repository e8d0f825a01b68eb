"""Multimodal discriminant analysis: values by hand, and what its theory promises."""

from __future__ import annotations

import numpy as np
import pytest

from anonbench.mmda import RESIDUAL, Subspaces, class_means, learnt


def crossed(seed: int, reps: int = 2) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return vectors of 2 x 3 classes, as many of each, in more dimensions than there are."""
    draw = np.random.default_rng(seed)
    first, second, _ = np.meshgrid(np.arange(2), np.arange(3), np.arange(reps), indexing="ij")
    labels = {"first": first.ravel(), "second": second.ravel()}
    return draw.normal(0, 1, (first.size, 40)) * draw.uniform(0.1, 9, 40) + 5, labels


def projector(found: Subspaces, name: str) -> np.ndarray:
    """Return the projection of centred vectors onto a label's part of them."""
    return found.spread.T @ found.modes[name].T @ found.modes[name] @ np.linalg.pinv(found.spread.T)


def test_four_points_by_hand() -> None:
    """Along x the first label differs, along y the second; standard deviations are 1 and 2."""
    points = np.array([[1.0, 2.0], [1, -2], [-1, 2], [-1, -2]]) + np.array([10, 20])
    labels = {"x": points[:, 0] > 10, "y": points[:, 1] > 20}
    found = learnt(points.copy(), labels)
    assert found.mean.tolist() == [10, 20]
    np.testing.assert_allclose(np.abs(found.spread), [[0, 2], [1, 0]], atol=1e-12)
    own = found.taken_apart(np.array([13.0, 21.0]))
    assert abs(own["x"][0]) == pytest.approx(3) and abs(own["y"][0]) == pytest.approx(0.5)
    assert own[RESIDUAL].shape == (0,)
    assert found.shares["x"] == pytest.approx([1]) and found.shares["y"] == pytest.approx([1])
    moved = found.together({**own, "x": -own["x"]})
    np.testing.assert_allclose(moved, [7, 21])


@pytest.mark.parametrize("shape", [(12, 40), (60, 9)], ids=["few", "many"])
def test_whitening_and_exact_inverse(shape: tuple[int, int]) -> None:
    draw = np.random.default_rng(1)
    vectors = draw.normal(0, 1, shape) @ draw.normal(0, 1, (shape[1], shape[1])) + 3
    labels = {"a": np.arange(shape[0]) % 3, "b": np.arange(shape[0]) // 3}
    found = learnt(vectors.copy(), labels)
    assert len(found.spread) == min(shape[0] - 1, shape[1])
    white = found.whitened(vectors)
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(white.T @ white / len(white), np.eye(white.shape[1]), atol=1e-9)
    np.testing.assert_allclose(found.together(found.taken_apart(vectors)), vectors, atol=1e-9)
    one = found.taken_apart(vectors[3])
    np.testing.assert_allclose(found.together(one), vectors[3], atol=1e-9)


def test_directions_of_all_modes_are_an_orthonormal_basis() -> None:
    vectors, labels = crossed(2)
    found = learnt(vectors, labels)
    basis = np.concatenate(list(found.modes.values()))
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(found.spread)), atol=1e-9)
    assert {k: len(v) for k, v in found.modes.items()} == {"first": 1, "second": 2, RESIDUAL: 8}


def test_crossed_designs_have_orthogonal_modes_whatever_the_order() -> None:
    vectors, labels = crossed(3)
    alone = {name: learnt(vectors.copy(), {name: labels[name]}) for name in labels}
    for found in alone.values():
        for shares in found.shares.values():
            # With all of the rank nothing of the between-class directions is within a class.
            np.testing.assert_allclose(shares, 1, atol=1e-9)
    across = alone["first"].modes["first"] @ alone["second"].modes["second"].T
    np.testing.assert_allclose(across, 0, atol=1e-9)
    both = learnt(vectors.copy(), labels)
    other = learnt(vectors.copy(), dict(reversed(labels.items())))
    for name in labels:
        np.testing.assert_allclose(projector(both, name), projector(other, name), atol=1e-8)


def test_designs_that_are_not_crossed_do_not() -> None:
    """A control: otherwise the property above would say nothing."""
    vectors, labels = crossed(3)
    rows = np.arange(1, len(vectors))  # One lacks.
    lacking = {name: classes[rows] for name, classes in labels.items()}
    alone = [learnt(vectors[rows], {name: lacking[name]}).modes[name] for name in lacking]
    assert np.abs(alone[0] @ alone[1].T).max() > 0.01


def test_with_all_of_the_rank_a_class_is_a_point() -> None:
    vectors, labels = crossed(4)
    found = learnt(vectors.copy(), labels)
    for name, classes in labels.items():
        own = found.taken_apart(vectors)[name]
        means = class_means(own, classes)[1]
        np.testing.assert_allclose(own, means[classes], atol=1e-9)


def test_people_are_told_apart_without_their_gender() -> None:
    draw = np.random.default_rng(5)
    people = np.repeat(np.arange(8), 5)
    gender = people % 2
    vectors = draw.normal(0, 1, (40, 12)) + 3 * gender[:, None] + draw.normal(0, 2, (8, 12))[people]
    found = learnt(vectors.copy(), {"gender": gender, "identity": people})
    own = found.taken_apart(vectors)
    assert own["gender"].shape == (40, 1) and own["identity"].shape[1] <= 7
    np.testing.assert_allclose(class_means(own["identity"], gender)[1], 0, atol=1e-9)
    np.testing.assert_allclose(class_means(own[RESIDUAL], gender)[1], 0, atol=1e-9)
    assert (np.diff(found.shares["identity"]) <= 1e-12).all()


def test_changing_one_coordinate_leaves_the_others() -> None:
    vectors, labels = crossed(6)
    found = learnt(vectors.copy(), labels)
    own = found.taken_apart(vectors[0])
    new = found.taken_apart(found.together({**own, "second": own["second"] + [2.0, -3.0]}))
    np.testing.assert_allclose(new["second"], own["second"] + [2.0, -3.0], atol=1e-9)
    for name in ("first", RESIDUAL):
        np.testing.assert_allclose(new[name], own[name], atol=1e-9)


def test_few_axes_keep_what_varies_most() -> None:
    vectors, labels = crossed(7)
    whole, few = (learnt(vectors.copy(), labels, components=c) for c in (None, 4))
    np.testing.assert_allclose(few.spread, whole.spread[:4])
    assert few.shares["first"][0] < 1
    back = few.together(few.taken_apart(vectors))
    again = few.together(few.taken_apart(back))
    np.testing.assert_allclose(again, back, atol=1e-9)
    lengths = (whole.spread**2).sum(axis=1)
    lost = ((vectors - back) ** 2).sum(axis=1).mean()
    assert lost == pytest.approx(lengths[4:].sum())


def test_directions_below_the_least_share_are_left_to_others() -> None:
    vectors, labels = crossed(8, reps=4)
    found = learnt(vectors.copy(), labels, components=6)
    bound = float(np.mean(found.shares["second"]))
    fewer = learnt(vectors.copy(), labels, components=6, least={"second": bound})
    assert len(fewer.modes["second"]) == 1 < len(found.modes["second"])
    assert len(fewer.modes[RESIDUAL]) == len(found.modes[RESIDUAL]) + 1


def test_single_precision_is_near_enough() -> None:
    vectors, labels = crossed(9)
    exact, single = (learnt(vectors.astype(t), labels) for t in (np.float64, np.float32))
    assert single.spread.dtype == np.float32
    np.testing.assert_allclose(single.spread, exact.spread, rtol=1e-2, atol=1e-3)


def test_what_cannot_be_learnt_is_named() -> None:
    vectors, labels = crossed(1)
    with pytest.raises(ValueError, match="second: there is one class only, 7"):
        learnt(vectors.copy(), {**labels, "second": np.full(len(vectors), 7)})
    with pytest.raises(ValueError, match="vectors that do not differ"):
        learnt(np.ones((5, 3)), {"a": np.arange(5)})


def test_class_means_by_hand() -> None:
    names, means = class_means(np.array([[1.0], [3.0], [8.0]]), np.array(["b", "b", "a"]))
    assert names.tolist() == ["a", "b"] and means.tolist() == [[8.0], [2.0]]
