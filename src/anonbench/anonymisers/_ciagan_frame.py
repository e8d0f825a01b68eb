"""What CIAGAN sees of a face: a crop, its landmarks as lines, and the hole to draw the face into.

As the published data preparation makes them, before it writes JPEG files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._ciagan_landmarks import DLIB, Scheme, groups_of
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.types import Pixels

WIDTH, HEIGHT = 178, 218
"""Size of a crop in pixels, as in aligned CelebA."""
REACH = 5
"""Half the height of a crop, in distances between the inner eye corners."""
LEAST = 8
"""Half the width of the smallest face that is cut out, in pixels of the picture."""

IntPoints = NDArray[np.int64]
"""Points (K, 2), x and y, in whole pixels."""


class Frame(NamedTuple):
    """Where a crop lies in its picture: a rectangle in whole pixels, perhaps beyond its edges."""

    left: int
    top: int
    width: int
    height: int


def frame_of(points: IntPoints, scheme: Scheme = DLIB) -> Frame:
    """Return the crop's place for the landmarks of a scheme.

    Raises
    ------
    DegenerateFaceError
        If the inner eye corners are too near to one another, or the wrong way round.
    """
    right, left = points[list(scheme.inner_eyes)]
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


def draw_landmarks(
    points: IntPoints, groups: Sequence[str] | None = None, scheme: Scheme = DLIB
) -> Pixels:
    """Return blue lines on white (218, 178, 3), RGB, of points in the crop.

    Raises
    ------
    UnknownNameError
        For a group that does not exist.
    """
    drawn: Pixels = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for group in groups_of(scheme, groups):
        for first, second in scheme.groups[group]:
            ends = [tuple(map(int, points[k])) for k in (first, second)]
            cv2.line(drawn, ends[0], ends[1], (0, 0, 255), 1)
    return drawn


def draw_features(
    points: IntPoints, groups: Sequence[str], width: int, scheme: Scheme = DLIB
) -> NDArray[np.uint8]:
    """Return a mask (218, 178): 255 over groups of landmarks, by lines of a width, 0 elsewhere.

    What lies within the mouth belongs to it.
    """
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    for group in groups_of(scheme, groups):
        for first, second in scheme.groups[group]:
            ends = [tuple(map(int, points[k])) for k in (first, second)]
            cv2.line(mask, ends[0], ends[1], 255, width)
        if group == "mouth":
            corners = sorted({k for segment in scheme.groups[group] for k in segment})
            cv2.fillConvexPoly(mask, cv2.convexHull(points[corners].astype(np.int32)), 255)
    return mask


def outline(points: NDArray[np.generic], scheme: Scheme = DLIB) -> NDArray[np.generic]:
    """Return the corners (K, 2) of the hole: the jaw, and its ends raised to the brows' height."""
    first, last = points[scheme.jaw[0]], points[scheme.jaw[-1]]
    right, left = points[list(scheme.brow_tops)]
    corners = [(first[0], right[1]), *points[list(scheme.jaw)], (last[0], left[1])]
    return np.array(corners)


def draw_mask(points: IntPoints, scheme: Scheme = DLIB) -> NDArray[np.uint8]:
    """Return a mask (218, 178): 0 in the face, from the jaw up to the brows, 255 elsewhere."""
    mask = np.full((HEIGHT, WIDTH), 255, np.uint8)
    cv2.fillPoly(mask, [outline(points, scheme).astype(np.int32)], 0)
    return mask
