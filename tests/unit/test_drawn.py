from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest

from anonbench.drawn import EXPRESSIONS, draw_face, drawn_paths, write_drawn_set
from anonbench.io import decode_png

SMALL = 96


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def _labels(folder: Path) -> list[dict[str, str]]:
    with (folder / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_same_arguments_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_drawn_set(tmp_path / name, subjects=2, views=2, size=SMALL)
    assert _files(tmp_path / "a") == _files(tmp_path / "b")


def test_another_seed_draws_other_faces() -> None:
    assert not np.array_equal(
        draw_face(0, 0, seed=1, size=SMALL), draw_face(0, 0, seed=2, size=SMALL)
    )


def test_a_picture_does_not_depend_on_the_rest_of_the_set(tmp_path: Path) -> None:
    write_drawn_set(tmp_path / "few", subjects=1, views=2, size=SMALL)
    write_drawn_set(tmp_path / "more", subjects=2, views=3, size=SMALL)
    few, more = _files(tmp_path / "few"), _files(tmp_path / "more")
    assert few["00/1.png"] == more["00/1.png"]


def test_written_files_are_the_promised_ones(tmp_path: Path) -> None:
    write_drawn_set(tmp_path, subjects=3, views=2, size=SMALL)
    paths = drawn_paths(3, 2)
    assert paths == ["00/0.png", "00/1.png", "01/0.png", "01/1.png", "02/0.png", "02/1.png"]
    assert set(_files(tmp_path)) == {*paths, "labels.csv"}


def test_labels(tmp_path: Path) -> None:
    write_drawn_set(tmp_path, subjects=2, views=6, size=SMALL)
    rows = _labels(tmp_path)
    assert list(rows[0]) == ["path", "subject", "session", "expression"]
    assert [row["path"] for row in rows] == drawn_paths(2, 6)
    assert [row["subject"] for row in rows] == ["00"] * 6 + ["01"] * 6
    assert [row["session"] for row in rows[:6]] == list("012345")
    assert [row["expression"] for row in rows[:6]] == [*EXPRESSIONS, EXPRESSIONS[0]]


@pytest.mark.parametrize("size", [48, 192, 250])
def test_size_and_type(size: int) -> None:
    picture = draw_face(1, 1, size=size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20  # something is drawn


def test_files_are_small_and_read_back(tmp_path: Path) -> None:
    write_drawn_set(tmp_path, subjects=3, views=2)
    for path in drawn_paths(3, 2):
        data = (tmp_path / path).read_bytes()
        assert len(data) <= 40_000
        subject, view = int(path[:2]), int(path[3])
        np.testing.assert_array_equal(decode_png(data), draw_face(subject, view))


def test_no_two_pictures_are_alike() -> None:
    pictures = [draw_face(s, v, size=SMALL).astype(float) for s in range(4) for v in range(3)]
    assert min(np.abs(a - b).mean() for a, b in combinations(pictures, 2)) > 3.0


@pytest.mark.parametrize(
    "arguments",
    [
        {"subject": -1, "view": 0},
        {"subject": 0, "view": -1},
        {"subject": 0, "view": 0, "seed": -1},
        {"subject": 0, "view": 0, "size": 31},
    ],
)
def test_impossible_arguments(arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        draw_face(**arguments)


@pytest.mark.parametrize("counts", [{"subjects": 0}, {"views": 0}])
def test_an_empty_set_is_refused(tmp_path: Path, counts: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="1 or more"):
        write_drawn_set(tmp_path, **counts)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def default_set() -> list[np.ndarray]:
    return [draw_face(subject, view) for subject in range(12) for view in range(4)]


@pytest.mark.slow
def test_dlib_finds_the_faces(default_set: list[np.ndarray]) -> None:
    dlib = pytest.importorskip("dlib")
    detector = dlib.get_frontal_face_detector()
    counts = [len(detector(picture, 1)) for picture in default_set]
    assert np.mean([count == 1 for count in counts]) >= 0.9


@pytest.mark.slow
def test_cascades_find_faces_and_eyes(default_set: list[np.ndarray]) -> None:
    face, eye, glasses = (
        cv2.CascadeClassifier(cv2.data.haarcascades + f"haarcascade_{name}.xml")
        for name in ("frontalface_default", "eye", "eye_tree_eyeglasses")
    )
    faces = eyes = eyes_glasses = 0
    for picture in default_set:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        boxes = face.detectMultiScale(grey, 1.1, 5, minSize=(40, 40))
        faces += len(boxes) == 1
        for x, y, w, h in boxes[:1]:
            upper = grey[y : y + h * 6 // 10, x : x + w]
            eyes += len(eye.detectMultiScale(upper, 1.1, 5)) >= 2
            eyes_glasses += len(glasses.detectMultiScale(upper, 1.1, 5)) >= 2
    n = len(default_set)
    assert faces >= 0.95 * n
    assert eyes >= 0.8 * n
    assert eyes_glasses >= 0.8 * n


@pytest.mark.slow
def test_a_recogniser_tells_subjects_apart(default_set: list[np.ndarray]) -> None:
    dlib = pytest.importorskip("dlib")
    models = pytest.importorskip("face_recognition_models")
    detector = dlib.get_frontal_face_detector()
    points = dlib.shape_predictor(models.pose_predictor_five_point_model_location())
    network = dlib.face_recognition_model_v1(models.face_recognition_model_location())
    found = [(i, detector(picture, 1)) for i, picture in enumerate(default_set)]
    found = [(i, boxes[0]) for i, boxes in found if boxes]
    chips = [dlib.get_face_chip(default_set[i], points(default_set[i], box)) for i, box in found]
    codes = np.array([network.compute_face_descriptor(chip) for chip in chips])
    subject = np.array([i // 4 for i, _ in found])
    first, second = np.triu_indices(len(codes), 1)
    distance = np.linalg.norm(codes[first] - codes[second], axis=1)
    mated = subject[first] == subject[second]
    # Chance: the medians agree. Here most mated pairs are closer than nearly all others.
    assert np.quantile(distance[mated], 0.75) < np.quantile(distance[~mated], 0.1)
