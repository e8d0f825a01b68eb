"""From detection tables to the regions of each image, subject included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
        Detectors by name with their faces by image id, in order of preference: the first that
        found any face in an image is used.
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
        """Return the regions of an image; a failure if any chosen face has none.

        The subject counts as found if a chosen face covers enough of his box, see
        `anonbench.regions.covers`. Where his box is not known, nobody can tell whether he is
        covered: a failure as well.
        """
        hits = ((name, faces[image_id]) for name, faces in self.detections if faces.get(image_id))
        detector, faces = next(hits, ("", ()))
        if not faces:
            return Found((), Status.NO_FACE, f"{', '.join(n for n, _ in self.detections)}: no face")
        chosen = [faces[k] for k in choose_faces(faces, self.policy, width, height)]
        subject = self.subjects[image_id]
        if subject is None:
            return Found((), Status.SUBJECT_MISSED, "where the subject's face is, is not known")
        if not any(covers(face, subject) for face in chosen):
            tried = f"{detector}: {len(chosen)} of {len(faces)} faces chosen, none is the subject's"
            return Found((), Status.SUBJECT_MISSED, tried)
        found = regions_for(chosen, self.region, detector, width, height)
        problems = sorted({f.detail for f in found if isinstance(f, NoRegion)})
        if problems:
            return Found((), Status.NO_REGION, "; ".join(problems))
        regions = tuple(f for f in found if isinstance(f, Region))
        return Found(regions, detail="" if detector == self.detections[0][0] else f"by {detector}")


def read_subjects(path: Path | str) -> dict[str, Box | None]:
    """Read the subject's box of every image; None where no face was found."""
    table = read_table(path)
    boxes = table[["left", "top", "right", "bottom"]].to_numpy(np.float64)
    known = (table["status"] == str(Status.OK)).to_numpy() & np.isfinite(boxes).all(axis=1)
    return {
        image_id: Box(*map(float, box)) if there else None
        for image_id, box, there in zip(table["image_id"], boxes, known, strict=True)
    }


def read_finder(
    detections: Sequence[Path | str], subjects: Path | str | None, region: Part, policy: Policy
) -> RegionFinder:
    """Read what `RegionFinder` needs; detection tables are named ``<detector>.parquet``.

    Raises
    ------
    ValueError
        Without detections or subjects.
    """
    if not detections or subjects is None:
        raise ValueError("a method that changes regions needs detections and subjects")
    found = [(Path(path).stem, read_faces(path)) for path in detections]
    return RegionFinder(found, read_subjects(subjects), region, policy)
