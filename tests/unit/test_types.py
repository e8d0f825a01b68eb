"""Boxes: hand-computed areas, overlaps and clipped pixels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonbench.types import Box, Face

numbers = st.integers(-50, 50).map(float)
boxes = st.builds(Box, numbers, numbers, numbers, numbers)


def test_measures_by_hand() -> None:
    box = Box(2, 3, 12, 8)
    assert (box.width, box.height, box.area, box.centre) == (10, 5, 50, (7, 5.5))
    assert box.intersection(Box(10, 0, 20, 5)) == 4  # 2 x 2
    assert box.iou(Box(10, 0, 20, 5)) == pytest.approx(4 / (50 + 50 - 4))
    assert box.iou(box) == 1


def test_touching_and_inverted_boxes_share_nothing() -> None:
    assert Box(0, 0, 5, 5).iou(Box(5, 0, 10, 5)) == 0
    assert Box(5, 5, 0, 0).area == 0
    assert Box(1, 1, 1, 1).iou(Box(1, 1, 1, 1)) == 0


@given(boxes, boxes)
def test_overlap_is_symmetric_and_bounded(a: Box, b: Box) -> None:
    assert a.iou(b) == b.iou(a)
    assert 0 <= a.iou(b) <= 1
    assert a.intersection(b) <= min(a.area, b.area)


def test_clip_covers_the_box_inside_the_image() -> None:
    assert Box(1.2, 2.8, 5.1, 6.0).clip(100, 100) == (1, 2, 6, 6)
    assert Box(-3, -4, 200, 300).clip(100, 50) == (0, 0, 100, 50)
    assert Box(120, 10, 150, 20).clip(100, 100) == (100, 10, 100, 20)


@given(boxes)
def test_clip_stays_inside(box: Box) -> None:
    left, top, right, bottom = box.clip(20, 30)
    assert all(isinstance(v, int) for v in (left, top, right, bottom))
    assert 0 <= left <= 20 and 0 <= right <= 20 and 0 <= top <= 30 and 0 <= bottom <= 30


def test_face_has_no_confidence_unless_it_is_told() -> None:
    face = Face(Box(0, 0, 1, 1))
    assert face.score != face.score  # not-a-number, never 0
    assert face.points.shape == (0, 2) and face.eyes == face.eyes_glasses == ()
