"""The frame that faces share: photos turned, scaled and shifted until landmarks meet."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._window import whole
from anonbench.types import FloatArray, Pixels

DETECTOR, POINTS = "dlib_hog", 68
BROW_POINTS = range(17, 27)
LEAST = 12.0
"""Width and height in pixels that landmarks cover at least."""
ROUNDS = 3

Points = NDArray[np.float64]
Matrix = NDArray[np.float64]
Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Frame:
    """A picture of fixed size with a place for every landmark.

    Attributes
    ----------
    width, height : int
        Its size in pixels.
    points : ndarray of shape (68, 2), float64
        Mean landmarks, where they lie in the mean photo.
    """

    width: int
    height: int
    points: Points

    def matrix(self, points: Points) -> Matrix:
        """Return the similarity (2, 3) that brings landmarks of a photo nearest to the frame's."""
        return similarity(points, self.points)

    def picture(self, pixels: Pixels, points: Points) -> Picture:
        """Return a photo in the frame, (height, width, 3), 0..255.

        Beyond its edges a photo goes on with the pixels there.
        """
        return moved(pixels, self.matrix(points), self.width, self.height)


def checked(points: NDArray[np.generic]) -> Points:
    """Return landmarks (68, 2) as float64.

    Raises
    ------
    DegenerateFaceError
        If they are not finite, or enclose no face.
    ValueError
        If they are those of another detector.
    """
    whole(points, POINTS, DETECTOR)
    found = points.astype(np.float64)
    width, height = np.ptp(found, axis=0)
    if min(width, height) < LEAST:
        raise DegenerateFaceError(f"the landmarks cover {width:.0f} x {height:.0f} pixels")
    hull = cv2.convexHull(found.astype(np.float32))
    if cv2.contourArea(hull) < 0.4 * width * height:
        raise DegenerateFaceError("the landmarks lie nearly on a line")
    return found


def mean_shape(shapes: NDArray[np.float64]) -> Points:
    """Return the mean of shapes (N, 68, 2) by Procrustes, with their mean place and size."""
    place = shapes.mean(axis=(0, 1))
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    size = np.sqrt((centred**2).sum(axis=(1, 2))).mean()
    mean = shapes.mean(axis=0)
    for _ in range(ROUNDS):
        mean = np.mean([apply(similarity(s, mean), s) for s in shapes], axis=0)
        mean -= mean.mean(axis=0)
        mean *= size / np.sqrt((mean**2).sum())
        mean += place
    return np.asarray(mean)


def similarity(points: Points, target: Points) -> Matrix:
    """Return the similarity (2, 3) from points to a target with the least squared error.

    Without reflections: a complex factor and a shift.
    """
    from_, to = points.mean(axis=0), target.mean(axis=0)
    a, b = ((p - c) @ np.array([1, 1j]) for p, c in ((points, from_), (target, to)))
    factor = np.vdot(a, b) / np.vdot(a, a).real
    turn = np.array([[factor.real, -factor.imag], [factor.imag, factor.real]])
    return np.column_stack([turn, to - turn @ from_])


def apply(matrix: Matrix, points: Points) -> Points:
    """Return where a similarity takes points (K, 2)."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def moved(pixels: Pixels, matrix: Matrix, width: int, height: int) -> Picture:
    """Return a photo by a similarity from its places to those of a picture of some size."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 0.5:
        # Bilinear sampling would leave out most pixels.
        small = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
        ratio = np.array(pixels.shape[1::-1]) / small
        pixels = np.asarray(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), np.uint8)
        # Places count from the middle of the first pixel.
        matrix = np.column_stack([
            matrix[:, :2] * ratio, matrix[:, 2] + matrix[:, :2] @ ((ratio - 1) / 2),
        ])  # fmt: skip
    result = cv2.warpAffine(
        pixels.astype(np.float32), matrix, (width, height),
        flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(result, np.float32)


def as_pixels(picture: FloatArray) -> Pixels:
    """Return a picture in whole grey levels."""
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)
