"""Five landmarks of a face, and face crops aligned by them."""

from __future__ import annotations

import dlib
import numpy as np
from numpy.typing import NDArray

from anonbench.dlib_files import weight_file
from anonbench.subjects import five_points
from anonbench.types import Box, Face, Pixels


class FivePointAlignment:
    """Finds dlib's five landmarks (eye corners, base of the nose) and crops faces by them.

    Parameters
    ----------
    size : int
        Width and height of a crop in pixels.
    padding : float
        How much of the surroundings a crop shows: 0 cuts the face tightly, 0.25 adds a quarter on
        each side (``dlib.get_face_chip``).
    """

    def __init__(self, size: int, padding: float) -> None:
        self.size = size
        self.padding = padding
        self._predictor = dlib.shape_predictor(
            str(weight_file("shape_predictor_5_face_landmarks.dat"))
        )

    def landmarks(self, pixels: Pixels, face: Face) -> NDArray[np.float32]:
        """Return five landmarks (5, 2)."""
        height, width = pixels.shape[:2]
        left, top, right, bottom = face.box
        # face_recognition clips boxes to the image before it looks for landmarks; its right and
        # bottom belong to the box, ours do not.
        clipped = Box(max(left, 0), max(top, 0), min(right, width + 1), min(bottom, height + 1))
        return five_points(self._predictor, pixels, clipped)

    def align(self, pixels: Pixels, points: NDArray[np.float32]) -> Pixels:
        """Return the crop (size, size, 3) that dlib cuts out for five landmarks (5, 2)."""
        parts = dlib.points([dlib.point(round(float(x)), round(float(y))) for x, y in points])
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, 1, 1), parts)
        chip: Pixels = dlib.get_face_chip(pixels, shape, self.size, self.padding)
        return chip
