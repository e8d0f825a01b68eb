"""Where a face is taken out of a photo, and how another of another shape gets in."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._face_frame import Matrix, Picture, Points, as_pixels, moved
from anonbench.anonymisers._mmda_face import outline
from anonbench.anonymisers._paste import joined
from anonbench.anonymisers._window import Window, bounds, filled
from anonbench.types import Pixels


@dataclass(frozen=True)
class Spot:
    """What is replaced of a photo: a face with its forehead.

    Attributes
    ----------
    window : Window
        The smallest one around it.
    replaced : ndarray of the window's shape, bool
        Which of its pixels are.
    width : int
        The face's width in pixels.
    """

    window: Window
    replaced: NDArray[np.bool_]
    width: int

    @classmethod
    def of(cls, points: Points, shape: tuple[int, ...]) -> Spot:
        """Return the spot of landmarks (68, 2) in a photo of a shape.

        Raises
        ------
        DegenerateFaceError
            If it lies outside of the photo.
        """
        hull = np.rint(outline(points)).astype(np.int64)
        window = bounds(hull, shape)
        if window.empty:
            raise DegenerateFaceError("the face lies outside of the photo")
        return cls(window, filled(hull, window), int(np.ptp(points[:, 0])) + 1)


def set_in(pixels: Pixels, picture: Picture, matrix: Matrix, spot: Spot, feather: float) -> None:
    """Put a face into a photo that was painted over, in place.

    Where the new face is smaller than the old one, the picture shows what its texture has around
    it; where it is larger it ends with the old one.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        What `painted_over` returned. Nothing outside of the spot changes.
    picture : ndarray of shape (rows, columns, 3), float32
        The face, in its frame.
    matrix : ndarray of shape (2, 3)
        The similarity from the photo to the frame.
    spot : Spot
        What is replaced.
    feather : float
        Width of the rim in which the face fades in, as a share of the old face's width.
    """
    back = np.asarray(cv2.invertAffineTransform(matrix))
    back[:, 2] -= spot.window.left, spot.window.top
    height, width = spot.replaced.shape
    fresh = as_pixels(moved(as_pixels(picture), back, width, height))
    joined(pixels, fresh, spot, "feather", feather)
