"""DSFD, the detector of faces that the published DeepPrivacy began with."""

from __future__ import annotations

import cv2
import numpy as np

from anonbench import weights as registry
from anonbench.detector_needs import NEEDS
from anonbench.detectors._base import DetectorPlugin, Info
from anonbench.types import Box, Face, Pixels

DEVICES = ("cpu", "cuda")


class DsfdDetector:
    """One large network on a ResNet-152; seconds an image on a processor.

    Parameters
    ----------
    confidence : float
        Least probability of a face, 0..1.
    overlap : float
        Of two boxes whose intersection over union is more, the less certain one goes, 0..1.
    longest : int
        Photos whose longer side has more pixels are reduced to so many.
    weights : str
        A model of `anonbench.weights`, or a file of the same network.
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
        self, confidence: float = 0.5, overlap: float = 0.3, longest: int = 1080,
        weights: str = NEEDS["dsfd"].weights, device: str = "cpu",
    ) -> None:  # fmt: skip
        for name, value in (("confidence", confidence), ("overlap", overlap)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name}: {value} is not between 0 and 1")
        if longest < 1:
            raise ValueError(f"longest: {longest} is no number of pixels")
        if device not in DEVICES:
            raise ValueError(f"device: {device!r} is none of {', '.join(DEVICES)}")
        arrays, source = registry.arrays(weights), str(registry.file(weights))
        # Imports PyTorch, for seconds: not before the options and the file are known to be right.
        from anonbench.models.dsfd import load
        from anonbench.models.on_device import placed

        self._network = placed(load(arrays, source), device)
        self._confidence, self._overlap, self._longest = confidence, overlap, longest

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return faces, largest first; boxes may leave the photo."""
        from anonbench.models.dsfd import find_faces

        shown = reduced(pixels, self._longest)
        found = find_faces(self._network, shown, self._confidence, self._overlap).numpy()
        x, y = pixels.shape[1] / shown.shape[1], pixels.shape[0] / shown.shape[0]
        scaled = found.astype(np.float64) * (x, y, x, y, 1)
        faces = [Face(Box(*map(float, row[:4])), float(row[4])) for row in scaled]
        return sorted(faces, key=lambda f: (-f.box.area, f.box))


def reduced(pixels: Pixels, longest: int) -> Pixels:
    """Return a photo whose longer side has at most so many pixels, averaged where it had more."""
    height, width = pixels.shape[:2]
    share = longest / max(height, width)
    if share >= 1:
        return pixels
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


PLUGIN = DetectorPlugin(
    Info("DSFD", "Li et al. 2019; ResNet-152, weights of WIDER FACE"), DsfdDetector
)
