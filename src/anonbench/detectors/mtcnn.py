"""MTCNN with its five landmarks, by facenet-pytorch."""

from __future__ import annotations

import numpy as np
from facenet_pytorch import MTCNN

from anonbench.detectors._base import DetectorPlugin, Info
from anonbench.types import Box, Face, Pixels


class MtcnnDetector:
    """Three small networks in a cascade.

    Parameters
    ----------
    min_face_size : int
        Smallest face in pixels.
    confidence : float
        Least probability of a face, 0..1.
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(
        self, min_face_size: int = 20, confidence: float = 0.9, device: str = "cpu"
    ) -> None:
        self._confidence = confidence
        self._network = MTCNN(keep_all=True, min_face_size=min_face_size, device=device)

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return faces, largest first, with eyes (left, right), nose and mouth corners."""
        if min(pixels.shape[:2]) < 20:
            return []
        boxes, scores, points = self._network.detect(pixels, landmarks=True)
        if boxes is None:
            return []
        faces = [
            Face(Box(*map(float, box)), float(score), np.asarray(p, np.float32))
            for box, score, p in zip(boxes, scores, points, strict=True)
            if score >= self._confidence
        ]
        return sorted(faces, key=lambda f: (-f.box.area, f.box))


PLUGIN = DetectorPlugin(
    Info("MTCNN", "Zhang et al. 2016; facenet-pytorch 2.5.3", points=5), MtcnnDetector
)
