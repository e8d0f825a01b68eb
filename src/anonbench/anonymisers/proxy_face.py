"""Proxy replacement: a rendered face of like expression and pose takes the place of the own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.anonymisers._loaded_once import LoadedOnce, check_detectors, told_by_weights
from anonbench.anonymisers._paste import joined, painted_over
from anonbench.anonymisers._proxy_gallery import Gallery, loaded, people_in
from anonbench.anonymisers._proxy_options import Options, parse
from anonbench.anonymisers._proxy_place import DETECTOR, aligned, place, toned
from anonbench.anonymisers._whose import draws
from anonbench.types import Pixels

INFO = Info(
    label="Proxy face",
    reference="Agarwal, Chattopadhyay and Wang 2021",
    strength="people drawn from the gallery, the nearest of whose faces is taken",
    kind="int",
    minimum=1,
    maximum=100_000,
    # Fewer: a face that anybody could have got, but less like in expression and pose.
    stronger="none",
    strengths=(1, 10, 90),
)


class ProxyFace(LoadedOnce[Gallery]):
    """Replaces faces by proxies.

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
        """Check before any work that the detectors find the landmarks that are needed.

        Raises
        ------
        ValueError
            If one of them finds others.
        """
        check_detectors(detectors, DETECTOR, "expression and pose are told from the face mesh")

    def check_strengths(self, strengths: Sequence[Strength]) -> None:
        """Check before any work that there are as many people.

        Raises
        ------
        ValueError
            If there are not.
        """
        people = told_by_weights(self._options.weights, people_in)
        if people is None:
            return
        for strength in strengths:
            if strength is not None and strength > people:
                raise ValueError(f"{strength}: {self._options.weights} has {people} people")

    def _load(self) -> Gallery:
        return loaded(self._options.weights)

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the rectangle around what is replaced; the region where that is not known."""
        try:
            window = place(region.face.points, (height, width)).window
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
            For a face of which not all would be replaced, without a strength, or if there are not
            as many people.
        """
        if not isinstance(strength, int):
            raise ValueError("proxy replacement needs a number of people")
        return [self._one(p, strength, g) for p, g in zip(photos, generators, strict=True)]

    def _one(self, photo: Photo, k: int, generator: np.random.Generator) -> Pixels:
        gallery, options = self._ready(), self._options
        if not 1 <= k <= gallery.size:
            raise ValueError(f"{k} people, of {gallery.size} in the gallery")
        places = [place(r.face.points, photo.pixels.shape) for r in photo.regions]
        sources = draws(options.proxies, "proxies", photo, generator, self._data)
        pixels = painted_over(photo.pixels, places)
        for face, source in zip(places, sources, strict=True):
            # The first k of all in an order: more people are the same ones and others.
            number = gallery.nearest(face.points, source.permutation(gallery.size)[:k])
            fresh, covered = aligned(gallery.picture(number), gallery.points[number], face)
            if options.tone:
                fresh = toned(fresh, covered.replaced, photo.pixels[face.window.area])
            joined(pixels, fresh, covered, options.blend, options.feather)
        return pixels


@dataclass(frozen=True)
class ProxyFacePlugin:
    """Builds `ProxyFace` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> ProxyFace:
        """Return the method; its gallery is not loaded yet.

        Raises
        ------
        ValueError
            For an option that does not exist, lacks or has a wrong value.
        """
        return ProxyFace(parse(options))


PLUGIN = ProxyFacePlugin()
