"""The k-Same family: groups and means by hand, and what makes it k-Same-like only."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from anonbench import anonymisers
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._face_frame import Frame, apply, moved, similarity
from anonbench.anonymisers._face_warp import Mesh
from anonbench.anonymisers._ksame_basis import basis_of
from anonbench.anonymisers._ksame_frame import frame_of
from anonbench.anonymisers._ksame_groups import Group, furthest_groups, nearest_groups
from anonbench.anonymisers._optional import DataSet
from anonbench.guarantee import Guarantee, guarantee
from anonbench.seeds import generator
from anonbench.sources import is_prepared
from anonbench.strengths import resolve_strengths
from anonbench.types import Box, Face, Pixels
from made_ciagan import landmarks_in
from made_crowd import BOX, SIZE, crowd_of, flat, person, prepared

FAMILY = ("ksame_pixel", "ksame_eigen", "ksame_select", "ksame_m", "ksame_furthest")
SHADES = {"a": 10, "b": 20, "c": 100, "d": 110, "e": 120}


def photo(name: str, pixels: Pixels, box: Box = BOX) -> Photo:
    region = Region(*map(int, box), Face(box, points=landmarks_in(box)))
    return Photo(f"{name}.png", name.split("_")[0], pixels, (region,), box)


def shade_of(model, name: str, k: int = 2) -> int:
    (after,) = model.anonymise([photo(name, flat(0))], k, [generator(0)])
    assert len(np.unique(after)) == 1
    return int(after[0, 0, 0])


# Groups


def line(*places: float) -> np.ndarray:
    return np.array(places, np.float32)[:, None]


def members(groups: Sequence[Group]) -> list[set[int]]:
    return [set(g.members) for g in groups]


def test_nearest_groups_by_hand() -> None:
    # 0 begins and takes 2, its nearest; five are left, at least 2 k: 1 takes 4; three are left.
    codes = line(0, 10, 1, 30, 11, 31, 50)
    groups = nearest_groups(codes, 2, range(7))
    assert members(groups) == [{0, 2}, {1, 4}, {3, 5, 6}]
    assert all(g.source == g.members for g in groups)


def test_who_begins_decides_on_the_groups() -> None:
    # Given 3 first, he takes 2 (his left, at distance 1, and 4 at 2 are nearer than any other).
    assert members(nearest_groups(line(0, 4, 6, 7, 9), 3, [3, 0, 1, 2, 4])) == [{0, 1, 2, 3, 4}]
    first = nearest_groups(line(0, 4, 6, 7, 9, 20), 3, [3, 0, 1, 2, 4, 5])[0]
    assert set(first.members) == {2, 3, 4}


def test_furthest_groups_by_hand() -> None:
    # Nine people, k = 2: 0 with 1; farthest from their mean is 8 with 7; five are left, fewer
    # than 4 k: 2 with 3 get the mean of the other three, and these theirs.
    codes = line(0, 1, 4, 5, 10, 11, 12, 20, 22)
    groups = furthest_groups(codes, 2, range(9))
    assert members(groups) == [{0, 1}, {7, 8}, {2, 3}, {4, 5, 6}]
    assert [set(g.source) for g in groups] == [{7, 8}, {0, 1}, {4, 5, 6}, {2, 3}]


@pytest.mark.parametrize("make", [nearest_groups, furthest_groups])
@pytest.mark.parametrize("k", [2, 3, 7])
@pytest.mark.parametrize("people", [14, 15, 27, 40])
def test_everybody_is_in_one_group_of_at_least_k(make, k: int, people: int) -> None:
    draw = np.random.default_rng([people, k])
    groups = make(draw.normal(size=(people, 5)), k, draw.permutation(people).tolist())
    assert sorted(i for g in groups for i in g.members) == list(range(people))
    sizes = [len(g.members) for g in groups]
    assert min(sizes) >= k and max(sizes) < 2 * k + (make is furthest_groups)
    assert min(len(g.source) for g in groups) >= k


def test_nobody_is_the_source_of_his_own_face_in_furthest_groups() -> None:
    for group in furthest_groups(np.random.default_rng(1).normal(size=(23, 4)), 3, range(23)):
        assert not set(group.members) & set(group.source)


@pytest.mark.parametrize(
    ("make", "people", "k", "message"),
    [
        (nearest_groups, 5, 1, "less than 2 people"), (furthest_groups, 9, 1, "less than 2 people"),
        (nearest_groups, 2, 3, "2 people, but 3"), (furthest_groups, 5, 3, "5 people, but 6"),
    ],
)  # fmt: skip
def test_groups_that_cannot_be(make, people: int, k: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(np.zeros((people, 1)), k, range(people))


@pytest.mark.parametrize("name", FAMILY)
def test_k_of_one_is_refused_before_any_work(name: str) -> None:
    with pytest.raises(ValueError, match="outside of 2"):
        resolve_strengths(anonymisers.get(name).info, (1,))


# Geometry


def test_similarity_by_hand() -> None:
    # A quarter turn, twice the size, shifted by (5, 1): x' = -2 y + 5, y' = 2 x + 1.
    points = np.array([[0.0, 0], [1, 0], [0, 3]])
    target = np.array([[5.0, 1], [5, 3], [-1, 1]])
    matrix = similarity(points, target)
    assert np.allclose(matrix, [[0, -2, 5], [2, 0, 1]])
    assert np.allclose(apply(matrix, points), target)


def test_a_photo_in_the_frame_is_where_its_landmarks_say() -> None:
    small, large = Box(8, 8, 28, 28), Box(10, 20, 70, 80)
    dot = np.zeros((100, 100, 3), np.uint8)
    dot[50, 40] = 255  # in the middle of the large box
    frame = Frame(SIZE, SIZE, landmarks_in(small).astype(float))
    picture = frame.picture(cv2.blur(dot, (5, 5)), landmarks_in(large).astype(float))
    row, column = np.unravel_index(picture[..., 0].argmax(), picture.shape[:2])
    assert abs(row - 18) <= 1 and abs(column - 18) <= 1


def test_shrinking_looks_at_every_pixel() -> None:
    fine = np.zeros((128, 128, 3), np.uint8)
    fine[::2, ::2] = 200  # a quarter of the pixels
    matrix = np.array([[0.125, 0, 0], [0, 0.125, 0]])
    assert np.allclose(moved(fine, matrix, 16, 16)[2:-2, 2:-2], 50, atol=2)


def test_frame_of_equal_faces_is_their_own() -> None:
    frame = frame_of([person("a"), person("b")])
    assert (frame.width, frame.height) == (SIZE, SIZE)
    assert np.allclose(frame.points, landmarks_in(BOX), atol=1e-6)


def test_warping_to_the_same_place_changes_nothing() -> None:
    frame = Frame(SIZE, SIZE, landmarks_in(BOX).astype(float))
    picture = np.random.default_rng(0).uniform(0, 255, (SIZE, SIZE, 3)).astype(np.float32)
    same = Mesh(frame).warped(picture, frame.points, frame.points)
    assert np.abs(same - picture).max() < 0.5


def test_warping_takes_a_landmark_along() -> None:
    frame = Frame(SIZE, SIZE, landmarks_in(BOX).astype(float))
    picture = np.zeros((SIZE, SIZE, 3), np.float32)
    x, y = (int(v) for v in frame.points[30])
    picture[y - 1 : y + 2, x - 1 : x + 2] = 255
    target = frame.points.copy()
    target[27:36] += [3, 2]
    after = Mesh(frame).warped(picture, frame.points, target)[..., 0]
    row, column = np.unravel_index(cv2.blur(after, (3, 3)).argmax(), after.shape)
    assert abs(row - (y + 2)) <= 1 and abs(column - (x + 3)) <= 1


def test_components_by_hand() -> None:
    # Along (3, 4) / 5 the examples are at -5, 0 and 5, across it nowhere.
    examples = np.array([[0, 0], [3, 4], [6, 8]], np.float32)
    basis = basis_of(examples.copy(), 1.0)
    assert basis.axes.shape == (1, 2)
    assert np.allclose(np.abs(basis.axes[0]), [0.6, 0.8], atol=1e-6)
    assert abs(float(basis.code(examples[2])[0])) == pytest.approx(5, abs=1e-5)
    # (7, 1) lies beside the mean, (3, 4), at right angles to the axis.
    assert np.allclose(basis.rebuilt(basis.code(np.array([7, 1], np.float32))), [3, 4], atol=1e-5)
    assert basis.variance == pytest.approx(50 / 3)


def test_people_who_are_alike_have_no_components() -> None:
    basis = basis_of(np.full((4, 3), 7, np.float32), 0.95)
    assert basis.axes.shape == (0, 3)
    assert np.allclose(basis.rebuilt(basis.code(np.full(3, 9, np.float32))), 7)


# Pictures


def test_means_by_hand(tmp_path: Path) -> None:
    crowd = crowd_of({n: flat(s) for n, s in SHADES.items()})
    model = prepared("ksame_pixel", crowd, tmp_path, [2])
    # By who begins: he and his nearest are one group (of two as near the first), all others the
    # second.
    by_first = {
        0: [15, 15, 110, 110, 110], 1: [15, 15, 110, 110, 110], 2: [50, 50, 105, 105, 50],
        3: [50, 50, 105, 105, 50], 4: [43, 43, 43, 115, 115],
    }  # fmt: skip
    first = generator(7, "k-Same", "set", "probe all 1").permutation(5)[0]
    assert [shade_of(model, n) for n in SHADES] == by_first[first]


@pytest.mark.parametrize("name", [n for n in FAMILY if n not in ("ksame_furthest", "ksame_select")])
def test_k_of_all_gives_one_face(name: str, tmp_path: Path) -> None:
    model = prepared(name, crowd_of({n: flat(s) for n, s in SHADES.items()}), tmp_path, [5])
    found = {shade_of(model, n, 5) for n in SHADES}
    assert found == {72}  # (10 + 20 + 100 + 110 + 120) / 5


def test_eigen_with_all_components_is_pixel(tmp_path: Path) -> None:
    draw = np.random.default_rng(3)
    pictures = {
        n: cv2.blur(draw.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8), (7, 7)) for n in "abcd"
    }
    crowd = crowd_of(pictures)
    pixel = prepared("ksame_pixel", crowd, tmp_path / "p", [4])
    eigen = prepared("ksame_eigen", crowd, tmp_path / "e", [4], variance=1.0)
    both = [m.anonymise([photo("a", flat(0))], 4, [generator(0)])[0] for m in (pixel, eigen)]
    assert np.abs(both[0].astype(int) - both[1]).max() <= 1


def test_furthest_gets_the_other_groups_mean(tmp_path: Path) -> None:
    shades = {"a": 10, "b": 20, "c": 200, "d": 210}
    model = prepared(
        "ksame_furthest", crowd_of({n: flat(s) for n, s in shades.items()}), tmp_path, [2]
    )
    assert [shade_of(model, n) for n in shades] == [205, 205, 15, 15]


def test_select_stays_within_a_label(tmp_path: Path) -> None:
    shades = {"a": 10, "b": 12, "c": 14, "d": 16}
    labels = {"a": "female", "b": "male", "c": "female", "d": "male"}
    people = [person(n, gender=labels[n]) for n in shades]
    crowd = crowd_of({n: flat(s) for n, s in shades.items()}, people)
    model = prepared("ksame_select", crowd, tmp_path, [2], by="gender")
    assert [shade_of(model, n) for n in shades] == [12, 14, 12, 14]
    with pytest.raises(ValueError, match="no label expression"):
        prepared("ksame_select", crowd, tmp_path, [2])


def test_sides_and_images_of_a_person_are_apart(tmp_path: Path) -> None:
    shades = {"a_1": 0, "b_1": 10, "a_2": 100, "b_2": 120, "a_3": 200, "b_3": 240}
    people = [person(n, "gallery" if n.endswith("1") else "probe") for n in sorted(shades)]
    crowd = crowd_of({n: flat(s) for n, s in shades.items()}, people)
    model = prepared("ksame_pixel", crowd, tmp_path, [2])
    assert [shade_of(model, n) for n in shades] == [5, 5, 110, 110, 220, 220]


def test_ghosts_meet_in_shape_and_texture(tmp_path: Path) -> None:
    """Two people with a bright mouth at different heights: one mouth in k-Same-M, not two."""
    pictures, people = {}, []
    for name, shift in (("a", -3), ("b", 3)):
        face = person(name)
        points = face.face.points.copy()
        points[48:] += [0, shift]
        pixels = flat(50)
        row, column = (int(v) for v in points[48:].mean(axis=0)[::-1])
        pixels[row - 1 : row + 2, column - 3 : column + 4] = 250
        pictures[name] = pixels
        people.append(replace(face, face=replace(face.face, points=points)))
    crowd = crowd_of(pictures, people)
    peaks = {}
    for name in ("ksame_pixel", "ksame_m"):
        model = prepared(
            name, crowd, tmp_path, [2], **({"variance": 1.0} if name == "ksame_m" else {})
        )
        (after,) = model.anonymise([photo("a", flat(0))], 2, [generator(0)])
        peaks[name] = after.max()
    assert peaks["ksame_pixel"] < 175 < peaks["ksame_m"]


# What cannot be done is not passed through


def test_too_few_people_fail_with_the_reason(tmp_path: Path) -> None:
    crowd = crowd_of({n: flat(s) for n, s in SHADES.items()})
    model = prepared("ksame_pixel", crowd, tmp_path, [2, 6])
    assert shade_of(model, "a", 2) in (15, 43, 50)
    with pytest.raises(ValueError, match="5 people, but 6"):
        model.anonymise([photo("a", flat(0))], 6, [generator(0)])


def test_an_image_that_was_not_seen_fails(tmp_path: Path) -> None:
    model = prepared("ksame_pixel", crowd_of({n: flat(9) for n in "ab"}), tmp_path, [2])
    with pytest.raises(ValueError, match=r"z\.png was not seen"):
        model.anonymise([photo("z", flat(0))], 2, [generator(0)])


@pytest.mark.parametrize("what", ["line", "tiny", "nameless"])
def test_a_face_that_cannot_be_used_is_in_no_group(what: str, tmp_path: Path) -> None:
    people = [person(n) for n in "abc"]
    bad = {
        "line": replace(people[0], face=Face(BOX, points=np.float32([[i, 9] for i in range(68)]))),
        "tiny": person("a", box=Box(8, 8, 12, 12)),
        "nameless": replace(people[0], subject=""),
    }[what]
    crowd = crowd_of({n: flat(9) for n in "abc"}, [bad, *people[1:]])
    model = prepared("ksame_pixel", crowd, tmp_path, [2])
    assert shade_of(model, "b") == 9
    with pytest.raises(ValueError, match=r"landmarks|label"):
        model.anonymise([photo("a", flat(0))], 2, [generator(0)])


def test_it_does_nothing_without_the_whole_set() -> None:
    with pytest.raises(ValueError, match="by the workflow"):
        anonymisers.get("ksame_m").build({}).begin(DataSet("set", (), 1))


def test_other_detectors_are_refused() -> None:
    with pytest.raises(ValueError, match="dlib_hog"):
        anonymisers.get("ksame_m").build({}).check_detectors(["haar"])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ksame_pixel", {"by": "gender"}), ("ksame_pixel", {"variance": 0.5}),
        ("ksame_m", {"variance": 0}), ("ksame_m", {"variance": True}),
        ("ksame_select", {"by": "age"}), ("ksame_pixel", {"background": "grey"}),
        ("ksame_pixel", {"feather": 0.1}), ("ksame_m", {"background": "kept", "feather": 3}),
    ],
)  # fmt: skip
def test_options(name: str, options: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        anonymisers.get(name).build(options)


def test_a_kept_background_is_kept_and_the_face_is_not(tmp_path: Path) -> None:
    model = prepared("ksame_pixel", crowd_of({n: flat(9) for n in "ab"}), tmp_path, [2],
                     background="kept", feather=0.0)  # fmt: skip
    draw = np.random.default_rng(5)
    given = photo("a", draw.integers(100, 256, (SIZE, SIZE, 3), dtype=np.uint8))
    (after,) = model.anonymise([given], 2, [generator(0)])
    left, top, right, bottom = model.changed(given.regions[0], SIZE, SIZE)
    outside = np.ones((SIZE, SIZE), bool)
    outside[top:bottom, left:right] = False
    assert np.array_equal(after[outside], given.pixels[outside])
    assert (after[16:36, 16:32] == 9).all(), "something of the face is left"
    assert anonymisers.get("ksame_pixel").build({}).changed(given.regions[0], 7, 5) == (0, 0, 7, 5)


def test_of_two_faces_both_are_replaced_in_a_kept_background(tmp_path: Path) -> None:
    model = prepared("ksame_pixel", crowd_of({n: flat(9) for n in "ab"}), tmp_path, [2],
                     background="kept")  # fmt: skip
    boxes = Box(4, 10, 22, 30), Box(26, 10, 44, 30)
    regions = tuple(Region(*map(int, b), Face(b, points=landmarks_in(b))) for b in boxes)
    (after,) = model.anonymise(
        [Photo("a.png", "a", flat(200), regions, boxes[0])], 2, [generator(0)]
    )
    assert (after[16:24, 10:16] == 9).all() and (after[16:24, 32:38] == 9).all()


def test_a_face_outside_of_the_photo_fails(tmp_path: Path) -> None:
    model = prepared("ksame_pixel", crowd_of({n: flat(9) for n in "ab"}), tmp_path, [2],
                     background="kept")  # fmt: skip
    away = photo("a", flat(0), Box(100, 100, 140, 140))
    with pytest.raises(DegenerateFaceError):
        model.anonymise([away], 2, [generator(0)])


def test_other_sizes_get_the_same_picture_scaled(tmp_path: Path) -> None:
    model = prepared("ksame_pixel", crowd_of({n: flat(9) for n in "ab"}), tmp_path, [2])
    (after,) = model.anonymise([photo("a", np.zeros((30, 70, 3), np.uint8))], 2, [generator(0)])
    assert after.shape == (30, 70, 3) and (after == 9).all()


@pytest.mark.parametrize("name", FAMILY)
def test_same_crowd_same_bytes(name: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(8)
    pictures = {f"p{i}": cv2.blur(draw.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8), (9, 9))
                for i in range(5)}  # fmt: skip
    people = [person(n, expression="neutral") for n in pictures]
    for folder in ("one", "two"):
        prepared(name, crowd_of(pictures, people), tmp_path / folder, [2])
    for file in ("prepared.tar", "prepared.parquet"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("name", anonymisers.names())
def test_the_workflow_knows_which_methods_are_prepared(name: str) -> None:
    assert is_prepared(name) == name.startswith("ksame_")


# What the images may be called


def released(*images: str, status: str = "ok", whole: bool = True) -> pd.DataFrame:
    """Return rows of images, each given as SUBJECT DIGEST or SUBJECT DIGEST SIDE."""
    rows = [(*image.split(), "probe")[:3] for image in images]
    table = pd.DataFrame(rows, columns=["subject", "digest", "side"])
    return table.assign(status=status, whole=whole)


def test_k_same_is_called_so() -> None:
    table = released("a x", "b x", "c y", "d y", "e y", "a z gallery", "b z gallery")
    held = guarantee(table, 2)
    assert held == Guarantee(2, 0.5, 3, ()) and held.name == "k-Same"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (released("a x", "b x", "c y"), "1 of 2 pictures stand for fewer than 2 people"),
        (released("a x", "a x"), "fewer than 2 people"),
        (released("a x", "b x", "a y", "b y"), "up to 2 images of a person among those of probe"),
        (released("a x", "b x", whole=False), "pixels outside of the face remain"),
        (
            pd.concat([released("a x", "b x"), released("c black", status="no_face")]),
            r"1 of 3 images are blacked out \(1 no_face\)",
        ),
    ],
)
def test_what_is_less_is_called_like(table: pd.DataFrame, reason: str) -> None:
    name = guarantee(table, 2).name
    assert name.startswith("k-Same-like: ")
    assert re.search(reason, name)


def test_without_identities_nothing_is_guaranteed() -> None:
    assert "who is who" in guarantee(released("a x", "b x"), 2, identities=False).name


def test_the_best_guess_is_the_commonest_person() -> None:
    # Of picture x three in five are of a, of y one in two.
    table = released("a x", "a x", "a x", "b x", "c x", "d y", "e y")
    assert guarantee(table, 2).guess == pytest.approx(0.6)


def test_all_black_images_guarantee_nothing() -> None:
    held = guarantee(released("a x", "b x", status="method_error"), 2)
    assert (held.people, held.outputs) == (0, 0) and held.reasons
