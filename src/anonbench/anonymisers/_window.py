"""Points and rectangles of whole pixels in a photo."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._errors import DegenerateFaceError


class Window(NamedTuple):
    """Whole pixels of a photo; right and bottom are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def area(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def empty(self) -> bool:
        """Whether there is no pixel in it."""
        return self.left >= self.right or self.top >= self.bottom

    def wider(self, margin: int, shape: tuple[int, ...]) -> Window:
        """Return the window with a margin, as far as the photo goes."""
        return Window(
            max(0, self.left - margin), max(0, self.top - margin),
            min(shape[1], self.right + margin), min(shape[0], self.bottom + margin),
        )  # fmt: skip


def whole(points: NDArray[np.generic], count: int, detector: str) -> NDArray[np.int64]:
    """Return landmarks in whole pixels, fractions cut off.

    Raises
    ------
    DegenerateFaceError
        If they are not finite.
    ValueError
        If they are not those of the detector, which has so many.
    """
    if points.shape != (count, 2):
        raise ValueError(
            f"{len(points)} landmarks instead of the {count} of {detector}: the entry has to say "
            f"`detectors: [{detector}]`"
        )
    if not np.isfinite(points.astype(np.float64)).all():
        raise DegenerateFaceError("landmarks are not finite")
    return points.astype(np.int64)


def bounds(corners: NDArray[np.int64], shape: tuple[int, ...]) -> Window:
    """Return the smallest window around an outline, as far as the photo goes; may be empty."""
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0) + 1
    height, width = shape[:2]
    return Window(
        int(np.clip(left, 0, width)), int(np.clip(top, 0, height)),
        int(np.clip(right, 0, width)), int(np.clip(bottom, 0, height)),
    )  # fmt: skip


def filled(corners: NDArray[np.int64], window: Window) -> NDArray[np.bool_]:
    """Return which pixels of a window lie within an outline or on it."""
    mask = np.zeros((window.bottom - window.top, window.right - window.left), np.uint8)
    cv2.fillPoly(mask, [(corners - [window.left, window.top]).astype(np.int32)], 1)
    return mask.astype(bool)
