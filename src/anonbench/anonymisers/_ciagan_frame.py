"""What CIAGAN sees of a face: a crop, its landmarks as lines, and the hole to draw the face into.

As the published data preparation makes them of dlib's 68 points, before it writes JPEG files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.types import Pixels

WIDTH, HEIGHT = 178, 218
"""Size of a crop in pixels, as in aligned CelebA."""
INNER_EYES = (39, 42)
"""dlib's inner eye corners, of the subject's right eye and of the left."""
REACH = 5
"""Half the height of a crop, in distances between the inner eye corners."""
LEAST = 8
"""Half the width of the smallest face that is cut out, in pixels of the picture."""

Segments = tuple[tuple[int, int], ...]
IntPoints = NDArray[np.int64]
"""Points (68, 2), x and y, in whole pixels."""


def _chain(points: Sequence[int], closed: bool = False) -> Segments:
    ends = [*points[1:], points[0]] if closed else points[1:]
    return tuple(zip(points, ends, strict=False))


DLIB_GROUPS: dict[str, Segments] = {
    "contour": _chain(range(17)),
    "nose": _chain(range(27, 31)),
    "mouth": _chain(range(60, 68), closed=True),
    "eyes": _chain(range(36, 42), closed=True) + _chain(range(42, 48), closed=True),
    "brows": _chain(range(17, 22)) + _chain(range(22, 27)),
}
"""Lines between dlib's points by part of the face; `PUBLISHED` are those that CIAGAN draws."""
PUBLISHED = ("contour", "nose", "mouth")


class DegenerateFaceError(ValueError):
    """A face of which no crop can be made: in profile, upside down or tiny."""


class Frame(NamedTuple):
    """Where a crop lies in its picture: a rectangle in whole pixels, perhaps beyond its edges."""

    left: int
    top: int
    width: int
    height: int


def frame_of(points: IntPoints) -> Frame:
    """Return the crop's place for 68 landmarks.

    Raises
    ------
    DegenerateFaceError
        If the inner eye corners are too near to one another, or the wrong way round.
    """
    right, left = points[list(INNER_EYES)]
    half_height = int(REACH * (left[0] - right[0]))
    half_width = int(half_height * WIDTH / HEIGHT)
    if half_width < LEAST:
        raise DegenerateFaceError(
            f"the inner eye corners are {left[0] - right[0]} pixels apart from left to right"
        )
    x, y = (right + left) // 2
    return Frame(int(x) - half_width, int(y) - half_height, 2 * half_width, 2 * half_height)


def crop(pixels: Pixels, frame: Frame) -> Pixels:
    """Return the crop (218, 178, 3); beyond the picture its edge goes on."""
    height, width = pixels.shape[:2]
    left, top = max(0, -frame.left), max(0, -frame.top)
    right = max(0, frame.left + frame.width - width)
    bottom = max(0, frame.top + frame.height - height)
    padded = cv2.copyMakeBorder(pixels, top, bottom, left, right, cv2.BORDER_REPLICATE)
    x, y = frame.left + left, frame.top + top
    inside = padded[y : y + frame.height, x : x + frame.width]
    resized: Pixels = cv2.resize(inside, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    return resized


def in_crop(points: IntPoints, frame: Frame) -> IntPoints:
    """Return points of the picture in whole pixels of the crop, fractions cut off."""
    scale = np.array([WIDTH / frame.width, HEIGHT / frame.height])
    moved: IntPoints = ((points - [frame.left, frame.top]) * scale).astype(np.int64)
    return moved


def draw_landmarks(points: IntPoints, groups: Iterable[str] = PUBLISHED) -> Pixels:
    """Return blue lines on white (218, 178, 3), RGB, of points in the crop.

    Raises
    ------
    ValueError
        For a group that does not exist.
    """
    drawn: Pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for group in groups:
        if group not in DLIB_GROUPS:
            known = ", ".join(DLIB_GROUPS)
            raise ValueError(f"landmarks: {group!r} is not known, must be among {known}")
        for first, second in DLIB_GROUPS[group]:
            ends = [tuple(map(int, points[k])) for k in (first, second)]
            cv2.line(drawn, ends[0], ends[1], (0, 0, 255), 1)
    return drawn


def draw_mask(points: IntPoints) -> NDArray[np.uint8]:
    """Return a mask (218, 178): 0 in the face, from the jaw up to the brows, 255 elsewhere."""
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    corners = [(points[0, 0], points[19, 1]), *points[:17], (points[16, 0], points[24, 1])]
    cv2.fillPoly(mask, [np.array(corners, np.int32)], 0)
    return mask
