"""Expressions as weights of MakeHuman's units, and the folds that they make in the skin."""

from __future__ import annotations

import numpy as np
import pytest

from anonbench.seeds import generator
from anonbench.synthetic import plan, skin_map
from anonbench.synthetic.expressions import (
    EXPRESSIONS,
    INTENSITY,
    Expression,
    draw_expression,
)
from anonbench.synthetic.record import MANIFEST
from anonbench.synthetic.traits import ANCESTRIES
from anonbench.synthetic.wrinkles import FOLDS, fold_weights, folded

AT_REST = Expression("neutral", 0.0, {})


def drawn(name: str, count: int = 200) -> list[Expression]:
    return [draw_expression(name, generator(k, "expression")) for k in range(count)]


def units_of(ancestry: str) -> set[str]:
    """Names of the units that MakeHuman has, by the list of its files."""
    start = f"/expression/units/{ancestry}/"
    lines = MANIFEST.read_text(encoding="utf-8").splitlines()
    return {line.split(start)[1].removesuffix(".target") for line in lines if start in line}


def test_the_plan_of_a_set_knows_the_same_expressions() -> None:
    assert EXPRESSIONS == plan.EXPRESSIONS


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_every_unit_exists_for_every_ancestry(name: str) -> None:
    used = {unit for expression in drawn(name) for unit in expression.units}
    for ancestry in ANCESTRIES:
        known = units_of(ancestry)
        assert len(known) > 20 and used <= known


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_weights_are_possible_and_come_again(name: str) -> None:
    for expression in drawn(name):
        assert expression.name == name and expression.units
        weights = np.array(list(expression.units.values()))
        assert np.isfinite(weights).all() and weights.min() >= 0 and weights.max() < 2.2
    assert drawn(name, 5) == drawn(name, 5)


@pytest.mark.parametrize("name", EXPRESSIONS[1:])
def test_no_two_pictures_show_the_same_template(name: str) -> None:
    faces = drawn(name)
    intensities = np.array([face.intensity for face in faces])
    assert intensities.min() >= INTENSITY[0] and intensities.max() <= INTENSITY[1]
    assert intensities.std() > (INTENSITY[1] - INTENSITY[0]) / 6
    assert len({tuple(sorted(face.units)) for face in faces}) >= 2  # several mouths or eyes
    table = {unit: np.array([f.strength(unit) for f in faces]) for unit in faces[0].units}
    assert all(values.std() > 0.02 for values in table.values())


def test_neutral_faces_are_near_rest_but_not_all_alike() -> None:
    faces = drawn("neutral")
    assert {face.intensity for face in faces} == {0.0}
    total = [sum(face.units.values()) for face in faces]
    assert np.std(total) > 0.01
    for name in EXPRESSIONS[1:]:
        weakest = min(sum(face.units.values()) for face in drawn(name))
        assert max(total) < weakest and np.mean(total) < weakest / 3


def test_the_two_sides_lean_a_little() -> None:
    lean = []
    for face in drawn("anger"):
        left, right = face.units["eyebrows-left-down"], face.units["eyebrows-right-down"]
        lean.append((left - right) / (left + right))
        assert face.strength("eyebrows-*-down") == pytest.approx((left + right) / 2)
    assert 0.01 < np.std(lean) < 0.2 and abs(np.mean(lean)) < 0.03


def test_strength_of_what_is_not_there_is_nothing() -> None:
    face = Expression("anger", 1.0, {"mouth-open": 0.4, "eye-left-slit": 0.6})
    assert face.strength("mouth-open") == 0.4 and face.strength("mouth-elevation") == 0
    assert face.strength("eye-*-slit") == pytest.approx(0.3)


def test_an_unknown_expression_is_told() -> None:
    with pytest.raises(ValueError, match=r"no expression 'joy'; there are neutral, happiness"):
        draw_expression("joy", generator(0))


def test_expressions_can_be_told_apart_by_their_units() -> None:
    names = sorted({u for name in EXPRESSIONS for f in drawn(name, 60) for u in f.units})
    table = {
        name: np.array([[f.units.get(u, 0.0) for u in names] for f in drawn(name, 60)])
        for name in EXPRESSIONS
    }
    centres = {name: rows[:30].mean(axis=0) for name, rows in table.items()}
    for name, rows in table.items():
        away = np.array([np.linalg.norm(rows[30:] - c, axis=1) for c in centres.values()])
        assert (away.argmin(axis=0) == EXPRESSIONS.index(name)).all(), name


def mean_folds(name: str, age: float = 0.3) -> dict[str, float]:
    each = [fold_weights(face, age) for face in drawn(name, 60)]
    return {fold: float(np.mean([weights[fold] for weights in each])) for fold in FOLDS}


def test_a_face_at_rest_has_no_folds() -> None:
    weights = fold_weights(AT_REST, 0.9)
    assert set(weights) == set(FOLDS) and set(weights.values()) == {0.0}
    assert not folded(weights).any()
    assert max(mean_folds("neutral").values()) < 0.1


@pytest.mark.parametrize(
    ("fold", "strongest"),
    [("frown", {"anger"}), ("forehead", {"surprise", "fear"}), ("cheek", {"happiness"}),
     ("eye", {"happiness"}), ("nose", {"disgust"})],
)  # fmt: skip
def test_each_fold_goes_with_its_expression(fold: str, strongest: set[str]) -> None:
    by_name = {name: mean_folds(name)[fold] for name in EXPRESSIONS}
    order = sorted(by_name, key=lambda name: by_name[name], reverse=True)
    assert set(order[: len(strongest)]) == strongest
    assert by_name[order[0]] > 3 * by_name["neutral"]


def test_folds_deepen_with_age_and_strength() -> None:
    for face in (f for name in EXPRESSIONS[1:] for f in drawn(name, 20)):
        young, old = fold_weights(face, 0.1), fold_weights(face, 0.9)
        half = Expression(face.name, 0.5, {u: w / 2 for u, w in face.units.items()})
        assert all(old[fold] > young[fold] or young[fold] == 0 for fold in FOLDS)
        assert any(weight > 0 for weight in young.values())
        assert all(fold_weights(half, 0.1)[fold] <= young[fold] for fold in FOLDS)
        deep, shallow = folded(old), folded(young)
        assert (deep >= shallow).all() and deep.max() > shallow.max() > 0


def test_folds_lie_where_they_are_named_after_on_both_sides() -> None:
    g = skin_map.grid()
    height, reach = {}, {}
    for fold in FOLDS:
        depth = folded({fold: 1.0})
        assert depth.shape == (skin_map.HEIGHT, skin_map.WIDTH) and depth.dtype == np.float32
        assert depth.min() >= 0 and 0.2 < depth.max() <= 1.01
        assert not depth[:, ~g.front[0]].any()
        # The same on both sides, but for a pixel (of 0.35 mm) by which a line may be off.
        mirrored = [np.roll(depth[:, ::-1], shift, axis=1) for shift in (0, 1)]
        assert min(np.abs(depth - other).sum() for other in mirrored) < 0.1 * depth.sum()
        assert depth[:, : skin_map.WIDTH // 2].sum() == pytest.approx(depth.sum() / 2, rel=0.02)
        height[fold] = float((depth * g.y).sum() / depth.sum())
        reach[fold] = float((depth * np.abs(g.x)).sum() / depth.sum())
    assert height["forehead"] > height["frown"] > height["eye"] > height["cheek"]
    assert height["frown"] > height["nose"] > height["cheek"]
    assert max(reach["frown"], reach["nose"]) < 0.15 < reach["cheek"] < 0.4 < reach["eye"]


def test_folds_add_up() -> None:
    both = folded({"frown": 0.7, "cheek": 0.4, "eye": 0.0})
    np.testing.assert_allclose(both, folded({"frown": 0.7}) + folded({"cheek": 0.4}), atol=1e-6)
    np.testing.assert_allclose(folded({"nose": 0.6}), 0.5 * folded({"nose": 1.2}), atol=1e-6)
