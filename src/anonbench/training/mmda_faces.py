"""What MMDA's subspaces are learnt from: faces warped to their mean shape, and their shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from anonbench.anonymisers._face_frame import Points, as_pixels, checked
from anonbench.anonymisers._mmda_face import FaceCode, frame_for
from anonbench.io import ArchiveReader, atomic, read_table, write_table
from anonbench.progress import LOGGER, progress
from anonbench.region_finder import read_subject_faces
from anonbench.training.stored_crops import stored_crops

LABELS = ["subject", "expression", "gender", "age", "ethnicity"]


def mmda_face_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    subjects: Path | str,
    detections: Path | str,
    width: int,
    textures: Path | str,
    shapes: Path | str,
    labels: Path | str,
) -> None:
    """Warp the subjects' faces of all images to their mean shape.

    Parameters
    ----------
    archive, manifest, subjects : path
        Images, labels and the subjects' boxes, as ingest and locate wrote them.
    detections : path
        Faces by the detector of the landmarks.
    width : int
        Of the mean face's landmarks in pixels.
    textures : path
        To write: ``.npy`` of shape (N, height, width, 3), uint8, as the frame shows them.
    shapes : path
        To write: ``.npy`` of shape (1 + N, 68, 2), float64: the frame's landmarks, and each face's
        in the frame.
    labels : path
        To write: image_id and `LABELS`, one row a face.

    Raises
    ------
    ValueError
        If no image has a face whose landmarks enclose one.
    """
    table = read_table(manifest).set_index("image_id")
    points = _usable(detections, subjects)
    names = [name for name in table.index if name in points]
    if not names:
        raise ValueError(f"{detections}: no face to learn from")
    LOGGER.info("%d of %d images have a face to learn from", len(names), len(table))
    frame = frame_for([points[name] for name in names], width)
    code = FaceCode(frame, 1.0)
    found = [frame.points, *(code.shape(points[name]) for name in names)]
    with (
        stored_crops(textures, len(names), frame.height, frame.width) as stored,
        ArchiveReader(archive) as images,
    ):
        for n, name in enumerate(progress(names, "faces")):
            stored[n] = as_pixels(code.texture(images.read(name), points[name]))
    with atomic(shapes) as partial, partial.open("wb") as file:
        np.save(file, np.stack(found))
    write_table(pd.DataFrame(table.loc[names, LABELS]).reset_index(), labels)


def _usable(detections: Path | str, subjects: Path | str) -> dict[str, Points]:
    """Return the landmarks of all images whose subject's enclose a face."""
    usable = {}
    for name, face in read_subject_faces(detections, subjects).items():
        try:
            usable[name] = checked(face.points)
        except ValueError as error:
            LOGGER.warning("%s: not used, %s", name, error)
    return usable
