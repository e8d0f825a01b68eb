"""What a face detector is: the contract that every file of this folder fulfils."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from anonbench.types import Face, Pixels


@dataclass(frozen=True)
class Info:
    """What a detector says of itself.

    Attributes
    ----------
    label : str
        Name in tables and figures.
    reference : str
        Paper or documentation.
    points : int
        Number of landmarks a face has; 0 for none.
    boxes_only : mapping
        Options that spare work where only boxes are wanted, and find the same boxes.
    """

    label: str
    reference: str
    points: int = 0
    boxes_only: Mapping[str, Any] = field(default_factory=dict)


class Detector(Protocol):
    """Finds faces in one image."""

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return the faces of an image of shape (height, width, 3) uint8 RGB, in stable order."""
        ...


class Plugin(Protocol):
    """What a file of this folder exports as ``PLUGIN``."""

    info: Info

    def build(self, options: Mapping[str, Any]) -> Detector:
        """Return a detector.

        Raises
        ------
        FileNotFoundError
            If a cascade or weight file is missing.
        TypeError
            For an option that does not exist.
        """
        ...


@dataclass(frozen=True)
class DetectorPlugin:
    """A plug-in whose detector is a class with keyword options."""

    info: Info
    factory: Any

    def build(self, options: Mapping[str, Any]) -> Detector:
        """Return ``factory(**options)``."""
        detector: Detector = self.factory(**options)
        return detector
