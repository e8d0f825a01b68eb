"""Hair, strand by strand: guides that grow out of the skin, and the strands that follow them.

A guide starts at a point of the skin and advances in steps of equal length. Its direction starts
along the skin's normal, turns towards the style's flow (back, to the sides of a parting, down, ...)
and with gravity; where it would enter the head it is pushed out again, and where it would hang over
the face it is cut. Strands are guides shifted a little, so that neighbours form locks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anonbench.seeds import generator
from anonbench.synthetic import skin_map
from anonbench.synthetic.hair_growth import CENTRE, FLOWS, advance, wind
from anonbench.synthetic.hair_styles import BEARD, STYLES, Style
from anonbench.synthetic.head import Head
from anonbench.synthetic.meshes import vertex_normals
from anonbench.synthetic.skin import Skin
from anonbench.synthetic.structures import Floats
from anonbench.synthetic.traits import Traits

_ROWS, _COLUMNS = 64, 128
_NAPE = 6.3  # decimetres: below it, hair hangs without touching


@dataclass(frozen=True)
class Hair:
    """Strands of one growth, relative to their roots.

    Attributes
    ----------
    triangle : ndarray of int32, shape (guides,)
        Triangle of the head in which a guide has its root.
    weights : ndarray of float64, shape (guides, 3)
        The root's place in its triangle.
    guides : ndarray of float64, shape (guides, points, 3)
        Offsets from the root in decimetres, head at rest; NaN where a guide was cut.
    outward : ndarray of float64, shape (guides, points, 3)
        Unit vectors away from the head.
    strands : ndarray of float64, shape (guides, followers, points, 3)
        Offsets from the guide's root.
    tint : ndarray of float64, shape (guides, followers)
        Brightness of each strand, about 1.
    """

    triangle: npt.NDArray[np.int32]
    weights: Floats
    guides: Floats
    outward: Floats
    strands: Floats
    tint: Floats


def grow_hair(head: Head, vertices: Floats, skin: Skin, traits: Traits) -> Hair | None:
    """Grow the hair of the head, None for a bald one.

    Parameters
    ----------
    head : Head
        The common head.
    vertices : ndarray of float64, shape (n, 3)
        The subject's smooth head at rest.
    skin : Skin
        Painted skin: says where hair grows.
    traits : Traits
        The subject.
    """
    if traits.hair_style == "bald":
        return None
    style = STYLES[traits.hair_style]
    return _grow(head, vertices, skin.scalp, style, generator(traits.seed, "hair"))


def grow_beard(head: Head, vertices: Floats, skin: Skin, traits: Traits) -> Hair | None:
    """Grow facial hair, None where there is none or only stubble."""
    if traits.facial_hair in ("none", "stubble"):
        return None
    random = generator(traits.seed, "beard")
    share = float(np.mean(skin_map.sample(skin.beard, head.rest) > 0.5)) / 0.05
    style = replace(BEARD, guides=max(220, int(BEARD.guides * min(share, 1.0))))
    return _grow(head, vertices, skin.beard, style, random)


def _grow(
    head: Head,
    vertices: Floats,
    area: npt.NDArray[np.float32],
    style: Style,
    random: np.random.Generator,
) -> Hair:
    triangle, weights = _roots(head, vertices, area, style.guides, random)
    corners = head.triangles[triangle]
    roots = (vertices[corners] * weights[..., None]).sum(axis=1)
    normals = (vertex_normals(vertices, head.triangles)[corners] * weights[..., None]).sum(axis=1)
    rest = (head.rest[corners] * weights[..., None]).sum(axis=1)
    count = len(roots)
    volume = random.uniform(*style.volume)
    length = random.uniform(*style.length) * np.clip(random.normal(1, 0.1, count), 0.7, 1.3)
    side = float(random.choice([-1.0, 1.0]))
    parting = side * random.uniform(0.15, 0.32) if random.random() < 0.65 else 0.0
    guides = advance(
        roots,
        normals,
        rest,
        length / (style.points - 1),
        volume * random.random(count) ** 0.6 + 0.012,
        _radii(vertices[head.rest[:, 1] > _NAPE]),
        style.points,
        FLOWS[style.flow],
        style.lift,
        style.turn,
        style.gravity,
        style.back,
        parting,
        bool(random.random() < style.fringe),
        style.lowest,
    )
    radius = random.uniform(*style.curl)
    if radius > 0:
        phase = random.uniform(0, 2 * np.pi, count)
        pitch = style.pitch * random.uniform(0.75, 1.3, count)
        wind(guides, radius, pitch, length / (style.points - 1), phase)
    outward = guides - np.array(CENTRE)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    strands = _follow(guides, style, random)
    tint = np.exp(random.normal(0, 0.11, (count, 1)) + random.normal(0, 0.09, strands.shape[:2]))
    start = roots[:, None]
    return Hair(triangle, weights, guides - start, outward, strands - start[:, None], tint)


def _roots(
    head: Head,
    vertices: Floats,
    area: npt.NDArray[np.float32],
    count: int,
    random: np.random.Generator,
) -> tuple[npt.NDArray[np.int32], Floats]:
    """Places on the skin, as dense as the painted area is strong."""
    corners = vertices[head.triangles]
    size = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    rest = head.rest[head.triangles].mean(axis=1)
    outside = np.hypot(rest[:, 0], rest[:, 2] - skin_map.AXIS_Z) > 0.35  # not in the throat
    outside |= rest[:, 1] > 8.0
    hidden = np.maximum(head.mouth_inside, head.ears)
    outside &= hidden[head.triangles].mean(axis=1) < 0.05
    grows = skin_map.sample(area, rest)
    share = np.cumsum(size * np.where(outside & (grows > 0.1), grows, 0.0))
    if not share[-1] > 0:
        raise ValueError("nowhere for hair to grow: no skin is painted for it")
    pick = (np.arange(count) + random.random(count)) / count * share[-1]
    triangle = np.searchsorted(share, pick, side="right").astype(np.int32)
    a, b = np.sqrt(random.random(count)), random.random(count)
    return triangle, np.stack([1 - a, a * (1 - b), a * b], axis=1)


def _radii(vertices: Floats) -> Floats:
    """How far the skin reaches from the head's centre in each direction, a table by angles."""
    offset = vertices - np.array(CENTRE)
    radius = np.linalg.norm(offset, axis=1)
    row = np.arccos(np.clip(offset[:, 1] / radius, -1, 1)) / np.pi * _ROWS
    column = (np.arctan2(offset[:, 0], offset[:, 2]) / (2 * np.pi) + 0.5) * _COLUMNS
    table = np.zeros((_ROWS, _COLUMNS))
    np.maximum.at(
        table, (np.minimum(row.astype(int), _ROWS - 1), column.astype(int) % _COLUMNS), radius
    )
    while (table == 0).any():  # directions that no vertex lies in take their neighbours' mean
        edged = np.pad(table, ((1, 1), (0, 0)))  # angles wrap round, poles do not
        beside = [np.roll(table, shift, axis=1) for shift in (-1, 1)]
        near = np.stack([edged[:-2], edged[2:], *beside])
        known = (near > 0).sum(axis=0)
        table = np.where((table == 0) & (known > 0), near.sum(axis=0) / np.maximum(known, 1), table)
    return table


def _follow(guides: Floats, style: Style, random: np.random.Generator) -> Floats:
    """Strands beside each guide, which draw together towards its end."""
    count, points = guides.shape[:2]
    spacing = 0.05 * math.sqrt(1300 / count)
    shift: Floats = random.normal(0, spacing, (count, style.followers, 1, 3))
    along: Floats = np.linspace(0, 1, points)[:, None]
    stray: Floats = random.normal(0, style.stray, (count, style.followers, 1, 3))
    out: Floats = guides[:, None] + shift * (0.5 * (1 - style.clump * along))
    out += stray * along
    return out
