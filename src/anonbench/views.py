"""What a system gets to see of every image of a method: shared by recognition and expression."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.detect import read_faces
from anonbench.io import ArchiveReader, member, read_table, rows
from anonbench.ledger import Status
from anonbench.overlap import match
from anonbench.parts import share
from anonbench.progress import progress
from anonbench.types import Box, Face, Pixels

Landmarks = Callable[[Pixels, Face], NDArray[np.float32]]
"""The five landmarks (5, 2) of a face that a detector found."""


@dataclass(frozen=True)
class View:
    """One image, seen by one policy.

    Attributes
    ----------
    place : tuple of int
        Indices of strength, policy and image.
    status : str
        `anonbench.ledger.Status`; all but ``ok`` are failures, without any of the following.
    pixels : ndarray
        The picture of the method.
    box, points : Box and ndarray of shape (5, 2), or None
        The face; None where only the picture is wanted and no face is known.
    """

    place: tuple[int, int, int]
    status: str
    pixels: Pixels | None = None
    box: Box | None = None
    points: NDArray[np.float32] | None = None


class Views:
    """All images of a method, at all strengths, seen by all policies.

    Parameters
    ----------
    archive, ledger : path
        Images of the method and what happened to each.
    subjects : path
        The subject's box and landmarks in every original image.
    detections : path
        What the system's detector finds in the images of the method, by `anonbench.detect`.
    policies : sequence of str
        ``detected``: the face has to be found in the image; it counts only if it overlaps the
        subject's, so that a bystander is never taken for the subject. ``aligned``: box and
        landmarks of the original are known. An image that its method blacked out is a failure for
        both: all such images look the same.
    part : str, optional
        The part of the subject table to which the other files are limited, see `anonbench.parts`.
    """

    def __init__(
        self,
        archive: Path | str,
        ledger: Path | str,
        subjects: Path | str,
        detections: Path | str,
        policies: Sequence[str],
        part: str | None = None,
    ) -> None:
        self._archive = archive
        self._states = _states(ledger)
        self._subjects = share(list(rows(read_table(subjects))), part)
        self._faces = read_faces(detections)
        self.policies = tuple(policies)
        self.strengths = tuple(dict.fromkeys(strength for _, strength in self._states))
        self.image_ids = tuple(str(subject.image_id) for subject in self._subjects)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Numbers of strengths, policies and images: one view each."""
        return len(self.strengths), len(self.policies), len(self.image_ids)

    def look(self, landmarks: Landmarks, title: str, whole_image: bool = False) -> Iterator[View]:
        """Yield every view once; a picture is decoded once for all policies.

        Parameters
        ----------
        landmarks : callable
            What finds the landmarks of a face that was found.
        title : str
            Name of the progress bar.
        whole_image : bool
            Whether the system takes the picture as it is; the policy ``aligned`` then needs no
            face in the original.
        """
        with ArchiveReader(self._archive) as images:
            for n, subject in enumerate(progress(self._subjects, title)):
                for s, strength in enumerate(self.strengths):
                    name = member(strength, subject.image_id)
                    state = self._states.get((subject.image_id, strength), str(Status.MISSING))
                    if state == Status.OK and name not in images:
                        state = str(Status.MISSING)
                    places = [(s, p, n) for p in range(len(self.policies))]
                    if state != Status.OK:
                        yield from (View(place, state) for place in places)
                        continue
                    pixels, found = images.read(name), self._faces.get(name, [])
                    for place, policy in zip(places, self.policies, strict=True):
                        # Who is told the place looks there; nothing that he could find counts.
                        faces = found if policy == "detected" else None
                        yield _view(place, pixels, subject, faces, landmarks, whole_image)


def _view(
    place: tuple[int, int, int],
    pixels: Pixels,
    subject: Any,
    faces: Sequence[Face] | None,
    landmarks: Landmarks,
    whole_image: bool,
) -> View:
    """Return the view of the subject's face, which must be among `faces` if those are given."""
    points = np.asarray(subject.points, np.float32).reshape(-1, 2)
    if faces is None and whole_image:
        return View(place, str(Status.OK), pixels)
    if not len(points):
        return View(place, str(Status.NO_FACE))
    box = Box(subject.left, subject.top, subject.right, subject.bottom)
    if faces is None:
        return View(place, str(Status.OK), pixels, box, points)
    index = match(faces, box)
    if index is None:
        return View(place, str(Status.OTHER_FACE if faces else Status.NO_FACE))
    face = faces[index]
    return View(place, str(Status.OK), pixels, face.box, landmarks(pixels, face))


def _states(ledger: Path | str) -> dict[tuple[str, str], str]:
    table = read_table(ledger)
    return dict(
        zip(zip(table["image_id"], table["strength"], strict=True), table["status"], strict=True)
    )
