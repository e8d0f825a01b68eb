"""Angles of a reference head that is turned, moved, scaled, disturbed."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from anonbench.head_pose import INDICES, REFERENCE, head_pose, pose_errors
from anonbench.landmark_error import GROUPS
from anonbench.synthetic.scene import rotation


def seen(
    yaw: float, pitch: float, roll: float, scale: float = 40, distance: float = 0
) -> np.ndarray:
    """The mesh of a turned reference head; all other landmarks lie somewhere else.

    `distance` in units of the head makes the camera a perspective one.
    """
    turned = np.array(list(REFERENCE.values())) @ rotation(yaw, pitch, roll).T
    near = distance / (distance - turned[:, 2:]) if distance else 1
    mesh = np.random.default_rng(0).uniform(0, 300, (468, 2))
    mesh[INDICES] = scale * near * turned[:, :2] * (1, -1) + (120, 90)
    return mesh.astype(np.float32)


@pytest.mark.parametrize("angles", list(product((-40, 0, 25), (-30, 0, 10), (-100, 0, 15))))
@pytest.mark.parametrize("scale", [8, 60])
def test_angles_are_those_the_renderer_turned_the_head_by(
    angles: tuple[float, float, float], scale: float
) -> None:
    # The renderer's own rotation, as the data card of the faces describes it.
    assert head_pose(seen(*angles, scale)) == pytest.approx(angles, abs=2e-3)


def test_signs_by_hand() -> None:
    """The nose tells: to the image's right if turned to the subject's left, down if nodding."""
    straight, left, down, tilted = (
        seen(*a)[[4, 234, 454]] for a in ((0, 0, 0), (20, 0, 0), (0, 20, 0), (0, 0, 20))
    )
    assert left[0, 0] - left[1:, 0].mean() > straight[0, 0] - straight[1:, 0].mean() + 1
    assert down[0, 1] - down[1:, 1].mean() > straight[0, 1] - straight[1:, 1].mean() + 1
    # The subject's right temple sinks: y grows downwards.
    assert tilted[1, 1] > tilted[2, 1] + 1


def test_many_faces_at_once_are_as_one_by_one() -> None:
    faces = np.stack([seen(k, -k, k / 2) for k in range(6)]).reshape(2, 3, 468, 2)
    together = head_pose(faces)
    assert together.shape == (2, 3, 3)
    assert together[1, 2] == pytest.approx(head_pose(faces[1, 2]), abs=1e-9)


def test_a_near_camera_costs_little_and_a_change_less() -> None:
    # The rendered heads are 11 dm away, and a unit of the reference is half a decimetre.
    first, second = (head_pose(seen(*a, distance=22)) for a in ((10, 5, 2), (4, -3, 6)))
    assert first == pytest.approx([10, 5, 2], abs=1)
    errors = pose_errors(first, second)
    assert list(errors.values()) == pytest.approx([6, 8, 4], abs=0.5)


def test_expressions_do_not_turn_the_head() -> None:
    moved = seen(10, 5, 2)
    rng = np.random.default_rng(1)
    for part in ("brows", "mouth"):
        moved[list(GROUPS[part])] += rng.normal(0, 10, (len(GROUPS[part]), 2)).astype(np.float32)
    assert head_pose(moved).tolist() == head_pose(seen(10, 5, 2)).tolist()


def test_the_reference_is_symmetric() -> None:
    places = {tuple(p) for p in REFERENCE.values()}
    assert {(-x, y, z) for x, y, z in places} == places
    assert {p for p in REFERENCE.values() if p[0] == 0} and REFERENCE[33][0] < 0, "subject's right"


def test_differences_go_the_short_way_round() -> None:
    errors = pose_errors(np.array([1.0, -2.0, 179.0]), np.array([-3.0, 5.0, -179.0]))
    assert errors == pytest.approx({"yaw_error": 4, "pitch_error": 7, "roll_error": 2})


def test_landmarks_in_one_place_have_no_pose() -> None:
    assert np.isnan(head_pose(np.full((468, 2), 7.0))).all()
    both = head_pose(np.stack([np.full((468, 2), 7.0), seen(5, 0, 0)]))
    assert np.isnan(both[0]).all() and not math.isnan(both[1, 0])
