"""From images to embeddings: two attackers look at every image of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench import recognisers
from anonbench.detect import read_faces
from anonbench.io import ArchiveReader, Embeddings, member, read_table, rows, write_embeddings
from anonbench.ledger import Status
from anonbench.progress import progress
from anonbench.recognisers import Recogniser
from anonbench.subjects import match
from anonbench.types import Box, Face, Pixels

QUEUE = 64
"""Face chips embedded at a time: enough to keep a network busy, 4 MB."""


def embed_files(
    *,
    archive: Path | str,
    ledger: Path | str,
    subjects: Path | str,
    detections: Path | str,
    recogniser: str,
    options: Mapping[str, Any],
    policies: Sequence[str],
    threads: int,
    out: Path | str,
) -> None:
    """Embed all images of a method and write the embeddings.

    Parameters
    ----------
    archive, ledger : path
        Images of the method and what happened to each.
    subjects : path
        The subject's box and landmarks in every original image.
    detections : path
        What the attacker's detector finds in the images of the method, by `anonbench.detect`.
    recogniser : str
        A name of `anonbench.recognisers`.
    options : mapping
        Its options.
    policies : sequence of str
        ``detected``: the attacker has to find the face in the image; it counts only if it overlaps
        the subject's, so that a bystander is never scored as the subject. ``aligned``: box and
        landmarks of the original are known. An image that its method blacked out is a failure to
        acquire for both: all such images look the same.
    threads : int
        For the recogniser.
    out : path
        Embeddings, see `anonbench.io.Embeddings`.
    """
    plugin = recognisers.get(recogniser)
    table = read_table(subjects)
    states = _states(ledger)
    strengths = tuple(dict.fromkeys(strength for _, strength in states))
    faces = read_faces(detections)
    job = _Job(
        plugin.build(options, threads),
        np.full(
            (len(strengths), len(policies), len(table), plugin.info.dimension), np.nan, np.float32
        ),
        np.full((len(strengths), len(policies), len(table)), str(Status.MISSING), "<U16"),
    )
    with ArchiveReader(archive) as images:
        for n, subject in enumerate(progress(list(rows(table)), "embed")):
            for s, strength in enumerate(strengths):
                state = states.get((subject.image_id, strength), str(Status.MISSING))
                name = member(strength, subject.image_id)
                if state == Status.OK and name not in images:
                    state = str(Status.MISSING)
                if state != Status.OK:
                    job.status[s, :, n] = state
                    continue
                pixels, found = images.read(name), faces.get(name, [])
                for p, policy in enumerate(policies):
                    # The attacker `aligned` is told; nothing that he could find counts.
                    seen = found if policy == "detected" else None
                    job.look(pixels, subject, seen, (s, p, n))
    job.flush()
    ids = tuple(table["image_id"])
    write_embeddings(Embeddings(ids, strengths, tuple(policies), job.embeddings, job.status), out)


def _states(ledger: Path | str) -> dict[tuple[str, str], str]:
    table = read_table(ledger)
    return dict(
        zip(zip(table["image_id"], table["strength"], strict=True), table["status"], strict=True)
    )


class _Job:
    """The arrays to fill and the chips that wait for the network."""

    def __init__(
        self, model: Recogniser, embeddings: NDArray[np.float32], status: NDArray[np.str_]
    ) -> None:
        self.model = model
        self.embeddings = embeddings
        self.status = status
        self._chips: list[Pixels] = []
        self._places: list[tuple[int, int, int]] = []

    def look(
        self,
        pixels: Pixels,
        subject: Any,
        faces: Sequence[Face] | None,
        place: tuple[int, int, int],
    ) -> None:
        """Align the subject's face, which must be among `faces` if those are given.

        What cannot be aligned is noted with its reason.
        """
        points = np.asarray(subject.points, np.float32).reshape(-1, 2)
        state = Status.OK if len(points) else Status.NO_FACE
        if faces is not None and state == Status.OK:
            box = Box(subject.left, subject.top, subject.right, subject.bottom)
            index = match(faces, box)
            if index is None:
                state = Status.OTHER_FACE if faces else Status.NO_FACE
            else:
                points = self.model.landmarks(pixels, faces[index])
        self.status[place] = str(state)
        if state != Status.OK:
            return
        self._chips.append(self.model.align(pixels, points))
        self._places.append(place)
        if len(self._chips) == QUEUE:
            self.flush()

    def flush(self) -> None:
        """Embed the waiting chips."""
        if self._chips:
            rows = self.model.embed(self._chips)
            for place, row in zip(self._places, rows, strict=True):
                self.embeddings[place] = row
        self._chips, self._places = [], []
