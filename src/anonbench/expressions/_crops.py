"""How an expression network gets its picture of a face."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonbench.five_points import FivePointAlignment
from anonbench.types import Box, Pixels

Crop = Literal["landmarks", "box", "image"]
"""``landmarks``: turned and scaled by five landmarks. ``box``: the box as the detector gave it, as
in DAN's demonstration. ``image``: the whole picture, for sets that are cropped already (RAF-DB)."""


class Crops(FivePointAlignment):
    """Cuts faces out in one of three ways.

    Parameters
    ----------
    size : int
        Width and height of a crop in pixels.
    crop : str
        ``landmarks``, ``box`` or ``image``.
    padding : float
        Surroundings that an aligned crop shows, as a share of its width on each side.

    Raises
    ------
    ValueError
        For another way.
    """

    def __init__(self, size: int, crop: str = "landmarks", padding: float = 0.35) -> None:
        if crop not in get_args(Crop):
            known = ", ".join(get_args(Crop))
            raise ValueError(f"crop: {crop!r} is not known, must be one of {known}")
        super().__init__(size, padding)
        self._crop = crop

    @property
    def whole_image(self) -> bool:
        """Whether a crop is the picture itself."""
        return self._crop == "image"

    def crop(self, pixels: Pixels, box: Box | None, points: NDArray[np.float32] | None) -> Pixels:
        """Return the crop (size, size, 3) of a face.

        Raises
        ------
        ValueError
            If what this way needs is not given.
        """
        if self._crop == "landmarks":
            if points is None:
                raise ValueError("landmarks are needed to align a face")
            return self.align(pixels, points)
        if self._crop == "box":
            if box is None:
                raise ValueError("a box is needed to cut a face out")
            height, width = pixels.shape[:2]
            left, top, right, bottom = box.clip(width, height)
            pixels = pixels[top:bottom, left:right]
        # Pillow, as the networks' own preprocessing: it takes the mean where a picture shrinks.
        picture = Image.fromarray(pixels).resize((self.size, self.size), Image.Resampling.BILINEAR)
        return np.asarray(picture)
