"""MediaPipe's face mesh with the depth of its landmarks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from anonbench.detectors.mediapipe_mesh import MediapipeMeshDetector
from anonbench.types import Face


class DeepMesh(MediapipeMeshDetector):
    """The project's detector, whose faces carry points (468, 3): x, y and depth, in pixels.

    Turning a shape back to the front needs its depth, which the benchmark itself has no use for.
    """

    @staticmethod
    def _face(landmarks: Any, width: int, height: int) -> Face:
        face = MediapipeMeshDetector._face(landmarks, width, height)
        depth = np.array([p.z * width for p in landmarks], np.float32)
        return replace(face, points=np.column_stack([face.points, depth]))
