"""What CIAGAN is trained on: faces as crops and their landmarks, in files to map into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from anonbench.anonymisers._ciagan_frame import (
    HEIGHT,
    WIDTH,
    Frame,
    IntPoints,
    crop,
    frame_of,
    in_crop,
)
from anonbench.anonymisers._ciagan_landmarks import SCHEMES, Scheme
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.io import ArchiveReader, atomic, read_table, write_table
from anonbench.progress import LOGGER, progress
from anonbench.region_finder import read_subject_faces
from anonbench.training.stored_crops import stored_crops
from anonbench.types import Face


def ciagan_crop_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    subjects: Path | str,
    detections: Path | str,
    landmarks: str,
    crops: Path | str,
    points: Path | str,
    labels: Path | str,
) -> None:
    """Cut the subjects' faces out of all images.

    Parameters
    ----------
    archive, manifest, subjects : path
        Images, labels and the subjects' boxes, as ingest and locate wrote them.
    detections : path
        Faces by the detector of the landmarks.
    landmarks : str
        A key of `SCHEMES`.
    crops : path
        To write: ``.npy`` of shape (N, 218, 178, 3), uint8.
    points : path
        To write: ``.npy`` of shape (N, K, 2), int32, whole pixels of the crop.
    labels : path
        To write: image_id and subject, one row a crop.

    Raises
    ------
    ValueError
        If no image has a face with these landmarks.
    """
    scheme = SCHEMES[landmarks]
    table = read_table(manifest).set_index("image_id")
    faces = read_subject_faces(detections, subjects)
    framed = {}
    for image_id in table.index:
        placed = _placed(faces[image_id], scheme) if image_id in faces else None
        if placed:
            framed[image_id] = placed
    if not framed:
        raise ValueError(f"{detections}: no face with {scheme.points} landmarks to train on")
    LOGGER.info("%d of %d images have a face to train on", len(framed), len(table))
    with (
        stored_crops(crops, len(framed), HEIGHT, WIDTH) as stored,
        ArchiveReader(archive) as images,
    ):
        places = np.zeros((len(framed), scheme.points, 2), np.int32)
        for n, (image_id, (frame, own)) in enumerate(progress(list(framed.items()), "crops")):
            stored[n], places[n] = crop(images.read(image_id), frame), in_crop(own, frame)
    with atomic(points) as partial, partial.open("wb") as file:
        np.save(file, places)
    chosen = table.loc[list(framed), ["subject"]]
    write_table(pd.DataFrame(chosen).reset_index(), labels)


def _placed(face: Face, scheme: Scheme) -> tuple[Frame, IntPoints] | None:
    if len(face.points) != scheme.points:
        return None
    points = face.points.astype(np.int64)
    try:
        return frame_of(points, scheme), points
    except DegenerateFaceError:
        return None
