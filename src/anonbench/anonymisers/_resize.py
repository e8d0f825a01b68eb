"""Reduction of a region to a grid of cells, shared by the methods that work so."""

from __future__ import annotations

import cv2
import numpy as np

from anonbench.types import Pixels


def reduce_to_cells(patch: Pixels, cells: int) -> Pixels:
    """Average a region over a grid of cells of equal size.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region.
    cells : int
        Cells on each side; a side with fewer pixels keeps its pixels.

    Returns
    -------
    ndarray of shape (min(cells, height), min(cells, width), 3), uint8
        Means by area: a pixel that a cell border cuts counts for both in proportion.
    """
    height, width = patch.shape[:2]
    size = (min(cells, width), min(cells, height))
    return np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
