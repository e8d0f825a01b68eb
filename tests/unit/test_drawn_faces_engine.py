"""Methods that draw faces, run by the engine: where one fails, the photo is black."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import made_ciagan
import made_cleanir
import made_deepprivacy
import made_mmda
import made_proxies
from anonbench.anonymise import anonymise_files
from anonbench.detect import face_row, table_of
from anonbench.io import ArchiveReader, ArchiveWriter, read_table, write_table
from anonbench.ledger import Status
from anonbench.types import Box, Face

BOX, ELSEWHERE = Box(50, 60, 150, 180), Box(5, 5, 30, 35)
IDS = ("anna/1.jpg", "anna/2.jpg", "bert/1.jpg", "bert/2.jpg")


def mesh_face(box: Box) -> Face:
    """Return a face with MediaPipe's landmarks."""
    return Face(box, points=made_proxies.mesh_in(box))


MAKERS = {
    "cleanir": ("dlib_hog", made_ciagan.face_in, made_cleanir.write_made),
    "deepprivacy": ("mediapipe_keypoints", made_deepprivacy.face_in, made_deepprivacy.write_made),
    "mmda": ("dlib_hog", made_ciagan.face_in, made_mmda.write_made),
    "proxy_face": ("mediapipe_mesh", mesh_face, made_proxies.write_made),
}
"""What a method needs: its detector, faces with its landmarks, and weights."""
ABOVE = {"mmda": 20}
"""Up to which row of pixels nothing changes; MMDA draws the forehead as well."""
STRENGTHS = {"cleanir": (90.0,), "mmda": (2,), "proxy_face": (1,)}


@pytest.fixture(params=MAKERS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Return the method's faces, and what runs it on some: its archive and ledger by image."""
    detector, face_in, write = MAKERS[request.param]
    found_by = tmp_path / f"{detector}.parquet"
    weights = write(tmp_path / "made.safetensors")
    with ArchiveWriter(tmp_path / "images.tar") as archive:
        for k, name in enumerate(IDS):
            noise = np.random.default_rng(k).integers(20, 200, (220, 200, 3))
            archive.add(name, noise.astype(np.uint8))
    table = pd.DataFrame({"image_id": IDS, "status": "ok", "detail": ""})
    table["subject"] = [name.split("/")[0] for name in IDS]
    write_table(table, tmp_path / "manifest.parquet")
    boxes = [{"image_id": name, "status": "ok", **BOX._asdict()} for name in IDS]
    write_table(pd.DataFrame(boxes), tmp_path / "subjects.parquet")

    def run(faces: dict[str, list[Face]], out: str = "out", **change: Any) -> Any:
        rows = [face_row(name, k, f) for name, found in faces.items() for k, f in enumerate(found)]
        write_table(table_of(rows), found_by)
        settings: dict[str, Any] = {"strengths": (), "batch_size": 4}
        settings["strengths"] = STRENGTHS.get(request.param, ())
        anonymise_files(
            archive=tmp_path / "images.tar", manifest=tmp_path / "manifest.parquet",
            subjects=tmp_path / "subjects.parquet", dataset="set", method="m",
            detections=[found_by], anonymiser=request.param,
            options={"weights": str(weights)}, region="face", faces_policy="all", seed=7,
            out_archive=tmp_path / f"{out}.tar", out_ledger=tmp_path / f"{out}.parquet",
            **settings | change,
        )  # fmt: skip
        ledger = read_table(tmp_path / f"{out}.parquet").set_index("image_id")
        reader = ArchiveReader(tmp_path / f"{out}.tar")
        label = reader.names()[0].split("/")[0]
        return {name: reader.read(f"{label}/{name}") for name in IDS}, ledger

    return face_in, run


def test_a_photo_without_a_face_is_black(engine: Any, request: pytest.FixtureRequest) -> None:
    face_in, run = engine
    images, ledger = run({name: [face_in(BOX)] for name in IDS[1:]})
    above = ABOVE.get(request.node.callspec.params["engine"], 50)
    assert ledger.loc[IDS[0], "status"] == Status.NO_FACE and not images[IDS[0]].any()
    for k, name in enumerate(IDS[1:], 1):
        assert ledger.loc[name, "status"] == Status.OK
        original = np.random.default_rng(k).integers(20, 200, (220, 200, 3))
        differs = (images[name] != original).any(axis=2)
        assert differs[90:150, 75:125].mean() > 0.95 and not differs[:above].any()


def test_a_missed_subject_is_black(engine: Any) -> None:
    face_in, run = engine
    faces = {name: [face_in(BOX)] for name in IDS} | {IDS[2]: [face_in(ELSEWHERE)]}
    images, ledger = run(faces)
    assert ledger.loc[IDS[2], "status"] != Status.OK and not images[IDS[2]].any()
    assert (ledger.drop(IDS[2])["status"] == Status.OK).all()


def test_landmarks_of_another_detector_are_an_error_and_black(engine: Any) -> None:
    face_in, run = engine
    faces = {name: [face_in(BOX)] for name in IDS} | {IDS[1]: [Face(BOX)]}
    images, ledger = run(faces)
    assert ledger.loc[IDS[1], "status"] == Status.METHOD_ERROR and not images[IDS[1]].any()
    assert "landmarks" in ledger.loc[IDS[1], "detail"]
    assert (ledger.drop(IDS[1])["status"] == Status.OK).all(), "the others go their way"


def test_same_images_whatever_the_batches(engine: Any) -> None:
    face_in, run = engine
    faces = {name: [face_in(BOX)] for name in IDS}
    first, second = (run(faces, out, batch_size=size)[0] for out, size in (("a", 1), ("b", 9)))
    assert all((first[name] == second[name]).all() for name in IDS)
