"""The head: what is the same for every subject, built once from the assets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from anonbench.synthetic.assets import Assets, Mesh, Proxy
from anonbench.synthetic.meshes import catmull_clark, smoothing, triangulate
from anonbench.synthetic.structures import Floats, Indices

_LOWEST = 4.3  # decimetres: the body is cut off below the shoulders
_WIDEST = 2.6


@dataclass(frozen=True)
class Head:
    """Head and shoulders, smoothed once.

    Attributes
    ----------
    assets : Assets
        What everything below comes from.
    refine : scipy.sparse.csr_matrix, shape (n, body vertices)
        Positions of the smooth head from the vertices of the body.
    triangles : ndarray of int32, shape (m, 3)
        Of the smooth head.
    casters : ndarray of int32, shape (k, 3)
        The head's triangles before smoothing, in numbers of body vertices: they cast its shadow.
    neighbours : scipy.sparse.csr_matrix, shape (n, n)
        Averages a vertex with its neighbours.
    rest : ndarray of float64, shape (n, 3)
        Positions on the base mesh, in decimetres: a vertex's place in every map.
    lips, mouth_inside, ears : ndarray of float64, shape (n,)
        How much a vertex belongs to the lips, the inside of the mouth or the ears, 0 to 1.
    eyes : tuple of ndarray of int32
        Body vertices on the left and on the right eyeball.
    gums : ndarray of bool, shape (teeth vertices,)
        Which vertices of the teeth are gums.
    """

    assets: Assets
    refine: sparse.csr_matrix
    triangles: Indices
    casters: Indices
    neighbours: sparse.csr_matrix
    rest: Floats
    lips: Floats
    mouth_inside: Floats
    ears: Floats
    eyes: tuple[Indices, Indices]
    gums: NDArray[np.bool_]

    @property
    def teeth(self) -> Proxy:
        """Teeth and gums."""
        return self.assets.proxies["teeth_base"]


def build_head(assets: Assets) -> Head:
    """Cut the head out of the body, smooth it and look up what lies where."""
    base = assets.base
    middle = base.vertices[base.faces].mean(axis=1)
    kept = (base.groups == "body") & (middle[:, 1] > _LOWEST) & (np.abs(middle[:, 0]) < _WIDEST)
    faces = base.faces[kept]
    refine, quads = catmull_clark(faces, len(base.vertices))
    used = np.unique(quads)
    number = np.full(refine.shape[0], -1, dtype=np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    refine = refine[used]
    triangles = triangulate(number[quads])
    return Head(
        assets=assets,
        refine=refine,
        triangles=triangles,
        casters=triangulate(faces),
        neighbours=smoothing(triangles, len(used)),
        rest=refine @ base.vertices,
        lips=refine @ _vertex_mask(assets, "lips"),
        mouth_inside=refine @ _vertex_mask(assets, "inside-mouth"),
        ears=refine @ _vertex_mask(assets, "ears"),
        eyes=(_group(base, "helper-l-eye"), _group(base, "helper-r-eye")),
        gums=_largest_part(assets.proxies["teeth_base"].mesh),
    )


def _vertex_mask(assets: Assets, name: str) -> Floats:
    """Value of a painted mask at each body vertex: the mean over the vertex's places in the map."""
    base, mask = assets.base, assets.masks[name]
    size = len(mask)
    row = np.clip(((1 - base.uv[:, 1]) * size).astype(int), 0, size - 1)
    column = np.clip((base.uv[:, 0] * size).astype(int), 0, size - 1)
    values = mask[row, column][base.uv_faces[base.groups == "body"]].ravel()
    vertices = base.faces[base.groups == "body"].ravel()
    total = np.bincount(vertices, values, len(base.vertices))
    count = np.bincount(vertices, minlength=len(base.vertices))
    out: Floats = total / np.maximum(count, 1)
    return out


def _group(mesh: Mesh, name: str) -> Indices:
    out: Indices = np.unique(mesh.faces[mesh.groups == name])
    return out


def _largest_part(mesh: Mesh) -> NDArray[np.bool_]:
    """Which vertices belong to the largest connected part."""
    edges = np.concatenate([mesh.faces[:, [0, 1]], mesh.faces[:, [1, 2]], mesh.faces[:, [2, 3]]])
    count = len(mesh.vertices)
    graph = sparse.coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    _, part = csgraph.connected_components(graph, directed=False)
    largest: NDArray[np.bool_] = part == np.bincount(part).argmax()
    return largest
