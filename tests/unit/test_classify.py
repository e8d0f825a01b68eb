"""What an expression network gets to see, how often it is asked, and where its answers go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from anonbench import classify, expressions
from anonbench.classifications import Classifications, read_classifications
from anonbench.classify import classify_files
from anonbench.detect import face_row, table_of
from anonbench.expressions import Classified
from anonbench.io import ArchiveWriter, member, write_table
from anonbench.types import Box, Face, Pixels

SUBJECT = Box(4, 4, 12, 12)
MOVED = Box(5, 5, 13, 13)
BYSTANDER = Box(20, 4, 28, 12)
CLASSES = ("surprise", "neutral", "contempt")


class Channels:
    """Sees how red, green and blue the middle of a box is; remembers what it was asked."""

    classes = CLASSES

    def __init__(self, whole_image: bool = False) -> None:
        self.whole_image = whole_image
        self.asked: list[int] = []
        self.corners: list[float] = []

    def landmarks(self, pixels: Pixels, face: Face) -> NDArray[np.float32]:
        return np.full((5, 2), face.box.left, np.float32)

    def crop(self, pixels: Pixels, box: Box | None, points: NDArray[np.float32] | None) -> Pixels:
        if self.whole_image:
            return pixels
        assert box is not None and points is not None
        self.corners.append(float(points[0, 0]))
        left, top, right, bottom = box.clip(pixels.shape[1], pixels.shape[0])
        return np.ascontiguousarray(pixels[top:bottom, left:right])

    def classify(self, crops: Sequence[Pixels]) -> Classified:
        self.asked.append(len(crops))
        means = np.array([c.reshape(-1, 3).mean(axis=0) for c in crops], np.float32) + 1
        return Classified(means / means.sum(axis=1, keepdims=True), means)


@pytest.fixture()
def network(monkeypatch: pytest.MonkeyPatch) -> Channels:
    model = Channels()

    class Plugin:
        def build(self, options: dict[str, Any], threads: int) -> Channels:
            return model

    monkeypatch.setattr(expressions, "get", lambda name: Plugin())
    return model


def picture(*colour: int) -> Pixels:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[4:12, 4:12] = colour
    return pixels


def subject(name: str, box: Box | None = SUBJECT) -> dict[str, Any]:
    if box is None:
        nan = float("nan")
        place = dict.fromkeys(("left", "top", "right", "bottom"), nan)
        return {"image_id": name, "status": "no_face", **place, "points": []}
    return {"image_id": name, "status": "ok", **box._asdict(), "points": [box.left] * 10}


def run(
    folder: Path,
    images: dict[str, Pixels],
    found: dict[str, list[Box]],
    subjects: list[dict[str, Any]],
    states: list[tuple[str, str, str]] | None = None,
    policies: tuple[str, ...] = ("detected", "aligned"),
) -> Classifications:
    """Classify; images and found faces by name in the archive."""
    with ArchiveWriter(folder / "a.tar") as out:
        for name, pixels in images.items():
            out.add(name, pixels)
    states = states or [(n.partition("/")[2], n.partition("/")[0], "ok") for n in images]
    ledger = pd.DataFrame(states, columns=["image_id", "strength", "status"])
    write_table(ledger, folder / "ledger.parquet")
    write_table(pd.DataFrame(subjects), folder / "subjects.parquet")
    faces = [face_row(n, k, Face(b)) for n, boxes in found.items() for k, b in enumerate(boxes)]
    write_table(table_of(faces), folder / "faces.parquet")
    classify_files(
        archive=folder / "a.tar", ledger=folder / "ledger.parquet",
        subjects=folder / "subjects.parquet", detections=folder / "faces.parquet",
        network="channels", options={}, policies=policies, threads=1, out=folder / "out.npz",
    )  # fmt: skip
    return read_classifications(folder / "out.npz")


def test_answers_have_their_place(network: Channels, tmp_path: Path) -> None:
    images = {
        member(s, n): picture(*c)
        for n, s, c in (
            ("b", "5", (9, 0, 0)), ("b", "10", (0, 9, 0)),
            ("a", "5", (0, 0, 9)), ("a", "10", (9, 9, 0)),
        )
    }  # fmt: skip
    found = run(tmp_path, images, {n: [SUBJECT] for n in images}, [subject("b"), subject("a")])
    assert found.image_ids == ("b", "a") and found.strengths == ("5", "10")
    assert found.policies == ("detected", "aligned") and found.classes == CLASSES
    assert found.probabilities.shape == (2, 2, 2, 3) and found.features.shape == (2, 2, 3)
    assert found.probabilities.dtype == np.float32 and found.features.dtype == np.float16
    np.testing.assert_allclose(found.probabilities[0, 0, 0], np.array([10, 1, 1]) / 12, rtol=1e-6)
    np.testing.assert_allclose(found.probabilities[1, 1, 0], np.array([1, 10, 1]) / 12, rtol=1e-6)
    assert found.features[:, 1].tolist() == [[1, 1, 10], [10, 10, 1]]
    assert (found.status == "ok").all()


def test_who_finds_the_face_looks_where_he_found_it(network: Channels, tmp_path: Path) -> None:
    found = run(tmp_path, {"5/x": picture(9, 0, 0)}, {"5/x": [BYSTANDER, MOVED]}, [subject("x")])
    assert network.corners == [MOVED.left, SUBJECT.left], "his landmarks, and those of the original"
    detected, aligned = found.probabilities[0, :, 0]
    # Of the moved box 7 x 7 of 8 x 8 pixels are red.
    red = 9 * 49 / 64 + 1
    np.testing.assert_allclose(detected, np.array([red, 1, 1]) / (red + 2), rtol=1e-6)
    np.testing.assert_allclose(aligned, np.array([10, 1, 1]) / 12, rtol=1e-6)
    assert found.feature_policy == "aligned" and found.features[0, 0].tolist() == [10, 1, 1]


def test_features_without_the_policy_aligned_are_those_of_the_first(
    network: Channels, tmp_path: Path
) -> None:
    found = run(tmp_path, {"5/x": picture(9, 0, 0)}, {"5/x": [SUBJECT]}, [subject("x")],
                policies=("detected",))  # fmt: skip
    assert found.feature_policy == "detected" and found.features[0, 0].tolist() == [10, 1, 1]


@pytest.mark.parametrize(
    ("faces", "state"), [([], "no_face"), ([BYSTANDER], "other_face")]
)  # fmt: skip
def test_face_that_is_not_found_has_no_answer(
    network: Channels, tmp_path: Path, faces: list[Box], state: str
) -> None:
    found = run(tmp_path, {"5/x": picture(9, 0, 0)}, {"5/x": faces}, [subject("x")])
    assert found.status[0, :, 0].tolist() == [state, "ok"]
    assert (
        np.isnan(found.probabilities[0, 0]).all() and np.isfinite(found.probabilities[0, 1]).all()
    )


def test_failures_have_no_answer_for_anybody(network: Channels, tmp_path: Path) -> None:
    images = {f"5/{n}": picture(9, 0, 0) for n in ("black", "unknown")}
    states = [("black", "5", "method_error"), ("unknown", "5", "ok"), ("lost", "5", "ok")]
    rows = [subject("black"), subject("unknown", None), subject("lost"), subject("unlisted")]
    found = run(tmp_path, images, {n: [SUBJECT] for n in images}, rows, states)
    expected = ["method_error", "no_face", "missing", "missing"]
    assert [s.tolist() for s in found.status[0]] == [expected, expected]
    assert np.isnan(found.probabilities).all() and network.asked == []
    assert found.features.shape == (1, 4, 0), "no answer says how many features there are"


def test_whole_image_needs_a_face_only_where_it_must_be_found(
    network: Channels, tmp_path: Path
) -> None:
    network.whole_image = True
    images = {f"5/{n}": picture(9, 0, 0) for n in ("known", "unknown")}
    rows = [subject("known"), subject("unknown", None)]
    found = run(tmp_path, images, {"5/known": [SUBJECT]}, rows)
    assert found.status[0].tolist() == [["ok", "no_face"], ["ok", "ok"]]
    np.testing.assert_array_equal(found.probabilities[0, 1, 0], found.probabilities[0, 1, 1])


def test_equal_crops_are_classified_once(network: Channels, tmp_path: Path) -> None:
    n = classify.BATCH + 6
    names = [f"{k:03d}" for k in range(n)]
    images = {member(s, i): picture(9, 0, 0) for i in names for s in ("5", "10")}
    # One picture of its own, early: by the time the last come, the common answer is known.
    images["5/001"] = picture(0, 9, 0)
    found = run(tmp_path, images, {i: [SUBJECT] for i in images}, [subject(i) for i in names])
    assert network.asked == [2]
    own = found.probabilities[0, :, 1]
    assert (own == own[0]).all() and own[0].argmax() == 1
    others = found.probabilities.reshape(-1, 3)
    assert (others.argmax(axis=1) == 0).sum() == 4 * n - 2
    assert np.isfinite(found.features).all()


def test_many_different_crops_come_in_batches_and_are_forgotten(
    network: Channels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classify, "BATCH", 4)
    monkeypatch.setattr(classify, "REMEMBERED", 3)
    names = [f"{k:03d}" for k in range(10)]
    images = {f"5/{i}": picture(20 * k, 0, 100) for k, i in enumerate(names)}
    images["5/009"] = images["5/000"]
    found = run(tmp_path, images, {}, [subject(i) for i in names], policies=("aligned",))
    assert network.asked == [4, 4, 2], "the first is asked again, as it was long ago"
    expected = [20 * k + 1 for k in range(9)] + [1]
    assert found.features[0, :, 0].tolist() == expected
    np.testing.assert_array_equal(found.probabilities[0, 0, 0], found.probabilities[0, 0, 9])


def test_network_that_breaks_its_contract_is_refused(
    network: Channels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(crops: Sequence[Pixels]) -> Classified:
        return Classified(np.full((len(crops), 3), np.nan, np.float32), np.zeros((len(crops), 2)))

    def large(crops: Sequence[Pixels]) -> Classified:
        answer = np.full((len(crops), 3), 1 / 3, np.float32)
        return Classified(answer, np.full((len(crops), 2), 1e5, np.float32))

    files = {"5/x": picture(9, 0, 0)}, {"5/x": [SUBJECT]}, [subject("x")]
    for function, words in ((broken, "no probabilities"), (large, "not finite in half")):
        monkeypatch.setattr(network, "classify", function)
        with pytest.raises(ValueError, match=words):
            run(tmp_path, *files)
    monkeypatch.setattr(network, "classes", ("joy", "neutral", "contempt"))
    with pytest.raises(ValueError, match="joy"):
        run(tmp_path, *files)
