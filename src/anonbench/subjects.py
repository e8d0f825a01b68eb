"""Which face of an image is the labelled subject's, and where its landmarks are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

import dlib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench import detectors
from anonbench.detect import read_faces
from anonbench.detectors import Detector
from anonbench.dlib_files import weight_file
from anonbench.io import ArchiveReader, read_table, rows, write_table
from anonbench.ledger import Status
from anonbench.types import Box, Face, Pixels


def choose(
    faces: Sequence[Face], policy: Literal["largest", "central"], width: int, height: int
) -> int:
    """Return the index of the subject's face among `faces`, which must not be empty.

    Parameters
    ----------
    faces : sequence of Face
        All faces of an image.
    policy : {"largest", "central"}
        The largest box, or the box whose centre is nearest to the image's.
    width, height : int
        Size of the image in pixels.
    """
    if policy == "largest":
        return max(range(len(faces)), key=lambda k: (faces[k].box.area, -k))
    return min(range(len(faces)), key=lambda k: (_off_centre(faces[k].box, width, height), k))


def _off_centre(box: Box, width: int, height: int) -> float:
    x, y = box.centre
    return float(np.hypot(x - width / 2, y - height / 2))


def subject_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    order: Sequence[str],
    detections: Mapping[str, Path | str],
    options: Mapping[str, Mapping[str, Any]],
    policy: Literal["largest", "central"],
    out: Path | str,
) -> None:
    """Choose the subject's face in every image and write the subject table.

    Parameters
    ----------
    archive, manifest : path
        As ingest wrote them.
    order : sequence of str
        Detectors in order of preference: an image's subject comes from the first one that finds
        any face in it.
    detections : mapping of str to path
        Detection tables by detector. A detector of `order` that has none is asked only about
        images in which those before it found nothing.
    options : mapping
        Options of such detectors.
    policy : {"largest", "central"}
        Which of several faces is the subject's.
    out : path
        Table with a row per image: image_id, status (ok or no_face, or the state of an image that
        ingest could not use), detector, left, top, right, bottom, n_faces, and `points`: the five
        landmarks of dlib's small predictor, by which the recogniser aligns.
    """
    tables = {name: read_faces(path) for name, path in detections.items()}
    finders = [(n, _finder(n, tables.get(n), options.get(n, {}))) for n in order]
    predictor = dlib.shape_predictor(str(weight_file("shape_predictor_5_face_landmarks.dat")))
    written = []
    with ArchiveReader(archive) as images:
        for record in rows(read_table(manifest)):
            row: dict[str, Any] = {"image_id": record.image_id, "status": record.status}
            if record.status == Status.OK:
                pixels = images.read(record.image_id)
                detector, faces = _first(finders, record.image_id, pixels)
                row["status"] = str(Status.OK if faces else Status.NO_FACE)
            if row["status"] == Status.OK:
                box = faces[choose(faces, policy, record.width, record.height)].box
                points = five_points(predictor, pixels, box)
                row |= {"detector": detector, **box._asdict(), "n_faces": len(faces)}
                row["points"] = points.ravel().tolist()
            written.append(row)
    write_table(_table(written), out)


Finder = Callable[[str, Pixels], Sequence[Face]]
"""Image id and pixels -> faces."""


def _finder(
    detector: str, table: Mapping[str, Sequence[Face]] | None, options: Mapping[str, Any]
) -> Finder:
    """Return what looks faces up in a detector's table or, without one, asks the detector."""
    if table is not None:
        return lambda image_id, _: table.get(image_id, [])

    @cache
    def model() -> Detector:
        return detectors.get(detector).build(options)

    return lambda _, pixels: model().detect(pixels)


def _first(
    finders: Sequence[tuple[str, Finder]], image_id: str, pixels: Pixels
) -> tuple[str, Sequence[Face]]:
    """Return the first detector that finds any face, and what it finds."""
    tried = ((name, find(image_id, pixels)) for name, find in finders)
    return next(((name, faces) for name, faces in tried if faces), ("", []))


def _table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    columns = [
        "image_id",
        "status",
        "detector",
        "left",
        "top",
        "right",
        "bottom",
        "n_faces",
        "points",
    ]
    table = pd.DataFrame(rows, columns=columns)
    table["detector"] = table["detector"].fillna("").astype(str)
    table["n_faces"] = table["n_faces"].fillna(0).astype("int64")
    table["points"] = [p if isinstance(p, list) else [] for p in table["points"]]
    return table.astype(dict.fromkeys(("left", "top", "right", "bottom"), "float64"))


def five_points(predictor: Any, pixels: Pixels, box: Box) -> NDArray[np.float32]:
    """Return the five landmarks (5, 2) of dlib's small predictor in a box."""
    left, top, right, bottom = (round(v) for v in box)
    shape = predictor(pixels, dlib.rectangle(left, top, right - 1, bottom - 1))
    return np.array([(p.x, p.y) for p in shape.parts()], np.float32)
