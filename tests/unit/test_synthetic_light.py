"""Light against analytic integrals and rays: skies, shadows, scattering; plain shading by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from anonbench.seeds import generator
from anonbench.synthetic import light, shade
from anonbench.synthetic.light import Lamps, directions, irradiance, radiance, scatter
from anonbench.synthetic.meshes import smoothing
from anonbench.synthetic.raster import NOTHING

DARK = Lamps(azimuth=30, elevation=20, key=0, sharpness=6, sky=0, fill=0, warmth=0)
NO_HAIR = np.empty((0, 3))
NOBODY = (np.zeros((3, 3)), np.array([[0, 1, 2]], dtype=np.int32))
ORIGIN = np.zeros(3)
FLOOR = np.array([0.0, 1.0, 0.0])


def ball(count: int) -> tuple[np.ndarray, np.ndarray]:
    """A closed sphere of radius 1: vertices and triangles, wound outwards."""
    points = directions(count)
    triangles = ConvexHull(points).simplices.astype(np.int32)
    outwards = np.linalg.det(points[triangles]) > 0
    triangles[~outwards] = triangles[~outwards][:, [0, 2, 1]]
    return points, triangles


def sheet(half: float, height: float) -> tuple[np.ndarray, np.ndarray]:
    """A level square that casts shadows from both of its sides."""
    corners = np.array([[x, height, z] for x in (-half, half) for z in (-half, half)])
    up = np.array([[0, 1, 2], [1, 3, 2]], dtype=np.int32)
    return corners, np.concatenate([up, up[:, [0, 2, 1]]])


def floor(places: np.ndarray) -> np.ndarray:
    return np.stack([places[:, 0], np.zeros(len(places)), places[:, 1]], axis=1)


def lit(
    points: np.ndarray,
    normals: np.ndarray,
    lamps: Lamps,
    casters: tuple[np.ndarray, np.ndarray] = NOBODY,
    strands: np.ndarray = NO_HAIR,
) -> np.ndarray:
    normals = np.ascontiguousarray(np.broadcast_to(normals, points.shape))
    return irradiance(points, normals, casters, strands, lamps, ORIGIN)


def test_directions_are_even() -> None:
    towards = directions(400)
    assert np.linalg.norm(towards, axis=1) == pytest.approx(1)
    assert np.abs(towards.mean(axis=0)).max() < 1e-2
    assert towards.T @ towards / 400 == pytest.approx(np.eye(3) / 3, abs=1e-2)
    nearest = np.sort(np.linalg.norm(towards[:, None] - towards, axis=2), axis=1)[:, 1]
    assert nearest.min() > 0.6 * nearest.max()


@pytest.mark.parametrize(
    ("azimuth", "elevation", "towards"),
    [(0, 0, (0, 0, 1)), (90, 0, (1, 0, 0)), (-90, 0, (-1, 0, 0)), (0, 90, (0, 1, 0)),
     (180, 45, (0, 0.5**0.5, -(0.5**0.5)))],
)  # fmt: skip
def test_where_the_key_light_stands(
    azimuth: float, elevation: float, towards: tuple[float, ...]
) -> None:
    lamps = replace(DARK, azimuth=azimuth, elevation=elevation)
    assert lamps.direction == pytest.approx(towards, abs=1e-12)


def test_key_light_sums_to_its_strength_and_colour() -> None:
    towards = directions(500)
    key = radiance(replace(DARK, key=0.8, warmth=0.1), towards)
    assert key.sum(axis=0) == pytest.approx([0.88, 0.8, 0.72])
    assert towards[key[:, 0].argmax()] @ DARK.direction > 0.99
    sharp = radiance(replace(DARK, key=0.8, sharpness=12), towards)
    assert sharp.sum(axis=0) == pytest.approx([0.8] * 3) and sharp.max() > key.max()


def test_lights_add_up() -> None:
    towards = directions(500)
    parts = [replace(DARK, **{name: 0.6}, warmth=0.1) for name in ("key", "sky", "fill")]
    everything = replace(DARK, key=0.6, sky=0.6, fill=0.6, warmth=0.1)
    each = [radiance(lamps, towards) for lamps in parts]
    assert radiance(everything, towards) == pytest.approx(sum(each))
    assert radiance(replace(DARK, fill=1.2), towards) == pytest.approx(2 * each[2])
    assert all((values > 0).all() for values in each)
    # The sky is brighter above, bluish where the key light is reddish, alike all round.
    sky = each[1]
    assert np.corrcoef(sky[:, 1], towards[:, 1])[0, 1] == pytest.approx(1)
    assert (sky[:, 2] > sky[:, 0]).all()
    # The fill light comes from the other side.
    assert each[2][towards[:, 0] < -0.5].mean() > 2 * each[2][towards[:, 0] > 0.5].mean()


def test_a_ball_under_a_uniform_sky_is_lit_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        light, "radiance", lambda _, towards: np.full((len(towards), 3), 4 / len(towards))
    )
    points, triangles = ball(600)
    free = lit(points, points, DARK)
    # Light of radiance r over the sphere makes pi r on a plane, here 4 / (4 pi) pi = 1; the wrap
    # w round the horizon makes it 1 + w.
    assert free == pytest.approx(1 + light._WRAP, abs=0.035)
    # A convex body shades itself nowhere but in that wrap.
    own = lit(points, points, DARK, (points, triangles))
    assert (own <= free + 1e-12).all() and (own >= free - light._WRAP).all()
    assert own.mean() > 1


def test_a_ball_under_a_real_sky_follows_the_integral() -> None:
    lamps = replace(DARK, sky=0.7)
    points, triangles = ball(300)
    own = lit(points, points, lamps, (points, triangles))
    fine = directions(20_000)
    wrapped = np.maximum(points @ fine.T + light._WRAP, 0) / (1 + light._WRAP)
    exact = wrapped @ radiance(lamps, fine)
    assert lit(points, points, lamps) == pytest.approx(exact, rel=0.03)
    assert own == pytest.approx(exact, rel=0.05)
    assert np.corrcoef(own[:, 0], points[:, 1])[0, 1] > 0.99
    assert own[points[:, 1].argmax(), 0] > 1.5 * own[points[:, 1].argmin(), 0]


def test_one_lamp_casts_a_shadow_where_rays_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    towards = directions()
    places = generator(0, "floor").uniform(-1.2, 1.2, (800, 2))
    points, half, height = floor(places), 0.4, 0.6
    blocked = reached = 0
    for k in np.flatnonzero(towards[:, 1] > 0.5):
        alone = np.zeros((len(towards), 3))
        alone[k] = [1.0, 2.0, 3.0]
        monkeypatch.setattr(light, "radiance", lambda *_, alone=alone: alone)
        got = lit(points, FLOOR, DARK, sheet(half, height))
        hit = places + height / towards[k, 1] * towards[k, [0, 2]]
        inside = half - np.abs(hit).max(axis=1)  # of the sheet's edge
        full = (towards[k, 1] + light._WRAP) / (1 + light._WRAP)
        clear = np.abs(inside) > 0.09  # more than two texels of the map, seen at a slant
        expected = np.where(inside[clear] > 0, 0.0, full)
        assert got[clear] == pytest.approx(np.outer(expected, [1, 2, 3]))
        blocked, reached = blocked + (expected == 0).sum(), reached + (expected > 0).sum()
    assert blocked > 300 and reached > 1000


def test_shadow_under_a_sky_is_soft_and_hair_casts_it_too() -> None:
    line = floor(np.stack([np.linspace(0, 2, 21), np.zeros(21)], axis=1))
    lamps = replace(DARK, sky=0.7)
    free = lit(line, FLOOR, lamps)
    under = lit(line, FLOOR, lamps, sheet(0.6, 0.4)) / free
    assert under[0, 0] < 0.5 and under[-1, 0] > 0.9
    assert (np.diff(under[:, 0]) > -0.03).all()  # 40 directions: steps, but no way back
    x, z = np.meshgrid(np.linspace(-0.56, 0.56, 40), np.linspace(-0.56, 0.56, 40))
    hair = np.stack([x.ravel(), np.full(x.size, 0.4), z.ravel()], axis=1)
    assert lit(line, FLOOR, lamps, strands=hair) / free == pytest.approx(under, abs=0.15)


def test_what_lies_behind_or_far_away_casts_no_shadow() -> None:
    line = floor(np.stack([np.linspace(-1, 1, 9), np.zeros(9)], axis=1))
    lamps = replace(DARK, sky=0.7, key=1, fill=0.3)
    free = lit(line, FLOOR, lamps)
    below = sheet(0.6, -0.3)
    far = below[0] + np.array([9.0, 1.0, 0.0]), below[1]
    assert lit(line, FLOOR, lamps, below) == pytest.approx(free)
    assert lit(line, FLOOR, lamps, far) == pytest.approx(free)
    assert lit(line, FLOOR, lamps, sheet(0.6, 0.3)).mean() < 0.7 * free.mean()


def test_light_comes_from_the_side_of_the_lamp() -> None:
    points, triangles = ball(300)
    lamps = replace(DARK, azimuth=50, elevation=10, key=1, sharpness=11)
    own = lit(points, points, lamps, (points, triangles))
    facing = points @ lamps.direction
    assert own[facing > 0.9].min() > 5 * own[facing < -0.3].max()
    assert np.corrcoef(own[facing > 0.2, 0], facing[facing > 0.2])[0, 1] > 0.98


def icosahedron() -> np.ndarray:
    """Triangles of a mesh in which every vertex has five neighbours."""
    golden = (1 + 5**0.5) / 2
    corners = np.array([[0, a, b * golden] for a in (-1, 1) for b in (-1, 1)])
    points = np.concatenate([np.roll(corners, k, axis=1) for k in range(3)])
    return ConvexHull(points).simplices.astype(np.int32)


def test_scattering_keeps_even_light_and_the_sum() -> None:
    near = smoothing(icosahedron(), 12)
    assert scatter(np.full((12, 3), 0.7), near) == pytest.approx(0.7)
    spot = np.zeros((12, 3))
    spot[4] = 6.0
    shared = scatter(spot, near)
    # All vertices have as many neighbours: what one loses the others gain.
    assert shared.sum(axis=0) == pytest.approx([6.0] * 3)
    assert (shared >= 0).all() and (shared[4] < 6).all()
    assert shared[4, 0] < shared[4, 1] < shared[4, 2]  # red goes furthest
    assert spot[4].tolist() == [6.0] * 3


def test_scattering_softens_an_edge_red_most_and_stays_in_range() -> None:
    points, triangles = ball(500)
    near = smoothing(triangles, 500)
    edge = np.repeat((points[:, 0] > 0).astype(float)[:, None], 3, axis=1)
    soft = scatter(edge, near)
    assert soft.min() >= 0 and soft.max() <= 1 + 1e-12
    changed = np.abs(soft - edge).sum(axis=0)
    assert changed[0] > changed[1] > changed[2] > 0
    assert soft.mean(axis=0) == pytest.approx(edge.mean(axis=0), abs=0.02)
    assert soft[points[:, 0] > 0.9].min() > 0.99 and soft[points[:, 0] < -0.9].max() < 0.01


def test_plain_surfaces_show_albedo_times_light() -> None:
    ids = np.array([[NOTHING, 5, 6, 7]] * 4, dtype=np.int32)
    weights = np.full((4, 4, 2), 0.25, dtype=np.float32)
    triangles = np.array([[0, 1, 2], [1, 2, 3]], dtype=np.int32)
    vertices = np.zeros((4, 12))
    vertices[:, 2] = 1  # normal to the front
    vertices[:, 3:6] = [0.5, 1.0, 2.0]  # light
    vertices[:, 9:] = [[0.4, 0, 0], [0.4, 0.4, 0], [0, 0.8, 0], [0, 0, 0.2]]
    image = np.full((4, 4, 3), 0.125)
    camera, key = np.array([0.0, 0.0, 5.0]), np.array([0.0, 0.0, 1.0])
    shade.shade_plain(ids, weights, triangles, vertices, 5, 0.0, 30.0, camera, key, image)
    assert image[:, [0, 3]] == pytest.approx(0.125)  # of nobody, and of another surface
    # weights 1/4, 1/4, 1/2
    assert image[0, 1] == pytest.approx([0.2 * 0.5, 0.5 * 1.0, 0])
    assert image[0, 2] == pytest.approx([0.1 * 0.5, 0.3 * 1.0, 0.1 * 2.0])
    gloss = np.full((4, 4, 3), 0.125)
    shade.shade_plain(ids, weights, triangles, vertices, 5, 0.5, 30.0, camera, key, gloss)
    # The mirror's direction: the whole gloss, in the colour of the light.
    assert gloss[0, 1] - image[0, 1] == pytest.approx([0.25, 0.5, 1.0], rel=1e-6)
    aside = np.array([1.0, 0.0, 0.0])
    shade.shade_plain(ids, weights, triangles, vertices, 5, 0.5, 30.0, camera, aside, gloss)
    assert gloss[0, 1] - image[0, 1] == pytest.approx([0, 0, 0], abs=1e-4)


def test_strands_gleam_across_and_end_with_their_guide() -> None:
    along = np.linspace(0, 1, 6)[:, None]
    guides = np.stack([along * [1.0, 0, 0], along * [0, 0, 1.0]])  # across the light, towards it
    guides[1, 4:] = np.nan
    white, tint = np.ones((2, 6, 3)), np.array([[1.0, 0.5], [1.0, 1.0]])
    camera, key = np.array([0.5, 0.0, 11.0]), np.array([0.0, 0.0, 1.0])
    brown = np.array([0.1, 0.05, 0.02])
    out = shade.strand_colours(guides, white, tint, brown, camera, key, 1.0)
    assert out.shape == (2, 2, 6, 3)
    assert (out[0, 1] < 0.7 * out[0, 0]).all()  # tint
    assert (out[0, 0] > 1.3 * out[1, 0].max(axis=0)).sum() > 12  # Kajiya and Kay's sine
    assert out[0, 0, -1, 0] > out[0, 0, -1, 1] > out[0, 0, -1, 2]
    assert (out[0, 0, 0] < 0.8 * out[0, 0, -1]).all()  # darker where the others lie on it
    assert (out[1, :, 4:] == 0).all() and (out[1, :, :4] > 0).all()
    dimmed = shade.strand_colours(guides, 0.5 * white, tint, brown, camera, key, 1.0)
    assert dimmed == pytest.approx(0.5 * out)
