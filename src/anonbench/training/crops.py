"""Training crops: the faces of a data set and their expressions, in a file to map into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from anonbench.expressions import EXPRESSIONS
from anonbench.expressions._crops import Crops
from anonbench.io import ArchiveReader, read_table, rows, write_table
from anonbench.ledger import Status
from anonbench.progress import LOGGER, progress
from anonbench.training.settings import Training
from anonbench.training.stored_crops import stored_crops
from anonbench.types import Box, Pixels

MARGIN = 1.4
"""Stored crops are so many times as wide as the network's input, so that an augmentation that turns
or shifts a face finds the picture beyond the edge."""


def stored_size(settings: Training) -> int:
    """Return the width of a stored crop; a picture that is the crop has nothing beyond it."""
    if settings.crop != "landmarks":
        return settings.size
    return 2 * round(settings.size * MARGIN / 2)


def stored_padding(settings: Training) -> float:
    """Return the padding at which the middle of a stored crop is what the network sees."""
    wider = stored_size(settings) / settings.size
    return (wider * (1 + 2 * settings.padding) - 1) / 2


def crop_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    subjects: Path | str,
    settings: Training,
    crops: Path | str,
    labels: Path | str,
) -> None:
    """Cut the subjects' faces out of all labelled images.

    Parameters
    ----------
    archive, manifest, subjects : path
        Images, labels and the subject's face, as ingest and locate wrote them.
    settings : Training
        How to crop.
    crops : path
        To write: ``.npy`` of shape (N, width, width, 3), uint8.
    labels : path
        To write: image_id, subject, expression, one row a crop.

    Raises
    ------
    ValueError
        If there is no image with an expression of the benchmark.
    """
    manifest_table = read_table(manifest).set_index("image_id")
    known = manifest_table["expression"].isin(EXPRESSIONS) & (manifest_table["status"] == Status.OK)
    located = read_table(subjects)
    located = located[located["image_id"].map(known).fillna(False).astype(bool)]
    if settings.crop != "image":
        located = located[located["status"] == Status.OK]
    if located.empty:
        raise ValueError(
            f"{manifest}: no image with one of the expressions {', '.join(EXPRESSIONS)}"
        )
    lost = int(known.sum()) - len(located)
    if lost:
        LOGGER.info("%d labelled images are left out: no face was found", lost)
    width = stored_size(settings)
    cutter = Crops(width, settings.crop, stored_padding(settings))
    with (
        stored_crops(crops, len(located), width, width) as stored,
        ArchiveReader(archive) as images,
    ):
        for n, row in enumerate(progress(list(rows(located)), "crops")):
            stored[n] = _crop(cutter, images.read(row.image_id), row)
    chosen = manifest_table.loc[located["image_id"], ["subject", "expression"]]
    write_table(pd.DataFrame(chosen).reset_index(), labels)


def _crop(cutter: Crops, pixels: Pixels, row: object) -> Pixels:
    values = {k: getattr(row, k) for k in ("left", "top", "right", "bottom", "points", "status")}
    if values["status"] != Status.OK:
        return cutter.crop(pixels, None, None)
    box = Box(values["left"], values["top"], values["right"], values["bottom"])
    points = np.asarray(values["points"], np.float32).reshape(-1, 2)
    return cutter.crop(pixels, box, points)
