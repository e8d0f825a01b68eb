"""Spectacles on a ball with two eyes: closed tubes, before the eyes, the same on both sides."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from anonbench.synthetic.glasses import Glasses, fit_glasses
from anonbench.synthetic.light import directions
from anonbench.synthetic.traits import draw_traits

KINDS = ("rectangular", "round", "rimless")
HEAD = np.array([0.0, 7.3, 0.3]) + 0.85 * directions(6000) * [0.9, 1.2, 0.95]
EYE = np.array([0.31, 7.3, 0.92])
BALL = 0.12 * directions(72)


def worn(kind: str, seed: int = 0) -> Glasses:
    # The ball, and so the eyes, are mirrored too: a lattice by itself is not.
    head = np.concatenate([HEAD, HEAD * [-1, 1, 1]])
    left = EYE + BALL
    traits = replace(draw_traits(seed), glasses=kind)
    glasses = fit_glasses((left, left * [-1, 1, 1]), head, traits)
    assert glasses is not None
    return glasses


def parts(vertices: np.ndarray, triangles: np.ndarray) -> list[np.ndarray]:
    """Triangles of each connected part, the largest first."""
    pairs = triangles[:, [0, 1, 1, 2]].reshape(-1, 2)
    graph = coo_matrix((np.ones(len(pairs)), pairs.T), (len(vertices), len(vertices)))
    count, part = connected_components(graph, directed=False)
    each = [triangles[part[triangles[:, 0]] == k] for k in range(count)]
    return sorted(each, key=len, reverse=True)


def edges(triangles: np.ndarray) -> Counter[tuple[int, int]]:
    """How many triangles run along each directed edge."""
    return Counter(
        (int(a), int(b)) for t in triangles for a, b in zip(t, np.roll(t, -1), strict=True)
    )


def same_points(one: np.ndarray, other: np.ndarray) -> bool:
    away = np.linalg.norm(one[:, None] - other, axis=2)
    return bool(max(away.min(axis=0).max(), away.min(axis=1).max()) < 1e-5)


def test_nobody_wears_what_they_do_not_have() -> None:
    traits = replace(draw_traits(0), glasses="none")
    assert fit_glasses((EYE + BALL, EYE * [-1, 1, 1] + BALL), HEAD, traits) is None


@pytest.mark.parametrize("kind", KINDS)
def test_tubes_are_closed(kind: str) -> None:
    glasses = worn(kind)
    assert np.isfinite(glasses.frame).all()
    used = np.unique(glasses.frame_triangles)
    assert used.tolist() == list(range(len(glasses.frame)))
    tubes = parts(glasses.frame, glasses.frame_triangles)
    assert len(tubes) == 5  # two rims, two temples, the bridge
    for number, tube in enumerate(tubes):
        directed = edges(tube)
        assert max(directed.values()) == 1  # wound the same way everywhere
        open_ = [(a, b) for a, b in directed if (b, a) not in directed]
        if number < 2:
            assert not open_  # a rim: every edge in two triangles
            assert len(np.unique(tube)) - len(directed) // 2 + len(tube) == 0  # a torus
        else:
            # Two ends, each one ring that is met by the head or by a rim.
            ring = Counter(a for a, _ in open_)
            assert set(ring.values()) == {1} and len(open_) == 16
    corners = glasses.frame[glasses.frame_triangles]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    assert area > 0


@pytest.mark.parametrize("kind", KINDS)
def test_frames_are_thin_and_face_outwards(kind: str) -> None:
    glasses = worn(kind)
    rim = parts(glasses.frame, glasses.frame_triangles)[0]
    volume = np.linalg.det(glasses.frame[rim]).sum() / 6
    turn = 2 * (0.24 + 0.17) * 2  # decimetres round a lens, roughly
    assert 0 < abs(volume) < turn * np.pi * 0.03**2


@pytest.mark.parametrize("kind", KINDS)
def test_spectacles_stand_before_the_eyes(kind: str) -> None:
    for seed in (0, 1, 5):
        glasses = worn(kind, seed)
        front = EYE[2] + BALL[:, 2].max()
        assert glasses.lenses[:, 2].min() > front  # clear of the eyeballs
        assert glasses.lenses[:, 2].max() < front + 0.35
        lenses = parts(glasses.lenses, glasses.lens_triangles)
        assert len(lenses) == 2
        for lens in lenses:
            outline = glasses.lenses[np.unique(lens)]
            low, high = outline.min(axis=0)[:2], outline.max(axis=0)[:2]
            eye = EYE[:2] * [np.sign(outline[:, 0].mean()), 1]
            # The eye looks through the lens, well within it, and near its middle.
            assert (low < eye - 0.06).all() and (eye + 0.06 < high).all()
            assert np.abs((low + high) / 2 - eye).max() < 0.08
        # The temples reach back to the ears; the bridge runs over the nose.
        assert glasses.frame[:, 2].min() < 0.4
        bridge = glasses.frame[np.abs(glasses.frame[:, 0]) < 0.03]
        assert len(bridge) >= 8 and bridge[:, 2].min() > front


@pytest.mark.parametrize("kind", KINDS)
def test_both_sides_mirror_each_other(kind: str) -> None:
    glasses = worn(kind, 3)
    mirror = [-1, 1, 1]
    assert same_points(glasses.frame, glasses.frame * mirror)
    assert same_points(glasses.lenses, glasses.lenses * mirror)


def test_lenses_fill_their_rims() -> None:
    glasses = worn("rectangular")
    lens, _ = parts(glasses.lenses, glasses.lens_triangles)
    directed = edges(lens)
    border = [(a, b) for a, b in directed if (b, a) not in directed]
    assert max(directed.values()) == 1 and len(border) == len(np.unique(lens)) - 1
    rim = glasses.lenses[[a for a, _ in border]]
    away = np.linalg.norm(rim[:, None] - glasses.frame, axis=2).min(axis=1)
    assert away.max() < 0.03


def test_kinds_look_different_and_a_subject_keeps_its_own() -> None:
    def shape(kind: str) -> float:
        lens, _ = parts(worn(kind).lenses, worn(kind).lens_triangles)
        size = np.ptp(worn(kind).lenses[np.unique(lens)], axis=0)
        return float(size[1] / size[0])

    assert shape("round") > 0.85 > shape("rectangular")
    one, again, other = worn("round", 4), worn("round", 4), worn("round", 10)
    for field in fields(Glasses):
        assert getattr(one, field.name).tobytes() == getattr(again, field.name).tobytes()
    assert not np.array_equal(one.frame, other.frame)
    for kind in KINDS:
        assert worn(kind).colour.shape == (3,) and 0 <= worn(kind).colour.min() < 0.4
