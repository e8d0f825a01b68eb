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

from anonbench.detect import read_faces
from anonbench.io import ArchiveReader, member, read_table, rows, write_table
from anonbench.ledger import Status
from anonbench.progress import progress
from anonbench.subjects import match
from anonbench.types import Box, Pixels

DETECTED_IOU = 0.5
"""A face counts as still found if a detection overlaps the detector's own box on the original
at least so much (the usual bound of detection benchmarks)."""

SSIM_WINDOW = 7
"""Side of the square in which the structural similarity of a pixel is taken."""

MEASURES = (
    "ssim_inside", "ssim_outside", "mse_inside", "mse_outside", "mse_region", "unchanged_outside",
)  # fmt: skip
"""What `similarity` returns, and columns of the table even if no image could be measured."""

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
    redetections: Mapping[str, Path | str],
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
    detections, redetections : mapping of str to path
        What detectors find in the originals, and in the images of the method.
    out : path
        Columns: image_id, strength, status, ssim_inside, ssim_outside, mse_inside, mse_outside,
        mse_region (inside what the method had to change), unchanged_outside, and per detector
        ``found_NAME`` (0 or 1) and ``extra_NAME`` (faces found besides the subject's). An image
        without output counts as not found; what cannot be measured on it is NaN.
    """
    found = {name: read_faces(path) for name, path in redetections.items()}
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
            boxes = {d: [f.box for f in faces.get(name, [])] for d, faces in found.items()}
            written.append(_row(row, cached[1], result, references[row.image_id], boxes))
    columns = ["image_id", "strength", "status", *MEASURES]
    columns += [f"{kind}_{name}" for name in found for kind in ("found", "extra")]
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
    found: Mapping[str, Sequence[Box]],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "image_id": state.image_id, "strength": state.strength, "status": state.status,
    }  # fmt: skip
    if before is None or after is None:
        row |= dict.fromkeys((f"found_{name}" for name in found), 0.0)
        return row
    row |= similarity(before, after, reference.subject, regions_of(state.regions))
    for name, boxes in found.items():
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
    red, green, blue = cv2.split(cv2.absdiff(before, after).astype(np.float32))
    error = (red * red + green * green + blue * blue) / 3
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
    """Return the SSIM of the luma at every pixel as scikit-image does, in a fifth of its time.

    Uniform window, sample covariances, borders reflected; NaN for images below the window's size.
    """
    if min(before.shape[:2]) < SSIM_WINDOW:
        return np.full(before.shape[:2], np.nan, np.float32)
    first, second = (cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in (before, after))
    x, y = first.astype(np.int32), second.astype(np.int32)
    mean_x, mean_y, xx, yy, xy = map(_window_mean, (x, y, x * x, y * y, x * y))
    unbiased = SSIM_WINDOW**2 / (SSIM_WINDOW**2 - 1)
    products, squares = mean_x * mean_y, mean_x**2 + mean_y**2
    covariance, variances = unbiased * (xy - products), unbiased * (xx + yy - squares)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ssim = (2 * products + c1) * (2 * covariance + c2) / ((squares + c1) * (variances + c2))
    return np.asarray(ssim, np.float32)


def _window_mean(values: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return the mean around every pixel; sums of whole numbers are exact."""
    window = (SSIM_WINDOW, SSIM_WINDOW)
    sums = cv2.boxFilter(values, cv2.CV_32S, window, normalize=False, borderType=cv2.BORDER_REFLECT)
    return np.asarray(sums / SSIM_WINDOW**2, np.float64)
