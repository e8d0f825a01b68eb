"""Methods in which a network modifies faces and their surroundings, a network for each strength."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._modifier_crop import crop, shown
from anonbench.anonymisers._modifier_network import Network, network
from anonbench.anonymisers._modifier_options import Options, check_strengths, model_of, parse
from anonbench.anonymisers._modifier_weights import weights_of
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._paste import paste
from anonbench.anonymisers._window import Window
from anonbench.types import Box, Pixels
from anonbench.weights import file


@dataclass(frozen=True)
class _Ready:
    """A network, and what it is shown."""

    network: Network
    size: int
    enlarged: float


@dataclass(frozen=True)
class _Place:
    """Where a modified face goes; see `anonbench.anonymisers._paste.SeenPlace`."""

    shown: Window
    window: Window
    width: int
    size: int

    @property
    def replaced(self) -> NDArray[np.bool_]:
        left, top, right, bottom = self.window
        return np.ones((bottom - top, right - left), bool)

    def in_view(self, x: float, y: float) -> tuple[float, float]:
        left, top, right, bottom = self.shown
        return (x - left) / (right - left) * self.size, (y - top) / (bottom - top) * self.size


class ModifiedFaces:
    """Modifies the enlarged boxes of faces.

    Nothing is loaded before it is told of the data set.

    Parameters
    ----------
    options : Options
        Settings of the entry.
    architecture : str
        Whose weights they have to be; see `anonbench.anonymisers._modifier_weights.FIRST`.
    enlarged : float
        How many times a face's box is modified where neither options nor weights say so yet.
    """

    def __init__(self, options: Options, architecture: str, enlarged: float) -> None:
        self._options, self._architecture, self._usual = options, architecture, enlarged
        self._strengths: tuple[Strength, ...] = ()
        self._loaded: dict[Strength, _Ready] = {}

    def check_strengths(self, strengths: Sequence[Strength]) -> None:
        """Check before any work that strengths and the name of the weights go together.

        Raises
        ------
        ValueError
            If they do not.
        """
        check_strengths(self._options, strengths)
        self._strengths = tuple(strengths)

    def begin(self, data: DataSet) -> None:
        """Load the networks of all strengths.

        Raises
        ------
        anonbench.weights.WeightsError
            If weights are missing or wrong.
        ValueError
            If there is no such device.
        """
        for strength in self._strengths:
            self._ready(strength)

    def _ready(self, strength: Strength) -> _Ready:
        if strength not in self._loaded:
            model = model_of(self._options, strength)
            weights = weights_of(model, self._architecture, strength)
            made = network(weights, self._options.device, str(file(model)))
            enlarged = self._options.enlarged or weights.enlarged
            self._loaded[strength] = _Ready(made, weights.size, enlarged)
        return self._loaded[strength]

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the enlarged box; the region where there is none."""
        loaded = (ready.enlarged for ready in self._loaded.values())
        enlarged = self._options.enlarged or max(loaded, default=self._usual)
        try:
            return _inside(shown(region.face.box, enlarged, (height, width)), width, height)
        except DegenerateFaceError:
            return region.left, region.top, region.right, region.bottom

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Modify the face of every region, one after the other where there are several in a photo.

        Each is cut out after those before it were pasted: where their surroundings overlap, nothing
        of a face that was modified already comes back.

        Raises
        ------
        ValueError
            For a face that cannot be cut out, or if the network's output is not finite.
        """
        ready = self._ready(strength)
        places = [
            [_place(region.face.box, photo.pixels.shape, ready) for region in photo.regions]
            for photo in photos
        ]
        done = [photo.pixels.copy() for photo in photos]
        for k in range(max(map(len, places), default=0)):
            both = zip(done, places, strict=True)
            now = [(pixels, own[k]) for pixels, own in both if k < len(own)]
            made = ready.network.modify([crop(p, f.shown, ready.size) for p, f in now])
            for (pixels, face), picture in zip(now, made, strict=True):
                if not np.isfinite(picture).all():
                    raise ValueError("the network's output is not finite")
                paste(pixels, picture, face, self._options.blend, self._options.feather)
        return done


def _place(box: Box, shape: tuple[int, ...], ready: _Ready) -> _Place:
    window = shown(box, ready.enlarged, shape)
    return _Place(window, _inside(window, shape[1], shape[0]), round(box.width), ready.size)


def _inside(window: Window, width: int, height: int) -> Window:
    left, top, right, bottom = window
    return Window(max(left, 0), max(top, 0), min(right, width), min(bottom, height))


@dataclass(frozen=True)
class ModifierPlugin:
    """Builds `ModifiedFaces` from the options of a method entry.

    Parameters
    ----------
    info : Info
        What the method says of itself.
    architecture : str
        See `ModifiedFaces`.
    example : str
        A model that could be named.
    enlarged : float
        See `ModifiedFaces`.
    """

    info: Info
    architecture: str
    example: str
    enlarged: float = 2.2

    def build(self, options: Mapping[str, Any]) -> ModifiedFaces:
        """Return the method; its weights are not loaded yet.

        Raises
        ------
        ValueError
            For an option that does not exist, lacks or has a wrong value.
        """
        return ModifiedFaces(parse(options, self.example), self.architecture, self.enlarged)
