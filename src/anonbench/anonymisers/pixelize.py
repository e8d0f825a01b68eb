"""Pixelation: the region becomes a mosaic of k x k squares."""

from __future__ import annotations

import numpy as np

from anonbench.anonymisers._base import Info, PatchMethod
from anonbench.anonymisers._resize import reduce_to_cells
from anonbench.types import Pixels


def pixelize(patch: Pixels, strength: int, generator: np.random.Generator) -> Pixels:
    """Average over k x k cells and enlarge by nearest neighbour.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region.
    strength : int
        Cells k on each side, so fewer are stronger; a side of fewer than k pixels stays as it is.
    generator : numpy.random.Generator
        Not used.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    small = reduce_to_cells(patch, strength)
    # In whole numbers: nearest neighbour of OpenCV can miss a cell border by rounding.
    rows, columns = (
        np.arange(n) * m // n for n, m in zip(patch.shape, small.shape[:2], strict=False)
    )
    return np.asarray(small[rows[:, None], columns], np.uint8)


PLUGIN = PatchMethod(
    Info(
        label="Pixelation",
        reference="Heimes 2021, section 3.4; Newton et al. 2005",
        strength="cells on each side of the region",
        kind="int",
        minimum=1,
        maximum=10000,
        stronger="lower",
        strengths=(10, 15, 20, 30, 35, 50, 90, 99),
    ),
    pixelize,
)
