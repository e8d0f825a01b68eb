"""The small values that travel between the stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""An image: (height, width, 3) uint8, RGB, 0..255."""

FloatArray = NDArray[np.floating[Any]]


class Box(NamedTuple):
    """A rectangle in pixels of the whole image; right and bottom are exclusive."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Width in pixels, never negative."""
        return max(0.0, self.right - self.left)

    @property
    def height(self) -> float:
        """Height in pixels, never negative."""
        return max(0.0, self.bottom - self.top)

    @property
    def area(self) -> float:
        """Area in square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Centre (x, y) in pixels."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def intersection(self, other: Box) -> float:
        """Area in square pixels that the two boxes share."""
        return Box(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        ).area

    def iou(self, other: Box) -> float:
        """Intersection over union, 0..1; 0 where both boxes are empty."""
        shared = self.intersection(other)
        union = self.area + other.area - shared
        return shared / union if union > 0 else 0.0

    def clip(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Whole pixels (left, top, right, bottom) that cover the box inside an image."""
        return (
            int(min(max(np.floor(self.left), 0), width)),
            int(min(max(np.floor(self.top), 0), height)),
            int(min(max(np.ceil(self.right), 0), width)),
            int(min(max(np.ceil(self.bottom), 0), height)),
        )


@dataclass(frozen=True)
class Face:
    """One detected face of an image.

    Attributes
    ----------
    box : Box
        Where it is.
    score : float
        The detector's own confidence; only comparable within one detector. NaN where it has none.
    points : ndarray of shape (K, 2), float32
        Landmarks (x, y) in pixels; K depends on the detector and may be 0.
    eyes, eyes_glasses : tuple of Box
        Eye boxes of the two Haar eye cascades inside the face; empty for other detectors.
    """

    box: Box
    score: float = float("nan")
    points: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 2), np.float32))
    eyes: tuple[Box, ...] = ()
    eyes_glasses: tuple[Box, ...] = ()
