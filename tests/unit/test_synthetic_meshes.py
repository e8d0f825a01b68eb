"""Mesh operations against values worked out by hand and against what has to hold for any mesh."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from anonbench.synthetic.meshes import (
    catmull_clark,
    smoothing,
    triangulate,
    vertex_normals,
)

CUBE = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
CUBE_FACES = np.array(
    [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]],
    dtype=np.int32,
)
# A pyramid: four triangles and one quad.
PYRAMID = np.array([[1, 1, 0], [-1, 1, 0], [-1, -1, 0], [1, -1, 0], [0, 0, 1]], dtype=np.float64)
PYRAMID_FACES = np.array(
    [[0, 1, 4, 4], [1, 2, 4, 4], [2, 3, 4, 4], [3, 0, 4, 4], [3, 2, 1, 0]], dtype=np.int32
)


def grid(columns: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """A flat sheet of unit squares: positions (x, y, 0) and faces, anticlockwise from +z."""
    y, x = np.mgrid[0 : rows + 1, 0 : columns + 1]
    number = y * (columns + 1) + x
    faces = np.stack([number[:-1, :-1], number[:-1, 1:], number[1:, 1:], number[1:, :-1]], axis=-1)
    places = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3).astype(np.float64)
    return places, faces.reshape(-1, 4).astype(np.int32)


def edges(faces: np.ndarray) -> set[frozenset[int]]:
    return {frozenset((int(f[k]), int(f[k - 1]))) for f in faces for k in range(len(f))}


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Enclosed volume; negative if the faces are wound inwards."""
    return float(np.linalg.det(vertices[triangulate(faces)]).sum() / 6)


def rounded(points: np.ndarray) -> Counter[tuple[float, ...]]:
    return Counter(tuple(p) for p in np.round(np.abs(points), 12).tolist())


def test_cube_by_hand() -> None:
    matrix, quads = catmull_clark(CUBE_FACES, 8)
    points = matrix @ CUBE
    assert points.shape == (26, 3) and quads.shape == (24, 4) and quads.dtype == np.int32
    # Q = 1/3, R = 2/3, n = 3: (1/3 + 4/3 + 0) / 3 = 5/9, towards the old corner
    assert points[:8] == pytest.approx(CUBE * 5 / 9)
    # edge: half the middle (1, 1, 0), half the mean (1/2, 1/2, 0) of two face points
    assert rounded(points[8:20]) == {(0.75, 0.75, 0): 4, (0.75, 0, 0.75): 4, (0, 0.75, 0.75): 4}
    assert points[20:] == pytest.approx(CUBE[CUBE_FACES].mean(axis=1))
    assert rounded(points[20:]) == {(1, 0, 0): 2, (0, 1, 0): 2, (0, 0, 1): 2}


def test_each_quad_joins_corner_edge_face_edge() -> None:
    matrix, quads = catmull_clark(CUBE_FACES, 8)
    points = matrix @ CUBE
    length = np.linalg.norm(points, axis=1)[quads]
    corner, edge, face = 5 / 9 * 3**0.5, 0.75 * 2**0.5, 1.0
    assert length == pytest.approx(np.tile([corner, edge, face, edge], (24, 1)))
    # In the order of the corners of the faces, which texture coordinates rely on.
    assert quads[:, 0].tolist() == CUBE_FACES.ravel().tolist()


@pytest.mark.parametrize(
    ("vertices", "faces"), [(CUBE, CUBE_FACES), (PYRAMID, PYRAMID_FACES)], ids=["cube", "pyramid"]
)
def test_closed_mesh_stays_closed_and_wound_outwards(
    vertices: np.ndarray, faces: np.ndarray
) -> None:
    last = volume(vertices, faces)
    assert last > 0
    for _ in range(3):
        matrix, faces = catmull_clark(faces, len(vertices))
        assert np.asarray(matrix.sum(axis=1)).ravel() == pytest.approx(np.ones(matrix.shape[0]))
        vertices = matrix @ vertices
        assert len(vertices) - len(edges(faces)) + len(faces) == 2  # Euler
        directed = Counter((int(f[k - 1]), int(f[k])) for f in faces for k in range(4))
        assert max(directed.values()) == 1  # each edge once each way: one winding
        assert 0 < volume(vertices, faces) < last
        last = volume(vertices, faces)


def test_cube_becomes_round() -> None:
    vertices, faces = CUBE, CUBE_FACES
    spread = []
    for _ in range(4):
        radius = np.linalg.norm(vertices, axis=1)
        centre = np.linalg.norm(vertices[faces].mean(axis=1), axis=1)
        both = np.concatenate([radius, centre])
        spread.append(both.max() / both.min())
        matrix, faces = catmull_clark(faces, len(vertices))
        vertices = matrix @ vertices
    assert spread[0] == pytest.approx(3**0.5)
    assert all(b < a for a, b in pairwise(spread)) and spread[-1] < 1.1


def test_triangle_gives_three_quads() -> None:
    matrix, quads = catmull_clark(np.array([[0, 1, 2, 2]], dtype=np.int32), 3)
    corners = np.array([[0, 0, 0], [6, 0, 0], [0, 6, 0]], dtype=np.float64)
    points = matrix @ corners
    assert len(points) == 7 and len(quads) == 3
    assert points[6] == pytest.approx([2, 2, 0])  # of three corners, not of four
    assert sorted(points[3:6].tolist()) == [[0, 3, 0], [3, 0, 0], [3, 3, 0]]
    assert points[:3] == pytest.approx(corners)
    assert points[quads].tolist() == [
        [[0, 0, 0], [3, 0, 0], [2, 2, 0], [0, 3, 0]],
        [[6, 0, 0], [3, 3, 0], [2, 2, 0], [3, 0, 0]],
        [[0, 6, 0], [0, 3, 0], [2, 2, 0], [3, 3, 0]],
    ]


def test_flat_sheet_stays_flat_and_keeps_its_outline() -> None:
    places, faces = grid(4, 3)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    matrix, quads = catmull_clark(faces, len(places))
    points = matrix @ (places @ turn) @ turn.T
    assert points[:, 2] == pytest.approx(np.zeros(len(points)), abs=1e-14)
    # In a regular sheet every new point lies at the middle of what it stands for.
    assert points[: len(places)] == pytest.approx(places, abs=1e-14)
    steps = np.round(points[:, :2] * 2, 9)
    assert sorted(map(tuple, steps.tolist())) == [(x, y) for x in range(9) for y in range(7)]
    assert len(quads) == 4 * len(faces)


def test_bump_next_to_the_border_leaves_the_border() -> None:
    places, faces = grid(2, 2)
    places[4, 2] = 16.0  # the only inner vertex
    matrix, _ = catmull_clark(faces, len(places))
    points = matrix @ places
    # P: n = 4, Q = 16/4, R = 16/2: (4 + 16 + 16) / 4 = 9
    assert points[4].tolist() == [1, 1, 9]
    assert points[[0, 1, 2, 3, 5, 6, 7, 8], 2].tolist() == [0] * 8
    on_border = (points[9:21, :2] % 2 == 0).any(axis=1)
    assert on_border.sum() == 8 and not points[9:21][on_border][:, 2].any()
    # Inner edges: (16/2 + 16/4) / 2 = 6; faces: 16/4
    assert points[9:21][~on_border][:, 2].tolist() == [6] * 4
    assert points[21:, 2].tolist() == [4] * 4


def test_unused_vertices_and_edges_of_three_faces_stay() -> None:
    # Three squares round the edge 1-2, and a vertex 9 in no face.
    faces = np.array([[0, 1, 2, 3], [1, 4, 5, 2], [1, 6, 7, 2]], dtype=np.int32)
    places = np.random.default_rng(0).normal(size=(10, 3))
    matrix, quads = catmull_clark(faces, 10)
    points = matrix @ places
    assert points[:10] == pytest.approx(places)
    middle = (places[1] + places[2]) / 2
    assert np.isclose(points[10:], middle).all(axis=1).sum() == 1
    assert 9 not in quads and quads.max() == len(points) - 1


def test_triangulate_by_hand() -> None:
    quads = np.array([[0, 1, 2, 3], [3, 2, 4, 4], [7, 7, 7, 7]], dtype=np.int32)
    triangles = triangulate(quads)
    assert triangles.tolist() == [[0, 1, 2], [0, 2, 3], [3, 2, 4]]
    assert triangles.dtype == np.int32
    assert triangulate(np.zeros((0, 4), dtype=np.int32)).shape == (0, 3)


def test_normals_of_an_octahedron_point_outwards() -> None:
    axes = np.concatenate([np.eye(3), -np.eye(3)])
    # Each octant's triangle, turned so that it is anticlockwise from outside.
    faces = np.array([
        [0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5],
    ], dtype=np.int32)  # fmt: skip
    assert vertex_normals(axes * [3, 3, 3], faces) == pytest.approx(axes)


def test_normals_are_weighted_by_area() -> None:
    # A triangle of area 1/2 in the plane z = 0 and one of area 3/2 in x = 0, hinged on the y axis.
    places = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 3]], dtype=np.float64)
    normals = vertex_normals(places, np.array([[0, 2, 1], [0, 1, 3]], dtype=np.int32))
    hinge = np.array([3, 0, 1]) / 10**0.5
    assert normals == pytest.approx(np.array([hinge, hinge, [0, 0, 1], [1, 0, 0]]))


def test_normals_have_length_one_or_none() -> None:
    places = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [9, 9, 9]], dtype=np.float64)
    both_sides = np.array([[0, 1, 2], [0, 2, 1]], dtype=np.int32)
    assert not vertex_normals(places, both_sides).any()
    one_side = vertex_normals(places, both_sides[:1])
    assert np.linalg.norm(one_side, axis=1).tolist() == [1, 1, 1, 0]


def test_compiled_normals_are_the_same_bits_as_interpreted() -> None:
    generator = np.random.default_rng(5)
    places = generator.normal(size=(60, 3))
    triangles = generator.integers(0, 60, (300, 3)).astype(np.int32)
    interpreted = vertex_normals.py_func(places, triangles)
    assert np.array_equal(vertex_normals(places, triangles), interpreted)


def test_smoothing_by_hand() -> None:
    triangles = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
    third, quarter = 1 / 3, 1 / 4
    assert smoothing(triangles, 5).toarray() == pytest.approx(np.array([
        [quarter, quarter, quarter, quarter, 0],
        [third, third, third, 0, 0],
        [quarter, quarter, quarter, quarter, 0],
        [third, 0, third, third, 0],
        [0, 0, 0, 0, 1],
    ]))  # fmt: skip


def test_smoothing_calms_noise_and_keeps_constants() -> None:
    _, faces = grid(9, 9)
    matrix = smoothing(triangulate(faces), 100)
    assert matrix @ np.full(100, 0.7) == pytest.approx(np.full(100, 0.7))
    noise = np.random.default_rng(2).normal(size=100)
    assert (matrix @ noise).std() < 0.6 * noise.std()
