"""What an expression network is: the contract that every file of this folder fulfils."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anonbench.types import Box, Face, Pixels

EXPRESSIONS = ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger")
"""The seven classes of the benchmark, named as in the labels of its data sets. Networks name their
own classes in their own order, some with ``contempt`` besides; only names are compared."""


@dataclass(frozen=True)
class Info:
    """What an expression network says of itself.

    Attributes
    ----------
    label : str
        Name in tables and figures.
    reference : str
        Paper or documentation.
    """

    label: str
    reference: str


@dataclass(frozen=True)
class Classified:
    """What a network makes of N crops.

    Attributes
    ----------
    probabilities : ndarray of shape (N, C), float32
        Posteriors, rows summing to 1, columns in the order of the network's `classes`.
    features : ndarray of shape (N, F), float32
        What its last layers see; for comparing sets of images (KID, FID).
    """

    probabilities: NDArray[np.float32]
    features: NDArray[np.float32]


class ExpressionNetwork(Protocol):
    """Crops faces and classifies their expression."""

    classes: tuple[str, ...]
    """Names of the classes: those of `EXPRESSIONS` that it knows, perhaps ``contempt``."""

    whole_image: bool
    """Whether a crop is the picture itself: then none of box and landmarks is needed."""

    def landmarks(self, pixels: Pixels, face: Face) -> NDArray[np.float32]:
        """Return the five landmarks (5, 2) of a face that a detector found."""
        ...

    def crop(self, pixels: Pixels, box: Box | None, points: NDArray[np.float32] | None) -> Pixels:
        """Return what the network takes of a picture, given box and five landmarks of the face."""
        ...

    def classify(self, crops: Sequence[Pixels]) -> Classified:
        """Classify N crops; a crop's result does not depend on the others."""
        ...


class Plugin(Protocol):
    """What a file of this folder exports as ``PLUGIN``."""

    info: Info

    def models(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the names of the weights that it would load, in `anonbench.weights`."""
        ...

    def build(self, options: Mapping[str, Any], threads: int) -> ExpressionNetwork:
        """Return a network that uses `threads` threads.

        Raises
        ------
        anonbench.weights.WeightsError
            If its weights are missing or not those they should be.
        TypeError, ValueError
            For an option that does not exist or cannot be.
        """
        ...


@dataclass(frozen=True)
class ExpressionPlugin:
    """A plug-in whose network is a class with keyword options and `threads`.

    Attributes
    ----------
    default : str
        The weights it loads without the option ``weights``.
    """

    info: Info
    factory: Any
    default: str

    def models(self, options: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the weights that it would load."""
        return (str(options.get("weights", self.default)),)

    def build(self, options: Mapping[str, Any], threads: int) -> ExpressionNetwork:
        """Return ``factory(threads=threads, weights=..., **options)``."""
        network: ExpressionNetwork = self.factory(
            threads=threads, **{"weights": self.default, **options}
        )
        return network
