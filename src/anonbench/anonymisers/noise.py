"""Noise: some pixels of the region get random colours."""

from __future__ import annotations

import numpy as np

from anonbench.anonymisers._base import Info, PatchMethod
from anonbench.types import Pixels


def noise(patch: Pixels, strength: float, generator: np.random.Generator) -> Pixels:
    """Replace a share of the pixels.

    Parameters
    ----------
    patch : ndarray of shape (height, width, 3), uint8
        The region, n pixels.
    strength : float
        Share k in percent: exactly round(k n / 100) different pixels are drawn (halves to even).
    generator : numpy.random.Generator
        Chooses the pixels, and their red, green and blue uniformly from 0..255.

    Returns
    -------
    ndarray of shape (height, width, 3), uint8
    """
    pixels = patch.reshape(-1, 3)
    count = round(strength * len(pixels) / 100)
    places = generator.choice(len(pixels), count, replace=False, shuffle=False)
    pixels[places] = generator.integers(0, 256, (count, 3), dtype=np.uint8)
    return pixels.reshape(patch.shape)


PLUGIN = PatchMethod(
    Info(
        label="Noise",
        reference="Heimes 2021, section 3.4; Newton et al. 2005",
        strength="share of the region's pixels in percent",
        kind="float",
        minimum=0,
        maximum=100,
        identity=0,
        stronger="higher",
        strengths=(5, 10, 15, 20, 30, 35, 50, 90),
    ),
    noise,
)
