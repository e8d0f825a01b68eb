"""A gallery of faces that nobody has, and which of them shows a face's expression and pose."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonbench.anonymisers._face_frame import Points, apply, similarity
from anonbench.anonymisers._own_weights import Arrays, read, said
from anonbench.head_pose import INDICES, head_pose
from anonbench.landmark_error import GROUPS, POINTS
from anonbench.types import FloatArray, Pixels
from anonbench.weights import WeightsError, file

ARCHITECTURE = "proxy gallery"
FIRST = "pictures"
MOVING = np.array(sorted({k for name in ("eyes", "brows", "mouth") for k in GROUPS[name]}))
"""Landmarks that expressions move, but for the outline, which tells more of who somebody is."""
TURN = 10.0
"""Degrees of yaw or pitch that count as much as the standard deviation of an expression's
coordinate."""


@dataclass(frozen=True)
class Look:
    """How a face looks, whoever has it.

    Attributes
    ----------
    mean : ndarray of shape (468, 2)
        Landmarks to which a face's rigid ones are turned, scaled and shifted.
    axes : ndarray of shape (E, 2 * len(MOVING))
        Times the moved landmarks' distance from the mean: coordinates of expression.
    """

    mean: Points
    axes: FloatArray

    def moving(self, points: Points) -> FloatArray:
        """Return where landmarks (468, 2) of a photo that expressions move differ from the mean."""
        matrix = similarity(points[INDICES], self.mean[INDICES])
        flat: FloatArray = (apply(matrix, points)[MOVING] - self.mean[MOVING]).ravel()
        return flat

    def of(self, points: Points) -> FloatArray:
        """Return expression and pose of landmarks (468, 2) as coordinates (E + 2,)."""
        pose = head_pose(points)[:2] / TURN
        return np.concatenate([self.axes @ self.moving(points), pose])


@dataclass(frozen=True)
class Gallery:
    """Faces to replace others by.

    Attributes
    ----------
    look : Look
        By what they are chosen.
    looks : ndarray of shape (N, E + 2)
        The same of each face.
    people : ndarray of shape (N,), int64
        Whose face it is, 0 to P - 1.
    points : ndarray of shape (N, 468, 2), float64
        Landmarks in its picture.
    jpegs : tuple of bytes, N
        The pictures.
    """

    look: Look
    looks: FloatArray
    people: NDArray[np.int64]
    points: NDArray[np.float64]
    jpegs: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """How many people are in it."""
        return int(self.people.max()) + 1

    def nearest(self, points: Points, among: NDArray[np.int64]) -> int:
        """Return which face looks most like landmarks (468, 2) of a photo, among some people.

        Raises
        ------
        ValueError
            If it cannot be told how the landmarks look.
        """
        own = self.look.of(points)
        if not np.isfinite(own).all():
            raise ValueError("expression and pose cannot be told from the landmarks")
        far = ((self.looks - own) ** 2).sum(axis=1)
        return int(np.where(np.isin(self.people, among), far, np.inf).argmin())

    def picture(self, number: int) -> Pixels:
        """Return a face's picture (height, width, 3)."""
        with Image.open(io.BytesIO(self.jpegs[number])) as content:
            return np.asarray(content.convert("RGB"))


def people_in(model: str) -> int:
    """Return how many people a gallery has; only its header is read.

    Raises
    ------
    WeightsError
        If it is missing or wrong, or no gallery.
    """
    about = said(model)
    try:
        if about["architecture"] != ARCHITECTURE:
            raise ValueError(f"architecture {about['architecture']!r}")
        return int(about["people"])
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{file(model)}: not what a gallery of proxies says of itself in a file of the project "
            f"({type(error).__name__}: {error}); name such a gallery as the option weights"
        ) from None


def loaded(model: str) -> Gallery:
    """Return what a gallery's verified file holds.

    Raises
    ------
    WeightsError
        If it is missing or wrong, or no gallery, or its parts do not belong together.
    """
    people, found = people_in(model), read(model, FIRST, "a gallery of proxies")
    try:
        gallery = _gallery(found)
        if gallery.size != people:
            raise ValueError(f"{gallery.size} people instead of {people}")
        return gallery
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{file(model)}: its parts do not belong together ({error})") from None


def _gallery(found: Mapping[str, NDArray[np.generic]]) -> Gallery:
    content, ends = found["pictures"].tobytes(), found["ends"].astype(np.int64)
    starts = [0, *ends[:-1]]
    jpegs = tuple(content[a:b] for a, b in zip(starts, ends, strict=True))
    looks = found["looks"].astype(np.float64)
    axes, mean = found["axes"].astype(np.float64), found["mean"].astype(np.float64)
    points = found["points"].astype(np.float64)
    people = found["people"].astype(np.int64)
    if len({len(jpegs), len(looks), len(points), len(people)}) > 1 or not jpegs:
        raise ValueError("there are not as many pictures as landmarks")
    if points.shape[1:] != (POINTS, 2) or mean.shape != (POINTS, 2):
        raise ValueError(f"landmarks of shape {points.shape}")
    if axes.shape != (looks.shape[1] - 2, 2 * len(MOVING)):
        raise ValueError(f"axes of shape {axes.shape}")
    return Gallery(Look(mean, axes), looks, people, points, jpegs)


def as_arrays(gallery: Gallery) -> Arrays:
    """Return what a gallery's file holds, by name."""
    return {
        "pictures": np.frombuffer(b"".join(gallery.jpegs), np.uint8),
        "ends": np.cumsum([len(j) for j in gallery.jpegs]).astype(np.int64),
        "people": gallery.people,
        "looks": gallery.looks.astype(np.float32),
        "points": gallery.points.astype(np.float32),
        "axes": gallery.look.axes.astype(np.float32),
        "mean": gallery.look.mean.astype(np.float32),
    }


def metadata(gallery: Gallery) -> dict[str, str]:
    """Return what a gallery's file says of itself."""
    return {"architecture": ARCHITECTURE, "people": str(gallery.size)}
