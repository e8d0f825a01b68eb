"""Keypoints of head and shoulders."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from anonbench.detectors import mediapipe_keypoints
from anonbench.detectors._keypoints import plausible, usual_shoulders
from anonbench.types import Box, Face

BOX = Box(100, 100, 160, 180)
NOSE = np.array([130.0, 145.0], np.float32)


def test_usual_shoulders_are_below_the_chin_left_one_at_the_right() -> None:
    # 1.2 of 60 beside x = 130, half of 80 below y = 180.
    np.testing.assert_allclose(usual_shoulders(BOX), [[202, 220], [58, 220]], rtol=1e-6)


def test_usual_shoulders_are_plausible() -> None:
    assert plausible(np.vstack([NOSE, usual_shoulders(BOX)]), NOSE, BOX)


@pytest.mark.parametrize(
    "found",
    [
        [(171, 145), (202, 220), (58, 220)],  # a nose 41 pixels away, more than half of 80
        [(130, 145), (282, 220), (-22, 220)],  # 304 apart, more than 5 * 60
        [(130, 145), (202, 150), (58, 150)],  # their middle 5 below the nose, less than 16
        [(130, 145), (202, 350), (58, 350)],  # 205 below, more than 200
        [(130, 145), (260, 220), (190, 220)],  # their middle 95 beside the nose, more than 90
        [(130, 145), (np.nan, 220), (58, 220)],
    ],
)
def test_shoulders_of_somebody_else_are_not_plausible(found) -> None:
    assert not plausible(np.array(found, np.float32), NOSE, BOX)


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> mediapipe_keypoints.MediapipeKeypointsDetector:
    """Return a detector whose mesh is one made-up face, and whose pose the tests set."""
    points = np.zeros((468, 2), np.float32)
    points[[1, 263, 362, 33, 133, 454, 234]] = [
        NOSE, (148, 120), (140, 122), (112, 120), (120, 122), (160, 130), (100, 130),
    ]  # fmt: skip
    made = mediapipe_keypoints.MediapipeKeypointsDetector(shoulders=False)
    monkeypatch.setattr(made._mesh, "detect", lambda pixels: [Face(BOX, points=points)])
    return made


def _pose(found):
    """Return what MediaPipe's pose would, for nose and shoulders as shares of its picture."""
    marks = [SimpleNamespace(x=0.0, y=0.0) for _ in range(33)]
    for k, (x, y) in zip((0, 11, 12), found, strict=True):
        marks[k] = SimpleNamespace(x=x, y=y)
    answer = SimpleNamespace(pose_landmarks=SimpleNamespace(landmark=marks))
    seen = []

    def process(pixels):
        seen.append(pixels.shape)
        return answer

    return SimpleNamespace(process=process, seen=seen)


def test_order_is_that_of_coco(detector) -> None:
    (face,) = detector.detect(np.zeros((400, 300, 3), np.uint8))
    expected = [NOSE, (144, 121), (116, 121), (160, 130), (100, 130), (202, 220), (58, 220)]
    np.testing.assert_allclose(face.points, np.array(expected), rtol=1e-6)
    assert face.points.dtype == np.float32
    assert face.box == BOX


def test_shoulders_found_around_the_face_are_placed_in_the_photo(detector) -> None:
    # The crop reaches from (100 - 120, 100 - 48) to (160 + 120, 180 + 160) as far as the photo.
    detector._pose = _pose([(130 / 280, 93 / 288), (190 / 280, 0.5), (70 / 280, 0.5)])
    (face,) = detector.detect(np.zeros((400, 300, 3), np.uint8))
    assert detector._pose.seen == [(288, 280, 3)]
    np.testing.assert_allclose(face.points[5:], [[190, 196], [70, 196]], rtol=1e-6)


@pytest.mark.parametrize("answer", [[(0, 0), (0.9, 0.9), (0.1, 0.9)], None])
def test_face_without_shoulders_gets_the_usual_ones(detector, answer) -> None:
    if answer is None:
        detector._pose = SimpleNamespace(process=lambda p: SimpleNamespace(pose_landmarks=None))
    else:
        detector._pose = _pose(answer)
    (face,) = detector.detect(np.zeros((400, 300, 3), np.uint8))
    np.testing.assert_allclose(face.points[5:], usual_shoulders(BOX))
