"""Blackout: the region becomes black."""

from __future__ import annotations

import numpy as np

from anonbench.anonymisers._base import Info, PatchMethod, Strength
from anonbench.types import Pixels


def blackout(patch: Pixels, strength: Strength, generator: np.random.Generator) -> Pixels:
    """Return a black patch of the same shape; strength and generator are not used."""
    return np.zeros_like(patch)


PLUGIN = PatchMethod(
    Info(label="Blackout", reference="Newton et al. 2005; Heimes 2021, Fig. 1"), blackout
)
