"""What DeepPrivacy is shown of a photo: a square around a face, with a hole in the face's place."""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.types import Box, Pixels

SIZE = 128
"""Width and height in pixels of what the networks see."""
KEYPOINTS = 7
"""Nose, left and right eye, left and right ear, left and right shoulder, in this order."""
EXPANSION = 0.35
"""By this share of a square's side its surroundings are shown, on each side."""


class Frame(NamedTuple):
    """Whole pixels of a photo; right and bottom are exclusive.

    Attributes
    ----------
    box : tuple of int
        Left, top, right and bottom of what is replaced; inside the photo.
    shown : tuple of int
        Those of the square that the network sees, which may leave the photo.
    """

    box: tuple[int, int, int, int]
    shown: tuple[int, int, int, int]

    @property
    def side(self) -> int:
        """Width and height of the square."""
        return self.shown[2] - self.shown[0]

    @property
    def area(self) -> tuple[slice, slice]:
        """Rows and columns of what is replaced."""
        left, top, right, bottom = self.box
        return slice(top, bottom), slice(left, right)


def frame_of(box: Box, width: int, height: int) -> Frame:
    """Return what is replaced of a face's box, and what is shown around it.

    As published: the box becomes a square by its longer side, and grows by 0.35 of that on each
    side, less where the photo is too small; the square is moved into the photo. Where a box does
    not fit into a square of the photo, 1.7 times its longer side around its middle are shown.

    Parameters
    ----------
    box : Box
        A face from forehead to chin and from ear to ear, in pixels of the photo.
    width, height : int
        The photo's.

    Raises
    ------
    ValueError
        If the box is not finite or empty, or lies outside of the photo.
    """
    if not all(map(math.isfinite, box)):
        raise ValueError("the face's box is not finite")
    left, top, right, bottom = tight = box.clip(width, height)
    if left >= right or top >= bottom:
        raise ValueError("the face's box is empty or lies outside of the photo")
    wide, high = right - left, bottom - top
    side = max(wide, high)
    if side > min(width, height):
        half = int(side * (1 + 2 * EXPANSION) // 2)
        x, y = left + wide // 2, top + high // 2
        return Frame(tight, (x - half, y - half, x + half, y + half))
    more = min((width - side) // 2, (height - side) // 2, int(EXPANSION * side))
    grown = side + 2 * more
    x = _moved(_moved(left - (side - wide) // 2, side, width) - more, grown, width)
    y = _moved(_moved(top - (side - high) // 2, side, height) - more, grown, height)
    return Frame(tight, (x, y, x + grown, y + grown))


def _moved(start: int, length: int, whole: int) -> int:
    """Return the start of a stretch that is moved into 0 to `whole`."""
    return min(max(start, 0), whole - length)


def hole(frame: Frame) -> NDArray[np.bool_]:
    """Return which of the 128 x 128 pixels that the network sees lie in the box, if only in part.

    The published code cuts off fractions on all sides, so that a strip of the face, less than a
    pixel wide, is shown to the network.
    """
    left, top, right, bottom = frame.box
    x, y = frame.shown[:2]
    scale = SIZE / frame.side
    # A hair off both ends: products that ought to be whole numbers may be none.
    first = [math.floor(v * scale + 1e-9) for v in (top - y, left - x)]
    last = [math.ceil(v * scale - 1e-9) for v in (bottom - y, right - x)]
    mask = np.zeros((SIZE, SIZE), bool)
    mask[first[0] : last[0], first[1] : last[1]] = True
    return mask


def cut(pixels: Pixels, frame: Frame, resize: str = "area", size: int = SIZE) -> Pixels:
    """Return the square, 128 pixels wide and high; black where it leaves the photo, as published.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        The photo.
    frame : Frame
        Where the square lies.
    resize : str
        How a square of more than 128 pixels is reduced: ``area`` averages what falls into a pixel;
        ``cubic`` is the published kernel, which sees 4 x 4 pixels however many there are. A smaller
        square is always enlarged with the latter.
    size : int
        Another width and height of what is returned, in pixels.
    """
    left, top, right, bottom = frame.shown
    height, width = pixels.shape[:2]
    inner = pixels[max(top, 0) : bottom, max(left, 0) : right]
    around = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
    whole = cv2.copyMakeBorder(inner, *around, cv2.BORDER_CONSTANT, value=(0, 0, 0))
    averaged = resize == "area" and frame.side > size
    how = cv2.INTER_AREA if averaged else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(whole, (size, size), interpolation=how), np.uint8)


def keypoints_in(frame: Frame, points: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return keypoints as shares of the square's width and height.

    Parameters
    ----------
    frame : Frame
        Where the square lies.
    points : ndarray of shape (7, 2)
        x and y in pixels of the photo.

    Returns
    -------
    ndarray of shape (14,), float32
        x and y of each in turn, 0..1; beyond, a keypoint is moved to the edge, as published.

    Raises
    ------
    ValueError
        If they are not seven, or not finite.
    """
    if points.shape != (KEYPOINTS, 2):
        raise ValueError(
            f"{len(points)} landmarks instead of the {KEYPOINTS} keypoints of head and shoulders: "
            "the entry has to say `detectors: [mediapipe_keypoints]`"
        )
    own = points.astype(np.float64)
    if not np.isfinite(own).all():
        raise ValueError("keypoints are not finite")
    shares = np.clip((own - frame.shown[:2]) / frame.side, 0, 1)
    return shares.astype(np.float32).reshape(-1)
