"""Normalised mean error: by hand, by group, and by the numbering of MediaPipe."""

from __future__ import annotations

import numpy as np
import pytest

from anonbench.landmark_error import ERRORS, GROUPS, landmark_errors, landmark_score


@pytest.fixture()
def face() -> np.ndarray:
    points = np.random.default_rng(0).uniform(0, 200, (468, 2)).astype(np.float32)
    points[33], points[263] = (60, 80), (140, 80)  # 80 pixels apart
    return points


def test_the_same_landmarks_have_no_error(face: np.ndarray) -> None:
    assert landmark_errors(face, face.copy()) == dict.fromkeys(ERRORS, 0.0)


def test_a_shift_is_its_length_in_units_of_the_eyes(face: np.ndarray) -> None:
    found = landmark_errors(face, face + np.float32([3, 4]))
    assert list(found) == list(ERRORS)
    assert list(found.values()) == pytest.approx([5 / 80] * len(ERRORS), rel=1e-5)


def test_the_unit_is_that_of_the_original(face: np.ndarray) -> None:
    # Twice as large around the first corner: each point moves by its distance from it.
    distances = np.hypot(*(face - face[33]).astype(float).T)
    found = landmark_errors(face, 2 * face - face[33])
    assert found["nme"] == pytest.approx(distances.mean() / 80, rel=1e-5)
    back = landmark_errors(2 * face - face[33], face)
    assert back["nme"] == pytest.approx(distances.mean() / 160, rel=1e-5)


@pytest.mark.parametrize("group", GROUPS)
def test_what_moves_shows_in_its_group(face: np.ndarray, group: str) -> None:
    moved = face.copy()
    first, *_ = GROUPS[group]
    moved[first, 1] += 8  # one landmark by a tenth of the unit
    found = landmark_errors(face, moved)
    assert found[f"nme_{group}"] == pytest.approx(0.1 / len(GROUPS[group]), rel=1e-4)
    assert found["nme"] == pytest.approx(0.1 / 468, rel=1e-4)
    others = [g for g in GROUPS if g != group and first not in GROUPS[g]]
    assert [found[f"nme_{g}"] for g in others] == [0] * len(others)


def test_groups_are_numbered_as_mediapipe_does() -> None:
    connections = pytest.importorskip("mediapipe.python.solutions.face_mesh_connections")
    names = {
        "eyes": ["LEFT_EYE", "RIGHT_EYE"], "brows": ["LEFT_EYEBROW", "RIGHT_EYEBROW"],
        "nose": ["NOSE"], "mouth": ["LIPS"], "contour": ["FACE_OVAL"],
    }  # fmt: skip
    assert set(names) == set(GROUPS)
    for group, parts in names.items():
        pairs = set().union(*(getattr(connections, f"FACEMESH_{p}") for p in parts))
        assert set(GROUPS[group]) == {k for pair in pairs for k in pair}, group
        assert len(set(GROUPS[group])) == len(GROUPS[group])


def test_corners_in_one_place_are_no_unit(face: np.ndarray) -> None:
    flat = face.copy()
    flat[33] = flat[263]
    assert all(np.isnan(v) for v in landmark_errors(flat, face).values())


def test_other_landmarks_are_refused(face: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\(68, 2\).*mediapipe_mesh"):
        landmark_errors(face, face[:68])


def test_score_is_the_area_under_the_cumulative_error_curve() -> None:
    errors = np.array([0.0, 0.013, 0.05, 0.0999, 0.1, 0.3, np.nan, 0.071])
    bounds = (np.arange(100_000) + 0.5) * 0.1 / 100_000
    share = np.mean([errors <= b for b in bounds], axis=1)
    assert landmark_score(errors).mean() == pytest.approx(share.mean(), abs=1e-5)
    assert landmark_score(np.array([0, 0.05, 0.1, 0.2, np.nan])).tolist() == pytest.approx(
        [1, 0.5, 0, 0, 0]
    )
