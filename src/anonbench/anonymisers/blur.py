"""Box blur: every pixel becomes the mean of the k x k pixels around it."""

from __future__ import annotations

import cv2
import numpy as np

from anonbench.anonymisers._base import Info, PatchMethod
from anonbench.types import Pixels


def blur(patch: Pixels, strength: int, generator: np.random.Generator) -> Pixels:
    """Average with a box kernel.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region alone; its border pixels are repeated outwards, so that nothing from outside of
        the region takes part.
    strength : int
        Kernel side k in pixels; 1 changes nothing. The window of an even k reaches one pixel
        further to the left and the top, as in OpenCV.
    generator : numpy.random.Generator
        Not used.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    return np.asarray(
        cv2.blur(patch, (strength, strength), borderType=cv2.BORDER_REPLICATE), np.uint8
    )


PLUGIN = PatchMethod(
    Info(
        label="Blur (box)",
        reference="Heimes 2021, section 3.4; Newton et al. 2005",
        strength="side of the box kernel in pixels",
        kind="int",
        minimum=1,
        maximum=1000,
        identity=1,
        stronger="higher",
        strengths=(5, 10, 15, 20, 30, 35, 50, 90),
    ),
    blur,
)
