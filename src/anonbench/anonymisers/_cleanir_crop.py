"""The part of a photo that CLEANIR is shown: the bounding rectangle of a face's landmarks."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonbench.types import Pixels

SIZE = 64
"""Width and height in pixels of what the network sees."""


def face_crop(pixels: Pixels, points: NDArray[np.generic], room: int = 0) -> Pixels:
    """Return the bounding rectangle of landmarks as 64 x 64 pixels, with some around it.

    Parameters
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        The photo; beyond its edges it goes on with the pixels there.
    points : ndarray of shape (K, 2)
        Landmarks, in pixels of the photo.
    room : int
        Pixels around, on every side.

    Returns
    -------
    ndarray of shape (64 + 2 room, 64 + 2 room, 3), uint8
        The ratio of sides is not kept, as published.
    """
    low = points.min(axis=0).astype(np.float64)
    high = points.max(axis=0).astype(np.float64) + 1
    margin = (high - low) * room / SIZE
    low, high = low - margin, high + margin
    left, top = (int(v) for v in np.floor(low))
    right, bottom = (int(v) for v in np.ceil(high))
    height, width = pixels.shape[:2]
    inner = pixels[
        min(max(top, 0), height - 1) : max(min(bottom, height), 1),
        min(max(left, 0), width - 1) : max(min(right, width), 1),
    ]
    # A rectangle that misses the photo shows the nearest pixels.
    above, before = max(min(-top, bottom - top - 1), 0), max(min(-left, right - left - 1), 0)
    below = bottom - top - above - len(inner)
    after = right - left - before - inner.shape[1]
    whole = cv2.copyMakeBorder(inner, above, below, before, after, cv2.BORDER_REPLICATE)
    box = (low[0] - left, low[1] - top, high[0] - left, high[1] - top)
    size = (SIZE + 2 * room,) * 2
    return np.asarray(Image.fromarray(whole).resize(size, Image.Resampling.BICUBIC, box))
