"""From files to k-Same images and what holds of them, by way of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.anonymise import anonymise_files
from anonbench.comparisons import Comparisons
from anonbench.detect import face_row, table_of
from anonbench.guarantee import guarantee_files
from anonbench.io import ArchiveReader, ArchiveWriter, member, read_table, write_table
from anonbench.metrics.identification import mate_places
from anonbench.prepare import prepare_files
from anonbench.protocols import sides_of
from anonbench.score_rows import Rows, ScoreSettings, identification_rows
from anonbench.types import Pixels
from made_ciagan import face_in
from made_crowd import BOX, SIZE

PEOPLE = "abcde"
IDS = [f"{name}{k}.png" for name in PEOPLE for k in (1, 2)]


def picture(name: str) -> Pixels:
    return np.random.default_rng(list(name.encode())).integers(0, 256, (SIZE, SIZE, 3), np.uint8)


class Files:
    """Five people with an enrolled image and a probe each, and what comes before the rules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ids = list(IDS)
        self.lost: set[str] = set()

    def write(self) -> None:
        with ArchiveWriter(self.folder / "images.tar") as archive:
            for name in self.ids:
                archive.add(name, picture(name))
        table = pd.DataFrame({"image_id": self.ids, "subject": [n[0] for n in self.ids]})
        table = table.assign(status="ok", detail="", width=SIZE, height=SIZE, gender="female")
        table["split"] = ["gallery" if "1" in n else "probe" for n in self.ids]
        write_table(table, self.folder / "manifest.parquet")
        pairs = pd.DataFrame({c: pd.Series(dtype=object) for c in ("image_a", "image_b")})
        write_table(pairs, self.folder / "pairs.parquet")
        found = [face_row(n, 0, face_in(BOX)) for n in self.ids if n not in self.lost]
        write_table(table_of(found), self.folder / "dlib_hog.parquet")
        located = [{"image_id": n, "status": "ok", **BOX._asdict()} for n in self.ids]
        write_table(pd.DataFrame(located), self.folder / "subjects.parquet")

    def run(self, name: str = "ksame_pixel", **options: Any) -> pd.DataFrame:
        """Prepare, anonymise and vouch; return the rows of the guarantee."""
        self.write()
        at = self.folder
        same: dict[str, Any] = {
            "archive": at / "images.tar", "manifest": at / "manifest.parquet",
            "detections": [at / "dlib_hog.parquet"], "subjects": at / "subjects.parquet",
            "dataset": "set", "anonymiser": name, "strengths": [2, 3], "region": "face",
            "options": options, "faces_policy": "largest", "seed": 7,
        }  # fmt: skip
        prepared = at / "prepared.tar", at / "prepared.parquet"
        prepare_files(
            **same, pairs=at / "pairs.parquet", enrolment="split",
            out_archive=prepared[0], out_groups=prepared[1],
        )  # fmt: skip
        anonymise_files(
            **same, method="same", prepared=prepared, batch_size=3,
            out_archive=at / "out.tar", out_ledger=at / "ledger.parquet",
        )  # fmt: skip
        guarantee_files(
            archive=at / "out.tar", ledger=at / "ledger.parquet", manifest=at / "manifest.parquet",
            pairs=at / "pairs.parquet", dataset="set", method="same", enrolment="split",
            out=at / "guarantee.csv",
        )  # fmt: skip
        return read_table(at / "guarantee.csv")

    def outputs(self, strength: str) -> dict[str, bytes]:
        with ArchiveReader(self.folder / "out.tar") as archive:
            return {n: archive.read_encoded(member(strength, n)) for n in self.ids}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def value(table: pd.DataFrame, metric: str, strength: str = "2") -> Any:
    own = table[(table["metric"] == metric) & (table["strength"] == strength)]
    return own["value"].item()


def note(table: pd.DataFrame, strength: str = "2") -> str:
    return str(
        table[(table["metric"] == "k_same") & (table["strength"] == strength)]["note"].item()
    )


def test_all_of_a_set_of_one_image_a_person_is_k_same(files: Files) -> None:
    table = files.run()
    for strength, groups in (("2", 2), ("3", 1)):
        assert value(table, "k_same", strength) == 1
        assert note(table, strength) == "k-Same"
        assert value(table, "people_per_output", strength) >= int(strength)
        assert value(table, "best_guess", strength) <= 1 / int(strength)
        found = files.outputs(strength)
        for side in "12":
            assert len({found[n] for n in IDS if side in n}) == groups
    assert set(files.outputs("2").values()).isdisjoint(files.outputs("3").values())


def test_a_face_that_is_not_found_makes_it_like(files: Files) -> None:
    files.lost = {"a2.png"}
    table = files.run()
    assert value(table, "k_same") == 0
    assert note(table) == "k-Same-like: 1 of 10 images are blacked out (1 no_face)"
    with ArchiveReader(files.folder / "out.tar") as archive:
        assert not archive.read("2/a2.png").any()


def test_too_few_people_are_blacked_out(files: Files) -> None:
    files.ids = [n for n in IDS if n[0] in "ab"]
    table = files.run()
    assert value(table, "k_same", "2") == 1 and value(table, "k_same", "3") == 0
    ledger = read_table(files.folder / "ledger.parquet").set_index(["strength", "image_id"])
    row = ledger.loc[("3", "a1.png")]
    assert row["status"] == "method_error" and "2 people, but 3 are needed" in row["detail"]
    assert "every image is blacked out" in table["note"].tolist()


def test_several_images_of_a_person_make_it_like(files: Files) -> None:
    files.ids = sorted([*IDS, *(f"{name}3.png" for name in PEOPLE)])
    assert "up to 2 images of a person among those of probe" in note(files.run())


def test_a_kept_background_makes_it_like(files: Files) -> None:
    table = files.run(background="kept")
    assert "pixels outside of the face remain" in note(table)
    assert "stand for fewer than 2 people" in note(table)
    assert value(table, "people_per_output") == 1


def test_no_face_at_all_is_an_error(files: Files) -> None:
    files.lost = set(IDS)
    with pytest.raises(ValueError, match="no face was found in any image"):
        files.run()


def test_a_method_that_is_not_prepared_is_refused(files: Files) -> None:
    with pytest.raises(ValueError, match="blur does not look"):
        files.run("blur")


def test_sides() -> None:
    table = pd.DataFrame({"image_id": ["a1", "a2", "b1", "b2"], "subject": [*"aabb"]})
    table = table.assign(status="ok", split=["gallery", "probe"] * 2)
    none = pd.DataFrame({"image_a": [], "image_b": []})
    assert sides_of(table, "split", none) == {
        "a1": "gallery", "a2": "probe", "b1": "gallery", "b2": "probe",
    }  # fmt: skip
    assert set(sides_of(table, "all_pairs", none).values()) == {"both"}
    assert set(sides_of(table, "none", none).values()) == {"probe"}


# Equally near people


def test_ties_by_hand() -> None:
    # Subjects 0, 1, 2 with two images of 1. The first probe is as near to 0 as to 1; the second
    # ties with nobody, the third is beaten, the fourth failed.
    scores = np.array([[-1, -1, -3, -2], [-1, -9, -9, -9], [-1, -5, -4, -9], [-np.inf] * 4])
    gallery, probes = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 0])
    ranks, ties = mate_places(scores, gallery, probes)
    assert ranks.tolist() == [1, 1, 3, 4]
    assert ties.tolist() == [2, 1, 1, 0]


def test_who_draws_lots_among_equally_near_people() -> None:
    """Four probes: alone nearest, one of two, one of five, beaten; 1 + 1/2 + 1/5 of 4 by lot."""
    found = by_lot(ranks=[1, 1, 1, 2], ties=[1, 2, 5, 3])
    assert found["rank_1"]["value"] == 0.75
    assert found["rank_1_by_lot"]["value"] == pytest.approx(1.7 / 4)
    assert found["rank_1_by_lot"]["note"].startswith("2 of 4 probes")


def test_without_ties_there_is_no_rate_by_lot() -> None:
    assert set(by_lot(ranks=[1, 1, 2, 1], ties=[1, 1, 4, 1])) == {"rank_1"}


def by_lot(ranks: list[int], ties: list[int]) -> dict[str, dict[str, Any]]:
    none, codes = np.zeros(0, np.float32), np.zeros(0, np.int64)
    scores = Comparisons(
        mated=none, mated_subjects=codes, distinct_nonmated=0, ranks=np.array(ranks),
        rank_subjects=np.arange(4), n_gallery=6, ties=np.array(ties), nonmated=none,
        nonmated_gallery=codes, nonmated_probe=codes,
    )  # fmt: skip
    rows = Rows({}, ScoreSettings(), np.ones((20, 4)), np.arange(4))
    identification_rows(rows, scores)
    return {row["metric"]: row for row in rows.rows}
