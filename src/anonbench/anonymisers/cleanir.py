"""CLEANIR: the face is drawn anew from a code whose half for who is seen is turned by an angle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.anonymisers._cleanir_code import direction, sample, turned
from anonbench.anonymisers._cleanir_network import Network, network
from anonbench.anonymisers._cleanir_options import Options, parse
from anonbench.anonymisers._cleanir_place import DETECTOR, Place, place, window_of
from anonbench.anonymisers._cleanir_weights import networks
from anonbench.anonymisers._loaded_once import LoadedOnce, check_detectors
from anonbench.anonymisers._paste import painted_over, paste
from anonbench.anonymisers._whose import draws
from anonbench.types import Pixels
from anonbench.weights import file

INFO = Info(
    label="CLEANIR",
    reference="Cho et al. 2020",
    strength="angle of the identity, degrees",
    kind="float",
    minimum=0.0,
    maximum=180.0,
    # Even by 0 degrees the face is drawn anew.
    identity=None,
    # At 90 degrees nothing is left of who it was; at 180 there is the opposite of it, which tells
    # those as much who know the angle.
    stronger="none",
    strengths=(45.0, 90.0, 180.0),
)


@dataclass(frozen=True)
class _Ready:
    """The networks, and how many numbers of a code say who is seen."""

    network: Network
    length: int


class Cleanir(LoadedOnce[_Ready]):
    """Replaces faces by what is drawn of their turned codes.

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
        """Check before any work that the detectors find the landmarks that bound the crop.

        Raises
        ------
        ValueError
            If one of them finds others.
        """
        check_detectors(
            detectors, DETECTOR, "CLEANIR is shown the rectangle around dlib's landmarks"
        )

    def _load(self) -> _Ready:
        weights = self._options.weights
        encoder, decoder, length = networks(weights)
        return _Ready(network(encoder, decoder, self._options.device, str(file(weights))), length)

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the rectangle around the face's landmarks; the region where there is none."""
        try:
            window = window_of(region.face.points, (height, width))
        except ValueError:
            return region.left, region.top, region.right, region.bottom
        return window.left, window.top, window.right, window.bottom

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Replace the face of every region.

        Raises
        ------
        ValueError
            For a face of which not all would be replaced, or if a network's output is not finite.
        """
        degrees = float(strength or 0)
        places = [
            [place(r.face.points, p.pixels.shape, self._options.blend == "crop") for r in p.regions]
            for p in photos
        ]
        # Each face as it was in the photo: that is what this method draws it from.
        crops = [f.crop(p.pixels) for p, faces in zip(photos, places, strict=True) for f in faces]
        drawn = iter(self._redrawn(crops, photos, degrees, generators))
        done = []
        for photo, faces in zip(photos, places, strict=True):
            pixels = painted_over(photo.pixels, faces)
            for face in faces:
                self._paste(pixels, next(drawn), face)
            done.append(pixels)
        return done

    def _redrawn(
        self, crops: Sequence[Pixels], photos: Sequence[Photo], degrees: float,
        generators: Sequence[np.random.Generator],
    ) -> NDArray[np.float32]:  # fmt: skip
        """Return what is drawn of each crop, (N, 64, 64, 3), 0..1."""
        options, ready = self._options, self._ready()
        means, spreads = ready.network.encode(crops)
        both = list(zip(photos, generators, strict=True))
        axes = [s for p, g in both for s in draws(options.axis, "direction", p, g, self._data)]
        noise = [s for p, g in both for s in draws("per_image", "noise", p, g, None)]
        codes = []
        for k, (mean, axis) in enumerate(zip(means, axes, strict=True)):
            code = sample(mean, spreads[k], noise[k]) if options.sampled else mean
            towards = direction(axis, ready.length, len(mean) // 2)
            codes.append(turned(code, towards, degrees, options.renormalise))
        return ready.network.decode(np.stack(codes))

    def _paste(self, pixels: Pixels, picture: NDArray[np.float32], face: Place) -> None:
        if not np.isfinite(picture).all():
            raise ValueError("the network's output is not finite")
        blend = "feather" if self._options.blend == "feather" else "none"
        paste(pixels, picture, face, blend, self._options.feather)


@dataclass(frozen=True)
class CleanirPlugin:
    """Builds `Cleanir` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> Cleanir:
        """Return the method; its weights are not loaded yet.

        Raises
        ------
        ValueError
            For an option that does not exist, lacks or has a wrong value.
        """
        return Cleanir(parse(options))


PLUGIN = CleanirPlugin()
