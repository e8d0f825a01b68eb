from __future__ import annotations

import numpy as np
import pytest

from anonbench.anonymisers import Region
from anonbench.regions import (
    COVERAGE,
    EYE_POINTS,
    NoRegion,
    choose_faces,
    covers,
    regions_for,
)
from anonbench.types import Box, Face

FACE_BOX = Box(100, 100, 200, 200)


def one(face: Face, part: str, detector: str, width: int = 300, height: int = 300):
    (found,) = regions_for([face], part, detector, width, height)
    return found


def edges(region: Region | NoRegion) -> tuple[int, int, int, int]:
    assert isinstance(region, Region), region
    return region.left, region.top, region.right, region.bottom


def face_with(points: dict[int, tuple[float, float]], count: int, box: Box = FACE_BOX) -> Face:
    """Return a face whose other landmarks are far away: using one of them shows."""
    every = np.full((count, 2), 290, np.float32)
    for index, point in points.items():
        every[index] = point
    return Face(box, points=every)


def test_face_is_the_box_in_whole_pixels() -> None:
    face = Face(Box(10.2, 20.9, 50.1, 60.0))
    found = one(face, "face", "mtcnn")
    assert edges(found) == (10, 20, 51, 60)
    assert found.face is face


def test_face_is_cut_at_the_image() -> None:
    assert edges(one(Face(Box(-9, -3.5, 40, 500)), "face", "haar", 30, 20)) == (0, 0, 30, 20)


@pytest.mark.parametrize(
    "box", [Box(300, 10, 340, 50), Box(-40, 10, 0, 50), Box(50, 50, 50, 60), Box(60, 60, 50, 50)]
)
def test_a_box_without_pixels_is_no_region(box: Box) -> None:
    assert isinstance(one(Face(box), "face", "haar"), NoRegion)


@pytest.mark.parametrize("part", ["face", "eyes"])
def test_a_box_that_is_not_finite_is_no_region(part: str) -> None:
    face = Face(Box(float("nan"), 0, 10, 10), eyes=(Box(1, 1, 5, 5), Box(6, 1, 9, 5)))
    assert isinstance(one(face, part, "haar"), NoRegion)


def test_one_answer_a_face_in_order() -> None:
    good, bad = Face(Box(10, 10, 20, 20)), Face(Box(400, 10, 420, 20))
    found = regions_for([good, bad, good], "face", "haar", 300, 300)
    assert [isinstance(f, Region) for f in found] == [True, False, True]
    assert regions_for([], "face", "haar", 300, 300) == []


# Haar


def test_two_haar_eyes() -> None:
    face = Face(FACE_BOX, eyes=(Box(160, 128, 185, 150), Box(115, 130, 140, 155)))
    assert edges(one(face, "eyes", "haar")) == (115, 128, 185, 155)


def test_a_single_haar_eye_spans_the_face() -> None:
    face = Face(FACE_BOX, eyes=(Box(115, 130, 140, 155),))
    assert edges(one(face, "eyes", "haar")) == (100, 130, 200, 155)


def test_two_hits_on_the_same_eye_span_the_face() -> None:
    """An envelope of both would leave the other eye as it is."""
    face = Face(FACE_BOX, eyes=(Box(115, 130, 140, 155), Box(112, 125, 145, 158)))
    assert edges(one(face, "eyes", "haar")) == (100, 125, 200, 158)


def test_more_than_two_haar_eyes_are_enveloped() -> None:
    eyes = (Box(115, 130, 140, 155), Box(160, 128, 185, 150), Box(110, 120, 145, 157))
    assert edges(one(Face(FACE_BOX, eyes=eyes), "eyes", "haar")) == (110, 120, 185, 157)


def test_haar_hits_in_the_lower_part_are_no_eyes() -> None:
    mouth = Box(130, 150, 170, 171)  # centre at 160.5 %, just below 60 % of the face's height
    eyes = (Box(115, 130, 140, 155), Box(160, 128, 185, 150))
    assert edges(one(Face(FACE_BOX, eyes=(*eyes, mouth)), "eyes", "haar")) == (115, 128, 185, 155)
    assert isinstance(one(Face(FACE_BOX, eyes=(mouth,)), "eyes", "haar"), NoRegion)


def test_each_haar_part_uses_its_own_cascade() -> None:
    face = Face(
        FACE_BOX,
        eyes=(Box(115, 130, 140, 155), Box(160, 130, 185, 155)),
        eyes_glasses=(Box(110, 120, 145, 150), Box(155, 120, 190, 150)),
    )
    assert edges(one(face, "eyes", "haar")) == (115, 130, 185, 155)
    assert edges(one(face, "eyes_glasses", "haar")) == (110, 120, 190, 150)
    only_eyes = Face(FACE_BOX, eyes=face.eyes)
    assert isinstance(one(only_eyes, "eyes_glasses", "haar"), NoRegion)


# Landmarks


def test_mtcnn_eyes_by_hand() -> None:
    # 50 pixels between the pupils: x by 50 (0.24 + 0.2) = 22, y by 50 (0.08 + 0.3) = 19.
    face = face_with({0: (125, 140), 1: (175, 140)}, 5)
    assert edges(one(face, "eyes", "mtcnn")) == (103, 121, 197, 159)
    # With glasses by 50 (0.24 + 0.4) = 32 and 50 (0.08 + 0.45) = 26.5.
    assert edges(one(face, "eyes_glasses", "mtcnn")) == (93, 113, 207, 167)


def test_dlib_eyes_by_hand() -> None:
    # Two contours, 20 wide and 6 high, with centres 50 apart: x by 10, y by 15.
    shape = [(-10, 0), (-4, -3), (4, -3), (10, 0), (4, 3), (-4, 3)]
    left = {36 + k: (125 + x, 140 + y) for k, (x, y) in enumerate(shape)}
    right = {42 + k: (175 + x, 140 + y) for k, (x, y) in enumerate(shape)}
    face = face_with(left | right, 68)
    assert edges(one(face, "eyes", "dlib_hog")) == (105, 122, 195, 158)


def test_eyes_seen_from_the_side_keep_their_size() -> None:
    # Pupils 10 apart in a face of 100: reckoned with 35, so x by 15.4 and y by 13.3.
    face = face_with({0: (120, 140), 1: (130, 140)}, 5)
    assert edges(one(face, "eyes", "mtcnn")) == (104, 126, 146, 154)


def test_mesh_eye_points_are_those_of_mediapipe() -> None:
    connections = pytest.importorskip("mediapipe.python.solutions.face_mesh_connections")
    count, eyes = EYE_POINTS["mediapipe_mesh"]
    published = [
        {k for pair in getattr(connections, name) for k in pair}
        for name in ("FACEMESH_RIGHT_EYE", "FACEMESH_LEFT_EYE")
    ]
    assert count == 468
    assert [set(eye) for eye in eyes] == published


def test_mesh_eyes() -> None:
    _, (right, left) = EYE_POINTS["mediapipe_mesh"]
    points = dict.fromkeys(right, (125.0, 140.0)) | dict.fromkeys(left, (175.0, 140.0))
    face = face_with(points, 468)
    assert edges(one(face, "eyes", "mediapipe_mesh")) == (115, 125, 185, 155)


@pytest.mark.parametrize("angle", [0, 20, 45, -30])
@pytest.mark.parametrize("detector", ["mtcnn", "dlib_hog"])
def test_eyes_of_a_tilted_head_are_covered(detector: str, angle: float) -> None:
    turn = np.deg2rad(angle)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    # Real eyes at this scale: 24 x 8 pixels, 50 apart.
    shape = np.array([(-12, 0), (-5, -4), (5, -4), (12, 0), (5, 4), (-5, 4)])
    contour = np.concatenate([np.subtract(shape, (25, 0)), np.add(shape, (25, 0))]) @ matrix.T + 150
    if detector == "mtcnn":
        centres = np.array([(-25, 0), (25, 0)]) @ matrix.T + 150
        face = face_with(dict(enumerate(map(tuple, centres))), 5)
    else:
        face = face_with(dict(enumerate(map(tuple, contour), 36)), 68)
    left, top, right, bottom = edges(one(face, "eyes", detector))
    assert (contour > (left, top)).all() and (contour < (right, bottom)).all()


def test_eyes_without_landmarks_are_no_region() -> None:
    for detector in ("mtcnn", "dlib_hog", "mediapipe_mesh", "another"):
        found = one(Face(FACE_BOX), "eyes", detector)
        assert isinstance(found, NoRegion)
        assert detector in found.detail
    broken = face_with({0: (float("nan"), 140), 1: (175, 140)}, 5)
    assert isinstance(one(broken, "eyes", "mtcnn"), NoRegion)


def test_unknown_part_is_an_error() -> None:
    with pytest.raises(ValueError, match="mouth"):
        one(Face(FACE_BOX), "mouth", "haar")


# Which faces

BIG, MIDDLE, SMALL = (
    Face(Box(0, 0, 90, 90)), Face(Box(110, 110, 190, 190)), Face(Box(250, 0, 290, 40)),
)  # fmt: skip


def test_policies() -> None:
    faces = [SMALL, BIG, MIDDLE]
    assert choose_faces(faces, "largest", 300, 300) == [1]
    assert choose_faces(faces, "central", 300, 300) == [2]
    assert choose_faces(faces, "all", 300, 300) == [0, 1, 2]
    assert choose_faces(faces, "central", 560, 40) == [0]


def test_no_faces_no_choice() -> None:
    for policy in ("largest", "central", "all"):
        assert choose_faces([], policy, 300, 300) == []


def test_the_first_of_equals() -> None:
    twins = [Face(Box(0, 0, 10, 10)), Face(Box(90, 0, 100, 10))]
    assert choose_faces(twins, "largest", 100, 10) == [0]
    assert choose_faces(twins, "central", 100, 10) == [0]


@pytest.mark.parametrize("policy", ["largest", "central"])
def test_choice_agrees_with_the_subjects(policy: str) -> None:
    subjects = pytest.importorskip("anonbench.subjects")
    rng = np.random.default_rng(3)
    for _ in range(50):
        corners = rng.integers(0, 80, (rng.integers(1, 6), 2))
        sizes = rng.integers(5, 40, len(corners))
        faces = [Face(Box(x, y, x + s, y + s)) for (x, y), s in zip(corners, sizes, strict=True)]
        assert choose_faces(faces, policy, 100, 90) == [subjects.choose(faces, policy, 100, 90)]


def test_unknown_policy_is_an_error() -> None:
    with pytest.raises(ValueError, match="smallest"):
        choose_faces([BIG], "smallest", 300, 300)


def test_coverage() -> None:
    subject = Box(0, 0, 100, 100)
    assert covers(Face(Box(0, 0, 100, 100 * COVERAGE)), subject)
    assert not covers(Face(Box(0, 0, 100, 100 * COVERAGE - 1)), subject)
    assert covers(Face(Box(-50, -50, 300, 300)), subject)
    assert not covers(Face(Box(30, 30, 60, 60)), subject), "a hit on a mouth is not the face"
    assert not covers(Face(Box(90, 0, 190, 100)), subject), "a neighbour"
    assert not covers(Face(subject), Box(5, 5, 5, 5))
