"""Superpixels: the region becomes patches of one colour that follow its contours."""

from __future__ import annotations

import numpy as np
from skimage.segmentation import slic

from anonbench.anonymisers._base import Info, PatchMethod
from anonbench.types import Pixels

COMPACTNESS = 20.0
"""Weight of nearness against colour (CIELAB); Achanta et al. advise 1 to 40."""
SMALLEST = 0.25
"""Least size of a segment, in shares of the mean, that is not given to its neighbour. With half of
the mean and more weight on colour, few segments asked for on a patchy region collapse into one."""


def superpixel(patch: Pixels, strength: int, generator: np.random.Generator) -> Pixels:
    """Segment with SLIC and fill every segment with its mean colour.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region.
    strength : int
        Number of segments asked for, so fewer are stronger; SLIC makes about so many.
    generator : numpy.random.Generator
        Not used: SLIC starts from a regular grid.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    count = min(strength, patch.shape[0] * patch.shape[1])
    labels = slic(
        patch,
        n_segments=count,
        compactness=COMPACTNESS,
        min_size_factor=SMALLEST,
        start_label=0,
        channel_axis=-1,
    ).ravel()
    sizes = np.bincount(labels)
    sums = np.stack([np.bincount(labels, patch[..., c].ravel()) for c in range(3)], axis=1)
    means: Pixels = np.rint(sums / np.maximum(sizes, 1)[:, None]).astype(np.uint8)
    return np.asarray(means[labels], np.uint8).reshape(patch.shape)


PLUGIN = PatchMethod(
    Info(
        label="Superpixels",
        reference="Butler et al. 2015; Achanta et al. 2012 (SLIC)",
        strength="number of segments",
        kind="int",
        minimum=1,
        maximum=100000,
        stronger="lower",
        strengths=(10, 25, 50, 100, 200, 400),
    ),
    superpixel,
)
