"""Detection tables: one row a face, and faces come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anonbench.detect import SCHEMA, detect_files, face_row, read_faces, table_of
from anonbench.drawn import draw_face
from anonbench.io import ArchiveWriter, read_table, write_table
from anonbench.types import Box, Face


def test_faces_come_back_with_eyes_and_landmarks(tmp_path: Path) -> None:
    points = np.array([[1.5, 2.5], [3, 4]], np.float32)
    face = Face(Box(1, 2, 30.5, 40), 0.75, points, (Box(3, 4, 5, 6), Box(7, 8, 9, 10)), ())
    write_table(table_of([face_row("x", 0, face), face_row("x", 1, Face(Box(0, 0, 1, 1)))]),
                tmp_path / "a.parquet")  # fmt: skip
    first, second = read_faces(tmp_path / "a.parquet")["x"]
    assert (first.box, first.score, first.eyes, first.eyes_glasses) == (
        face.box, 0.75, face.eyes, (),
    )  # fmt: skip
    np.testing.assert_array_equal(first.points, points)
    assert np.isnan(second.score) and second.points.shape == (0, 2)


def test_every_face_of_every_image_is_written_in_archive_order(tmp_path: Path) -> None:
    both = np.concatenate([draw_face(0, 0), draw_face(1, 0)], axis=1)
    with ArchiveWriter(tmp_path / "a.tar") as out:
        for name, pixels in (("z", both), ("none", np.zeros_like(both)), ("a", draw_face(2, 0))):
            out.add(name, pixels)
    for name in ("one", "two"):
        detect_files(
            archive=tmp_path / "a.tar",
            detector="haar",
            options={},
            out=tmp_path / f"{name}.parquet",
        )
    table = read_table(tmp_path / "one.parquet")
    assert list(table.columns) == list(SCHEMA)
    assert table["image_id"].tolist() == ["z", "z", "a"] and table["face"].tolist() == [0, 1, 0]
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
