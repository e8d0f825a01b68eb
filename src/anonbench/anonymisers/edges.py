"""Edge map: white lines on black are all that is left of the region."""

from __future__ import annotations

import cv2
import numpy as np

from anonbench.anonymisers._base import Info, PatchMethod
from anonbench.types import Pixels

LOW, HIGH = 40, 80
"""Thresholds of the gradient (Sobel 3 x 3, Euclidean length, 8 times grey levels per pixel)."""


def edges(patch: Pixels, strength: float, generator: np.random.Generator) -> Pixels:
    """Detect edges (Canny 1986) after smoothing with a Gaussian.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region.
    strength : float
        Standard deviation of the smoothing in pixels: more leaves fewer lines, since the
        thresholds are fixed.
    generator : numpy.random.Generator
        Not used.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        255 on edges, else 0.
    """
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY)
    if strength > 0:
        grey = cv2.GaussianBlur(grey, (0, 0), strength, borderType=cv2.BORDER_REPLICATE)
    lines = cv2.Canny(grey, LOW, HIGH, apertureSize=3, L2gradient=True)
    return np.repeat(np.asarray(lines, np.uint8)[..., None], 3, axis=2)


PLUGIN = PatchMethod(
    Info(
        label="Edge map",
        reference="Butler et al. 2015; Canny 1986",
        strength="standard deviation of the smoothing in pixels",
        kind="float",
        minimum=0,
        maximum=100,
        stronger="higher",
        strengths=(0.5, 1, 1.5, 2, 3, 4),
    ),
    edges,
)
