"""What is left of the picture's use: is the face still found, how much of the image is kept.

The same pass finds leaks: outputs that are, inside the area a method had to change, identical or
nearly identical to their original.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from anonbench import detectors
from anonbench.detect import read_faces
from anonbench.detectors import Detector
from anonbench.io import ArchiveReader, member, read_table, rows, write_table
from anonbench.ledger import Status
from anonbench.progress import progress
from anonbench.subjects import match
from anonbench.types import Box, Pixels

DETECTED_IOU = 0.5
"""A face counts as still found if a detection overlaps the detector's own box on the original
at least so much (the usual bound of detection benchmarks)."""

MEASURES = (
    "ssim_inside", "ssim_outside", "mse_inside", "mse_outside", "mse_region", "unchanged_outside",
)  # fmt: skip
"""What `similarity` returns, and columns of the table even if no image could be measured."""

LEAN = {"haar": {"eyes": False}, "dlib_hog": {"landmarks": False}}
"""Options that spare a detector work whose result is not used here."""

_NAN = float("nan")


@dataclass(frozen=True)
class Reference:
    """What the originals say of an image: the subject's box, and his box by each detector."""

    subject: Box | None
    boxes: Mapping[str, Box | None]


def utility_files(
    *,
    originals: Path | str,
    archive: Path | str,
    ledger: Path | str,
    subjects: Path | str,
    detections: Mapping[str, Path | str],
    options: Mapping[str, Mapping[str, Any]],
    out: Path | str,
) -> None:
    """Compare all images of a method with their originals and write one row an image and strength.

    Parameters
    ----------
    originals : path
        Images as ingest packed them.
    archive, ledger : path
        Images of the method and what happened to each.
    subjects : path
        The subject's box in every original.
    detections : mapping of str to path
        Tables on the originals of the detectors to try on the results.
    options : mapping
        Options by detector.
    out : path
        Columns: image_id, strength, status, ssim_inside, ssim_outside, mse_inside, mse_outside,
        mse_region (inside what the method had to change), unchanged_outside, and per detector
        ``found_NAME`` (0 or 1) and ``extra_NAME`` (faces found besides the subject's). An image
        without output counts as not found; what cannot be measured on it is NaN.
    """
    models = {
        n: detectors.get(n).build({**LEAN.get(n, {}), **options.get(n, {})}) for n in detections
    }
    references = _references(subjects, detections)
    written = []
    states = read_table(ledger)
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
            written.append(_row(row, cached[1], result, references[row.image_id], models))
    columns = ["image_id", "strength", "status", *MEASURES]
    columns += [f"{kind}_{name}" for name in models for kind in ("found", "extra")]
    write_table(pd.DataFrame(written, columns=columns), out)


def _references(subjects: Path | str, detections: Mapping[str, Path | str]) -> dict[str, Reference]:
    found = {name: read_faces(path) for name, path in detections.items()}
    references = {}
    for row in rows(read_table(subjects)):
        box = Box(row.left, row.top, row.right, row.bottom) if row.status == Status.OK else None
        boxes: dict[str, Box | None] = {}
        for name, faces in found.items():
            own = faces.get(row.image_id, [])
            index = match(own, box) if box else None
            boxes[name] = box if index is None else own[index].box
        references[row.image_id] = Reference(box, boxes)
    return references


def _row(
    state: Any,
    before: Pixels | None,
    after: Pixels | None,
    reference: Reference,
    models: Mapping[str, Detector],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image_id": state.image_id, "strength": state.strength, "status": state.status,
    }  # fmt: skip
    if before is None or after is None:
        row |= dict.fromkeys((f"found_{name}" for name in models), 0.0)
        return row
    row |= similarity(before, after, reference.subject, regions_of(state.regions))
    for name, model in models.items():
        # A fully black image holds no face: nothing to ask a detector.
        boxes = [f.box for f in model.detect(after)] if after.any() else []
        target = reference.boxes[name]
        hits = [target is not None and b.iou(target) >= DETECTED_IOU for b in boxes]
        row[f"found_{name}"] = float(any(hits))
        row[f"extra_{name}"] = float(len(boxes) - sum(hits))
    return row


def regions_of(flat: Sequence[int]) -> list[tuple[int, int, int, int]]:
    """Return the (left, top, right, bottom) boxes that a ledger's `regions` column holds flat."""
    values = [int(v) for v in flat]
    return [
        (values[k], values[k + 1], values[k + 2], values[k + 3]) for k in range(0, len(values), 4)
    ]


def similarity(
    before: Pixels,
    after: Pixels,
    subject: Box | None,
    regions: Sequence[tuple[int, int, int, int]],
) -> dict[str, float]:
    """Compare an image with its original inside and outside the face.

    Parameters
    ----------
    before, after : ndarray of shape (height, width, 3), uint8
        Original and result.
    subject : Box or None
        The subject's face; None if it is not known.
    regions : sequence of (left, top, right, bottom)
        What the method had to change; empty for the whole image.

    Returns
    -------
    dict of str to float
        ``ssim_*``: structural similarity of the luma, -1..1 (Wang et al. 2004, window 7), averaged
        inside and outside the subject's box. ``mse_*``: mean squared error of RGB, 0..65025.
        ``unchanged_outside``: 1 if every pixel outside the regions is the same to the bit. NaN
        where there is no such area.
    """
    inside = np.zeros(before.shape[:2], bool)
    if subject is not None:
        left, top, right, bottom = subject.clip(before.shape[1], before.shape[0])
        inside[top:bottom, left:right] = True
    changed = np.full(before.shape[:2], not regions)
    for left, top, right, bottom in regions:
        changed[top:bottom, left:right] = True
    error = ((before.astype(np.float32) - after) ** 2).mean(axis=2)
    known = subject is not None
    ssim = _ssim(before, after)
    return {
        "ssim_inside": _mean(ssim, inside),
        "ssim_outside": _mean(ssim, ~inside) if known else _NAN,
        "mse_inside": _mean(error, inside),
        "mse_outside": _mean(error, ~inside) if known else _NAN,
        "mse_region": _mean(error, changed),
        "unchanged_outside": _NAN if changed.all() else float(not error[~changed].any()),
    }


def _mean(values: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    return float(values[mask].mean(dtype=np.float64)) if mask.any() else _NAN


def _ssim(before: Pixels, after: Pixels) -> NDArray[np.float32]:
    if min(before.shape[:2]) < 7:
        return np.full(before.shape[:2], np.nan, np.float32)
    first, second = (cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in (before, after))
    _, full = structural_similarity(first, second, data_range=255, full=True)
    return np.asarray(full, np.float32)
