"""Seven keypoints of head and shoulders, as the published DeepPrivacy finds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench import detectors
from anonbench import weights as registry
from anonbench.detector_needs import NEEDS
from anonbench.detectors._base import DetectorPlugin, Info
from anonbench.detectors._keypoints import KEYPOINTS, USUAL_HEADS, usual_keypoints
from anonbench.registry import unknown_name
from anonbench.types import Box, Face, Pixels

DEFAULTS = NEEDS["torchvision_keypoints"]
DEVICES = ("cpu", "cuda")
LOOKED_AT = 3
"""Nose and both eyes, the first keypoints, have to lie in a face's box."""


class TorchvisionKeypointsDetector:
    """Faces of another detector, each with nose, eyes, ears and shoulders, left before right.

    A face keeps its box and its score. It gets the keypoints of the first person, in the order of
    their scores, who belongs to no face before it and whose nose and eyes lie in the box (Hukkelås
    et al. 2019). The published code drops a face without such a person, which leaves it in the
    photo; here it gets its keypoints where they usually are in a box. Left and right are the
    person's own.

    Parameters
    ----------
    faces : str
        Whose boxes: one of `USUAL_HEADS`.
    face_options : mapping, optional
        Options of that detector.
    confidence : float
        Least score of a person, 0..1; the network itself leaves those below 0.05 out.
    weights : str
        A model of `anonbench.weights`, or a file of torchvision's ``keypointrcnn_resnet50_fpn``.
    size : int
        To so many pixels the shorter side of a photo is brought; torchvision's own is 800. Less is
        faster, and misses small persons.
    device : str
        ``cpu`` or ``cuda``.

    Raises
    ------
    anonbench.weights.WeightsError
        If the weights are missing or not what they should be.
    ValueError
        For a value that an option cannot have.
    """

    def __init__(
        self, faces: str = DEFAULTS.faces, face_options: Mapping[str, Any] | None = None,
        confidence: float = 0.2, weights: str = DEFAULTS.weights, size: int = 800,
        device: str = "cpu",
    ) -> None:  # fmt: skip
        _check(faces, confidence, size, device)
        arrays, source = registry.arrays(weights), str(registry.file(weights))
        # Imports PyTorch, for seconds: not before the options and the file are known to be right.
        from anonbench.models.keypoint_rcnn import load
        from anonbench.models.on_device import placed

        self._network = placed(load(arrays, source, size), device)
        plugin = detectors.get(faces)
        self._faces = plugin.build({**plugin.info.boxes_only, **(face_options or {})})
        self._boxes = faces
        self._confidence = confidence

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return faces in the order of the detector that finds them, with points (7, 2)."""
        faces = self._faces.detect(pixels)
        if not faces:
            return []
        people = self._people(pixels)
        found = match([face.box for face in faces], people)
        return [
            replace(face, points=usual_keypoints(face.box, self._boxes) if k is None else people[k])
            for face, k in zip(faces, found, strict=True)
        ]

    def _people(self, pixels: Pixels) -> NDArray[np.float32]:
        """Return the first seven keypoints (N, 7, 2) of all persons, most certain first."""
        from anonbench.models.keypoint_rcnn import find_people

        found = find_people(self._network, pixels)
        keypoints = found.keypoints[found.scores >= self._confidence, :KEYPOINTS]
        whole: NDArray[np.float32] = keypoints[np.isfinite(keypoints).all(axis=(1, 2))]
        return whole


def match(boxes: Sequence[Box], people: NDArray[np.float32]) -> list[int | None]:
    """Return for each box the first person in it who is in no box before it, or None.

    Parameters
    ----------
    boxes : sequence of Box
        Faces; the earlier one chooses first.
    people : ndarray of shape (N, K, 2), float32
        Keypoints in the order of COCO, K >= 3; of several in a box the earlier one is taken. Edges
        belong to a box, as published.
    """
    free = list(range(len(people)))
    chosen: list[int | None] = []
    for box in boxes:
        low, high = (box.left, box.top), (box.right, box.bottom)
        inside = ((people[:, :LOOKED_AT] >= low) & (people[:, :LOOKED_AT] <= high)).all(axis=(1, 2))
        own = next((k for k in free if inside[k]), None)
        chosen.append(own)
        if own is not None:
            free.remove(own)
    return chosen


def _check(faces: str, confidence: float, size: int, device: str) -> None:
    if faces not in USUAL_HEADS:
        raise ValueError(f"faces: {unknown_name('detector of faces', faces, USUAL_HEADS)}")
    if not 0 <= confidence <= 1:
        raise ValueError(f"confidence: {confidence} is not between 0 and 1")
    if size < 1:
        raise ValueError(f"size: {size} is no number of pixels")
    if device not in DEVICES:
        raise ValueError(f"device: {device!r} is none of {', '.join(DEVICES)}")


PLUGIN = DetectorPlugin(
    Info(
        "Keypoint R-CNN",
        "He et al. 2017; torchvision 0.28, matched as in Hukkelås et al. 2019",
        points=7,
    ),
    TorchvisionKeypointsDetector,
)
