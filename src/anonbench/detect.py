"""Detection: every face of every image of an archive, once per detector."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd

from anonbench import detectors
from anonbench.io import (
    ArchiveReader,
    decode_png,
    original_of,
    read_table,
    rows,
    write_table,
)
from anonbench.parts import share
from anonbench.progress import progress
from anonbench.types import Box, Face

SCHEMA = {
    "image_id": "str", "face": "int64", "left": "float64", "top": "float64", "right": "float64",
    "bottom": "float64", "score": "float64", "points": "object", "eyes": "object",
    "eyes_glasses": "object",
}  # fmt: skip
"""Columns of a detection table; `points` (float32), `eyes`, `eyes_glasses` are flat lists."""


def detect_files(
    *,
    archive: Path | str,
    detector: str,
    options: Mapping[str, Any],
    out: Path | str,
    boxes_only: bool = False,
    originals: Path | str | None = None,
    known: Path | str | None = None,
    part: str | None = None,
) -> None:
    """Run one detector over an archive and write its detection table.

    Parameters
    ----------
    archive : path
        Images as ingest packed them, or those of a method; then the table's `image_id` is the
        name of the archive's member, strength and image.
    detector : str
        A name of `anonbench.detectors`.
    options : mapping
        Its options.
    out : path
        Detection table, one row per face, in archive order.
    boxes_only : bool
        Whether landmarks and eyes are not needed; they are left out.
    originals, known : path, optional
        Images as ingest packed them, and this detector's table on them: an image that a method
        left as it was has its original's faces.
    part : str, optional
        The part of the archive's images to look at, see `anonbench.parts`; all without.
    """
    plugin = detectors.get(detector)
    model = plugin.build({**(plugin.info.boxes_only if boxes_only else {}), **options})
    found: list[dict[str, Any]] = []
    with ExitStack() as files:
        images = files.enter_context(ArchiveReader(archive))
        names = share(images.names(), part)
        unchanged = files.enter_context(_Known(originals, known, boxes_only, names))
        for name in progress(names, f"detect {detector}"):
            data = images.read_encoded(name)
            faces = unchanged.faces(name, data)
            if faces is None:
                pixels = decode_png(data, f"{archive}: {name}")
                # A fully black image holds no face: nothing to ask a detector.
                faces = model.detect(pixels) if pixels.any() else []
                faces = [_bare(face) for face in faces] if boxes_only else faces
            found.extend(face_row(name, k, face) for k, face in enumerate(faces))
    write_table(table_of(found), out, coordinates="points")


def _bare(face: Face) -> Face:
    return Face(face.box, face.score)


class _Known:
    """The faces of originals, for images that are the same file to the bit."""

    def __init__(
        self,
        originals: Path | str | None,
        table: Path | str | None,
        boxes_only: bool,
        names: Sequence[str],
    ) -> None:
        self._images = ArchiveReader(originals) if originals and table else None
        found = read_faces(table, set(map(original_of, names))) if table else {}
        self._faces = {
            image_id: [_bare(face) for face in faces] if boxes_only else faces
            for image_id, faces in found.items()
        }

    def faces(self, name: str, data: bytes) -> list[Face] | None:
        """Return the faces of an unchanged image by its member's name; None if it has changed."""
        image_id = original_of(name)
        if self._images is None or image_id not in self._images:
            return None
        unchanged = self._images.read_encoded(image_id) == data
        return self._faces.get(image_id, []) if unchanged else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._images is not None:
            self._images.__exit__(*error)


def table_of(faces: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return a detection table with the right columns and types, also where it has no rows."""
    return pd.DataFrame(list(faces), columns=list(SCHEMA)).astype(SCHEMA)


def face_row(image_id: str, index: int, face: Face) -> dict[str, Any]:
    """Return the table row of a face."""
    return {
        "image_id": image_id,
        "face": index,
        **face.box._asdict(),
        "score": face.score,
        "points": face.points.astype(np.float32).ravel(),
        "eyes": [c for box in face.eyes for c in box],
        "eyes_glasses": [c for box in face.eyes_glasses for c in box],
    }


def read_faces(path: Path | str, only: Collection[str] | None = None) -> dict[str, list[Face]]:
    """Read a detection table into faces by image id, in the detector's order.

    With `only`, those of these images.
    """
    faces: dict[str, list[Face]] = {}
    for row in rows(read_table(path, only)):
        face = Face(
            Box(row.left, row.top, row.right, row.bottom),
            row.score,
            np.asarray(row.points, np.float32).reshape(-1, 2),
            _boxes(row.eyes),
            _boxes(row.eyes_glasses),
        )
        faces.setdefault(row.image_id, []).append(face)
    return faces


def _boxes(flat: Any) -> tuple[Box, ...]:
    return tuple(Box(*map(float, flat[k : k + 4])) for k in range(0, len(flat), 4))
