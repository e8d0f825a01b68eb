"""Operations on meshes: subdivision, splitting into triangles, normals, smoothing.

Subdivision depends on the faces only, so it comes as a sparse matrix that is built once and applied
to every morphed head.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from anonbench.synthetic.jit import jit
from anonbench.synthetic.structures import Floats, Indices


def catmull_clark(faces: Indices, vertex_count: int) -> tuple[sparse.csr_matrix, Indices]:
    """Work out one step of Catmull-Clark subdivision.

    Parameters
    ----------
    faces : ndarray of shape (F, 4), int32
        Quads; a triangle repeats its last vertex.
    vertex_count : int
        Number of vertices, including those in no face.

    Returns
    -------
    matrix : csr_matrix of shape (vertex_count + edges + F, vertex_count), float64
        New positions from old ones: first the old vertices moved, then a point for each edge, then
        one for each face. Every row sums to 1.
    quads : ndarray of shape (Q, 4), int32
        The new faces, one for each corner of an old one, wound the same way.

    Notes
    -----
    With `n` the valence of a vertex `P`, `Q` the mean of its faces' points and `R` the mean of its
    edges' middles, an inner vertex goes to ``(Q + 2 R + (n - 3) P) / n`` (Catmull and Clark,
    Computer-Aided Design 10, 1978). An edge that other than two faces share is a boundary: its
    point is its middle, and its vertices stay, so that a border keeps its outline. So do vertices
    in no face.
    """
    parts = _parts(faces)
    count, face_count = vertex_count, len(faces)
    face_points = _mean_of(parts.face, parts.vertex, (face_count, count))
    ends = np.repeat(np.arange(len(parts.edges)), 2)
    middles = _mean_of(ends, parts.edges.ravel(), (len(parts.edges), count))
    sharing = np.bincount(parts.edge, minlength=len(parts.edges))

    beside = _mean_of(parts.edge, parts.face, (len(parts.edges), face_count)) @ face_points
    inner = np.where(sharing == 2, 0.5, 0.0)
    edge_points = sparse.diags(1 - inner) @ middles + sparse.diags(inner) @ beside

    around = _mean_of(parts.vertex, parts.face, (count, face_count)) @ face_points
    along = _mean_of(parts.edges.ravel(), ends, (count, len(parts.edges))) @ middles
    valence = np.bincount(parts.edges.ravel(), minlength=count)
    moves = valence > 0
    moves[parts.edges[sharing != 2].ravel()] = False
    share = np.where(moves, 1 / np.maximum(valence, 1), 0.0)
    kept = np.where(moves, 1 - 3 * share, 1.0)
    moved = sparse.diags(share) @ around + sparse.diags(2 * share) @ along + sparse.diags(kept)
    matrix = sparse.vstack([moved, edge_points, face_points]).tocsr()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix, parts.quads(count)


def triangulate(quads: Indices) -> Indices:
    """Split quads along the diagonal of their first corner.

    Parameters
    ----------
    quads : ndarray of shape (F, 4), int32
        Vertices round each face; a triangle repeats its last one.

    Returns
    -------
    ndarray of shape (T, 3), int32
        In the order of the faces, without triangles that have a vertex twice.
    """
    triangles = quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
    a, b, c = triangles.T
    real = (a != b) & (b != c) & (c != a)
    return np.ascontiguousarray(triangles[real], dtype=np.int32)


@jit
def vertex_normals(vertices: Floats, triangles: Indices) -> Floats:
    """Return the mean normal of the triangles round each vertex, weighted by area.

    Parameters
    ----------
    vertices : ndarray of shape (V, 3), float64
        Positions.
    triangles : ndarray of shape (T, 3), int32
        Vertices, anticlockwise seen from outside.

    Returns
    -------
    ndarray of shape (V, 3), float64
        Length 1; zeros for a vertex in no triangle, or where the triangles cancel out.
    """
    normals = np.zeros((vertices.shape[0], 3))
    for k in range(triangles.shape[0]):
        a, b, c = triangles[k, 0], triangles[k, 1], triangles[k, 2]
        ux, vx = vertices[b, 0] - vertices[a, 0], vertices[c, 0] - vertices[a, 0]
        uy, vy = vertices[b, 1] - vertices[a, 1], vertices[c, 1] - vertices[a, 1]
        uz, vz = vertices[b, 2] - vertices[a, 2], vertices[c, 2] - vertices[a, 2]
        # The cross product is twice the area long: the weighting comes by itself.
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            normals[corner, 0] += x
            normals[corner, 1] += y
            normals[corner, 2] += z
    for k in range(normals.shape[0]):
        length = np.sqrt(normals[k, 0] ** 2 + normals[k, 1] ** 2 + normals[k, 2] ** 2)
        if length > 0:
            normals[k] /= length
    return normals


def smoothing(triangles: Indices, count: int) -> sparse.csr_matrix:
    """Return the matrix that averages each vertex with its neighbours.

    Parameters
    ----------
    triangles : ndarray of shape (T, 3), int32
        Vertices.
    count : int
        Number of vertices.

    Returns
    -------
    csr_matrix of shape (count, count), float64
        Equal weights for the vertex itself and those it shares an edge with; rows sum to 1.
    """
    start, end = triangles.ravel(), np.roll(triangles, -1, axis=1).ravel()
    own = np.arange(count)
    rows, columns = np.concatenate([start, end, own]), np.concatenate([end, start, own])
    keys = np.unique(rows.astype(np.int64) * count + columns)
    return _mean_of(keys // count, keys % count, (count, count))


_Whole = NDArray[np.integer[Any]]


class _Parts(NamedTuple):
    """The corners and edges of faces of three or four corners; corners run face by face."""

    face: _Whole  # of each corner
    vertex: _Whole  # of each corner
    edge: _Whole  # from each corner to the next of its face
    before: _Whole  # from the corner before to this one
    edges: _Whole  # (E, 2), the lower end first

    def quads(self, count: int) -> Indices:
        """Join each corner, its edges' points and its face's point to a quad."""
        first_face = count + len(self.edges)
        corners = (self.vertex, count + self.edge, first_face + self.face, count + self.before)
        quads: Indices = np.stack(corners, axis=1).astype(np.int32)
        return quads


def _parts(faces: Indices) -> _Parts:
    triangle = faces[:, 2] == faces[:, 3]
    real = np.ones(faces.shape, dtype=bool)
    real[:, 3] = ~triangle
    following = np.array([1, 2, 3, 0]) + np.zeros((len(faces), 1), dtype=np.int64)
    following[triangle, 2] = 0
    face, corner = np.nonzero(real)
    start, end = faces[face, corner], faces[face, following[face, corner]]
    width = int(faces.max(initial=0)) + 1
    keys = np.minimum(start, end).astype(np.int64) * width + np.maximum(start, end)
    unique, edge = np.unique(keys, return_inverse=True)
    # The edge before a corner is the one that leaves the corner before it.
    leaving = np.zeros(faces.shape, dtype=np.int64)
    leaving[face, corner] = edge
    before = np.zeros(faces.shape, dtype=np.int64)
    before[face, following[face, corner]] = leaving[face, corner]
    return _Parts(
        face, start, edge, before[face, corner], np.stack(np.divmod(unique, width), axis=1)
    )


def _mean_of(rows: _Whole, columns: _Whole, shape: tuple[int, int]) -> sparse.csr_matrix:
    """Return a matrix whose row r averages over the columns given with r; empty rows stay 0."""
    share = 1 / np.maximum(np.bincount(rows, minlength=shape[0]), 1)
    return sparse.csr_matrix((share[rows], (rows, columns)), shape=shape)
