"""The command that compares head poses with true ones: its fit and its arithmetic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import head_pose as command

from anonbench.head_pose import INDICES, REFERENCE
from anonbench.synthetic.scene import rotation


def test_fit_finds_the_head_that_was_turned() -> None:
    rng = np.random.default_rng(0)
    head = np.array(list(REFERENCE.values()))
    poses = rng.uniform(-15, 15, (40, 3))
    points = np.zeros((40, 468, 2), np.float32)
    for k, pose in enumerate(poses):
        turned = (head @ rotation(*pose).T)[:, :2] * (1, -1)
        points[k, INDICES] = rng.uniform(30, 60) * turned + rng.uniform(50, 150, 2)
    found = command.fit(points, poses)
    centred = head - head.mean(axis=0)
    np.testing.assert_allclose(found, centred / np.sqrt((centred**2).sum(axis=1).mean()), atol=1e-4)


def test_both_sides_of_the_reference_are_paired() -> None:
    for right, left in command.MIRROR.items():
        x, y, z = REFERENCE[right]
        assert REFERENCE[left] == (-x, y, z) and x < 0
    paired = {*command.MIRROR, *command.MIRROR.values()}
    assert all(REFERENCE[k][0] == 0 for k in REFERENCE if k not in paired)


def test_agreement_by_hand() -> None:
    poses = np.array([[0, 0, 0], [10, 1, 2], [0, 2, 4], [10, 3, 6]], float)
    # Yaw doubled and 3 too large, pitch 2 too large for the second subject alone, roll exact.
    estimates = poses * (2, 1, 1) + (3, 0, 0) + [[0, 0, 0], [0, 0, 0], [0, 2, 0], [0, 2, 0]]
    table = command.compare(estimates, poses, np.array(["a", "a", "b", "b"]))
    yaw, pitch, roll = (table.loc[name].to_dict() for name in ("yaw", "pitch", "roll"))
    assert yaw == pytest.approx(
        {"correlation": 1, "slope": 2, "offset": 8, "error": 5, "change_error": 10}
    )
    assert (pitch["offset"], pitch["error"], pitch["change_error"]) == (1, 1, 0), "his own cancels"
    assert (roll["slope"], roll["error"], roll["change_error"]) == pytest.approx((1, 0, 0))
