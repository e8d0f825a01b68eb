"""From detection tables to the regions of each image, subject included."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from anonbench.anonymisers import Region
from anonbench.detect import read_faces
from anonbench.io import read_table
from anonbench.ledger import Status
from anonbench.regions import NoRegion, Part, Policy, choose_faces, covers, regions_for
from anonbench.types import Box, Face


@dataclass(frozen=True)
class Found:
    """Where to anonymise one image, or why that is not known."""

    regions: tuple[Region, ...] = ()
    status: Status = Status.OK
    detail: str = ""


@dataclass(frozen=True)
class RegionFinder:
    """Turns detections into regions, and makes sure that the subject is among them.

    Parameters
    ----------
    detections : sequence of (str, mapping)
        Detectors by name with their faces by image id, in order of preference.
    subjects : mapping of str to Box or None
        Where the labelled subject of an image is; None where that is not known.
    region : {"face", "eyes", "eyes_glasses"}
        See `anonbench.regions.regions_for`.
    policy : {"largest", "central", "all"}
        See `anonbench.regions.choose_faces`.
    """

    detections: Sequence[tuple[str, Mapping[str, Sequence[Face]]]]
    subjects: Mapping[str, Box | None]
    region: Part
    policy: Policy

    def find(self, image_id: str, width: int, height: int) -> Found:
        """Return the regions of an image by the first detector that has them all.

        A detector fails where it finds no face, where no chosen face covers enough of the
        subject's box (see `anonbench.regions.covers`), or where a chosen face lacks the region.
        Where the subject's box is not known, nobody can tell whether he is covered: a failure too.
        If all detectors fail, the image does, for the reason that came nearest to success.
        """
        subject = self.subjects[image_id]
        if subject is None and any(faces.get(image_id) for _, faces in self.detections):
            return Found((), Status.SUBJECT_MISSED, "where the subject's face is, is not known")
        failures = []
        for rank, (detector, faces) in enumerate(self.detections):
            found = self._by(detector, faces.get(image_id, ()), subject, (width, height))
            if found.status == Status.OK:
                return found if rank == 0 else replace(found, detail=f"by {detector}")
            failures.append(found)
        nearest = min(failures, key=lambda f: _NEARNESS.index(f.status))
        return replace(nearest, detail="; ".join(f.detail for f in failures))

    def _by(
        self, detector: str, faces: Sequence[Face], subject: Box | None, size: tuple[int, int]
    ) -> Found:
        """Return the regions that one detector gives."""
        if not faces or subject is None:
            return Found((), Status.NO_FACE, f"{detector}: no face")
        chosen = [faces[k] for k in choose_faces(faces, self.policy, *size)]
        if not any(covers(face, subject) for face in chosen):
            tried = f"{detector}: {len(chosen)} of {len(faces)} faces chosen, none is the subject's"
            return Found((), Status.SUBJECT_MISSED, tried)
        found = regions_for(chosen, self.region, detector, *size)
        problems = sorted({f.detail for f in found if isinstance(f, NoRegion)})
        if problems:
            return Found((), Status.NO_REGION, f"{detector}: {', '.join(problems)}")
        return Found(tuple(f for f in found if isinstance(f, Region)))


_NEARNESS = (Status.NO_REGION, Status.SUBJECT_MISSED, Status.NO_FACE)
"""Failures of a detector, the nearest to success first."""


def read_subjects(path: Path | str) -> dict[str, Box | None]:
    """Read the subject's box of every image; None where no face was found."""
    table = read_table(path)
    boxes = table[["left", "top", "right", "bottom"]].to_numpy(np.float64)
    known = (table["status"] == str(Status.OK)).to_numpy() & np.isfinite(boxes).all(axis=1)
    return {
        image_id: Box(*map(float, box)) if there else None
        for image_id, box, there in zip(table["image_id"], boxes, known, strict=True)
    }


def read_subject_faces(detections: Path | str, subjects: Path | str) -> dict[str, Face]:
    """Read the subject's face of every image in which a detector found it.

    Parameters
    ----------
    detections : path
        Faces of one detector; the first that covers the subject's box is his.
    subjects : path
        The subjects' boxes.
    """
    boxes, found = read_subjects(subjects), {}
    for image_id, faces in read_faces(detections).items():
        box = boxes.get(image_id)
        own = next((face for face in faces if box is not None and covers(face, box)), None)
        if own is not None:
            found[image_id] = own
    return found


def read_finder(
    detections: Sequence[Path | str],
    subjects: Path | str | None,
    region: Part,
    policy: Policy,
    only: Collection[str] | None = None,
) -> RegionFinder:
    """Read what `RegionFinder` needs; detection tables are named ``<detector>.parquet``.

    With `only`, faces of those images alone.

    Raises
    ------
    ValueError
        Without detections or subjects.
    """
    if not detections or subjects is None:
        raise ValueError("a method that changes regions needs detections and subjects")
    found = [(Path(path).stem, read_faces(path, only)) for path in detections]
    return RegionFinder(found, read_subjects(subjects), region, policy)
