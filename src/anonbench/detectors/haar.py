"""Viola-Jones cascades of OpenCV: frontal faces, and inside each of them the eyes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.detectors._base import DetectorPlugin, Info
from anonbench.types import Box, Face, Pixels

CASCADES = {
    "face": "haarcascade_frontalface_default.xml",
    "eyes": "haarcascade_eye.xml",
    "eyes_glasses": "haarcascade_eye_tree_eyeglasses.xml",
}


class CascadeError(RuntimeError):
    """A cascade file that is not what it should be."""


def cascade_path(name: str, folder: str | None = None) -> Path:
    """Return the file of a cascade, in `folder` or where OpenCV ships it.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message says what to do.
    """
    path = Path(folder or Path(cv2.__file__).parent / "data") / name
    if not path.is_file():
        raise FileNotFoundError(
            f"cascade {name} not found in {path.parent}: it comes with opencv-contrib-python; "
            "reinstall from requirements.lock, or name its folder in detection.options.haar.folder"
        )
    return path


def _cascade(path: Path) -> Any:
    """Read a cascade; OpenCV itself would complain at the first image, without the file's name."""
    try:
        cascade = cv2.CascadeClassifier()
        if cascade.load(str(path)):
            return cascade
        reason = "no classifier in it"
    except cv2.error as error:
        reason = error.err or "not readable"
    raise CascadeError(
        f"cascade {path} cannot be used ({reason}): reinstall opencv-contrib-python from "
        "requirements.lock, or name another folder in detection.options.haar.folder"
    )


class HaarDetector:
    """Frontal face cascade with two eye cascades.

    Parameters
    ----------
    scale_factor : float
        Step of the image pyramid, above 1.
    min_neighbours : int
        Overlapping hits that make a face.
    min_size : int
        Smallest face in pixels.
    folder : str, optional
        Where the cascades lie; default: OpenCV's own.
    eyes : bool
        Whether to look for eyes inside the faces.
    """

    def __init__(
        self,
        scale_factor: float = 1.1,
        min_neighbours: int = 5,
        min_size: int = 40,
        folder: str | None = None,
        eyes: bool = True,
    ) -> None:
        self._eyes = eyes
        self._scale = scale_factor
        self._neighbours = min_neighbours
        self._size = min_size
        self._cascades = {
            key: _cascade(cascade_path(name, folder)) for key, name in CASCADES.items()
        }

    def detect(self, pixels: Pixels) -> list[Face]:
        """Return faces, largest first, with the eyes that either cascade finds in them."""
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
        boxes = self._boxes("face", grey, self._size)
        faces = [self._face(grey, box) for box in boxes]
        return sorted(faces, key=lambda f: (-f.box.area, f.box))

    def _face(self, grey: NDArray[np.uint8], box: Box) -> Face:
        if not self._eyes:
            return Face(box)
        left, top, right, bottom = map(int, box)
        inside = grey[top:bottom, left:right]
        found = {
            key: tuple(
                Box(b.left + left, b.top + top, b.right + left, b.bottom + top)
                for b in self._boxes(key, inside, max(8, (right - left) // 12))
            )
            for key in ("eyes", "eyes_glasses")
        }
        return Face(box, eyes=found["eyes"], eyes_glasses=found["eyes_glasses"])

    def _boxes(self, key: str, grey: NDArray[np.uint8], size: int) -> list[Box]:
        hits = self._cascades[key].detectMultiScale(
            grey, self._scale, self._neighbours, minSize=(size, size)
        )
        return sorted(Box(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h in hits)


PLUGIN = DetectorPlugin(
    Info(
        "Haar cascades",
        "Viola and Jones 2001; OpenCV 4 cascades, as in Heimes 2021",
        boxes_only={"eyes": False},
    ),
    HaarDetector,
)
