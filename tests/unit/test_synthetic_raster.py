"""Rasterisers, camera and scene against values worked out by hand or by another way."""

from __future__ import annotations

import numpy as np
import pytest

from anonbench.seeds import generator
from anonbench.synthetic.canvas import Canvas
from anonbench.synthetic.figure import Surface
from anonbench.synthetic.raster import (
    NOTHING,
    draw_depth,
    draw_strands,
    draw_triangles,
    splat_depth,
)
from anonbench.synthetic.scene import DISTANCE, PITCH, YAW, backdrop, draw_scene, rotation

ONE = np.array([[0, 1, 2]], dtype=np.int32)
Buffers = tuple[np.ndarray, np.ndarray, np.ndarray]


def buffers(size: int) -> Buffers:
    return (
        np.zeros((size, size), dtype=np.float32),
        np.full((size, size), NOTHING, dtype=np.int32),
        np.zeros((size, size, 2), dtype=np.float32),
    )


def flat(*places: tuple[float, float], z: float = 0.5) -> np.ndarray:
    return np.array([(x, y, z) for x, y in places], dtype=np.float64)


def drawn(screen: np.ndarray, triangles: np.ndarray, size: int = 8, first: int = 0) -> Buffers:
    out = buffers(size)
    draw_triangles(screen, triangles, first, *out)
    return out


def pixels(ids: np.ndarray) -> set[tuple[int, int]]:
    return {(int(row), int(column)) for row, column in np.argwhere(ids != NOTHING)}


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1], [1, 2, 0]], ids=str)
def test_coverage_by_hand(order: list[int]) -> None:
    # Legs of 3.4: centres (0.5, 0.5), (1.5, 0.5), (2.5, 0.5), (0.5, 1.5), (1.5, 1.5), (0.5, 2.5)
    # have x + y <= 3.4.
    screen = flat((0, 0), (3.4, 0), (0, 3.4))
    depth, ids, weights = drawn(screen, np.array([order], dtype=np.int32), first=7)
    assert pixels(ids) == {(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (2, 0)}
    assert set(ids[ids != NOTHING]) == {7}
    assert depth[0, 0] == np.float32(0.5) and depth[3, 3] == 0
    share = {0: 1 - 1 / 3.4, 1: 0.5 / 3.4, 2: 0.5 / 3.4}  # at (0.5, 0.5)
    assert weights[0, 0] == pytest.approx([share[order[0]], share[order[1]]], abs=1e-6)


def test_weights_are_those_of_the_place_that_the_ray_hits() -> None:
    corners = np.array([[-1.2, -1.0, 2.0], [1.5, -0.7, 9.0], [-0.3, 1.1, 4.0]])
    focal, size = 20.0, 32
    screen = np.stack(
        [
            size / 2 + focal * corners[:, 0] / corners[:, 2],
            size / 2 + focal * corners[:, 1] / corners[:, 2],
            1 / corners[:, 2],
        ],
        axis=1,
    )
    depth, ids, weights = drawn(screen, ONE, size)
    seen = np.argwhere(ids == 0)
    assert len(seen) > 60
    for row, column in seen:
        ray = np.array([(column + 0.5 - size / 2) / focal, (row + 0.5 - size / 2) / focal, 1.0])
        # distance along the ray and barycentric coordinates of where it meets the plane
        share = np.linalg.solve(corners.T, ray)
        distance = 1 / share.sum()
        assert depth[row, column] == pytest.approx(1 / distance, rel=1e-5)
        assert weights[row, column] == pytest.approx(share[:2] * distance, abs=1e-5)
    # Without the correction the weights would be off by far more than the tolerance.
    x, y = seen[len(seen) // 2][::-1] + 0.5
    straight = np.linalg.solve(np.vstack([screen[:, :2].T, np.ones(3)]), [x, y, 1])
    assert np.abs(straight[:2] - weights[seen[len(seen) // 2][0], int(x)]).max() > 0.05


def test_nearer_wins_in_any_order() -> None:
    # Two sheets that pass through each other: 1 / distance falls to the right in one, rises in
    # the other, and both are 0.5 at x = 4.
    falling = np.array([[0, 0, 0.9], [8, 0, 0.1], [0, 8, 0.9], [8, 8, 0.1]])
    rising = falling * [1, 1, -1] + [0, 0, 1]
    screen = np.concatenate([falling, rising])
    sheet = np.array([[0, 1, 2], [1, 3, 2]], dtype=np.int32)
    one, other = buffers(8), buffers(8)
    draw_triangles(screen, sheet, 0, *one)
    draw_triangles(screen, sheet + np.int32(4), 2, *one)
    draw_triangles(screen, sheet + np.int32(4), 2, *other)
    draw_triangles(screen, sheet, 0, *other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (one[1][:, :4] < 2).all() and (one[1][:, 4:] >= 2).all()
    assert one[0][0] == pytest.approx([0.85, 0.75, 0.65, 0.55, 0.55, 0.65, 0.75, 0.85], abs=1e-6)


def test_degenerate_and_far_off_triangles_draw_nothing() -> None:
    line = flat((1, 1), (4, 4), (7, 7))
    point = flat((2.5, 2.5), (2.5, 2.5), (2.5, 2.5))
    beside = [flat((9, 1), (12, 1), (9, 5)), flat((-9, 1), (-2, 1), (-9, 5))]
    above = [flat((1, -9), (4, -9), (1, -1)), flat((1, 9), (4, 9), (1, 12))]
    for screen in [line, point, *beside, *above]:
        depth, ids, _ = drawn(screen, ONE)
        assert (ids == NOTHING).all() and (depth == 0).all()
        height = np.full((8, 8), -1e9, dtype=np.float32)
        draw_depth(screen, ONE, height)
        assert (height == np.float32(-1e9)).all()


def test_what_sticks_out_is_cut_at_the_edge() -> None:
    screen = flat((-5, -3), (9, 1), (2, 12))
    screen[:, 2] = [0.2, 0.5, 0.9]
    whole = drawn(np.add(screen, [8, 8, 0]), ONE, 32)
    part = drawn(screen, ONE, 8)
    assert 0 < (part[1] == 0).sum() < 64
    for a, b in zip(part, whole, strict=True):
        np.testing.assert_allclose(a, b[8:16, 8:16], atol=1e-6)


def test_no_gap_along_shared_edges() -> None:
    random = generator(0, "gaps")
    corners = flat((0, 0), (16, 0), (16, 16), (0, 16))
    for k in range(300):
        # Every other middle lies on a corner of a grid of half pixels: edges pass through centres.
        middle = random.uniform(2, 14, 2) if k % 2 else np.round(random.uniform(2, 14, 2) * 2) / 2
        screen = np.concatenate([corners, flat((middle[0], middle[1]))])
        fan = np.array([[0, 1, 4], [1, 2, 4], [2, 3, 4], [3, 0, 4]], dtype=np.int32)
        _, ids, _ = drawn(screen, fan, 16)
        assert (ids != NOTHING).all(), f"a gap round {middle}"


def test_depth_map_keeps_the_greatest_height() -> None:
    height = np.full((8, 8), -1e9, dtype=np.float32)
    slope = np.array([[0, 0, 1.0], [8, 0, 9.0], [0, 8, 1.0], [8, 8, 9.0]])
    sheet = np.array([[0, 1, 2], [1, 3, 2]], dtype=np.int32)  # anticlockwise: towards the lamp
    level = flat((0, 0), (8, 0), (0, 8), (8, 8), z=4.2)
    draw_depth(slope, sheet, height)
    assert height[3] == pytest.approx(np.arange(8) + 1.5)
    draw_depth(level, sheet, height)
    assert height[3] == pytest.approx([4.2, 4.2, 4.2, 4.5, 5.5, 6.5, 7.5, 8.5])
    before = height.copy()
    draw_depth(level + np.array([0.0, 0.0, 9.0]), sheet[:, [0, 2, 1]], height)
    np.testing.assert_array_equal(height, before)  # seen from behind


def test_points_become_squares_within_the_map() -> None:
    height = np.full((6, 6), -1e9, dtype=np.float32)
    splat_depth(np.array([[3.9, 2.1, 5.0]]), 1, height)
    assert {(r, c) for r, c in np.argwhere(height == 5)} == {
        (r, c) for r in (1, 2, 3) for c in (2, 3, 4)
    }
    # A lower point changes nothing beneath a higher one; what hangs over the edge is cut.
    splat_depth(np.array([[5.5, 0.5, 4.0], [-3.0, -3.0, 9.0], [7.5, 5.5, 9.0]]), 1, height)
    assert height[0, 4:].tolist() == [4, 4] and height[1, 4:].tolist() == [5, 4]
    assert height.max() == 5


def strands(
    *paths: list[tuple[float, float, float]], width: int = 1, depth: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw strands whose colour runs from black to (1, 2, 3); depth, image, drawn."""
    screen = np.array(paths, dtype=np.float64)
    share = np.linspace(0, 1, screen.shape[1])[None, :, None] * np.ones((len(paths), 1, 1))
    depth = np.zeros((10, 10), dtype=np.float32) if depth is None else depth
    image, before = np.zeros((10, 10, 3)), depth.copy()
    draw_strands(screen, share * np.array([1.0, 2.0, 3.0]), width, depth, image)
    return depth, image, depth != before


def test_a_level_strand_by_hand() -> None:
    depth, image, seen = strands([(1.5, 3.5, 0.2), (6.5, 3.5, 0.7)])
    # The last point itself belongs to the segment that would follow.
    assert [tuple(p) for p in np.argwhere(seen)] == [(3, c) for c in range(1, 6)]
    assert depth[3, 1:6] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    assert image[3, 1:6, 0] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])
    assert image[3, 1:6, 2] == pytest.approx([0, 0.6, 1.2, 1.8, 2.4])
    assert not image[~seen].any()


def test_strands_are_as_wide_as_told() -> None:
    _, _, level = strands([(1.5, 3.5, 0.5), (6.5, 3.5, 0.5)], width=2)
    assert [tuple(p) for p in np.argwhere(level)] == [(r, c) for r in (3, 4) for c in range(1, 6)]
    _, _, upright = strands([(3.5, 1.5, 0.5), (3.5, 6.5, 0.5)], width=2)
    assert (upright == level.T).all()


def test_a_bent_strand_has_no_gap_and_stays_in_the_picture() -> None:
    _, _, seen = strands([(-3.5, 1.5, 0.5), (4.5, 1.5, 0.5), (4.5, 13.5, 0.5)])
    assert [tuple(p) for p in np.argwhere(seen)] == sorted(
        [(1, c) for c in range(5)] + [(r, 4) for r in range(2, 10)]
    )


def test_a_strand_hides_behind_a_triangle_and_covers_what_is_further() -> None:
    depth, ids, weights = buffers(10)
    draw_triangles(flat((3, 0), (3, 10), (6, 0)), ONE, 0, depth, ids, weights)
    hidden = ids != NOTHING
    near, _, before = strands([(0.5, 2.5, 0.8), (9.5, 2.5, 0.8)], depth=depth.copy())
    _, _, behind = strands([(0.5, 2.5, 0.2), (9.5, 2.5, 0.2)], depth=depth.copy())
    assert before[2, :9].all() and near[2, :9] == pytest.approx(0.8)
    assert (behind[2, :9] == ~hidden[2, :9]).all() and hidden[2, 3:5].all()


def test_the_nearer_of_two_strands_is_seen_in_any_order() -> None:
    near = [(1.5, 1.5, 0.8), (8.5, 8.5, 0.8)]
    far = [(8.5, 1.5, 0.3), (1.5, 8.5, 0.3)]
    one, other = strands(near, far), strands(far, near)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)
    assert one[0][5, 5] == np.float32(0.8)


def test_a_strand_ends_at_nan() -> None:
    nan = float("nan")
    cut = [(1.5, 3.5, 0.5), (4.5, 3.5, 0.5), (nan, nan, nan), (7.5, 3.5, 0.5), (9.5, 3.5, 0.5)]
    _, _, seen = strands(cut)
    assert [tuple(p) for p in np.argwhere(seen)] == [(3, 1), (3, 2), (3, 3)]


def test_camera_by_hand() -> None:
    centre = np.array([1.0, 7.0, -2.0])
    canvas = Canvas(200, centre, 2.5)  # 80 pixels a decimetre
    assert canvas.project(centre) == pytest.approx([100, 100, 1 / DISTANCE])
    # Right and up, in the plane of the centre.
    assert canvas.project(np.add(centre, [0.5, 0.25, 0]))[:2] == pytest.approx([140, 80])
    # At half the distance everything is twice as large; behind, smaller.
    half = canvas.project(np.add(centre, [0.5, 0.25, DISTANCE / 2]))
    assert half == pytest.approx([180, 60, 2 / DISTANCE])
    assert canvas.project(np.add(centre, [0.5, 0, -DISTANCE]))[:2] == pytest.approx([120, 100])
    assert canvas.project(np.tile(centre, (2, 3, 1))).shape == (2, 3, 3)
    assert canvas.camera == pytest.approx(np.add(centre, [0, 0, DISTANCE]))


def test_canvas_numbers_triangles_and_looks_without_drawing() -> None:
    def sheet(z: float, half: float = 0.5) -> Surface:
        corners = half * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]) + [0, 0, z]
        triangles = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
        return Surface(corners, np.tile([0.0, 0.0, 1.0], (4, 1)), triangles)

    canvas = Canvas(40, np.zeros(3), 2.0)
    assert canvas.draw(sheet(0)) == 0 and canvas.draw(sheet(0.2, 0.25)) == 2
    assert set(np.unique(canvas.ids)) == {NOTHING, 0, 1, 2, 3}
    before = canvas.depth.copy(), canvas.ids.copy(), canvas.weights.copy()
    # Values that rise with the height: behind everything, and between the two sheets.
    behind, between = sheet(-1, 0.8), sheet(0.1, 0.4)
    rear = canvas.cover(behind, behind.vertices[:, 1] + 2)
    middle = canvas.cover(between, between.vertices[:, 1] + 2)
    for a, b in zip(before, (canvas.depth, canvas.ids, canvas.weights), strict=True):
        np.testing.assert_array_equal(a, b)
    seen = rear > 0
    assert not seen[canvas.ids != NOTHING].any() and seen.sum() > 100
    seen = middle > 0
    assert not seen[canvas.ids >= 2].any() and seen.sum() > 100
    # 20 pixels a decimetre at the centre, a little more at 0.1 dm in front of it.
    height = (19.5 - np.arange(40)) / 20 * (DISTANCE - 0.1) / DISTANCE
    rows, columns = np.nonzero(seen)
    assert middle[rows, columns] == pytest.approx(height[rows] + 2, abs=1e-6)


def test_rotations_by_hand() -> None:
    front, left, up = np.eye(3)[[2, 0, 1]]
    assert rotation(0, 0, 0) == pytest.approx(np.eye(3))
    assert rotation(90, 0, 0) @ front == pytest.approx(left)  # turns to the subject's left
    assert rotation(0, 90, 0) @ front == pytest.approx(-up)  # nods down
    assert rotation(0, 0, 90) @ up == pytest.approx(-left)  # tilts to the subject's right
    # Roll first: up goes to the right, which the nod leaves and the turn takes to the front.
    assert rotation(90, 90, 90) @ up == pytest.approx(front)
    for angles in generator(0, "rotations").uniform(-180, 180, (20, 3)):
        turn = rotation(*angles)
        assert turn @ turn.T == pytest.approx(np.eye(3)) and np.linalg.det(turn) == pytest.approx(1)


def test_scenes_vary_within_their_range_and_come_again() -> None:
    scenes = [draw_scene(generator(k, "scene")) for k in range(200)]
    yaw, pitch = (np.array([getattr(s, name) for s in scenes]) for name in ("yaw", "pitch"))
    assert np.abs(yaw).max() <= YAW and np.abs(pitch).max() <= PITCH
    assert yaw.std() > YAW / 3 and abs(yaw.mean()) < YAW / 5
    assert draw_scene(generator(3, "scene")) == scenes[3] != scenes[4]
    scene = scenes[0]
    assert scene.body == pytest.approx(rotation(0.4 * scene.yaw, 0, 0))
    # The nose of a head that is neither nodded nor tilted points along the whole yaw.
    nose = scene.head @ rotation(0, scene.pitch, scene.roll).T @ [0, 0, 1]
    assert np.degrees(np.arctan2(nose[0], nose[2])) == pytest.approx(scene.yaw)


def test_backdrops_are_soft_and_come_again() -> None:
    pictures = [backdrop(generator(k, "backdrop"), 64) for k in range(20)]
    for picture in pictures:
        assert picture.shape == (64, 64, 3) and picture.min() >= 0 and picture.max() <= 1
    np.testing.assert_array_equal(pictures[1], backdrop(generator(1, "backdrop"), 64))
    assert np.abs(pictures[1] - pictures[2]).mean() > 0.01
