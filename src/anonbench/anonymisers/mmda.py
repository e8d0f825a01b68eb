"""MMDA: of a face's coordinates, those of identity become a mean of others; the rest stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.anonymisers._face_frame import DETECTOR, checked
from anonbench.anonymisers._loaded_once import LoadedOnce, check_detectors, told_by_weights
from anonbench.anonymisers._mmda_options import Options, parse
from anonbench.anonymisers._mmda_paste import Spot, set_in
from anonbench.anonymisers._mmda_weights import IDENTITY, Model, known, loaded
from anonbench.anonymisers._paste import painted_over
from anonbench.registry import unknown_name
from anonbench.types import FloatArray, Pixels

INFO = Info(
    label="MMDA",
    reference="Sim and Zhang 2015",
    strength="people of the training set over whom the identity is averaged",
    kind="int",
    minimum=1,
    maximum=100_000,
    # More people leave less of who it was, but the mean of all is no farther from a face than that
    # of a few others.
    stronger="none",
    strengths=(1, 10, 100),
)


class Mmda(LoadedOnce[Model]):
    """Replaces faces by what their coordinates draw once those of identity are others' mean.

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
        check_detectors(detectors, DETECTOR, "MMDA rests on dlib's 68 landmarks")

    def check_strengths(self, strengths: Sequence[Strength]) -> None:
        """Check before any work that there are as many people, and the classes to change to.

        Raises
        ------
        ValueError
            If there are not.
        """
        about = told_by_weights(self._options.weights, known)
        if about is None:
            return
        for strength in strengths:
            if strength is not None and strength > about.people:
                raise ValueError(f"{strength}: {self._options.weights} knows {about.people} people")
        for attribute, name in self._options.change.items():
            if attribute not in about.classes:
                raise unknown_name("attribute", attribute, about.classes)
            if name not in about.classes[attribute]:
                raise unknown_name(attribute, name, about.classes[attribute])

    def _load(self) -> Model:
        return loaded(self._options.weights)

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return what the new face and its rim cover; the region where it has no landmarks."""
        try:
            spot = Spot.of(checked(region.face.points), (height, width))
        except ValueError:
            return region.left, region.top, region.right, region.bottom
        return tuple(spot.window)  # type: ignore[return-value]

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Replace the face of every region; nothing is random.

        Raises
        ------
        ValueError
            For a face whose landmarks enclose none, without a strength, or if there are not as many
            people.
        """
        if not isinstance(strength, int):
            raise ValueError("MMDA needs a number of people")
        return [self._one(photo, strength) for photo in photos]

    def _one(self, photo: Photo, k: int) -> Pixels:
        code = self._ready().code
        points = [checked(region.face.points) for region in photo.regions]
        spots = [Spot.of(own, photo.pixels.shape) for own in points]
        pixels = painted_over(photo.pixels, spots)
        for own, spot in zip(points, spots, strict=True):
            # From the photo and not from what is done: faces that overlap are not read twice.
            vector = code.vector(code.texture(photo.pixels, own), code.shape(own))
            picture = code.face(self.changed_vector(vector, k))[0]
            set_in(pixels, picture, code.frame.matrix(own), spot, self._options.feather)
        return pixels

    def changed_vector(self, vector: FloatArray, k: int) -> FloatArray:
        """Return the vector (D,) of the face that replaces another one's.

        Raises
        ------
        ValueError
            If there are no `k` people, or the vector is not finite.
        """
        model, options = self._ready(), self._options
        if not 1 <= k <= len(model.people):
            raise ValueError(f"{k} people, of {len(model.people)} that are known")
        own = model.subspaces.taken_apart(vector)
        mean = nearest_mean(own[IDENTITY], model.people, k)
        new = {**own, IDENTITY: mean + options.kept * (own[IDENTITY] - mean)}
        for attribute, name in options.change.items():
            new[attribute] = model.classes[attribute][name]
        found = model.subspaces.together(new)
        if not np.isfinite(found).all():
            raise ValueError("the face's coordinates are not finite")
        return found


def nearest_mean(own: FloatArray, people: FloatArray, k: int) -> FloatArray:
    """Return the mean (M,) of the k of people (P, M) who are nearest to one (M,)."""
    far = ((people - own) ** 2).sum(axis=1)
    # Of people who are equally near the first ones count, on every machine.
    nearest: FloatArray = people[np.sort(np.argsort(far, kind="stable")[:k])]
    return np.asarray(nearest.mean(axis=0))


@dataclass(frozen=True)
class MmdaPlugin:
    """Builds `Mmda` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> Mmda:
        """Return the method; its weights are not loaded yet.

        Raises
        ------
        ValueError
            For an option that does not exist, lacks or has a wrong value.
        """
        return Mmda(parse(options))


PLUGIN = MmdaPlugin()
