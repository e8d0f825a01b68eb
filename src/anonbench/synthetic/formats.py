"""MakeHuman's text formats as arrays: .obj meshes, .target morphs, .mhclo proxies, .mhw weights.

What is known of the formats comes from the files themselves.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from anonbench.synthetic.structures import (
    AssetError,
    Floats,
    Indices,
    Mesh,
    Proxy,
    Scale,
    Target,
)

HEAD_BONES = (
    "eye", "head", "jaw", "levator", "oculi", "orbicularis", "oris", "risorius", "special",
    "tongue",
)  # fmt: skip
"""First letters of the bones that move as one with the skull."""

NECK_BONES = {"neck01": 0.25, "neck02": 0.5, "neck03": 0.75}
"""How much of the head's turn each bone of the neck takes part in, from the shoulders up."""


def parse_obj(text: bytes, name: str) -> Mesh:
    """Read a Wavefront mesh of triangles and quads.

    Parameters
    ----------
    text : bytes
        The file.
    name : str
        What to call it in errors.

    Returns
    -------
    Mesh
        Normals, materials and smoothing groups are ignored.

    Raises
    ------
    AssetError
        If a number is none, a face has other than 3 or 4 corners, or an index points nowhere.
    """
    vertices: list[list[bytes]] = []
    uv: list[list[bytes]] = []
    corners: list[list[bytes]] = []
    groups: list[str] = []
    group = ""
    for line in text.splitlines():
        words = line.split()
        match words[0] if words else b"":
            case b"v":
                vertices.append(words[1:4])
            case b"vt":
                uv.append(words[1:3])
            case b"g":
                group = b" ".join(words[1:]).decode("utf-8", "replace")
            case b"f":
                corners.append(words[1:])
                groups.append(group)
    where, what = _corner_indices(corners, name)
    positions = _numbers(vertices, 3, name)
    coordinates = _numbers(uv, 2, name)
    if (what < 0).all():
        coordinates, what = np.zeros((1, 2)), np.zeros_like(what)
    return Mesh(
        positions, _inside(where, len(positions), name), coordinates,
        _inside(what, len(coordinates), name), np.array(groups, dtype=np.str_),
    )  # fmt: skip


def parse_target(text: bytes, name: str, count: int) -> Target:
    """Read a morph: lines of a vertex and its displacement, after comments.

    Parameters
    ----------
    text : bytes
        The file.
    name : str
        What to call it in errors.
    count : int
        Number of vertices of the base mesh.

    Returns
    -------
    Target
        Empty for a file of comments, which MakeHuman has for shapes equal to the base mesh.

    Raises
    ------
    AssetError
        If a line is not four numbers, a vertex does not exist or comes twice.
    """
    rows = [line for line in text.splitlines() if line.strip() and not line.startswith(b"#")]
    table = _numbers([line.split() for line in rows], 4, name)
    index = table[:, 0].astype(np.int32)
    if not np.array_equal(index, table[:, 0]) or len(np.unique(index)) < len(index):
        raise AssetError(f"{name}: vertices have to be whole numbers, each once")
    return Target(_inside(index, count, name), np.ascontiguousarray(table[:, 1:]))


def parse_proxy(text: bytes, name: str, mesh: Mesh, count: int) -> Proxy:
    """Read how a mesh hangs on the body (.mhclo).

    Parameters
    ----------
    text : bytes
        The file.
    name : str
        What to call it in errors.
    mesh : Mesh
        The mesh it belongs to.
    count : int
        Number of vertices of the base mesh.

    Returns
    -------
    Proxy
        Lines of one vertex mean all of its weight and no offset.

    Raises
    ------
    AssetError
        If a line has other than 1 or 9 numbers, a vertex does not exist, the mesh has another
        number of vertices, or only some axes have a scale.
    """
    rows: list[list[bytes]] = []
    scales: dict[bytes, Scale] = {}
    inside = False
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith(b"#"):
            continue
        key = words[0]
        if key in (b"x_scale", b"y_scale", b"z_scale"):
            scales[key] = _scale(words[1:], name, count)
        elif key in (b"verts", b"weights", b"delete_verts"):
            inside = key == b"verts"
        elif inside and not key[:1].isalpha():  # a line `material ...` may stand among them
            rows.append(words if len(words) != 1 else [key] * 3 + [b"1"] + [b"0"] * 5)
    table = _numbers(rows, 9, name)
    if len(table) != len(mesh.vertices):
        raise AssetError(f"{name}: {len(table)} vertices, its mesh has {len(mesh.vertices)}")
    if len(scales) not in (0, 3):
        raise AssetError(f"{name}: scales for some axes only")
    index = table[:, :3].astype(np.int32)
    if not np.array_equal(index, table[:, :3]):
        raise AssetError(f"{name}: vertices have to be whole numbers")
    scale = (scales[b"x_scale"], scales[b"y_scale"], scales[b"z_scale"]) if scales else None
    return Proxy(
        mesh, _inside(index, count, name), np.ascontiguousarray(table[:, 3:6]),
        np.ascontiguousarray(table[:, 6:]), scale,
    )  # fmt: skip


def parse_head_weight(text: bytes, name: str, count: int) -> Floats:
    """Sum a rig's weights (.mhw) to how far each vertex follows the head's turn.

    Parameters
    ----------
    text : bytes
        The file, JSON: under ``weights`` a list of (vertex, weight) for each bone.
    name : str
        What to call it in errors.
    count : int
        Number of vertices of the base mesh.

    Returns
    -------
    ndarray of shape (count,), float64
        0 stays with the shoulders, 1 moves as the skull: all of `HEAD_BONES`, the shares of
        `NECK_BONES`, clipped to 0..1.

    Raises
    ------
    AssetError
        If this is no such file or a vertex does not exist.
    """
    total = np.zeros(count)
    try:
        bones = json.loads(text)["weights"].items()
        shares = [(_head_share(bone), pairs) for bone, pairs in bones if pairs]
        tables = [(share, np.array(pairs, dtype=np.float64)) for share, pairs in shares if share]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise AssetError(f"{name}: no weights of bones in it ({error})") from error
    for share, table in tables:
        if table.ndim != 2 or table.shape[1] != 2:
            raise AssetError(f"{name}: a bone's weights are pairs of a vertex and a number")
        index = _inside(table[:, 0].astype(np.int32), count, name)
        np.add.at(total, index, share * table[:, 1])
    return np.clip(total, 0.0, 1.0)


def _head_share(bone: str) -> float:
    return 1.0 if bone.startswith(HEAD_BONES) else NECK_BONES.get(bone, 0.0)


def _table(words: Sequence[bytes], rows: int, width: int, name: str) -> Floats:
    """Turn the words of `rows` lines into finite numbers of shape (rows, width)."""
    if len(words) != rows * width:
        raise AssetError(f"{name}: {len(words)} numbers in {rows} lines of {width}")
    try:
        table = np.array(words, dtype=np.float64).reshape(rows, width)
    except ValueError as error:
        raise AssetError(f"{name}: {error}") from error
    if not np.isfinite(table).all():
        raise AssetError(f"{name}: a number is not finite")
    return table


def _numbers(lines: Sequence[Sequence[bytes]], width: int, name: str) -> Floats:
    """Turn lines of `width` words each into numbers, shape (lines, width)."""
    odd = next((line for line in lines if len(line) != width), None)
    if odd is not None:
        raise AssetError(f"{name}: {len(odd)} numbers where {width} are due: {b' '.join(odd)!r}")
    return _table([word for line in lines for word in line], len(lines), width, name)


def _corner_indices(corners: Sequence[list[bytes]], name: str) -> tuple[Indices, Indices]:
    """Split corners ``vertex/uv`` into two (F, 4) arrays counted from 0; -1 where there is none."""
    if any(len(face) not in (3, 4) for face in corners):
        raise AssetError(f"{name}: a face has other than 3 or 4 corners")
    words = [word.split(b"/") for face in corners for word in (face + face[-1:])[:4]]
    try:
        vertex = [int(word[0]) for word in words]
        uv = [int(word[1]) if len(word) > 1 and word[1] else 0 for word in words]
    except ValueError as error:
        raise AssetError(f"{name}: {error}") from error
    pair = np.array([vertex, uv], dtype=np.int32).reshape(2, -1, 4) - np.int32(1)
    return pair[0], pair[1]


def _inside(index: Indices, count: int, name: str) -> Indices:
    """Return the indices if all lie in 0..count-1."""
    if index.size and not 0 <= index.min() <= index.max() < count:
        raise AssetError(f"{name}: points to a vertex outside 0..{count - 1}")
    return index


def _scale(words: Sequence[bytes], name: str, count: int) -> Scale:
    """Read ``vertex vertex reference`` of one axis."""
    try:
        first, second, reference = int(words[0]), int(words[1]), float(words[2])
    except (ValueError, IndexError) as error:
        raise AssetError(f"{name}: a scale is two vertices and a length") from error
    _inside(np.array([first, second], dtype=np.int32), count, name)
    if not reference > 0:
        raise AssetError(f"{name}: a scale's length has to be above 0")
    return first, second, reference
