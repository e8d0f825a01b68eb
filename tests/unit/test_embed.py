"""The two attackers: whom they look at, and what counts as a failure."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from anonbench import detectors, recognisers
from anonbench.detect import detect_files
from anonbench.detectors import Detector
from anonbench.drawn import draw_face
from anonbench.embed import QUEUE, embed_files
from anonbench.io import ArchiveWriter, Embeddings, member, read_embeddings, write_table
from anonbench.overlap import match
from anonbench.recognisers import Recogniser
from anonbench.subjects import five_points
from anonbench.types import Box, Face, Pixels

POLICIES = ("detected", "aligned")


@cache
def model() -> Recogniser:
    return recognisers.get("dlib").build({}, threads=1)


@cache
def finder() -> Detector:
    return detectors.get("dlib_hog").build({})


def alone(pixels: Pixels) -> NDArray[np.float32]:
    """Embed the first face of an image."""
    points = model().landmarks(pixels, finder().detect(pixels)[0])
    return model().embed([model().align(pixels, points)])[0]


@cache
def two_people() -> Pixels:
    """The subject on the left, a bystander on the right."""
    both = np.concatenate([draw_face(0, 0), draw_face(1, 0)], axis=1)
    both.setflags(write=False)
    return both


def subject_row(name: str, pixels: Pixels, nth: int = 0) -> dict[str, object]:
    face = sorted(finder().detect(pixels), key=lambda f: f.box.left)[nth]
    points = model().landmarks(pixels, face).ravel().tolist()
    return {"image_id": name, "status": "ok", **face.box._asdict(), "points": points}


def unknown(name: str, status: str = "no_face") -> dict[str, object]:
    nan = float("nan")
    box = dict.fromkeys(("left", "top", "right", "bottom"), nan)
    return {"image_id": name, "status": status, **box, "points": []}


def embed(
    folder: Path,
    images: dict[str, Pixels],
    states: list[tuple[str, str, str]],
    subjects: list[dict[str, object]],
    policies: tuple[str, ...] = POLICIES,
) -> Embeddings:
    """Write inputs, embed and read; images by archive name, states (image, strength, status)."""
    with ArchiveWriter(folder / "a.tar") as out:
        for name, pixels in images.items():
            out.add(name, pixels)
    ledger = pd.DataFrame(states, columns=["image_id", "strength", "status"])
    write_table(ledger, folder / "ledger.parquet")
    write_table(pd.DataFrame(subjects), folder / "subjects.parquet")
    detect_files(
        archive=folder / "a.tar", detector="dlib_hog", options={}, boxes_only=True,
        out=folder / "faces.parquet",
    )  # fmt: skip
    embed_files(
        archive=folder / "a.tar", ledger=folder / "ledger.parquet",
        subjects=folder / "subjects.parquet", detections=folder / "faces.parquet",
        recogniser="dlib", options={}, policies=policies, threads=1, out=folder / "out.npz",
    )  # fmt: skip
    return read_embeddings(folder / "out.npz")


def blackened(pixels: Pixels, box: Box) -> Pixels:
    left, top, right, bottom = box.clip(pixels.shape[1], pixels.shape[0])
    changed = pixels.copy()
    changed[top:bottom, left:right] = 0
    return changed


def test_bystander_is_never_scored_as_the_subject(tmp_path: Path) -> None:
    row = subject_row("x", two_people())
    box = Box(*(row[k] for k in ("left", "top", "right", "bottom")))  # type: ignore[arg-type]
    hidden = blackened(two_people(), box)
    seen = finder().detect(hidden)
    assert len(seen) == 1 and match(seen, box) is None, "the attacker sees the bystander only"
    found = embed(tmp_path, {"5/x": hidden}, [("x", "5", "ok")], [row])
    assert found.status[0, :, 0].tolist() == ["other_face", "ok"]
    assert np.isnan(found.embeddings[0, 0, 0]).all()
    aligned = found.embeddings[0, 1, 0]
    bystander = alone(hidden)
    assert np.linalg.norm(aligned - bystander) > 0.1, "who is told the place looks at the place"


def test_subject_among_others_is_the_one_embedded(tmp_path: Path) -> None:
    rows = [subject_row("left", two_people(), 0), subject_row("right", two_people(), 1)]
    images = {member("5", str(r["image_id"])): two_people() for r in rows}
    found = embed(tmp_path, images, [("left", "5", "ok"), ("right", "5", "ok")], rows)
    both = [alone(draw_face(0, 0)), alone(draw_face(1, 0))]
    for k in (0, 1):
        own, other = (np.linalg.norm(found.embeddings[0, 0, k] - a) for a in (both[k], both[1 - k]))
        assert own < other
    # On the originals both attackers look at the same face.
    np.testing.assert_array_equal(found.embeddings[0, 0], found.embeddings[0, 1])


def test_blacked_out_failure_is_a_failure_for_both_attackers(tmp_path: Path) -> None:
    row = subject_row("x", two_people())
    black = np.zeros_like(two_people())
    states = [("x", "5", "method_error"), ("x", "9", "ok")]
    found = embed(tmp_path, {"5/x": black, "9/x": black}, states, [row])
    assert found.strengths == ("5", "9")
    assert found.status[0, :, 0].tolist() == ["method_error", "method_error"]
    assert np.isnan(found.embeddings[0]).all()
    # The control `blank` is black on purpose: there, being told the place gives a face chip.
    assert found.status[1, :, 0].tolist() == ["no_face", "ok"]
    assert np.isnan(found.embeddings[1, 0]).all() and np.isfinite(found.embeddings[1, 1]).all()


def test_blank_images_have_identical_embeddings(tmp_path: Path) -> None:
    names = [f"{k:03d}" for k in range(QUEUE + 3)]  # more than one batch, and a rest
    row = subject_row("x", two_people())
    rows = [{**row, "image_id": n} for n in names]
    black = np.zeros_like(two_people())
    found = embed(
        tmp_path, {f"none/{n}": black for n in names}, [(n, "none", "ok") for n in names], rows,
        policies=("aligned",),
    )  # fmt: skip
    assert (found.status == "ok").all()
    assert (found.embeddings == found.embeddings[0, 0, 0]).all(), "not one bit of information"


@pytest.mark.parametrize("status", ["unreadable", "too_large", "no_face"])
def test_image_without_known_subject_fails_with_its_reason(status: str, tmp_path: Path) -> None:
    in_ledger = "ok" if status == "no_face" else status
    images = {"5/x": two_people()} if status == "no_face" else {}
    found = embed(tmp_path, images, [("x", "5", in_ledger)], [unknown("x", status)])
    assert found.status[0, :, 0].tolist() == [status, status]
    assert np.isnan(found.embeddings).all()


def test_image_that_the_archive_or_the_ledger_lacks_is_missing(tmp_path: Path) -> None:
    rows = [subject_row("x", two_people()), {**subject_row("y", two_people())}]
    states = [("x", "5", "ok")]  # nothing of y, and no picture of either
    found = embed(tmp_path, {}, states, rows)
    assert (found.status == "missing").all(), "a lost image is never a success"
    assert np.isnan(found.embeddings).all()


def test_every_subject_has_its_place_in_table_order(tmp_path: Path) -> None:
    rows = [subject_row("b", two_people(), 1), unknown("c"), subject_row("a", two_people(), 0)]
    states = [(n, s, "ok") for n in ("a", "b", "c") for s in ("10", "none")]
    images = {member(s, n): two_people() for n, s, _ in states}
    found = embed(tmp_path, images, states, rows)
    assert found.image_ids == ("b", "c", "a") and found.strengths == ("10", "none")
    assert found.policies == POLICIES
    assert found.embeddings.shape == (2, 2, 3, 128)
    assert (np.isnan(found.embeddings).all(axis=3) == (found.status != "ok")).all()


def test_landmarks_given_to_the_attacker_are_those_of_the_box() -> None:
    import dlib

    from anonbench.dlib_files import weight_file

    predictor = dlib.shape_predictor(str(weight_file("shape_predictor_5_face_landmarks.dat")))
    face = finder().detect(two_people())[0]
    found = model().landmarks(two_people(), face)
    np.testing.assert_array_equal(five_points(predictor, two_people(), face.box), found)


def test_box_beyond_the_image_is_clipped_before_landmarks_are_sought() -> None:
    picture = draw_face(0, 0)
    height, width = picture.shape[:2]
    beyond = Face(Box(-30, -20, width + 40, height + 50))
    inside = Face(Box(0, 0, width + 1, height + 1))
    found = [model().landmarks(picture, f) for f in (beyond, inside, Face(Box(0, 0, 60, 60)))]
    np.testing.assert_array_equal(found[0], found[1])
    assert (found[0] != found[2]).any()
