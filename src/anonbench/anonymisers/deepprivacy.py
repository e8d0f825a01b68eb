"""DeepPrivacy: the box of the face is drawn anew, from its surroundings and seven keypoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.anonymisers._deepprivacy_frame import (
    SIZE,
    Frame,
    cut,
    frame_of,
    hole,
    keypoints_in,
)
from anonbench.anonymisers._deepprivacy_network import Inputs, Network, network
from anonbench.anonymisers._deepprivacy_options import Options, parse
from anonbench.anonymisers._deepprivacy_weights import generator
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._loaded_once import LoadedOnce, check_detectors
from anonbench.anonymisers._paste import painted_over, paste
from anonbench.anonymisers._whose import draws
from anonbench.anonymisers._window import Window
from anonbench.types import Pixels
from anonbench.weights import file

INFO = Info(label="DeepPrivacy", reference="Hukkelås et al. 2019")
DETECTORS = ("mediapipe_keypoints", "torchvision_keypoints")
"""Who finds the seven keypoints; the first needs no download."""
NOISE = (32, 4, 4)
SOFTENED = 256
"""Width and height in pixels to which published surroundings are brought, and back."""


@dataclass(frozen=True)
class _Ready:
    """The network, and what it sees in place of a face, -1..1."""

    network: Network
    fill: np.float32


@dataclass(frozen=True)
class _Place:
    """Where a drawn face goes; see `anonbench.anonymisers._paste.SeenPlace`."""

    frame: Frame
    replaced: NDArray[np.bool_]

    @property
    def window(self) -> Window:
        return Window(*self.frame.box)

    @property
    def width(self) -> int:
        return self.frame.box[2] - self.frame.box[0]

    def in_view(self, x: float, y: float) -> tuple[float, float]:
        scale = SIZE / self.frame.side
        return (x - self.frame.shown[0]) * scale, (y - self.frame.shown[1]) * scale


class DeepPrivacy(LoadedOnce[_Ready]):
    """Replaces the boxes of faces.

    Nothing is loaded before it is told of the data set.

    Parameters
    ----------
    options : Options
        Settings of the entry.
    """

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._options = options

    def check_detectors(self, detectors: Sequence[str]) -> None:
        """Check before any work that the detectors find keypoints.

        Raises
        ------
        ValueError
            If one of them does not.
        """
        why = "DeepPrivacy is told of seven keypoints of head and shoulders"
        others = [name for name in detectors if name not in DETECTORS]
        check_detectors(others, DETECTORS[0], why)

    def _load(self) -> _Ready:
        weights = generator(self._options.weights)
        made = network(weights, self._options.device, str(file(self._options.weights)))
        return _Ready(made, np.float32(weights.fill / 127.5 - 1))

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the region; all that the network is shown where that is softened."""
        if not self._options.soften_surroundings:
            return region.left, region.top, region.right, region.bottom
        left, top, right, bottom = frame_of(region.box, width, height).shown
        return max(left, 0), max(top, 0), min(right, width), min(bottom, height)

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Replace every region.

        Raises
        ------
        ValueError
            For a face without seven keypoints, or if the network's output is not finite.
        """
        ready = self._ready()
        frames = [
            [frame_of(r.box, p.pixels.shape[1], p.pixels.shape[0]) for r in p.regions]
            for p in photos
        ]
        places = [_places(boxes) for boxes in frames]
        done = [_without_faces(p.pixels, f) for p, f in zip(photos, places, strict=True)]
        inputs = self._inputs(photos, done, frames, generators, ready.fill)
        drawn = iter(ready.network.draw(inputs))
        for pixels, faces in zip(done, places, strict=True):
            for face in faces:
                self._paste(pixels, next(drawn), face)
        return done

    def _inputs(
        self, photos: Sequence[Photo], painted: Sequence[Pixels],
        frames: Sequence[Sequence[Frame]], generators: Sequence[np.random.Generator],
        fill: np.float32,
    ) -> Inputs:  # fmt: skip
        """Return what the network is shown of all faces."""
        views, masks, keypoints = [], [], []
        for photo, pixels, boxes in zip(photos, painted, frames, strict=True):
            for region, frame in zip(photo.regions, boxes, strict=True):
                views.append(cut(pixels, frame, self._options.resize))
                masks.append(~hole(frame))
                keypoints.append(keypoints_in(frame, region.face.points))
        both = zip(photos, generators, strict=True)
        z = [noise for photo, own in both for noise in self._noise(photo, own)]
        mask = np.stack(masks).astype(np.float32)[:, None]
        seen = np.stack(views).transpose(0, 3, 1, 2).astype(np.float32) / np.float32(127.5) - 1
        return Inputs(
            np.ascontiguousarray(np.where(mask == 1, seen, fill), np.float32), mask,
            np.stack(keypoints), np.stack(z),
        )  # fmt: skip

    def _noise(self, photo: Photo, own: np.random.Generator) -> list[NDArray[np.float32]]:
        """Return the noise of every region, (32, 4, 4)."""
        options = self._options
        if options.z == "zero" or options.truncation == 0:
            return [np.zeros(NOISE, np.float32) for _ in photo.regions]
        what = f"deepprivacy noise {options.seed}"
        sources = draws(options.z, what, photo, own, self._data)
        return [truncated(source, options.truncation) for source in sources]

    def _paste(self, pixels: Pixels, picture: NDArray[np.float32], face: _Place) -> None:
        if not np.isfinite(picture).all():
            raise ValueError("the network's output is not finite")
        if face.replaced.any():
            paste(pixels, picture, face, self._options.blend, self._options.feather)
        if self._options.soften_surroundings:
            _soften(pixels, face.frame)


def truncated(source: np.random.Generator, level: float | None) -> NDArray[np.float32]:
    """Return normal noise (32, 4, 4), in which numbers of a size and more were drawn anew."""
    z = source.standard_normal(NOISE)
    while level is not None and (far := np.abs(z) >= level).any():
        z[far] = source.standard_normal(int(far.sum()))
    return z.astype(np.float32)


def _places(frames: Sequence[Frame]) -> list[_Place]:
    """Return what is replaced of every box: what none before it has replaced, as published."""
    places: list[_Place] = []
    for k, frame in enumerate(frames):
        left, top, right, bottom = frame.box
        free = np.ones((bottom - top, right - left), bool)
        for other in frames[:k]:
            x0, y0, x1, y1 = other.box
            rows = slice(max(y0 - top, 0), max(y1 - top, 0))
            free[rows, max(x0 - left, 0) : max(x1 - left, 0)] = False
        places.append(_Place(frame, free))
    return places


def _without_faces(pixels: Pixels, places: Sequence[_Place]) -> Pixels:
    """Return a photo in which all boxes are painted over; grey where they leave nothing of it."""
    try:
        return painted_over(pixels, places)
    except DegenerateFaceError:
        return np.full_like(pixels, 128)


def _soften(pixels: Pixels, frame: Frame) -> None:
    """Bring what was shown to 256 x 256 pixels and back, in place."""
    left, top, right, bottom = frame.shown
    view = pixels[max(top, 0) : bottom, max(left, 0) : right]
    height, width = view.shape[:2]
    view[...] = cv2.resize(cv2.resize(view, (SOFTENED, SOFTENED)), (width, height))


@dataclass(frozen=True)
class DeepPrivacyPlugin:
    """Builds `DeepPrivacy` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> DeepPrivacy:
        """Return the method; its weights are not loaded yet.

        Raises
        ------
        ValueError
            For an option that does not exist, lacks or has a wrong value.
        """
        return DeepPrivacy(parse(options))


PLUGIN = DeepPrivacyPlugin()
