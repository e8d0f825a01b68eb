"""Where a face lies in a photo, by the face mesh, and what a proxy covers of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._face_frame import Points, apply, as_pixels, moved, similarity
from anonbench.anonymisers._window import Window, bounds, filled, whole
from anonbench.landmark_error import GROUPS, POINTS
from anonbench.types import Pixels

DETECTOR = "mediapipe_mesh"
OUTLINE = list(GROUPS["contour"])
INWARD = 0.95
"""How large what is replaced is, in sizes of the face's outline: its edge lies on skin."""
LEAST = 12
"""Width and height of the smallest face, in pixels of the photo."""
FARTHEST = 4
"""How often a face may be as large as its photo: more would be a detector's mistake."""
BRIGHTEST, DARKEST = 3.0, 1 / 3
"""How much brighter or darker a proxy's channel is made, at most."""
FLAT = 0.4
"""The outline fills at least this share of its rectangle."""


@dataclass(frozen=True)
class Place:
    """A face in a photo.

    Attributes
    ----------
    window : Window
        The smallest one around all that is replaced.
    replaced : ndarray of the window's shape, bool
        Which of its pixels are.
    width : int
        The face's width in pixels.
    points : ndarray of shape (468, 2), float64
        Its landmarks.
    """

    window: Window
    replaced: NDArray[np.bool_]
    width: int
    points: Points


def place(found: NDArray[np.generic], shape: tuple[int, ...]) -> Place:
    """Return where a face lies.

    Parameters
    ----------
    found : ndarray of shape (468, 2)
        Landmarks in the photo.
    shape : tuple of int
        The photo's height and width.

    Raises
    ------
    DegenerateFaceError
        If the landmarks do not enclose a face that is in the photo.
    ValueError
        If they are those of another detector.
    """
    whole(found, POINTS, DETECTOR)
    points = found.astype(np.float64)
    hull = _outline(points)
    width, height = np.ptp(hull, axis=0) + 1
    if min(width, height) < LEAST:
        raise DegenerateFaceError(f"the face is {width:.0f} x {height:.0f} pixels large")
    if width > FARTHEST * shape[1] or height > FARTHEST * shape[0]:
        raise DegenerateFaceError("the face is larger than the photo")
    if cv2.contourArea(hull.astype(np.float32)) < FLAT * width * height:
        raise DegenerateFaceError("the landmarks lie nearly on a line")
    corners = np.rint(hull).astype(np.int64)
    window = bounds(corners, shape)
    replaced = filled(corners, window) if not window.empty else np.zeros((0, 0), bool)
    if not replaced.any():
        raise DegenerateFaceError("the face lies outside of the photo")
    return Place(window, replaced, int(width), points)


def _outline(points: Points) -> Points:
    hull = cv2.convexHull(points[OUTLINE].astype(np.float32))[:, 0].astype(np.float64)
    centre = hull.mean(axis=0)
    return np.asarray(centre + INWARD * (hull - centre))


def aligned(picture: Pixels, points: Points, target: Place) -> tuple[Pixels, Place]:
    """Return a proxy as it lies upon a face, and what it covers of that.

    It is turned, scaled and shifted until its landmarks are nearest to the face's, and keeps its
    shape.

    Parameters
    ----------
    picture : ndarray of shape (rows, columns, 3), uint8
        The proxy.
    points : ndarray of shape (468, 2)
        Its landmarks.
    target : Place
        The face to cover.

    Raises
    ------
    DegenerateFaceError
        If it covers nothing of it.
    """
    matrix = similarity(points, target.points)
    matrix[:, 2] -= target.window.left, target.window.top
    height, width = target.replaced.shape
    fresh = as_pixels(moved(picture, matrix, width, height))
    corners = np.rint(_outline(apply(matrix, points))).astype(np.int64)
    covered = filled(corners, Window(0, 0, width, height)) & target.replaced
    if not covered.any():
        raise DegenerateFaceError("the proxy lies beside the face")
    return fresh, replace(target, replaced=covered)


def toned(fresh: Pixels, covered: NDArray[np.bool_], own: Pixels) -> Pixels:
    """Return a proxy with the mean colour of the face that it covers.

    Each channel is multiplied by a number: so three numbers of the covered pixels get into the
    result, and no more.

    Parameters
    ----------
    fresh, own : ndarray of shape (height, width, 3), uint8
        The proxy, and the photo there.
    covered : ndarray of shape (height, width), bool
        Where the proxy is seen.
    """
    means, wanted = (p[covered].mean(axis=0, dtype=np.float64) for p in (fresh, own))
    gains = np.clip(wanted / np.maximum(means, 1), DARKEST, BRIGHTEST)
    return as_pixels(fresh * gains)
