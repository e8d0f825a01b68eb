"""The picture that a group shares, as a whole image or as a face set into each photo."""

from __future__ import annotations

import cv2
import numpy as np

from anonbench.anonymisers._base import Photo, Region
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._face_frame import BROW_POINTS, Points, checked, moved, similarity
from anonbench.anonymisers._paste import painted_over
from anonbench.anonymisers._whose import ranked
from anonbench.anonymisers._window import Window, bounds, filled
from anonbench.types import Pixels

FOREHEAD = 0.35
"""How far above the brows a face is replaced, in distances from the brows to the chin."""


class Spot:
    """Where a face lies in a photo: what is replaced of it.

    Attributes
    ----------
    window : Window
        The smallest one around all that is replaced.
    replaced : ndarray of the window's shape, bool
        Which of its pixels are: all within landmarks and forehead, and the region.
    width : int
        The face's width in pixels.
    """

    def __init__(self, region: Region, points: Points, shape: tuple[int, ...]) -> None:
        brows = points[list(BROW_POINTS)]
        up = FOREHEAD * (brows.mean(axis=0) - points[8])
        outline = np.rint(np.concatenate([points, brows + up])).astype(np.int32)
        hull = cv2.convexHull(outline)[:, 0].astype(np.int64)
        self.window = bounds(hull, shape)
        if self.window.empty:
            raise DegenerateFaceError("the face lies outside of the photo")
        self.replaced = filled(hull, self.window)
        self.width = int(np.ptp(hull[:, 0])) + 1
        self.points = points


def changed_window(region: Region, width: int, height: int) -> tuple[int, int, int, int]:
    """Return what a face set in covers; the region where it has no landmarks."""
    try:
        spot = Spot(region, checked(region.face.points), (height, width))
    except ValueError:
        return region.left, region.top, region.right, region.bottom
    return tuple(spot.window)  # type: ignore[return-value]


def whole_picture(picture: Pixels, shape: tuple[int, ...]) -> Pixels:
    """Return a group's picture at the size of a photo (height, width, 3)."""
    height, width = shape[:2]
    if picture.shape[:2] == (height, width):
        return picture.copy()
    larger = height * width > picture.shape[0] * picture.shape[1]
    method = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def face_set_in(photo: Photo, picture: Pixels, shape: Points, feather: float) -> Pixels:
    """Return a photo with its faces replaced by a group's mean face.

    Parameters
    ----------
    photo : Photo
        Every face of it gets the same one: whose the others are, nobody knows.
    picture : ndarray of shape (height, width, 3), uint8
        The group's, in the frame.
    shape : ndarray of shape (68, 2)
        The subject's landmarks in the frame.
    feather : float
        Width of the rim, as a share of the face's width.

    Raises
    ------
    DegenerateFaceError
        For a face whose landmarks enclose no face, or none in the photo.
    """
    spots = [Spot(r, checked(r.face.points), photo.pixels.shape) for r in photo.regions]
    done = painted_over(photo.pixels, spots)
    own = ranked(photo)[0]
    for k in [*(k for k in range(len(spots)) if k != own), own]:
        _set_in(done, picture, spots[k], similarity(shape, spots[k].points), feather)
    return done


def _set_in(pixels: Pixels, picture: Pixels, spot: Spot, matrix: Points, feather: float) -> None:
    """Put a face into a photo that was painted over, in place."""
    window: Window = spot.window
    height, width = spot.replaced.shape
    shifted = matrix.copy()
    shifted[:, 2] -= window.left, window.top
    fresh = moved(picture, shifted, width, height)
    rim = feather * spot.width
    mask = cv2.copyMakeBorder(
        spot.replaced.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0
    )
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    share = np.minimum(1, depth / (rim + 1))[..., None]
    view = pixels[window.area]
    blended = np.rint(share * fresh + (1 - share) * view)
    view[spot.replaced] = np.clip(blended, 0, 255).astype(np.uint8)[spot.replaced]
