"""Whose face it is: choice, match, and the table of subjects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbench import detectors
from anonbench.detect import SCHEMA, face_row, read_faces, table_of
from anonbench.detectors import DetectorPlugin, Info
from anonbench.drawn import draw_face
from anonbench.io import ArchiveWriter, read_table, write_table
from anonbench.overlap import MINIMUM_IOU, match
from anonbench.subjects import choose, subject_files
from anonbench.types import Box, Face, Pixels


def face(*box: float) -> Face:
    return Face(Box(*box))


def test_largest_or_central_by_hand() -> None:
    faces = [face(40, 40, 60, 60), face(0, 0, 30, 30), face(70, 70, 100, 100)]
    assert choose(faces, "central", 100, 100) == 0
    assert choose(faces, "largest", 100, 100) == 1, "the first of equally large ones"
    assert choose(faces[1:], "central", 100, 100) == 0, "the first of equally central ones"
    assert choose(faces, "central", 300, 300) == 2


def test_match_needs_enough_overlap() -> None:
    subject = Box(0, 0, 10, 10)
    assert match([], subject) is None
    assert match([face(20, 0, 30, 10)], subject) is None
    # 10 x w of 100 shared: iou = w / 10 for a box of the same height inside the subject's.
    assert match([face(0, 0, 10 * MINIMUM_IOU, 10)], subject) == 0
    assert match([face(0, 0, 10 * MINIMUM_IOU - 0.1, 10)], subject) is None
    assert match([face(0, 0, 4, 10), face(0, 0, 9, 10), face(0, 0, 5, 10)], subject) == 1


MANIFEST = pd.DataFrame({
    "image_id": ["a", "b", "c", "d"], "status": ["ok", "ok", "ok", "unreadable"],
    "width": [384, 384, 192, 0], "height": [192, 192, 192, 0],
})  # fmt: skip


def write_inputs(folder: Path) -> dict[str, Path]:
    """Two people side by side, the second nearer to the middle; and an empty picture."""
    both = np.concatenate([draw_face(0, 0), draw_face(1, 0)], axis=1)
    with ArchiveWriter(folder / "images.tar") as out:
        for name, pixels in (("a", both), ("b", both), ("c", np.zeros((192, 192, 3), np.uint8))):
            out.add(name, pixels)
    write_table(MANIFEST, folder / "manifest.parquet")
    first = [face_row("a", 0, face(20, 40, 140, 170)), face_row("a", 1, face(230, 60, 320, 150))]
    second = [face_row("b", 0, face(46, 66, 136, 157)), face_row("a", 0, face(0, 0, 5, 5))]
    tables = {"first": folder / "first.parquet", "second": folder / "second.parquet"}
    write_table(table_of(first), tables["first"])
    write_table(table_of(second), tables["second"])
    return tables


@pytest.mark.parametrize(("policy", "left"), [("largest", 20), ("central", 230)])
def test_table_names_one_face_an_image_and_why_there_is_none(
    policy: str, left: float, tmp_path: Path
) -> None:
    tables = write_inputs(tmp_path)
    subject_files(
        archive=tmp_path / "images.tar", manifest=tmp_path / "manifest.parquet",
        order=list(tables), detections=tables, options={},
        policy=policy, out=tmp_path / "out.parquet",  # type: ignore[arg-type]
    )  # fmt: skip
    table = read_table(tmp_path / "out.parquet").set_index("image_id")
    assert table["status"].to_dict() == {"a": "ok", "b": "ok", "c": "no_face", "d": "unreadable"}
    assert table["detector"].to_dict() == {"a": "first", "b": "second", "c": "", "d": ""}
    assert table["n_faces"].to_dict() == {"a": 2, "b": 1, "c": 0, "d": 0}
    assert table.loc["a", "left"] == left
    assert table.loc["c", ["left", "top", "right", "bottom"]].isna().all(), "no box, not zeros"
    assert [len(p) for p in table["points"]] == [10, 10, 0, 0]
    points = np.array(table.loc["b", "points"]).reshape(5, 2)
    assert (points > (46, 66)).all() and (points < (136, 157)).all(), "landmarks lie in the box"


def test_detector_without_a_table_is_asked_where_those_before_found_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    class Counting:
        def detect(self, pixels: Pixels) -> list[Face]:
            asked.append(pixels.shape)
            return [face(1, 2, 90, 95)]

    plugin = DetectorPlugin(Info("counting", ""), lambda minimum: Counting())
    monkeypatch.setattr(detectors, "get", {"counting": plugin}.__getitem__)
    tables = write_inputs(tmp_path)
    subject_files(
        archive=tmp_path / "images.tar", manifest=tmp_path / "manifest.parquet",
        order=["first", "counting", "second"], detections=tables,
        options={"counting": {"minimum": 3}}, policy="largest", out=tmp_path / "out.parquet",
    )  # fmt: skip
    table = read_table(tmp_path / "out.parquet").set_index("image_id")
    assert table["detector"].to_dict() == {"a": "first", "b": "counting", "c": "counting", "d": ""}
    assert asked == [(192, 384, 3), (192, 192, 3)], "neither a, which has a face, nor d"


def test_empty_detection_table_keeps_columns_and_types(tmp_path: Path) -> None:
    write_table(table_of([]), tmp_path / "a.parquet")
    table = read_table(tmp_path / "a.parquet")
    assert list(table.columns) == list(SCHEMA) and table["left"].dtype == np.float64
    assert read_faces(tmp_path / "a.parquet") == {}
