"""What a network that modifies faces is shown of a photo: a face's box, enlarged."""

from __future__ import annotations

import math

import cv2
import numpy as np
from PIL import Image

from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._window import Window
from anonbench.types import Box, Pixels

LEAST = 8
"""Width and height of the smallest face, in pixels of the photo."""
FARTHEST = 4
"""How often what is shown may be as large as its photo: more would be a detector's mistake."""


def shown(box: Box, enlarged: float, shape: tuple[int, ...]) -> Window:
    """Return the whole pixels of an enlarged box, which may leave the photo.

    Parameters
    ----------
    box : Box
        Of the face.
    enlarged : float
        How many times as wide and high the window is, around the same middle.
    shape : tuple of int
        The photo's height and width.

    Raises
    ------
    DegenerateFaceError
        If the box is not finite, tiny, far too large or outside of the photo.
    """
    if not all(map(math.isfinite, box)):
        raise DegenerateFaceError("the face's box is not finite")
    if min(box.width, box.height) < LEAST:
        raise DegenerateFaceError(f"the face is {box.width:.0f} x {box.height:.0f} pixels large")
    height, width = shape[:2]
    if box.intersection(Box(0, 0, width, height)) <= 0:
        raise DegenerateFaceError("the face lies outside of the photo")
    x, y = box.centre
    right, down = enlarged * box.width / 2, enlarged * box.height / 2
    window = Window(round(x - right), round(y - down), round(x + right), round(y + down))
    across, along = window.right - window.left, window.bottom - window.top
    if across > FARTHEST * width or along > FARTHEST * height:
        raise DegenerateFaceError("the face is larger than the photo")
    return window


def crop(pixels: Pixels, window: Window, size: int, room: int = 0) -> Pixels:
    """Return a window of a photo, resized, with some around it.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        The photo; beyond its edges it goes on with the pixels there.
    window : Window
        What is resized to a square; the ratio of sides is not kept, as published.
    size : int
        Width and height of what the window becomes.
    room : int
        Pixels around it, on every side.

    Returns
    -------
    ndarray of shape (size + 2 room, size + 2 room, 3), uint8
    """
    across = (window.right - window.left) * room / size
    down = (window.bottom - window.top) * room / size
    low = (window.left - across, window.top - down)
    high = (window.right + across, window.bottom + down)
    wide = Window(*map(math.floor, low), *map(math.ceil, high))
    height, width = pixels.shape[:2]
    inner = pixels[max(wide.top, 0) : wide.bottom, max(wide.left, 0) : wide.right]
    around = (
        max(-wide.top, 0), max(wide.bottom - height, 0), max(-wide.left, 0),
        max(wide.right - width, 0),
    )  # fmt: skip
    whole = cv2.copyMakeBorder(inner, *around, cv2.BORDER_REPLICATE)
    box = (low[0] - wide.left, low[1] - wide.top, high[0] - wide.left, high[1] - wide.top)
    sides = (size + 2 * room,) * 2
    resized = Image.fromarray(whole).resize(sides, Image.Resampling.BICUBIC, box)
    return np.asarray(resized)
