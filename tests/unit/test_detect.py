"""Detection tables: one row a face, and faces come back as they were."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

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


def test_unchanged_image_has_the_faces_of_its_original(tmp_path: Path) -> None:
    faces = [draw_face(k, 0) for k in range(3)]
    changed = cv2.blur(faces[2], (3, 3))
    with ArchiveWriter(tmp_path / "originals.tar") as out:
        for name, pixels in zip(("a/1", "b", "c"), faces, strict=True):
            out.add(name, pixels)
    with ArchiveWriter(tmp_path / "results.tar") as out:
        for name, pixels in (("a/1", faces[0]), ("b", faces[1]), ("c", changed), ("d", faces[0])):
            out.add(f"5/{name}", pixels)
    # What the table says shows where a face comes from.
    known = [face_row("a/1", 0, Face(Box(1, 2, 3, 4), 0.5, np.ones((2, 2), np.float32)))]
    write_table(
        table_of([*known, face_row("c", 0, Face(Box(1, 2, 3, 4)))]), tmp_path / "known.parquet"
    )
    settings = {"archive": tmp_path / "results.tar", "detector": "haar", "options": {}}
    detect_files(
        **settings, boxes_only=True, originals=tmp_path / "originals.tar",
        known=tmp_path / "known.parquet", out=tmp_path / "out.parquet",
    )  # fmt: skip
    detect_files(**settings, boxes_only=True, out=tmp_path / "anew.parquet")
    found, anew = read_faces(tmp_path / "out.parquet"), read_faces(tmp_path / "anew.parquet")
    assert found["5/a/1"][0].box == Box(1, 2, 3, 4) and found["5/a/1"][0].points.size == 0
    assert "5/b" not in found, "nothing was found in its original"
    assert "5/b" in anew
    for name in ("5/c", "5/d"):
        assert [f.box for f in found[name]] == [f.box for f in anew[name]] != []


@pytest.mark.parametrize("boxes_only", [False, True])
def test_landmarks_are_kept_unless_only_boxes_are_wanted(tmp_path: Path, boxes_only: bool) -> None:
    """Those of an unchanged image are its original's to the bit."""
    faces = [draw_face(k, 0) for k in range(2)]
    with ArchiveWriter(tmp_path / "originals.tar") as out:
        for name, pixels in zip("ab", faces, strict=True):
            out.add(name, pixels)
    with ArchiveWriter(tmp_path / "results.tar") as out:
        out.add("5/a", faces[0])
        out.add("5/b", np.ascontiguousarray(faces[1][:, ::-1]))
    settings = {"detector": "dlib_hog", "options": {}}
    detect_files(archive=tmp_path / "originals.tar", **settings, out=tmp_path / "known.parquet")
    detect_files(
        archive=tmp_path / "results.tar", **settings, boxes_only=boxes_only,
        originals=tmp_path / "originals.tar", known=tmp_path / "known.parquet",
        out=tmp_path / "out.parquet",
    )  # fmt: skip
    known, found = read_faces(tmp_path / "known.parquet"), read_faces(tmp_path / "out.parquet")
    assert known["a"][0].points.shape == known["b"][0].points.shape == (68, 2)
    if boxes_only:
        assert all(f.points.shape == (0, 2) for faces in found.values() for f in faces)
    else:
        np.testing.assert_array_equal(found["5/a"][0].points, known["a"][0].points)
        assert found["5/b"][0].points.shape == (68, 2)
        column = pq.read_schema(tmp_path / "out.parquet").field("points").type
        assert str(column.value_type) == "float", "float64 would be twice as large"
    assert found["5/a"][0].box == known["a"][0].box


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
