"""Extreme low resolution: the region in k x k pixels, enlarged smoothly."""

from __future__ import annotations

import cv2
import numpy as np

from anonbench.anonymisers._base import Info, PatchMethod
from anonbench.anonymisers._resize import reduce_to_cells
from anonbench.types import Pixels


def lowres(patch: Pixels, strength: int, generator: np.random.Generator) -> Pixels:
    """Average over k x k cells and enlarge bicubically.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region.
    strength : int
        Resolution k on each side, so lower is stronger; a side of fewer than k pixels stays as it
        is.
    generator : numpy.random.Generator
        Not used.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
        Values that the bicubic overshoots are cut to 0..255.
    """
    height, width = patch.shape[:2]
    small = reduce_to_cells(patch, strength)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


PLUGIN = PatchMethod(
    Info(
        label="Low resolution",
        reference="Ryoo et al. 2017; a baseline of Ren et al. 2018",
        strength="resolution of each side of the region in pixels",
        kind="int",
        minimum=1,
        maximum=10000,
        stronger="lower",
        strengths=(4, 8, 12, 16, 24, 32),
    ),
    lowres,
)
