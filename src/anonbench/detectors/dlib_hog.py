"""dlib's frontal face detector (HOG and a linear SVM) with 68 landmarks."""

from __future__ import annotations

import dlib
import numpy as np
from numpy.typing import NDArray

from anonbench.detectors._base import DetectorPlugin, Info
from anonbench.dlib_files import weight_file
from anonbench.types import Box, Face, Pixels


class DlibHogDetector:
    """HOG detector.

    Parameters
    ----------
    upsample : int
        How often the image is doubled first; 1 as in the package ``face_recognition``.
    landmarks : bool
        Whether to find 68 landmarks a face; without, `points` is empty.
    """

    def __init__(self, upsample: int = 1, landmarks: bool = True) -> None:
        self._upsample = upsample
        self._detector = dlib.get_frontal_face_detector()
        self._predictor = (
            dlib.shape_predictor(str(weight_file("shape_predictor_68_face_landmarks.dat")))
            if landmarks
            else None
        )

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return faces in the detector's order, most confident first."""
        rectangles, scores, _ = self._detector.run(pixels, self._upsample, 0.0)
        faces = []
        for r, score in zip(rectangles, scores, strict=True):
            # dlib's right and bottom belong to the box, ours do not.
            box = Box(float(r.left()), float(r.top()), float(r.right() + 1), float(r.bottom() + 1))
            faces.append(Face(box, float(score), self._points(pixels, r)))
        return faces

    def _points(self, pixels: Pixels, rectangle: dlib.rectangle) -> NDArray[np.float32]:
        if self._predictor is None:
            return np.zeros((0, 2), np.float32)
        shape = self._predictor(pixels, rectangle)
        return np.array([(p.x, p.y) for p in shape.parts()], np.float32)


PLUGIN = DetectorPlugin(
    Info(
        "dlib HOG",
        "King 2009, 2015; Kazemi and Sullivan 2014 (landmarks)",
        points=68,
        boxes_only={"landmarks": False},
    ),
    DlibHogDetector,
)
