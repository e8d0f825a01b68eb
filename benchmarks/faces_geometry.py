"""Where the true face is, and the crop aligned on it."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench.types import Pixels

Points = NDArray[np.float64]

CROP = 96
"""Side of the aligned crop in pixels."""

PLACES = np.array([(66.0, 36.0), (30.0, 36.0), (48.0, 74.0)])
"""Left eye, right eye and mouth in the crop; left is the subject's, hence on the right."""

_CHEEKS = ((25, 52), (61, 52))
_CHEEK = 10


def true_points(table: pd.DataFrame) -> Points:
    """Return left eye, right eye and mouth (N, 3, 2) in pixels from a label table of text."""
    names = [f"{p}_{axis}" for p in ("left_eye", "right_eye", "mouth") for axis in "xy"]
    return table[names].to_numpy(dtype=np.float64).reshape(-1, 3, 2)


def middle(points: Points) -> tuple[float, float]:
    """Return the point half-way between the middle of the eyes and the mouth."""
    x, y = ((points[0] + points[1]) / 2 + points[2]) / 2
    return float(x), float(y)


def similarity(source: Points, target: Points) -> Points:
    """Return the (2, 3) matrix of turn, scale and shift that best maps `source` to `target`.

    Least squares over points (K, 2). As complex numbers, z -> a z + b with
    a = sum(conj(z - mean) (w - mean)) / sum(|z - mean|^2).

    Raises
    ------
    ValueError
        If all source points coincide.
    """
    z, w = source @ np.array([1, 1j]), target @ np.array([1, 1j])
    spread = z - z.mean()
    power = float((np.abs(spread) ** 2).sum())
    if power == 0.0:
        raise ValueError("the points of the face coincide: no scale to align by")
    a = (spread.conj() * (w - w.mean())).sum() / power
    b = w.mean() - a * z.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def crop(pixels: Pixels, points: Points) -> Pixels:
    """Cut out (CROP, CROP, 3) pixels with eyes and mouth at `PLACES`."""
    matrix = similarity(points, PLACES)
    aligned: Pixels = cv2.warpAffine(
        pixels, matrix, (CROP, CROP), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return aligned


def cheeks(grey: NDArray[np.float64]) -> float:
    """Return the mean of two patches of 10 x 10 pixels below the eyes of an aligned crop."""
    patches = [grey[y : y + _CHEEK, x : x + _CHEEK] for x, y in _CHEEKS]
    return float(np.mean(patches))


@cache
def _descriptor() -> Any:
    # Blocks of 2 x 2 cells of 8 pixels, nine orientations: Dalal and Triggs 2005.
    return cv2.HOGDescriptor((CROP, CROP), (16, 16), (8, 8), (8, 8), 9)


def hog(aligned: Pixels) -> NDArray[np.float32]:
    """Return the histogram of oriented gradients of an aligned crop, (4356,) float32."""
    grey = cv2.cvtColor(aligned, cv2.COLOR_RGB2GRAY)
    return np.asarray(_descriptor().compute(grey), np.float32).ravel()
