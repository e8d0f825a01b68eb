"""What DeepPrivacy is trained on: faces with some surroundings, their boxes and keypoints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench.anonymisers._deepprivacy_frame import KEYPOINTS, Frame, cut, frame_of
from anonbench.io import ArchiveReader, atomic, read_table, write_table
from anonbench.progress import LOGGER, progress
from anonbench.region_finder import read_subject_faces
from anonbench.training.stored_crops import stored_crops
from anonbench.types import Face

WIDTH = 160
"""Width and height of a stored crop in pixels."""
ROOM = 0.06
"""What a crop shows beyond the square that the network sees, on each side, as a share of it: a
moved box has a square of its own."""


def deepprivacy_crop_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    subjects: Path | str,
    detections: Path | str,
    crops: Path | str,
    places: Path | str,
    labels: Path | str,
) -> None:
    """Cut the subjects' faces out of all images.

    Parameters
    ----------
    archive, manifest, subjects : path
        Images, labels and the subjects' boxes, as ingest and locate wrote them.
    detections : path
        Faces by the detector of keypoints.
    crops : path
        To write: ``.npy`` of shape (N, 160, 160, 3), uint8.
    places : path
        To write: ``.npy`` of shape (N, 9, 2), float32: two corners of the box, then the keypoints;
        x and y in pixels of the crop.
    labels : path
        To write: image_id and subject, one row a crop.

    Raises
    ------
    ValueError
        If no image has a face with keypoints.
    """
    table = read_table(manifest).set_index("image_id")
    faces = read_subject_faces(detections, subjects)
    names = [n for n in table.index if n in faces and len(faces[n].points) == KEYPOINTS]
    if not names:
        raise ValueError(f"{detections}: no face with keypoints to train on")
    LOGGER.info("%d of %d images have a face to train on", len(names), len(table))
    where = []
    with (
        stored_crops(crops, len(names), WIDTH, WIDTH) as stored,
        ArchiveReader(archive) as images,
    ):
        for n, name in enumerate(progress(names, "crops")):
            pixels = images.read(name)
            wide = wider(frame_of(faces[name].box, pixels.shape[1], pixels.shape[0]))
            stored[n] = cut(pixels, wide, size=WIDTH)
            where.append(in_crop(faces[name], wide))
    with atomic(places) as partial, partial.open("wb") as file:
        np.save(file, np.stack(where))
    write_table(pd.DataFrame(table.loc[names, ["subject"]]).reset_index(), labels)


def wider(frame: Frame) -> Frame:
    """Return a frame that shows some more on every side."""
    left, top, right, bottom = frame.shown
    more = round(ROOM * frame.side)
    return frame._replace(shown=(left - more, top - more, right + more, bottom + more))


def in_crop(face: Face, frame: Frame) -> NDArray[np.float32]:
    """Return two corners of a face's box, and its keypoints, in pixels of the crop."""
    points = np.concatenate([np.reshape(face.box, (2, 2)), face.points]).astype(np.float64)
    found: NDArray[np.float64] = (points - frame.shown[:2]) * (WIDTH / frame.side)
    return found.astype(np.float32)
