"""Hair, strand by strand: guides that grow out of the skin, and the strands that follow them.

A guide starts at a point of the skin and advances in steps of equal length. Its direction starts
along the skin's normal, turns towards the style's flow (back, to the sides of a parting, down, ...)
and with gravity; where it would enter the head it is pushed out again, and where it would hang over
the face it is cut. Strands are guides shifted a little, so that neighbours form locks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from anonbench.seeds import generator
from anonbench.synthetic import skin_map
from anonbench.synthetic.head import Head
from anonbench.synthetic.jit import jit
from anonbench.synthetic.meshes import vertex_normals
from anonbench.synthetic.structures import Floats
from anonbench.synthetic.skin import Skin
from anonbench.synthetic.traits import Traits

_CENTRE = (0.0, 7.45, 0.30)
_ROWS, _COLUMNS = 64, 128
_NAPE = 6.3  # decimetres: below it, hair hangs without touching
_FLOWS = {"out": 0, "back": 1, "forward": 2, "parting": 3, "down": 4, "knot": 5, "beard": 6}


@dataclass(frozen=True)
class Style:
    """How a head of hair grows; lengths in decimetres.

    `back` is how far hair beside a parting is combed backwards, `lift` how far the direction keeps to the normal (0 to 1), `turn` how fast it takes up the
    flow at each step, `volume` the thickness of the hair above the skin, `curl` the radius of its
    windings and `pitch` their length, `clump` how much strands draw together at their ends, `stray`
    how much they differ, `lowest` the height at which they are cut.
    """

    flow: str
    length: tuple[float, float]
    volume: tuple[float, float]
    lift: float = 0.5
    turn: float = 0.35
    back: float = 0.2
    gravity: float = 0.05
    curl: tuple[float, float] = (0.0, 0.0)
    pitch: float = 0.3
    points: int = 9
    guides: int = 1300
    followers: int = 7
    clump: float = 0.35
    stray: float = 0.02
    lowest: float = 5.2


_STYLES: Mapping[str, Style] = {
    "buzz": Style("out", (0.05, 0.11), (0.03, 0.06), lift=0.9, points=4, followers=9),
    "crop": Style("forward", (0.22, 0.42), (0.07, 0.16), lift=0.75, points=7),
    "tousled": Style(
        "forward", (0.35, 0.6), (0.12, 0.25), lift=0.85, curl=(0.02, 0.05), pitch=0.5, stray=0.05
    ),
    "side parting": Style(
        "parting", (0.5, 0.8), (0.07, 0.15), lift=0.45, turn=0.5, back=0.9, points=12, stray=0.012
    ),
    "swept back": Style(
        "back", (0.9, 1.5), (0.05, 0.14), lift=0.35, turn=0.6, gravity=0.02, points=18, stray=0.015
    ),
    "curly": Style(
        "down", (0.5, 0.9), (0.16, 0.34), lift=0.8, curl=(0.035, 0.06), pitch=0.2, points=24,
        guides=1000, followers=6, clump=0.6, stray=0.03,
    ),
    "afro": Style(
        "out", (0.16, 0.4), (0.1, 0.3), lift=0.95, gravity=0.0, curl=(0.022, 0.04), pitch=0.1,
        points=18, guides=2400, followers=5, clump=0.2, stray=0.04,
    ),
    "locks": Style(
        "parting", (0.9, 1.7), (0.1, 0.22), lift=0.5, gravity=0.3, curl=(0.012, 0.02), pitch=0.12,
        points=30, guides=520, followers=12, clump=0.75, stray=0.006,
    ),
    "bob": Style(
        "parting", (1.3, 1.7), (0.1, 0.2), turn=0.45, gravity=0.3, points=16, guides=1300,
        lowest=6.2, clump=0.5,
    ),
    "shoulder": Style(
        "parting", (1.5, 2.1), (0.08, 0.2), turn=0.45, gravity=0.3, curl=(0.0, 0.03), pitch=0.9,
        points=18, lowest=5.75, clump=0.5,
    ),
    "long": Style(
        "parting", (2.4, 3.2), (0.06, 0.16), turn=0.45, gravity=0.35, points=20, clump=0.5,
    ),
    "long wavy": Style(
        "parting", (2.4, 3.2), (0.1, 0.24), turn=0.45, gravity=0.32, curl=(0.03, 0.06), pitch=0.7,
        points=28, clump=0.6,
    ),
    "tied back": Style(
        "knot", (2.4, 2.6), (0.015, 0.05), lift=0.08, turn=0.85, gravity=0.0, points=32, clump=0.5,
        stray=0.008,
    ),
}  # fmt: skip
_BEARD = Style(
    "beard", (0.025, 0.08), (0.02, 0.06), lift=0.4, gravity=0.2, points=4, guides=1500, followers=7,
    stray=0.008,
)  # fmt: skip


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
    style = _STYLES[traits.hair_style]
    return _grow(head, vertices, skin.scalp, style, generator(traits.seed, "hair"))


def grow_beard(head: Head, vertices: Floats, skin: Skin, traits: Traits) -> Hair | None:
    """Grow facial hair, None where there is none or only stubble."""
    if traits.facial_hair in ("none", "stubble"):
        return None
    random = generator(traits.seed, "beard")
    share = float(np.mean(skin_map.sample(skin.beard, head.rest) > 0.5)) / 0.05
    style = replace(_BEARD, guides=max(300, int(_BEARD.guides * min(share, 1.0))))
    return _grow(head, vertices, skin.beard, style, random)


def _grow(
    head: Head, vertices: Floats, area: npt.NDArray[np.float32], style: Style, random: np.random.Generator
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
    guides = _advance(
        roots,
        normals,
        rest,
        length / (style.points - 1),
        volume * random.random(count) ** 0.6 + 0.012,
        _radii(vertices[head.rest[:, 1] > _NAPE]),
        style.points,
        _FLOWS[style.flow],
        style.lift,
        style.turn,
        style.gravity,
        style.back,
        parting,
        style.lowest,
    )
    radius = random.uniform(*style.curl)
    if radius > 0:
        phase = random.uniform(0, 2 * np.pi, count)
        pitch = style.pitch * random.uniform(0.75, 1.3, count)
        _wind(guides, radius, pitch, length / (style.points - 1), phase)
    outward = guides - np.array(_CENTRE)
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    strands = _follow(guides, style, random)
    tint = np.exp(random.normal(0, 0.11, (count, 1)) + random.normal(0, 0.09, strands.shape[:2]))
    start = roots[:, None]
    return Hair(triangle, weights, guides - start, outward, strands - start[:, None], tint)


def _roots(
    head: Head, vertices: Floats, area: npt.NDArray[np.float32], count: int, random: np.random.Generator
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
    pick = (np.arange(count) + random.random(count)) / count * share[-1]
    triangle = np.searchsorted(share, pick, side="right").astype(np.int32)
    a, b = np.sqrt(random.random(count)), random.random(count)
    return triangle, np.stack([1 - a, a * (1 - b), a * b], axis=1)


def _radii(vertices: Floats) -> Floats:
    """How far the skin reaches from the head's centre in each direction, a table by angles."""
    offset = vertices - np.array(_CENTRE)
    radius = np.linalg.norm(offset, axis=1)
    row = np.arccos(np.clip(offset[:, 1] / radius, -1, 1)) / np.pi * _ROWS
    column = (np.arctan2(offset[:, 0], offset[:, 2]) / (2 * np.pi) + 0.5) * _COLUMNS
    table = np.zeros((_ROWS, _COLUMNS))
    np.maximum.at(
        table, (np.minimum(row.astype(int), _ROWS - 1), column.astype(int) % _COLUMNS), radius
    )
    while (table == 0).any():  # directions that no vertex lies in take their neighbours' mean
        near = np.stack([np.roll(table, shift, axis) for axis in (0, 1) for shift in (-1, 1)])
        known = (near > 0).sum(axis=0)
        table = np.where(
            (table == 0) & (known > 0), near.sum(axis=0) / np.maximum(known, 1), table
        )
    return table


def _follow(guides: Floats, style: Style, random: np.random.Generator) -> Floats:
    """Strands beside each guide, which draw together towards its end."""
    count, points = guides.shape[:2]
    spacing = 0.05 * math.sqrt(1300 / count)
    shift = random.normal(0, spacing, (count, style.followers, 1, 3))
    along = np.linspace(0, 1, points)[:, None]
    stray = random.normal(0, style.stray, (count, style.followers, 1, 3)) * along
    return guides[:, None] + shift * (1 - style.clump * along) * 0.5 + stray


@jit
def _advance(
    roots: Floats,
    normals: Floats,
    rest: Floats,
    step: Floats,
    clearance: Floats,
    radii: Floats,
    points: int,
    flow: int,
    lift: float,
    turn: float,
    gravity: float,
    back: float,
    parting: float,
    lowest: float,
) -> Floats:
    """Let guides grow; NaN from where one is cut."""
    out = np.full((roots.shape[0], points, 3), np.nan)
    for g in range(roots.shape[0]):
        px, py, pz = roots[g, 0], roots[g, 1], roots[g, 2]
        nx, ny, nz = normals[g, 0], normals[g, 1], normals[g, 2]
        dx, dy, dz = nx, ny, nz
        side = 1.0 if rest[g, 0] > parting else -1.0
        out[g, 0, 0], out[g, 0, 1], out[g, 0, 2] = px, py, pz
        for k in range(1, points):
            ox, oy, oz = px - 0.0, py - 7.45, pz - 0.30
            radius = math.sqrt(ox * ox + oy * oy + oz * oz)
            ox, oy, oz = ox / radius, oy / radius, oz / radius
            if flow == 0:
                tx, ty, tz = ox, oy, oz
            elif flow == 1:
                tx, ty, tz = 0.25 * px, 0.1, -1.0
            elif flow == 2:
                tx, ty, tz = 0.35 * side, -0.15, 1.0 if pz > 0.3 else -0.2
                if pz < 0.5:
                    ty = -0.8
            elif flow == 3:
                if oy > 0.55 and abs(ox) < 0.6:
                    tx, ty, tz = side, -0.25, -back
                else:
                    tx, ty, tz = 0.0, -1.0, -0.6 * back
            elif flow == 4:
                tx, ty, tz = 0.4 * side, -0.9, 0.0
            elif flow == 5:
                tx, ty, tz = -px, 7.75 - py, -1.0 - pz
                far = math.sqrt(tx * tx + ty * ty + tz * tz)
                if far < 0.2:
                    break
            else:
                tx, ty, tz = 0.0, -1.0, 0.35
            inward = tx * ox + ty * oy + tz * oz
            if flow != 0 and flow != 6:
                tx, ty, tz = tx - inward * ox, ty - inward * oy, tz - inward * oz
            size = math.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
            share = turn if k > 1 else 1.0 - lift
            dx = dx * (1 - share) + tx / size * share
            dy = dy * (1 - share) + ty / size * share - gravity
            dz = dz * (1 - share) + tz / size * share
            size = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
            dx, dy, dz = dx / size, dy / size, dz / size
            px, py, pz = px + dx * step[g], py + dy * step[g], pz + dz * step[g]
            ox, oy, oz = px, py - 7.45, pz - 0.30
            radius = math.sqrt(ox * ox + oy * oy + oz * oz)
            row = min(int(math.acos(oy / radius) / math.pi * radii.shape[0]), radii.shape[0] - 1)
            column = int((math.atan2(ox, oz) / (2 * math.pi) + 0.5) * radii.shape[1])
            least = radii[row, column % radii.shape[1]] + clearance[g] * min(1.0, k / 3.0)
            if flow != 6 and radius < least:
                px, py, pz = ox / radius * least, 7.45 + oy / radius * least, 0.30 + oz / radius * least
            if flow != 6 and _over_face(px, py, pz):
                break
            if py < lowest:
                break
            out[g, k, 0], out[g, k, 1], out[g, k, 2] = px, py, pz
    return out


@jit
def _over_face(x: float, y: float, z: float) -> bool:
    """Whether hair here would hang over the brows, the eyes or the cheeks."""
    half = 0.62 if y > 6.9 else 0.62 - 0.25 * (6.9 - y)
    return z > 0.55 and y < 7.66 and y > 5.9 and abs(x) < half


@jit
def _wind(guides: Floats, radius: float, pitch: Floats, step: Floats, phase: Floats) -> None:
    """Wind each guide round itself; the winding sets in within the first tenth of a decimetre."""
    for g in range(guides.shape[0]):
        for k in range(1, guides.shape[1]):
            if math.isnan(guides[g, k, 0]):
                break
            arc = k * step[g]
            angle = phase[g] + 2 * math.pi * arc / pitch[g]
            grown = radius * min(1.0, arc / 0.1)
            guides[g, k, 0] += grown * math.cos(angle)
            guides[g, k, 1] += grown * 0.6 * math.sin(angle + 1.0)
            guides[g, k, 2] += grown * math.sin(angle)
