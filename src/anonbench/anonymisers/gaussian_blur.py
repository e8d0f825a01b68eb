"""Gaussian blur."""

from __future__ import annotations

import cv2
import numpy as np

from anonbench.anonymisers._base import Info, PatchMethod
from anonbench.types import Pixels


def gaussian_blur(patch: Pixels, strength: float, generator: np.random.Generator) -> Pixels:
    """Convolve with a Gaussian that is cut off at three standard deviations.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region alone; its border pixels are repeated outwards.
    strength : float
        Standard deviation in pixels; 0 changes nothing.
    generator : numpy.random.Generator
        Not used.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    if strength == 0:
        return patch
    return np.asarray(
        cv2.GaussianBlur(patch, (0, 0), strength, borderType=cv2.BORDER_REPLICATE), np.uint8
    )


PLUGIN = PatchMethod(
    Info(
        label="Blur (Gaussian)",
        reference="Gross et al. 2006",
        strength="standard deviation in pixels",
        kind="float",
        minimum=0,
        maximum=500,
        identity=0,
        stronger="higher",
        strengths=(1, 2, 4, 6, 8, 12, 16, 24),
    ),
    gaussian_blur,
)
