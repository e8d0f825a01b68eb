"""What is left of the picture's use: is the face found as it was, how much of the image is kept.

The same pass finds leaks: outputs that are, inside the area a method had to change, identical or
nearly identical to their original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from anonbench.detect import read_faces
from anonbench.face_change import (
    SHAPE,
    Reference,
    detection_change,
    read_references,
    shape_change,
)
from anonbench.io import ArchiveReader, member, read_table, rows, write_table
from anonbench.progress import progress
from anonbench.similarity import MEASURES, similarity
from anonbench.types import Face, Pixels


def utility_files(
    *,
    originals: Path | str,
    archive: Path | str,
    ledger: Path | str,
    subjects: Path | str,
    detections: Mapping[str, Path | str],
    redetections: Mapping[str, Path | str],
    out: Path | str,
    landmarks: str = "",
) -> None:
    """Compare all images of a method with their originals and write one row an image and strength.

    Parameters
    ----------
    originals : path
        Images as ingest packed them.
    archive, ledger : path
        Images of the method and what happened to each: of the whole data set or of a part.
    subjects : path
        The subject's box in every original.
    detections, redetections : mapping of str to path
        What detectors find in the originals, and in the images of the method.
    out : path
        Columns: image_id, strength, status, ssim_inside, ssim_outside, mse_inside, mse_outside,
        mse_region (inside what the method had to change), unchanged_outside, gmsd_inside, and per
        detector ``clear_NAME`` (1 if it found the subject in the original), ``found_NAME`` (0 or 1)
        and ``extra_NAME`` (faces found besides the subject's). An image without output counts as
        not found; what cannot be measured on it is NaN. With `landmarks` also ``landmarks`` (its
        name), nme, nme_GROUP, yaw_error, pitch_error and roll_error: NaN where the face was not
        found in both images.
    landmarks : str
        The detector, one of those above, whose 468 landmarks are compared; empty for none.
    """
    found = {name: read_faces(path) for name, path in redetections.items()}
    written = []
    states = read_table(ledger)
    references = read_references(subjects, detections, landmarks, set(states["image_id"]))
    with ArchiveReader(originals) as before, ArchiveReader(archive) as after:
        cached: tuple[str, Pixels | None] = ("", None)
        order = states.sort_values(["image_id"], kind="stable")
        for row in progress(list(rows(order)), "utility"):
            if cached[0] != row.image_id:
                cached = (
                    row.image_id,
                    before.read(row.image_id) if row.image_id in before else None,
                )
            name = member(row.strength, row.image_id)
            result = after.read(name) if name in after else None
            faces = {detector: table.get(name, []) for detector, table in found.items()}
            written.append(_row(row, cached[1], result, references[row.image_id], faces))
    columns = ["image_id", "strength", "status", *MEASURES]
    columns += [f"{kind}_{name}" for name in found for kind in ("clear", "found", "extra")]
    columns += ["landmarks", *SHAPE] if landmarks else []
    write_table(pd.DataFrame(written, columns=columns), out)


def _row(
    state: Any,
    before: Pixels | None,
    after: Pixels | None,
    reference: Reference,
    found: Mapping[str, Sequence[Face]],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image_id": state.image_id, "strength": state.strength, "status": state.status,
        "landmarks": reference.landmarks,
        **{f"clear_{name}": float(name in reference.own) for name in found},
        **dict.fromkeys(SHAPE, float("nan")),
    }  # fmt: skip
    if before is None or after is None:
        return row | dict.fromkeys((f"found_{name}" for name in found), 0.0)
    row |= similarity(before, after, reference.subject, regions_of(state.regions))
    row |= detection_change(reference, found)
    if reference.landmarks:
        row |= shape_change(reference, found[reference.landmarks])
    return row


def regions_of(flat: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Return the (left, top, right, bottom) boxes that a ledger's `regions` column holds flat."""
    values = [int(v) for v in flat]
    return [
        (values[k], values[k + 1], values[k + 2], values[k + 3]) for k in range(0, len(values), 4)
    ]
