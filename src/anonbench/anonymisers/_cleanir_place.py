"""Where a face lies in a photo: what CLEANIR is shown of it, and which pixels it replaces."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._cleanir_crop import SIZE, face_crop
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._window import Window, bounds, filled, whole
from anonbench.types import Pixels

DETECTOR, POINTS = "dlib_hog", 68
LEAST = 8
"""Width and height of the smallest face, in pixels of the photo."""
FARTHEST = 4
"""How often a face may be as large as its photo: more would be a detector's mistake."""
FLAT = 0.4
"""The hull fills at least this share of its rectangle; 0.73 to 0.85 of 840 rendered faces."""


@dataclass(frozen=True)
class Place:
    """A face in a photo.

    Attributes
    ----------
    points : ndarray of shape (68, 2), int64
        Landmarks in the photo.
    shown : Window
        Their bounding rectangle, which may reach beyond the photo.
    window : Window
        The part of it that is in the photo.
    replaced : ndarray of the window's shape, bool
        Which of its pixels are replaced.
    """

    points: NDArray[np.int64]
    shown: Window
    window: Window
    replaced: NDArray[np.bool_]

    @property
    def width(self) -> int:
        """The face's width in pixels of the photo."""
        return self.shown.right - self.shown.left

    def crop(self, pixels: Pixels) -> Pixels:
        """Return what the network is shown, (64, 64, 3)."""
        return face_crop(pixels, self.points)

    def in_view(self, x: float, y: float) -> tuple[float, float]:
        """Return a place of the photo in the crop; both count from the first pixel's outer edge."""
        left, top, right, bottom = self.shown
        return (x - left) / (right - left) * SIZE, (y - top) / (bottom - top) * SIZE


def window_of(points: NDArray[np.generic], shape: tuple[int, ...]) -> Window:
    """Return the smallest window around a face's landmarks, as far as the photo goes.

    Raises
    ------
    DegenerateFaceError
        If the landmarks are not finite.
    ValueError
        If they are those of another detector.
    """
    return bounds(whole(points, POINTS, DETECTOR), shape)


def place(points: NDArray[np.generic], shape: tuple[int, ...], as_crop: bool = False) -> Place:
    """Return where a face lies.

    Parameters
    ----------
    points : ndarray of shape (68, 2)
        Landmarks in the photo.
    shape : tuple of int
        The photo's height and width.
    as_crop : bool
        Whether their whole rectangle is replaced instead of their convex hull.

    Raises
    ------
    DegenerateFaceError
        If the landmarks do not enclose a face that is in the photo.
    ValueError
        If they are those of another detector.
    """
    own = whole(points, POINTS, DETECTOR)
    (left, top), (right, bottom) = own.min(axis=0), own.max(axis=0) + 1
    shown = Window(int(left), int(top), int(right), int(bottom))
    width, height = shown.right - shown.left, shown.bottom - shown.top
    if min(width, height) < LEAST:
        raise DegenerateFaceError(f"the face is {width} x {height} pixels large")
    if width > FARTHEST * shape[1] or height > FARTHEST * shape[0]:
        raise DegenerateFaceError("the face is larger than the photo")
    hull = cv2.convexHull(own.astype(np.int32))[:, 0].astype(np.int64)
    if cv2.contourArea(hull.astype(np.int32)) < FLAT * width * height:
        raise DegenerateFaceError("the landmarks lie nearly on a line")
    window = bounds(own, shape)
    if window.empty:
        raise DegenerateFaceError("the face lies outside of the photo")
    mask = filled(hull, window)
    if not mask.any():
        raise DegenerateFaceError("the face lies outside of the photo")
    return Place(own, shown, window, np.ones_like(mask) if as_crop else mask)
