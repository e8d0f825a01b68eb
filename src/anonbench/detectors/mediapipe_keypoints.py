"""Seven keypoints of head and shoulders, as DeepPrivacy is told: MediaPipe's mesh and pose."""

from __future__ import annotations

import os
from dataclasses import replace

os.environ.setdefault("GLOG_minloglevel", "2")  # MediaPipe reads both before it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import mediapipe
import numpy as np
from numpy.typing import NDArray

from anonbench.detectors._base import DetectorPlugin, Info
from anonbench.detectors._keypoints import plausible, usual_shoulders
from anonbench.detectors.mediapipe_mesh import MediapipeMeshDetector
from anonbench.types import Box, Face, Pixels

HEAD = ((1,), (263, 362), (33, 133), (454,), (234,))
"""Landmarks of the mesh whose mean is nose, left eye, right eye, left ear, right ear."""
NOSE, SHOULDERS = 0, (11, 12)
"""Landmarks of the pose; left shoulder first."""
ACROSS, ABOVE, BELOW = 1.5, 0.6, 2.0
"""How far the pose is looked for beside, above and below a face's box, in heights of it."""


class MediapipeKeypointsDetector:
    """Faces of the mesh, each with nose, eyes, ears and shoulders, left before right.

    A face's box is the extent of its mesh: from the forehead's upper end to the chin, and from ear
    to ear. Left and right are the person's own. A face whose shoulders are not found, or lie where
    none can be, gets them where they usually are, so that no face is without keypoints.

    Parameters
    ----------
    max_faces : int
        At most so many faces an image.
    confidence : float
        Least confidence of the detectors inside, 0..1.
    shoulders : bool
        Whether shoulders are looked for; if not, all are where they usually are.
    """

    def __init__(
        self, max_faces: int = 10, confidence: float = 0.5, shoulders: bool = True
    ) -> None:
        self._mesh = MediapipeMeshDetector(max_faces, confidence)
        self._pose = None
        if shoulders:
            self._pose = mediapipe.solutions.pose.Pose(
                static_image_mode=True, model_complexity=1, min_detection_confidence=confidence
            )

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return faces, largest first, with points (7, 2)."""
        return [self._with_keypoints(face, pixels) for face in self._mesh.detect(pixels)]

    def _with_keypoints(self, face: Face, pixels: Pixels) -> Face:
        head = np.array([face.points[list(k)].mean(axis=0) for k in HEAD], np.float32)
        shoulders = self._shoulders(face.box, head[0], pixels)
        if shoulders is None:
            shoulders = usual_shoulders(face.box)
        return replace(face, points=np.concatenate([head, shoulders]).astype(np.float32))

    def _shoulders(
        self, box: Box, nose: NDArray[np.float32], pixels: Pixels
    ) -> NDArray[np.float32] | None:
        """Return left and right shoulder (2, 2), or None where they are not found."""
        if self._pose is None:
            return None
        height, width = pixels.shape[:2]
        around = Box(
            box.left - ACROSS * box.height, box.top - ABOVE * box.height,
            box.right + ACROSS * box.height, box.bottom + BELOW * box.height,
        )  # fmt: skip
        left, top, right, bottom = around.clip(width, height)
        if left >= right or top >= bottom:
            return None
        found = self._pose.process(np.ascontiguousarray(pixels[top:bottom, left:right]))
        if found.pose_landmarks is None:
            return None
        marks = found.pose_landmarks.landmark
        size, start = (right - left, bottom - top), (left, top)
        points = [(marks[k].x, marks[k].y) for k in (NOSE, *SHOULDERS)]
        placed = (np.array(points) * size + start).astype(np.float32)
        return placed[1:] if plausible(placed, nose, box) else None


PLUGIN = DetectorPlugin(
    Info(
        "MediaPipe keypoints",
        "Kartynnik et al. 2019, Bazarevsky et al. 2020; mediapipe 0.10.21",
        points=7,
        boxes_only={"shoulders": False},
    ),
    MediapipeKeypointsDetector,
)
