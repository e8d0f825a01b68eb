"""Mask: a black bar over the region, as wide as the face; meant for the eyes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.types import Pixels


@dataclass(frozen=True)
class Mask:
    """The black bar; no pixel outside of it changes."""

    info: Info

    def build(self, options: Mapping[str, Any]) -> Mask:
        """Return the method itself; it takes no options."""
        if options:
            raise ValueError(f"{self.info.label} takes no options, got: {', '.join(options)}")
        return self

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Draw the bars of every photo; strength and generators are not used."""
        return [self._one(photo) for photo in photos]

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the bar (left, top, right, bottom): the region, widened to its face box."""
        left, _, right, _ = region.face.box.clip(width, height)
        return min(left, region.left), region.top, max(right, region.right), region.bottom

    def _one(self, photo: Photo) -> Pixels:
        image = photo.pixels.copy()
        height, width = image.shape[:2]
        for region in photo.regions:
            left, top, right, bottom = self.changed(region, width, height)
            image[top:bottom, left:right] = 0
        return image


PLUGIN = Mask(Info(label="Mask (bar)", reference="Newton et al. 2005; Heimes 2021, Fig. 1"))
