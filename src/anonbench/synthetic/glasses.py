"""Spectacles: rims, bridge and temples as tubes, and the outline of each lens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anonbench.seeds import generator
from anonbench.synthetic.structures import Floats, Indices
from anonbench.synthetic.traits import Traits

_SIDES = 8
_RIM_POINTS = 40
_FRAMES = ((0.012, 0.011, 0.012), (0.05, 0.028, 0.018), (0.10, 0.09, 0.085), (0.16, 0.10, 0.05),
           (0.03, 0.04, 0.09))  # fmt: skip


@dataclass(frozen=True)
class Glasses:
    """Spectacles on a subject's head at rest.

    Attributes
    ----------
    frame : ndarray of float64, shape (n, 3)
        Vertices of the frame in decimetres.
    frame_triangles : ndarray of int32, shape (m, 3)
        Its triangles.
    lenses : ndarray of float64, shape (k, 3)
        Vertices of the lenses.
    lens_triangles : ndarray of int32, shape (l, 3)
        Their triangles.
    colour : ndarray of float64, shape (3,)
        Of the frame, linear RGB.
    """

    frame: Floats
    frame_triangles: Indices
    lenses: Floats
    lens_triangles: Indices
    colour: Floats


def fit_glasses(eyes: tuple[Floats, Floats], skin: Floats, traits: Traits) -> Glasses | None:
    """Put spectacles on a nose, None for a subject who wears none.

    Parameters
    ----------
    eyes : tuple of ndarray of float64, shape (n, 3)
        Vertices of the left and of the right eyeball.
    skin : ndarray of float64, shape (m, 3)
        Vertices of the smooth head at rest.
    traits : Traits
        The subject.
    """
    if traits.glasses == "none":
        return None
    random = generator(traits.seed, "glasses")
    round_rims = traits.glasses == "round"
    power = 2.2 if round_rims else random.uniform(3.0, 4.5)
    half_width = random.uniform(0.195, 0.22) if round_rims else random.uniform(0.235, 0.265)
    half_height = half_width * (0.92 if round_rims else random.uniform(0.62, 0.78))
    radius = 0.006 if traits.glasses == "rimless" else random.uniform(0.006, 0.011)
    centres = [points.mean(axis=0) for points in eyes]
    front = _front(np.concatenate(eyes), skin, centres)
    parts, lenses = [], []
    for side, centre in zip((1, -1), centres, strict=True):
        middle = np.array([centre[0] + side * 0.012, centre[1] - 0.03, front])
        rim = _outline(middle, half_width, half_height, power, side)
        parts.append(_tube(rim, radius, closed=True))
        lenses.append(_fan(middle, rim))
        hinge = middle + np.array([side * half_width, 0.45 * half_height, -0.05])
        parts.append(_tube(_temple(hinge, side, skin), max(radius, 0.008), closed=False))
    gap = np.linspace(-1, 1, 9)
    inner = min(abs(centre[0]) for centre in centres) + 0.012 - half_width
    height = float(np.mean([centre[1] for centre in centres])) - 0.03 + 0.3 * half_height
    bridge = np.stack(
        [gap * inner, height + 0.03 * (1 - gap**2), front + 0.02 * (1 - gap**2)], axis=1
    )
    parts.append(_tube(bridge, max(radius, 0.008), closed=False))
    frame, frame_triangles = _joined(parts)
    lens, lens_triangles = _joined(lenses)
    colour = np.array(_FRAMES[random.integers(len(_FRAMES))])
    if traits.glasses == "rimless":
        colour = np.array([0.28, 0.26, 0.23])
    return Glasses(frame, frame_triangles, lens, lens_triangles, colour)


def _front(eyeballs: Floats, skin: Floats, centres: list[Floats]) -> float:
    """How far in front the lenses stand: clear of the lashes and of the nose's bridge."""
    height = float(np.mean([centre[1] for centre in centres]))
    bridge = skin[(np.abs(skin[:, 0]) < 0.08) & (np.abs(skin[:, 1] - height) < 0.06)]
    return max(float(eyeballs[:, 2].max()) + 0.11, float(bridge[:, 2].max()) - 0.03)


def _outline(
    middle: Floats, half_width: float, half_height: float, power: float, side: int
) -> Floats:
    """Return a superellipse, wrapped a little round the face."""
    turn = np.linspace(0, 2 * np.pi, _RIM_POINTS, endpoint=False)
    cos, sin = np.cos(turn), np.sin(turn)
    x = half_width * np.sign(cos) * np.abs(cos) ** (2 / power)
    y = half_height * np.sign(sin) * np.abs(sin) ** (2 / power)
    x = x * (1 + 0.06 * y / half_height)
    z = -0.16 * (side * x + half_width) ** 2
    out: Floats = middle + np.stack([x, y, z], axis=1)
    return out


def _temple(hinge: Floats, side: int, skin: Floats) -> Floats:
    ear = skin[(side * skin[:, 0] > 0.5) & (np.abs(skin[:, 1] - 7.35) < 0.1)]
    across = side * (np.abs(ear[:, 0]).max() - 0.02)
    end = np.array([across, 7.36, 0.2])
    t = np.linspace(0, 1, 12)[:, None]
    bulge = np.array([side * 0.05, 0.0, 0.0]) * np.sin(np.pi * t)
    out: Floats = hinge * (1 - t) + end * t + bulge
    return out


def _tube(path: Floats, radius: float, closed: bool) -> tuple[Floats, Indices]:
    """Return a tube of eight sides along a path."""
    ahead = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    if not closed:
        ahead[0], ahead[-1] = path[1] - path[0], path[-1] - path[-2]
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    helper = np.array([0.0, 0.0, 1.0]) if closed else np.array([0.0, 1.0, 0.0])
    first = np.cross(ahead, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(ahead, first)
    turn = np.linspace(0, 2 * np.pi, _SIDES, endpoint=False)[None, :, None]
    ring = first[:, None] * np.cos(turn) + second[:, None] * np.sin(turn)
    vertices = (path[:, None] + radius * ring).reshape(-1, 3)
    rings = np.arange(len(path) if closed else len(path) - 1)
    here, following = rings[:, None] * _SIDES, (rings[:, None] + 1) % len(path) * _SIDES
    side = np.arange(_SIDES)
    other = (side + 1) % _SIDES
    triangles = np.concatenate(
        [
            np.stack([here + side, following + side, following + other], axis=-1).reshape(-1, 3),
            np.stack([here + side, following + other, here + other], axis=-1).reshape(-1, 3),
        ]
    )
    return vertices, triangles.astype(np.int32)


def _fan(middle: Floats, rim: Floats) -> tuple[Floats, Indices]:
    corner = np.arange(len(rim))
    following = (corner + 1) % len(rim)
    triangles = np.stack([np.zeros_like(corner), corner + 1, following + 1], axis=1)
    return np.concatenate([middle[None], rim]), triangles.astype(np.int32)


def _joined(parts: list[tuple[Floats, Indices]]) -> tuple[Floats, Indices]:
    starts = np.cumsum([0] + [len(vertices) for vertices, _ in parts])
    shifted = [triangles + start for (_, triangles), start in zip(parts, starts, strict=False)]
    return np.concatenate([v for v, _ in parts]), np.concatenate(shifted).astype(np.int32)
