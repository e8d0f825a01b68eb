"""What transforms are trained on: faces with surroundings, whose they are, and expressions."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._modifier_crop import crop, shown
from anonbench.anonymisers._window import Window
from anonbench.expressions import EXPRESSIONS
from anonbench.io import ArchiveReader, read_table, write_table
from anonbench.progress import LOGGER, progress
from anonbench.region_finder import read_subject_faces
from anonbench.training.adversarial_settings import ENLARGED, room
from anonbench.training.stored_crops import stored_crops
from anonbench.types import Face


def adversarial_crop_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    subjects: Path | str,
    detections: Path | str,
    size: int,
    crops: Path | str,
    labels: Path | str,
) -> None:
    """Cut the subjects' faces, their boxes enlarged, out of all images with an expression.

    Parameters
    ----------
    archive, manifest, subjects : path
        Images, labels and the subjects' boxes, as ingest and locate wrote them.
    detections : path
        Faces by the detector whose boxes are enlarged.
    size : int
        Width and height in pixels of what a transform sees.
    crops : path
        To write: ``.npy`` of shape (N, width, width, 3), uint8; the width is that of `size` pixels
        and some `room` around.
    labels : path
        To write: image_id, subject and expression, one row a crop.

    Raises
    ------
    ValueError
        If no image has a face and an expression of the benchmark.
    """
    table = read_table(manifest).set_index("image_id")
    known = table[table["expression"].isin(EXPRESSIONS)]
    faces = read_subject_faces(detections, subjects)
    found = {
        name: _window(name, faces[name], (height, width))
        for name, height, width in zip(known.index, known["height"], known["width"], strict=True)
        if name in faces
    }
    windows = {name: window for name, window in found.items() if window is not None}
    if not windows:
        raise ValueError(f"{detections}: no face with an expression to train on")
    LOGGER.info("%d of %d images have a face to train on", len(windows), len(table))
    side = size + 2 * room(size)
    with stored_crops(crops, len(windows), side, side) as stored, ArchiveReader(archive) as images:
        for n, (name, window) in enumerate(progress(list(windows.items()), "crops")):
            stored[n] = crop(images.read(name), window, size, room(size))
    chosen = table.loc[list(windows), ["subject", "expression"]]
    write_table(pd.DataFrame(chosen).reset_index(), labels)


def _window(name: str, face: Face, shape: tuple[int, int]) -> Window | None:
    """Return what is shown of an image; None where its face is none."""
    try:
        return shown(face.box, ENLARGED, shape)
    except DegenerateFaceError as error:
        LOGGER.info("%s is left out: %s", name, error)
        return None
