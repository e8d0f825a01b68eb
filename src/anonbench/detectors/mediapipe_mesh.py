"""MediaPipe's face mesh: 468 landmarks a face."""

from __future__ import annotations

import os

os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe reads both before it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import mediapipe
import numpy as np

from anonbench.detectors._base import DetectorPlugin, Info
from anonbench.types import Box, Face, Pixels


class MediapipeMeshDetector:
    """Face mesh on single images.

    Parameters
    ----------
    max_faces : int
        At most so many faces an image.
    confidence : float
        Least confidence of the face detector inside, 0..1.
    """

    def __init__(self, max_faces: int = 10, confidence: float = 0.5) -> None:
        self._mesh = mediapipe.solutions.face_mesh.FaceMesh(
            static_image_mode=True,
            max_num_faces=max_faces,
            refine_landmarks=False,
            min_detection_confidence=confidence,
        )

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return faces, largest first; a face's box is the extent of its landmarks."""
        height, width = pixels.shape[:2]
        found = self._mesh.process(np.ascontiguousarray(pixels)).multi_face_landmarks or []
        faces = [self._face(f.landmark, width, height) for f in found]
        return sorted(faces, key=lambda f: (-f.box.area, f.box))

    @staticmethod
    def _face(landmarks: object, width: int, height: int) -> Face:
        points = np.array([(p.x * width, p.y * height) for p in landmarks], np.float32)  # type: ignore[attr-defined]
        left, top = map(float, points.min(axis=0))
        right, bottom = map(float, points.max(axis=0))
        return Face(Box(left, top, right, bottom), points=points)


PLUGIN = DetectorPlugin(
    Info("MediaPipe face mesh", "Kartynnik et al. 2019; mediapipe 0.10.21", points=468),
    MediapipeMeshDetector,
)
