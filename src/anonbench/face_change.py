"""Whether the subject's face is still found where it was, and whether its landmarks stayed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.detect import read_faces
from anonbench.head_pose import ANGLES, head_pose, pose_errors
from anonbench.io import read_table, rows
from anonbench.landmark_error import ERRORS, landmark_errors
from anonbench.ledger import Status
from anonbench.overlap import DETECTED_IOU, match
from anonbench.types import Box, Face

SHAPE = (*ERRORS, *(f"{angle}_error" for angle in ANGLES))
"""What `shape_change` returns."""


@dataclass(frozen=True)
class Reference:
    """What the originals say of an image.

    Attributes
    ----------
    subject : Box or None
        The subject's box; None if it is not known.
    own : mapping of str to Face
        His face by each detector that found it.
    landmarks : str
        The detector whose landmarks are compared; empty for none.
    """

    subject: Box | None
    own: Mapping[str, Face]
    landmarks: str = ""

    def box(self, detector: str) -> Box | None:
        """Return a detector's own box, or the subject's where it found none."""
        return self.own[detector].box if detector in self.own else self.subject

    @cached_property
    def pose(self) -> NDArray[np.float64]:
        """Yaw, pitch and roll in degrees by the landmarks of the face, which must be known."""
        return head_pose(self.own[self.landmarks].points)


def read_references(
    subjects: Path | str,
    detections: Mapping[str, Path | str],
    landmarks: str = "",
    only: Collection[str] | None = None,
) -> dict[str, Reference]:
    """Read what the originals, or `only` some of them, say by image id.

    It is in the subject table and tables by detector.
    """
    found = {name: read_faces(path, only) for name, path in detections.items()}
    references = {}
    for row in rows(read_table(subjects, only)):
        box = Box(row.left, row.top, row.right, row.bottom) if row.status == Status.OK else None
        own = {}
        for name, faces in found.items():
            here = faces.get(row.image_id, [])
            index = match(here, box) if box else None
            if index is not None:
                own[name] = here[index]
        references[row.image_id] = Reference(box, own, landmarks)
    return references


def detection_change(reference: Reference, found: Mapping[str, Sequence[Face]]) -> dict[str, float]:
    """Return ``found_NAME`` (0 or 1) and ``extra_NAME`` (faces besides the subject's) by detector.

    Parameters
    ----------
    reference : Reference
        Of the original.
    found : mapping of str to sequence of Face
        By detector, the faces of the result.
    """
    row = {}
    for name, faces in found.items():
        target = reference.box(name)
        hits = [target is not None and f.box.iou(target) >= DETECTED_IOU for f in faces]
        row[f"found_{name}"] = float(any(hits))
        row[f"extra_{name}"] = float(len(faces) - sum(hits))
    return row


def shape_change(reference: Reference, faces: Sequence[Face]) -> dict[str, Any]:
    """Return how far the subject's landmarks moved and his head turned; empty if not found twice.

    Parameters
    ----------
    reference : Reference
        Of the original.
    faces : sequence of Face
        What the same detector found in the result, with the 468 landmarks of the face mesh. The
        subject's is the one that overlaps his box best, by `DETECTED_IOU` at least.
    """
    own = reference.own.get(reference.landmarks)
    best = None if own is None else match(faces, own.box, DETECTED_IOU)
    if own is None or best is None:
        return {}
    errors = landmark_errors(own.points, faces[best].points)
    return {**errors, **pose_errors(reference.pose, head_pose(faces[best].points))}
