"""What both dlib recognisers share: finding faces as ``face_recognition`` does, and face chips."""

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
    """HOG detector, five landmarks, and chips of 150 x 150 pixels with a quarter of padding.

    Parameters
    ----------
    upsample : int
        How often the image is doubled before detection; 1 as in ``face_recognition``.
    """

    def __init__(self, upsample: int = 1) -> None:
        self._upsample = upsample
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = dlib.shape_predictor(
            str(weight_file("shape_predictor_5_face_landmarks.dat"))
        )

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return the faces that HOG finds, with five landmarks each."""
        height, width = pixels.shape[:2]
        faces = []
        for r in self._detector(pixels, self._upsample):
            # face_recognition clips boxes to the image before it looks for landmarks.
            box = Box(
                max(r.left(), 0),
                max(r.top(), 0),
                min(r.right(), width) + 1,
                min(r.bottom(), height) + 1,
            )
            faces.append(Face(box, points=five_points(self._predictor, pixels, box)))
        return faces

    def align(self, pixels: Pixels, points: NDArray[np.float32]) -> Pixels:
        """Return the chip (150, 150, 3) that dlib cuts out for five landmarks (5, 2)."""
        parts = dlib.points([dlib.point(round(float(x)), round(float(y))) for x, y in points])
        shape = dlib.full_object_detection(dlib.rectangle(0, 0, 1, 1), parts)
        chip: Pixels = dlib.get_face_chip(pixels, shape, CHIP_SIZE, PADDING)
        return chip
