"""The script that says which attributes MMDA and proxies keep: classes, judges, tables."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbench.anonymisers._mmda_weights import loaded
from anonbench.io import ArchiveWriter, Embeddings, member, write_embeddings, write_table
from anonbench.types import Box, Face
from made_ciagan import face_in
from made_mmda import write_made

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import lent_faces as script  # noqa: E402
from marked_tables import markers  # noqa: E402

PEOPLE, EACH = 20, 2
BOX = Box(30, 20, 190, 180)


def test_ages_fall_into_the_classes_of_the_weights() -> None:
    names = ["40_to_59", "from_60", "under_40"]
    ages = np.array([25.0, 39, 40, 59, 60, 87])
    expected = ["under_40"] * 2 + ["40_to_59"] * 2 + ["from_60"] * 2
    assert script.age_classes(ages, names).tolist() == expected
    assert script.age_classes(np.array([17.0, 18]), ["from_18", "under_18"]).tolist() == [
        "under_18", "from_18",
    ]  # fmt: skip


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write what a run leaves behind: embeddings tell gender, and a method swaps it for some."""
    names = [f"s{k:02d}/{n}.png" for k in range(PEOPLE) for n in range(EACH)]
    who = np.repeat(np.arange(PEOPLE), EACH)
    table = pd.DataFrame({
        "image_id": names, "subject": [f"s{k:02d}" for k in who],
        "gender": np.where(who % 2, "male", "female"), "age": 20 + 3 * who,
        "ethnicity": np.array(["african", "asian", "caucasian"])[who % 3],
    })  # fmt: skip
    write_table(table, tmp_path / "ingest/set/manifest.parquet")
    located = pd.DataFrame({"image_id": names, "status": "ok"}).assign(**BOX._asdict())
    write_table(located, tmp_path / "detect/set/subjects.parquet")
    draw = np.random.default_rng(1)
    vectors = draw.normal(0, 0.2, (len(names), 6)).astype(np.float32)
    vectors[:, 0] += who % 2
    for method, strength in (("original", "none"), ("made", "3")):
        own = vectors.copy()
        if method == "made":
            own[:4, 0] = 1 - own[:4, 0]  # s00 and s01 look like the other gender,
            own[4:6] = np.nan  # and nobody finds s02.
        embedded = Embeddings(
            tuple(names), (strength,), ("detected",), own[None, None],
            np.full((1, 1, len(names)), "ok"),
        )  # fmt: skip
        path = tmp_path / "embed" / method / "set.dlib.npz"
        path.parent.mkdir(parents=True)
        write_embeddings(embedded, path)
        archive = tmp_path / "anonymise" / method / "set.tar"
        archive.parent.mkdir(parents=True)
        with ArchiveWriter(archive) as images:
            for k, name in enumerate(names):
                images.add(member(strength, name), np.full((200, 220, 3), 40 + 4 * k, np.uint8))
    write_table(
        pd.DataFrame(columns=["dataset", "method", "strength", "policy", "attack", "metric"]),
        tmp_path / "summary/metrics.csv",
    )
    return tmp_path


@pytest.fixture
def judges(results: Path, tmp_path: Path) -> script.Judges:
    def find(pixels: np.ndarray) -> list[Face]:
        """Find all faces but those of the last subject."""
        return [face_in(BOX)] if pixels[0, 0, 0] < 40 + 4 * (PEOPLE * EACH - 2) else []

    return script.Judges.of(
        results, "set", loaded(str(write_made(tmp_path / "w.safetensors"))), find
    )


def test_recogniser_tells_gender_of_other_people(judges: script.Judges) -> None:
    clear = judges.by_recogniser("original", "none")["gender"]
    assert clear.mean() > 0.9
    changed = judges.by_recogniser("made", "3")["gender"]
    assert not changed[:4].any(), "taken for the other gender"
    assert not changed[4:6].any(), "a face that is not found counts as wrong"
    assert (changed[6:] == clear[6:]).all()


def test_subspace_counts_faces_that_are_not_found_as_wrong(judges: script.Judges) -> None:
    right = judges.by_subspace("made", "3")
    assert set(right) == {"gender", "ancestry", "age"}
    assert all(not values[-2:].any() for values in right.values())
    # All faces have one grey texture and one shape: they are taken for one class.
    assert 0.3 < right["gender"][:-2].mean() < 0.7


def test_nobody_is_judged_by_pictures_of_his_own(judges: script.Judges) -> None:
    for subject in np.unique(judges.subjects):
        assert len(set(judges.folds[judges.subjects == subject])) == 1
    assert len(set(judges.folds)) == script.FOLDS


def test_shares_have_intervals_over_subjects(judges: script.Judges) -> None:
    half = np.repeat(np.arange(PEOPLE) % 2 == 0, EACH)
    text = judges.share(half)
    assert text.startswith("50 (") and text.endswith(")")
    low, high = (int(part) for part in text[4:-1].split(" to "))
    # Of 20 independent people, not of 40 images: 50 +- 22.
    assert 22 <= low <= 34 and 66 <= high <= 78
    assert judges.share(np.ones(len(half), bool)) == "100 (86 to 100)"


def test_tables_are_written_between_the_markers(judges: script.Judges, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    (tmp_path / "images").mkdir()
    start, end = markers(script.MARKER)
    page.write_text(f"before\n{start}\nold\n{end}\nafter\n")
    script.write(page, judges, ["made"])
    lines = page.read_text().splitlines()
    assert lines[0] == "before" and lines[-1] == "after" and "old" not in lines
    assert lines[4].startswith("| clear |") and lines[5].startswith("| `made`, 3 |")
    assert (tmp_path / "images/page.jpg").is_file()
    page.write_text("nothing")
    with pytest.raises(ValueError, match=r"page\.md: no <!-- lent faces: start"):
        script.write(page, judges, ["made"])
