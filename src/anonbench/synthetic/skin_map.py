"""The map that skin is painted on: a cylinder round the head at rest.

A point of the base mesh finds its place in the map by its angle round the neck's axis and its
height, so that the map has one seam, at the back of the head, and needs no texture coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from anonbench.synthetic.structures import Floats, Singles

WIDTH, HEIGHT = 1536, 1290
"""Size of the map in pixels."""

TOP, BOTTOM = 8.6, 4.3
"""Heights on the base mesh, in decimetres, of the map's upper and lower edge."""

AXIS_Z = 0.45
"""The cylinder's axis lies this far in front of the base mesh's origin, in decimetres."""

RADIUS = 0.85
"""Radius at which places on the face are given as distances from the middle line."""

_SUBPIXEL_BITS = 3


@dataclass(frozen=True)
class Grid:
    """Coordinates of the pixels: angle (1, width), distance `x` and height `y` in decimetres."""

    angle: Singles
    x: Singles
    y: Singles
    front: npt.NDArray[np.bool_]


@lru_cache(maxsize=1)
def grid() -> Grid:
    """Return the coordinates of every pixel of the map."""
    angle = (((np.arange(WIDTH) + 0.5) / WIDTH - 0.5) * 2 * np.pi).astype(np.float32)[None]
    y = (TOP - (np.arange(HEIGHT) + 0.5) / HEIGHT * (TOP - BOTTOM)).astype(np.float32)[:, None]
    return Grid(angle=angle, x=np.sin(angle) * RADIUS, y=y, front=np.cos(angle) > 0)


def to_map(points: Floats) -> tuple[Floats, Floats]:
    """Return column and row in the map of points of the base mesh, shape (..., 3)."""
    angle = np.arctan2(points[..., 0], points[..., 2] - AXIS_Z)
    column = (0.5 + angle / (2 * np.pi)) * WIDTH
    return column, (TOP - points[..., 1]) / (TOP - BOTTOM) * HEIGHT


def blob(x: float, y: float, width: float, height: float) -> Singles:
    """Return a Gaussian spot on the face; sizes in decimetres."""
    g = grid()
    across = np.exp(-(((g.x - x) / width) ** 2)) * g.front
    spot: Singles = np.exp(-(((g.y - y) / height) ** 2)) * across
    return spot


def both(x: float, y: float, width: float, height: float) -> Singles:
    """Two Gaussian spots, left and right of the middle line."""
    return blob(x, y, width, height) + blob(-x, y, width, height)


def noise(random: np.random.Generator, cell: float) -> Singles:
    """Smooth noise of unit variance at its knots, `cell` pixels apart."""
    rows, columns = max(2, int(HEIGHT / cell) + 2), max(2, int(WIDTH / cell) + 2)
    knots = random.standard_normal((rows, columns), dtype=np.float32)
    out: Singles = cv2.resize(knots, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return out


def lines(
    strokes: Sequence[Floats], widths: Sequence[float], strengths: Sequence[float]
) -> Singles:
    """Draw lines on an empty map.

    Parameters
    ----------
    strokes : sequence of ndarray of float64, shape (n, 2)
        Places on the face, distance from the middle line and height, in decimetres.
    widths : sequence of float
        Of each line, in pixels.
    strengths : sequence of float
        Value of each line, 0 to 1.
    """
    out = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    for stroke, width, strength in zip(strokes, widths, strengths, strict=True):
        place = np.round((_to_pixels(stroke) - 0.5) * (1 << _SUBPIXEL_BITS)).astype(np.int32)
        cv2.polylines(
            out, [place], False, float(strength), max(1, round(width)), cv2.LINE_AA, _SUBPIXEL_BITS
        )
    return out


def spots(places: Floats, radii: Floats, strengths: Floats) -> Singles:
    """Draw discs on an empty map: places (n, 2) in decimetres, radii in pixels."""
    out = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    unit = 1 << _SUBPIXEL_BITS
    for place, radius, strength in zip(_to_pixels(places) - 0.5, radii, strengths, strict=True):
        centre = (int(place[0] * unit), int(place[1] * unit))
        cv2.circle(
            out, centre, int(radius * unit), float(strength), -1, cv2.LINE_AA, _SUBPIXEL_BITS
        )
    return out


def blur(image: Singles, sigma: float) -> Singles:
    """Gaussian blur, `sigma` in pixels."""
    out: Singles = cv2.GaussianBlur(image, (0, 0), sigma)
    return out


def sample(image: Singles, points: Floats) -> Floats:
    """Return a map's nearest value at points of the base mesh, shape (n, 3)."""
    column, row = to_map(points)
    inside = np.clip(row.astype(int), 0, HEIGHT - 1), np.clip(column.astype(int), 0, WIDTH - 1)
    out: Floats = image[inside].astype(np.float64)
    return out


def _to_pixels(places: Floats) -> Floats:
    """Column and row of places; OpenCV counts half a pixel less, from the first one's centre."""
    angle = np.arcsin(np.clip(places[:, 0] / RADIUS, -1, 1))
    column = (0.5 + angle / (2 * np.pi)) * WIDTH
    return np.stack([column, (TOP - places[:, 1]) / (TOP - BOTTOM) * HEIGHT], axis=1)
