"""CIAGAN: the face, taken out, is drawn anew upon its landmarks, as somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.anonymisers._ciagan_identity import Identities, identities
from anonbench.anonymisers._ciagan_landmarks import SCHEMES, Scheme, groups_of
from anonbench.anonymisers._ciagan_network import Network, network
from anonbench.anonymisers._ciagan_options import Options, parse
from anonbench.anonymisers._ciagan_place import Place, corners_of, place
from anonbench.anonymisers._ciagan_view import SCALINGS, Scaling, network_input
from anonbench.anonymisers._ciagan_weights import arrays, trained
from anonbench.anonymisers._loaded_once import LoadedOnce, check_detectors, told_by_weights
from anonbench.anonymisers._paste import painted_over, paste
from anonbench.anonymisers._window import bounds
from anonbench.types import Pixels
from anonbench.weights import file

INFO = Info(
    label="CIAGAN",
    reference="Maximov, Elezi and Leal-Taixé 2020",
)


@dataclass(frozen=True)
class _Ready:
    """The network, and all that its weights decide."""

    network: Network
    identities: Identities
    scheme: Scheme
    groups: tuple[str, ...]
    scaling: Scaling


class Ciagan(LoadedOnce[_Ready]):
    """Replaces faces by those of other identities.

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
        """Check before any work that the detectors find the landmarks that are drawn.

        Raises
        ------
        ValueError
            If one of them finds others.
        """
        landmarks = self._options.landmarks
        if landmarks is None:
            known = told_by_weights(self._options.weights, trained)
            if known is None:
                return
            landmarks = known.landmarks
        check_detectors(detectors, SCHEMES[landmarks].detector, f"{landmarks} landmarks are drawn")

    def _load(self) -> _Ready:
        options, known = self._options, trained(self._options.weights)
        scheme = SCHEMES[options.landmarks or known.landmarks]
        own = known.groups if options.landmarks in (None, known.landmarks) else None
        found, codes = arrays(options.weights, known.codes)
        return _Ready(
            network(found, options.device, str(file(options.weights)), known.skips),
            identities(options, codes, self._data),
            scheme,
            groups_of(scheme, own if options.groups is None else options.groups),
            SCALINGS[options.scaling or known.scaling],
        )

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the rectangle around the face's outline; the region where there is none."""
        try:
            window = bounds(corners_of(region.face.points, self._ready().scheme), (height, width))
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
            For a face of which not all would be replaced (in profile, tiny), or if the network's
            output is not finite.
        """
        ready = self._ready()
        places = [self._places(photo) for photo in photos]
        codes = [ready.identities.of(p, g) for p, g in zip(photos, generators, strict=True)]
        done = [painted_over(p.pixels, f) for p, f in zip(photos, places, strict=True)]
        shown = [
            face.shown(pixels, ready.groups)
            for pixels, faces in zip(done, places, strict=True)
            for face in faces
        ]
        landmarks, views, holes = zip(*shown, strict=True)
        numbers = np.array([code for group in codes for code in group], np.int64)
        drawn = iter(ready.network.draw(network_input(landmarks, views, holes), numbers))
        for pixels, faces in zip(done, places, strict=True):
            for face in faces:
                picture = next(drawn)
                if not np.isfinite(picture).all():
                    raise ValueError("the network's output is not finite")
                paste(pixels, picture, face, self._options.blend, self._options.feather)
        return done

    def _places(self, photo: Photo) -> list[Place]:
        ready, as_hole = self._ready(), self._options.blend == "none"
        return [
            place(r.face.points, photo.pixels.shape, ready.scheme, ready.scaling, as_hole)
            for r in photo.regions
        ]


@dataclass(frozen=True)
class CiaganPlugin:
    """Builds `Ciagan` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> Ciagan:
        """Return the method; its weights are not loaded yet.

        Raises
        ------
        ValueError
            For an option that does not exist, lacks or has a wrong value.
        """
        return Ciagan(parse(options))


PLUGIN = CiaganPlugin()
