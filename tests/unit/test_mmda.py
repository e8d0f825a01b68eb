"""MMDA as an anonymiser: coordinates, geometry, that no pixel is copied; and how it is learnt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench import anonymisers
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._mmda_face import frame_for
from anonbench.anonymisers._mmda_paste import Spot
from anonbench.anonymisers._mmda_weights import IDENTITY, in_steps, loaded, restored
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers.mmda import Mmda, nearest_mean
from anonbench.mmda import RESIDUAL, nearest_class
from anonbench.training.train_mmda import age_names, train_mmda_files
from anonbench.types import Box, Face, Pixels
from anonbench.weights import WeightsError
from made_ciagan import face_in, landmarks_in
from made_mmda import EACH, PEOPLE, WIDTH, faces, settings, write_made

HEIGHT, LENGTH = 220, 200
BOX = Box(50, 60, 150, 180)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made(tmp_path_factory.mktemp("weights") / "made.safetensors")


def build(made: Path, **options: Any) -> Mmda:
    model = anonymisers.get("mmda").build({"weights": str(made), **options})
    assert isinstance(model, Mmda)
    model.begin(DataSet("set", ("anna",), 7))
    return model


def picture(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, LENGTH, 3), np.uint8)


def photo(pixels: Pixels, *found: Face) -> Photo:
    regions = tuple(Region(0, 0, LENGTH, HEIGHT, face) for face in found or (face_in(BOX),))
    return Photo("anna/1.jpg", "anna", pixels, regions)


def run(model: Mmda, given: Photo, k: int = 3) -> Pixels:
    return model.anonymise([given], k, [np.random.default_rng(0)])[0]


def hole(face: Face) -> np.ndarray:
    mask = np.zeros((HEIGHT, LENGTH), bool)
    spot = Spot.of(face.points.astype(np.float64), (HEIGHT, LENGTH))
    mask[spot.window.area] = spot.replaced
    return mask


def vector_of(model: Mmda, seed: int = 0) -> np.ndarray:
    code = model._ready().code
    points = landmarks_in(BOX).astype(np.float64)
    return code.vector(code.texture(picture(seed), points), code.shape(points))


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "weights: has to name a model .* mmda_rendered"),
        ({"weights": "x", "keep": 1}, "unknown option 'keep'; did you mean 'kept'"),
        ({"weights": "x", "kept": 1.5}, "kept: 1.5 is outside of -1 to 1"),
        ({"weights": "x", "kept": True}, "kept: True is no number"),
        ({"weights": "x", "change": "female"}, "change: 'female' is no table"),
        ({"weights": "x", "change": {"gender": 1}}, "change: .* is no table"),
        ({"weights": "x", "feather": 0.3}, "feather: 0.3 is outside of 0 to 0.25"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        anonymisers.get("mmda").build(options)


def test_what_the_weights_do_not_know_is_an_error_before_any_work(made: Path) -> None:
    build(made, change={"gender": "male", "ancestry": "asian"}).check_strengths([1, PEOPLE])
    with pytest.raises(ValueError, match=rf"{PEOPLE + 1}: .* knows {PEOPLE} people"):
        build(made).check_strengths([1, PEOPLE + 1])
    with pytest.raises(ValueError, match="unknown attribute 'sex'"):
        build(made, change={"sex": "male"}).check_strengths([1])
    with pytest.raises(ValueError, match="unknown gender 'man'"):
        build(made, change={"gender": "man"}).check_strengths([1])
    with pytest.raises(ValueError, match=r"haar: MMDA rests on dlib's .*dlib_hog"):
        build(made).check_detectors(["dlib_hog", "haar"])


def test_strengths_that_are_none_are_refused(made: Path) -> None:
    for k, message in ((None, "needs a number"), (2.0, "needs a number"), (0, "0 people, of")):
        with pytest.raises(ValueError, match=message):
            build(made).anonymise([photo(picture())], k, [np.random.default_rng(0)])


# Coordinates


def test_mean_of_the_nearest_by_hand() -> None:
    people = np.array([[0.0, 0], [4, 0], [1, 1], [9, 9]])
    own = np.array([1.0, 0])
    assert nearest_mean(own, people, 1).tolist() in ([0, 0], [1, 1])
    assert nearest_mean(own, people, 2).tolist() == [0.5, 0.5]
    assert nearest_mean(own, people, 4).tolist() == [3.5, 2.5]


@pytest.mark.parametrize("k", [1, 5, PEOPLE])
def test_only_identity_changes(made: Path, k: int) -> None:
    model = build(made)
    own_vector = vector_of(model)
    subspaces = model._ready().subspaces
    own = subspaces.taken_apart(own_vector)
    new = subspaces.taken_apart(model.changed_vector(own_vector, k))
    for name in ("gender", "ancestry", "age", RESIDUAL):
        np.testing.assert_allclose(new[name], own[name], atol=0.02 * np.abs(own[name]).max() + 0.02)
    wanted = nearest_mean(own[IDENTITY], model._ready().people, k)
    np.testing.assert_allclose(new[IDENTITY], wanted, atol=0.05)
    assert np.abs(own[IDENTITY] - wanted).max() > 0.2, "there was something to change"


@pytest.mark.parametrize("kept", [-1.0, 0.5, 1.0])
def test_identity_moves_by_a_controlled_amount(made: Path, kept: float) -> None:
    model, still = build(made, kept=kept), build(made)
    own_vector = vector_of(model)
    subspaces = model._ready().subspaces
    own = subspaces.taken_apart(own_vector)[IDENTITY]
    moved, mean = (
        subspaces.taken_apart(m.changed_vector(own_vector, 4))[IDENTITY] for m in (model, still)
    )
    np.testing.assert_allclose(moved - mean, kept * (own - mean), atol=0.05 * np.abs(own).max())


def test_one_attribute_alone_can_be_changed(made: Path) -> None:
    model = build(made, kept=1.0, change={"gender": "male"})
    own_vector = vector_of(model)
    subspaces = model._ready().subspaces
    own = subspaces.taken_apart(own_vector)
    new = subspaces.taken_apart(model.changed_vector(own_vector, 1))
    male = model._ready().classes["gender"]["male"]
    np.testing.assert_allclose(new["gender"], male, atol=0.05)
    assert np.abs(own["gender"] - male).max() > 0.2
    for name in ("ancestry", "age", IDENTITY, RESIDUAL):
        np.testing.assert_allclose(new[name], own[name], atol=0.02 * np.abs(own[name]).max() + 0.02)


def test_learnt_faces_come_back_and_are_taken_for_what_they_are(made: Path) -> None:
    model, given = loaded(str(made)), faces()
    code = model.code
    vectors = np.stack(
        [code.vector(t, s) for t, s in zip(given.textures, given.shapes, strict=True)]
    )
    own = model.subspaces.taken_apart(vectors)
    back = model.subspaces.together(own)
    assert ((back - vectors) ** 2).mean() < 0.6 * vectors.var(axis=0).mean()
    for name, classes in model.classes.items():
        right = (nearest_class(own[name], classes) == given.labels[name]).mean()
        assert right > 0.8, name
    still, points = code.face(vectors[0])
    assert np.abs(points - given.shapes[0]).max() < 1e-3
    assert still.shape == (code.frame.height, code.frame.width, 3)


def test_axes_in_steps_are_near_enough() -> None:
    spread = np.random.default_rng(3).normal(0, 1, (5, 4000)) * np.array(
        [[500], [20], [3], [1], [0.1]]
    )
    steps = in_steps(spread)
    assert steps[0].dtype == np.int8
    off = restored(*steps) - spread
    assert (np.abs(off).max(axis=1) <= 0.5001 * np.abs(spread).max(axis=1) / 127).all()


# Geometry


def test_nothing_outside_changes_and_all_inside_does(made: Path) -> None:
    given = photo(picture())
    after = run(build(made), given)
    inside = hole(face_in(BOX))
    assert np.array_equal(after[~inside], given.pixels[~inside])
    assert (after[inside] != given.pixels[inside]).any(axis=1).mean() > 0.98
    rows, columns = np.nonzero(inside)
    window = build(made).changed(given.regions[0], LENGTH, HEIGHT)
    assert window == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_no_pixel_of_the_face_is_copied(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one vector for everybody, what was in the hole does not matter."""
    model, inside = build(made), hole(face_in(BOX))
    mean = model._ready().subspaces.mean
    monkeypatch.setattr(model, "changed_vector", lambda vector, k: mean)
    first, second = picture(), picture()
    second[inside] = picture(1)[inside]
    after = [run(model, photo(p)) for p in (first, second)]
    assert np.array_equal(*after)
    second[~inside] = picture(2)[~inside]
    assert not np.array_equal(after[0][inside], run(model, photo(second))[inside]), "the rim fades"


def test_what_is_drawn_depends_on_the_face(made: Path) -> None:
    inside = hole(face_in(BOX))
    first, second = picture(), picture()
    second[inside] = 255 - second[inside]
    after = [run(build(made), photo(p)) for p in (first, second)]
    assert not np.array_equal(*after)


def test_a_larger_photo_gets_the_same_face_larger(made: Path) -> None:
    smooth = np.kron(picture()[::20, ::20], np.ones((20, 20, 1))).astype(np.uint8)
    large = np.kron(smooth, np.ones((2, 2, 1))).astype(np.uint8)
    twice = Face(Box(*(2 * v for v in BOX)), points=2 * face_in(BOX).points + 0.5)
    model = build(made)
    after = model.anonymise(
        [Photo("x", "a", large, (Region(0, 0, 2 * LENGTH, 2 * HEIGHT, twice),))], 3,
        [np.random.default_rng(0)],
    )[0]  # fmt: skip
    half = after.reshape(HEIGHT, 2, LENGTH, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - run(model, photo(smooth))).mean() < 4


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.full((68, 2), np.nan), "landmarks are not finite"),
        (np.full((68, 2), 50.0), "the landmarks cover 0 x 0 pixels"),
        (np.linspace([10, 10], [150, 170], 68), "nearly on a line"),
        (landmarks_in(Box(900, 900, 990, 990)), "outside of the photo"),
    ],
)  # fmt: skip
def test_no_face_is_passed_through(made: Path, points: np.ndarray, message: str) -> None:
    bad = Face(BOX, points=points.astype(np.float32))
    for found in ((bad,), (face_in(BOX), bad)):
        with pytest.raises(DegenerateFaceError, match=message):
            run(build(made), photo(picture(), *found))
    given = photo(picture(), bad).regions[0]
    assert build(made).changed(given, LENGTH, HEIGHT) == (0, 0, LENGTH, HEIGHT)


def test_a_vector_that_is_not_finite_is_an_error(made: Path) -> None:
    model = build(made)
    with pytest.raises(ValueError, match="not finite"):
        model.changed_vector(np.full_like(vector_of(model), np.inf), 1)


def test_frames_are_as_wide_as_asked() -> None:
    shapes = [landmarks_in(Box(0, 0, 50 * k, 60 * k)).astype(float) for k in (2, 3)]
    frame = frame_for(shapes, 64)
    assert np.ptp(frame.points[:, 0]) == pytest.approx(64)
    assert frame.points.min() > 2 and (frame.points < [frame.width - 2, frame.height - 2]).all()


# Weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "CIAGAN"}, "not what MMDA says of itself .*architecture 'CIAGAN'"),
        ({"people": "many"}, "not what MMDA says of itself"),
        ({"classes": "[1]"}, "not what MMDA says of itself"),
        ({"people": "3"}, "its parts do not belong together .people of shape"),
        ({"height": "20"}, "its parts do not belong together"),
    ],
)
def test_wrong_weights_are_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    path = write_made(tmp_path / "wrong.safetensors", **change)
    with pytest.raises(WeightsError, match=message) as error:
        loaded(str(path))
    assert str(path) in str(error.value)


# Learning


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    given = faces()
    np.save(tmp_path / "textures.npy", given.textures)
    np.save(tmp_path / "shapes.npy", np.concatenate([given.code.frame.points[None], given.shapes]))
    ages = np.where(given.labels["age"] == "under_40", 31, 40)
    pd.DataFrame({
        "subject": given.labels["identity"], "gender": given.labels["gender"], "age": ages,
        "ethnicity": given.labels["ancestry"], "expression": "neutral",
    }).to_csv(tmp_path / "labels.csv", index=False)  # fmt: skip
    names = {"textures": "textures.npy", "shapes": "shapes.npy", "labels": "labels.csv",
             "weights": "w.safetensors", "directions": "d.csv", "quality": "q.csv",
             "samples": "s.png"}  # fmt: skip
    return {key: tmp_path / name for key, name in names.items()}


OUTPUTS = ("weights", "directions", "quality", "samples")


def test_same_faces_give_the_same_bytes(files: dict[str, Path]) -> None:
    recipe = settings(ages=[40], validation=0.25)
    train_mmda_files(**files, settings=recipe, seed=1)
    kept = {key: files[key].read_bytes() for key in OUTPUTS}
    train_mmda_files(**files, settings=recipe, seed=1)
    assert kept == {key: files[key].read_bytes() for key in OUTPUTS}
    model = loaded(str(files["weights"]))
    assert len(model.people) == PEOPLE - 26, "who is held out is not learnt from"
    assert list(model.classes) == ["gender", "ancestry", "age"]
    assert list(model.classes["age"]) == ["from_40", "under_40"]
    quality = pd.read_csv(files["quality"]).set_index(["part", "measure"])["value"]
    assert quality["held out", "faces"] == 26 * EACH
    assert quality["learnt from", "gender_right"] > 0.9
    told = pd.read_csv(files["directions"])
    assert (told["share"].between(0, 1)).all() and set(told["mode"]) == {
        "gender", "ancestry", "age", "identity",
    }  # fmt: skip
    assert model.code.frame.width == faces().code.frame.width and model.code.frame.width > WIDTH


@pytest.mark.parametrize("column", ["gender", "age", "ethnicity"])
def test_labels_that_lack_are_named(files: dict[str, Path], column: str) -> None:
    table = pd.read_csv(files["labels"])
    table[column] = table[column].astype(object)
    table.loc[:1, column] = ""
    table.to_csv(files["labels"], index=False)
    with pytest.raises(ValueError, match=rf"labels\.csv: 2 of {len(table)} faces have no {column}"):
        train_mmda_files(**files, settings=settings(), seed=1)


def test_ages_are_classes() -> None:
    assert age_names([40, 60]) == ["under_40", "40_to_59", "from_60"]
    assert age_names([18]) == ["under_18", "from_18"]


def test_no_direction_of_identity_is_an_error() -> None:
    from anonbench.training.train_mmda import learnt_model

    given = faces()
    rows = np.arange(len(given.textures))
    with pytest.raises(ValueError, match=r"differs between people by 1\.0: lower it"):
        learnt_model(replace(given), rows, settings(components=5, identity=1.0))
