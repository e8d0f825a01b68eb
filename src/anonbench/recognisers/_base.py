"""What a recogniser is: the contract that every file of this folder fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anonbench.types import Face, Pixels


@dataclass(frozen=True)
class Info:
    """What a recogniser says of itself.

    Attributes
    ----------
    label : str
        Name in tables and figures.
    reference : str
        Paper or documentation.
    dimension : int
        Length of an embedding.
    weights : tuple of str
        Weight files, for provenance.
    """

    label: str
    reference: str
    dimension: int
    weights: tuple[str, ...] = ()


class Recogniser(Protocol):
    """Aligns faces and embeds them; alike faces have a small Euclidean distance."""

    def landmarks(self, pixels: Pixels, face: Face) -> NDArray[np.float32]:
        """Return the landmarks (K, 2) that `align` needs of a face that a detector found."""
        ...

    def align(self, pixels: Pixels, points: NDArray[np.float32]) -> Pixels:
        """Return the face chip that the network takes, cut out by landmarks (K, 2)."""
        ...

    def embed(self, chips: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings (N, dimension) float32 of N face chips."""
        ...


class Plugin(Protocol):
    """What a file of this folder exports as ``PLUGIN``."""

    info: Info

    def build(self, options: Mapping[str, Any], threads: int) -> Recogniser:
        """Return a recogniser that uses `threads` threads."""
        ...


@dataclass(frozen=True)
class RecogniserPlugin:
    """A plug-in whose recogniser is a class with keyword options and `threads`."""

    info: Info
    factory: Any

    def build(self, options: Mapping[str, Any], threads: int) -> Recogniser:
        """Return ``factory(threads=threads, **options)``."""
        recogniser: Recogniser = self.factory(threads=threads, **options)
        return recogniser
