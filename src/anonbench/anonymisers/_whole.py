"""Methods that work on the whole image, wherever the faces are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonbench.anonymisers._base import Info, Photo, Strength
from anonbench.types import Pixels


@dataclass(frozen=True)
class WholeImageMethod:
    """A method without strengths, options or randomness that turns one image into another.

    Parameters
    ----------
    info : Info
        What the method says of itself.
    function : callable
        pixels -> new pixels of the same shape and dtype; it must not change its input.
    """

    info: Info
    function: Callable[[Pixels], Pixels]

    def build(self, options: Mapping[str, Any]) -> WholeImageMethod:
        """Return the method itself; it takes no options."""
        if options:
            raise ValueError(f"{self.info.label} takes no options, got: {', '.join(options)}")
        return self

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Apply the function to every photo; strength and generators are not used."""
        return [self.function(photo.pixels) for photo in photos]
