"""What MakeHuman's files hold, as arrays.

Lengths are in MakeHuman's unit, the decimetre; y points up and z to the front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
Singles = NDArray[np.float32]
Scale = tuple[int, int, float]


class AssetError(ValueError):
    """An asset file is missing, is another one than expected, or cannot be read."""


@dataclass(frozen=True)
class Mesh:
    """A mesh of quads with texture coordinates.

    Attributes
    ----------
    vertices : ndarray of shape (V, 3), float64
        Positions in decimetres.
    faces : ndarray of shape (F, 4), int32
        Vertices round each face; a triangle repeats its last one.
    uv : ndarray of shape (T, 2), float64
        Texture coordinates, v upwards; one (0, 0) where the file has none.
    uv_faces : ndarray of shape (F, 4), int32
        Texture coordinates round each face.
    groups : ndarray of shape (F,), str
        Name of each face's group, empty before the first one.
    """

    vertices: Floats
    faces: Indices
    uv: Floats
    uv_faces: Indices
    groups: NDArray[np.str_]


@dataclass(frozen=True)
class Target:
    """A morph: the vertices `index` (n,) int32, each once, move by `offset` (n, 3) decimetres."""

    index: Indices
    offset: Floats


@dataclass(frozen=True)
class Proxy:
    """A mesh that sits on the body: each vertex hangs on three vertices of the base mesh.

    Attributes
    ----------
    mesh : Mesh
        As modelled; its positions are replaced by `anonbench.synthetic.assets.fit`.
    index : ndarray of shape (n, 3), int32
        Vertices of the base mesh.
    weight : ndarray of shape (n, 3), float64
        Share of each of them; the sum is about 1.
    offset : ndarray of shape (n, 3), float64
        Displacement on the unmorphed body.
    scale : tuple of three (vertex, vertex, reference), or None
        For x, y and z: offsets grow as the two vertices' distance along the axis over the
        reference distance.
    """

    mesh: Mesh
    index: Indices
    weight: Floats
    offset: Floats
    scale: tuple[Scale, Scale, Scale] | None
