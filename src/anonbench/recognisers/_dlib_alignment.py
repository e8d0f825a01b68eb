"""What both dlib recognisers share: landmarks as ``face_recognition`` has them, and face chips."""

from __future__ import annotations

import dlib
import numpy as np
from numpy.typing import NDArray

from anonbench.dlib_files import weight_file
from anonbench.subjects import five_points
from anonbench.types import Box, Face, Pixels

CHIP_SIZE = 150
PADDING = 0.25


class DlibAlignment:
    """Five landmarks, and chips of 150 x 150 pixels with a quarter of padding."""

    def __init__(self) -> None:
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
        """Return the chip (150, 150, 3) that dlib cuts out for five landmarks (5, 2)."""
        parts = dlib.points([dlib.point(round(float(x)), round(float(y))) for x, y in points])
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, 1, 1), parts)
        chip: Pixels = dlib.get_face_chip(pixels, shape, CHIP_SIZE, PADDING)
        return chip
