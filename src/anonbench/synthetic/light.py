"""Light that falls on the head: a sky, a key light and a fill light, with shadows.

The surroundings are a set of directions with a radiance each. For every direction one depth map of
the head says which points see it; what they see adds up to the irradiance, soft shadows and
darkened creases included. Neighbouring points then share their light, red furthest: a cheap
stand-in for the scattering of light under the skin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from anonbench.synthetic.jit import jit
from anonbench.synthetic.raster import draw_depth, splat_depth
from anonbench.synthetic.structures import Floats, Indices, Singles

DIRECTIONS = 40
"""Directions from which light comes."""

_MAP_SIZE = 160
_MAP_SPAN = 5.2  # decimetres
_BIAS = 0.07  # decimetres: less than this in front of a point does not shade it
_WRAP = 0.08
_SPREAD = (7, 3, 2)  # rounds of sharing with the neighbours: red, green, blue


@dataclass(frozen=True)
class Lamps:
    """How a scene is lit; angles in degrees, strengths relative to a white surface.

    Attributes
    ----------
    azimuth, elevation : float
        Where the key light stands: to the subject's left and above the horizon.
    key, sharpness : float
        Its strength and the concentration of its von Mises-Fisher lobe.
    sky, fill : float
        Strength of the sky, and of a light opposite the key.
    warmth : float
        Above 0 a reddish key light and a bluish sky.
    """

    azimuth: float
    elevation: float
    key: float
    sharpness: float
    sky: float
    fill: float
    warmth: float

    @property
    def direction(self) -> Floats:
        """Unit vector towards the key light."""
        azimuth, elevation = math.radians(self.azimuth), math.radians(self.elevation)
        flat = math.cos(elevation)
        return np.array([math.sin(azimuth) * flat, math.sin(elevation), math.cos(azimuth) * flat])


def directions(count: int = DIRECTIONS) -> Floats:
    """Return unit vectors spread evenly over the sphere (Fibonacci lattice), shape (count, 3)."""
    place = np.arange(count) + 0.5
    y = 1 - 2 * place / count
    turn = math.pi * (1 + math.sqrt(5)) * place
    ring = np.sqrt(1 - y * y)
    return np.stack([ring * np.cos(turn), y, ring * np.sin(turn)], axis=1)


def radiance(lamps: Lamps, towards: Floats) -> Floats:
    """Return the light that comes from each direction.

    Parameters
    ----------
    lamps : Lamps
        The scene's lights.
    towards : ndarray of float64, shape (n, 3)
        Unit vectors.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Linear RGB, weighted so that the sum over directions is the irradiance.
    """
    key = lamps.direction
    lobe = np.exp(lamps.sharpness * (towards @ key - 1))
    opposite = np.exp(2 * (towards @ np.array([-key[0], 0.1, key[2]]) - 1))
    key_colour = np.array([1 + lamps.warmth, 1, 1 - lamps.warmth])
    sky_colour = np.array([1 - lamps.warmth / 2, 1, 1 + lamps.warmth / 2])
    sky = lamps.sky * np.outer(0.55 + 0.45 * towards[:, 1], sky_colour) * 4 / len(towards)
    out: Floats = (
        sky
        + lamps.key * np.outer(lobe / lobe.sum(), key_colour)
        + 0.6 * lamps.fill * (opposite / opposite.sum())[:, None]
    )
    return out


def irradiance(
    points: Floats,
    normals: Floats,
    casters: tuple[Floats, Indices],
    strands: Floats,
    lamps: Lamps,
    centre: Floats,
) -> Floats:
    """Return the light that reaches points of a surface.

    Parameters
    ----------
    points, normals : ndarray of float64, shape (n, 3)
        Positions in decimetres and unit normals.
    casters : tuple of ndarray
        Vertices and triangles that cast shadows.
    strands : ndarray of float64, shape (m, 3)
        Points of hair that cast shadows as well.
    lamps : Lamps
        The scene's lights.
    centre : ndarray of float64, shape (3,)
        Middle of the scene; what is further than half of 5.2 dm from it casts no shadow.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Linear RGB.
    """
    towards = directions()
    light = radiance(lamps, towards)
    out = np.zeros_like(points)
    for direction, colour in zip(towards, light, strict=True):
        frame = _frame(direction)
        depth = np.full((_MAP_SIZE, _MAP_SIZE), -1e9, dtype=np.float32)
        draw_depth(_project(casters[0], frame, centre), casters[1], depth)
        splat_depth(_project(strands, frame, centre), 1, depth)
        _add_light(_project(points, frame, centre), normals, direction, colour, depth, out)
    return out


def scatter(light: Floats, neighbours: sparse.csr_matrix) -> Floats:
    """Share irradiance between neighbouring vertices, red furthest.

    Parameters
    ----------
    light : ndarray of float64, shape (n, 3)
        Irradiance of each vertex.
    neighbours : scipy.sparse.csr_matrix, shape (n, n)
        Averages a vertex with its neighbours; rows add up to 1.
    """
    out = np.empty_like(light)
    for channel, rounds in enumerate(_SPREAD):
        values = light[:, channel]
        for _ in range(rounds):
            values = neighbours @ values
        out[:, channel] = values
    return out


def _frame(direction: Floats) -> Floats:
    """Axes of a lamp's picture: across, up, towards the lamp."""
    across = np.array([direction[2], 0.0, -direction[0]])
    across /= math.sqrt(direction[2] ** 2 + direction[0] ** 2)
    up = np.array(
        [
            direction[1] * across[2] - direction[2] * across[1],
            direction[2] * across[0] - direction[0] * across[2],
            direction[0] * across[1] - direction[1] * across[0],
        ]
    )
    return np.stack([across, up, direction])


@jit
def _project(points: Floats, frame: Floats, centre: Floats) -> Floats:
    out = np.empty((points.shape[0], 3))
    scale = _MAP_SIZE / _MAP_SPAN
    for i in range(points.shape[0]):
        x, y, z = points[i, 0] - centre[0], points[i, 1] - centre[1], points[i, 2] - centre[2]
        out[i, 0] = (frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z) * scale + _MAP_SIZE / 2
        out[i, 1] = (frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z) * scale + _MAP_SIZE / 2
        out[i, 2] = frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z
    return out


@jit
def _add_light(
    projected: Floats,
    normals: Floats,
    direction: Floats,
    colour: Floats,
    depth: Singles,
    out: Floats,
) -> None:
    """Add one direction's light where it arrives; shadow edges are interpolated in the map."""
    size = depth.shape[0]
    for i in range(projected.shape[0]):
        facing = (
            normals[i, 0] * direction[0]
            + normals[i, 1] * direction[1]
            + normals[i, 2] * direction[2]
            + _WRAP
        ) / (1 + _WRAP)
        if facing <= 0.0:
            continue
        x, y = projected[i, 0] - 0.5, projected[i, 1] - 0.5
        column, row = math.floor(x), math.floor(y)
        seen = 0.0
        for dy in range(2):
            for dx in range(2):
                share = (1 - abs(x - column - dx)) * (1 - abs(y - row - dy))
                r, c = row + dy, column + dx
                outside = r < 0 or c < 0 or r >= size or c >= size
                if outside or projected[i, 2] > depth[r, c] - _BIAS:
                    seen += share
        for channel in range(3):
            out[i, channel] += colour[channel] * facing * seen
