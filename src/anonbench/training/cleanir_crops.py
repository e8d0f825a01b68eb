"""What CLEANIR is trained on: faces as small crops, and who a recogniser takes them for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from anonbench import recognisers
from anonbench.anonymisers._cleanir_crop import SIZE, face_crop
from anonbench.io import ArchiveReader, atomic, read_table, write_table
from anonbench.progress import LOGGER, progress
from anonbench.region_finder import read_subject_faces
from anonbench.training.stored_crops import stored_crops

ROOM = 8
"""Pixels around a face that are stored, too, to move it by."""
WIDTH = SIZE + 2 * ROOM


def cleanir_crop_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    subjects: Path | str,
    detections: Path | str,
    recogniser: str,
    crops: Path | str,
    embeddings: Path | str,
    labels: Path | str,
) -> None:
    """Cut the subjects' faces out of all images, and embed them.

    Parameters
    ----------
    archive, manifest, subjects : path
        Images, labels and the subjects' boxes, as ingest and locate wrote them.
    detections : path
        Faces by the detector of the landmarks, whose bounding rectangle is a face.
    recogniser : str
        Who embeds, by its name in the registry.
    crops : path
        To write: ``.npy`` of shape (N, 80, 80, 3), uint8; a face fills the middle 64 x 64 pixels.
    embeddings : path
        To write: ``.npy`` of shape (N, D), float32.
    labels : path
        To write: image_id and subject, one row a crop.

    Raises
    ------
    ValueError
        If no image has a face.
    """
    table = read_table(manifest).set_index("image_id")
    faces = read_subject_faces(detections, subjects)
    names = [name for name in table.index if name in faces]
    if not names:
        raise ValueError(f"{detections}: no face to train on")
    LOGGER.info("%d of %d images have a face to train on", len(names), len(table))
    network = recognisers.get(recogniser).build({}, 1)
    vectors = []
    with (
        stored_crops(crops, len(names), WIDTH, WIDTH) as stored,
        ArchiveReader(archive) as images,
    ):
        for n, name in enumerate(progress(names, "crops")):
            pixels, face = images.read(name), faces[name]
            stored[n] = face_crop(pixels, face.points, ROOM)
            chip = network.align(pixels, network.landmarks(pixels, face))
            vectors.append(network.embed([chip])[0])
    with atomic(embeddings) as partial, partial.open("wb") as file:
        np.save(file, np.stack(vectors).astype(np.float32))
    write_table(pd.DataFrame(table.loc[names, ["subject"]]).reset_index(), labels)
