"""Data sets in parts: every image is in one, and together they are what one job writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anonbench import classify, detect, embed
from anonbench.anonymise import anonymise_files
from anonbench.config import parse
from anonbench.detect import detect_files, face_row, table_of
from anonbench.expressions import Classified
from anonbench.gather import gather_files
from anonbench.io import ArchiveReader, ArchiveWriter, read_table, write_table
from anonbench.parts import ALIGNED, Parts, about, part_file, part_names, share
from anonbench.types import Box, Face, Pixels
from anonbench.utility import utility_files
from anonbench.workflow import Plan

ROOT = Path(__file__).parents[2]
SIDE = 40
N = 3 * ALIGNED + 5
NOBODY = range(ALIGNED, 2 * ALIGNED)
"""No face is found in these images: a part of its own, without embeddings, answers or measures."""
NAMES = [f"i{k:03d}" for k in range(N)]


@given(st.integers(0, 500), st.integers(1, 9))
def test_every_item_is_in_one_part(items: int, n: int) -> None:
    parts = [share(range(items), name) for name in part_names(n)]
    assert [k for part in parts for k in part] == list(range(items))
    assert all(part[0] % ALIGNED == 0 for part in parts if len(part))
    assert max(map(len, parts)) <= items / n + ALIGNED


def test_share_by_hand() -> None:
    items = list(range(100))
    assert share(items, None) == items
    assert share(items, "0001of0002") == list(range(64))
    assert share(items, "0002of0002") == list(range(64, 100))
    for wrong in ("0000of0002", "0003of0002", "2", "1/2"):
        with pytest.raises(ValueError, match="is no part"):
            share(items, wrong)


def test_names_of_files() -> None:
    assert part_file("a.b/x.ledger.parquet", "0001of0002") == "a.b/x.0001of0002.ledger.parquet"
    assert part_file("r/{dataset}.tar") == "r/{dataset}.{part}.tar"


def plan_of(folder: Path, images: int, part_size: int | None = None) -> Plan:
    (folder / "labels.csv").write_text("path,subject\n" + "x.png,a\n" * images)
    return Plan(parse({
        "run": {"datasets": ["mine"], "methods": ["soft"], "recognisers": ["dlib"]},
        "datasets": {"mine": {"path": str(folder)}},
        "methods": {"soft": {"anonymiser": "blur"}},
        "recognisers": {"dlib": {"type": "dlib"}},
        **({} if part_size is None else {"part_size": part_size}),
    }), ROOT)  # fmt: skip


def test_only_large_data_sets_are_cut(tmp_path: Path) -> None:
    assert plan_of(tmp_path, 20_000).parts.cut == []
    assert plan_of(tmp_path, 20_001).parts.names("mine") == part_names(2)
    plan = plan_of(tmp_path, 90, 30)
    assert plan.pattern("cut") == "mine" and plan.parts.names("other") == []
    wildcards = SimpleNamespace(dataset="mine", items=lambda: [("dataset", "mine")])
    files = plan.parts.inputs(["a/{dataset}.tar", "b/{dataset}.csv"])(wildcards)
    assert files == [
        f"{p}.{n}.{e}" for p, e in (("a/mine", "tar"), ("b/mine", "csv")) for n in part_names(3)
    ]
    benchmarks = plan.job_files("anonymise", "b/{method}/{dataset}.tsv")
    assert len(benchmarks) == 9 and "b/soft/mine.0002of0003.tsv" in benchmarks
    assert plan.job_files("locate", "b/{dataset}.tsv") == ["b/mine.tsv"]
    assert plan.job_files("gather_detect", "b/{dataset}.tsv") == ["b/mine.tsv"]
    assert "gather_anonymise" in plan.timed_stages
    assert "gather_anonymise" not in plan_of(tmp_path, 90).timed_stages


def test_part_size_is_no_part_of_a_run(tmp_path: Path) -> None:
    small, large = plan_of(tmp_path, 90, 30), plan_of(tmp_path, 90)
    assert small.resolved() == large.resolved() and small.code() == large.code()


def test_bundled_and_drawn_sets_are_not_cut() -> None:
    import yaml

    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["run"]["datasets"] = ["faces", "drawn"]
    assert Parts(parse(content)).cut == []
    content["part_size"] = 47
    assert Parts(parse(content)).names("drawn") == part_names(2)


def test_images_are_counted_without_reading_them(tmp_path: Path) -> None:
    assert about(tmp_path / "nowhere", "folder", {}) == 0
    for name in ("a/1.jpg", "a/2.jpg", "b/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert about(tmp_path, "lfw", {}) == 3
    (tmp_path / "list_eval_partition.txt").write_text("1.jpg 0\n2.jpg 2\n3.jpg 2\n")
    assert about(tmp_path, "celeba", {"partition": "test"}) == 2
    assert about(tmp_path, "celeba", {}) == 4


class FakeModel:
    """Detector, recogniser and network in one; what they say depends on the pixels alone."""

    landmarks_model = classes = ("neutral", "happiness")

    def detect(self, pixels: Pixels) -> list[Face]:
        left = float(pixels[0, 0, 0] % 5)
        points = np.linspace(left, left + 20, 936, dtype=np.float32).reshape(468, 2)
        return [Face(Box(left, 5, left + 25, 30), 1.0, points)] * int(pixels[0, 0, 0] > 0)

    def landmarks(self, pixels: Pixels, face: Face) -> NDArray[np.float32]:
        return np.full((5, 2), face.box.left, np.float32)

    def align(self, pixels: Pixels, points: NDArray[np.float32]) -> Pixels:
        return pixels

    def embed(self, chips: Sequence[Pixels]) -> NDArray[np.float32]:
        return np.array([chip.reshape(-1, 3).mean(axis=0) for chip in chips], np.float32)

    whole_image = False

    def crop(self, pixels: Pixels, box: Any, points: Any) -> Pixels:
        return pixels

    def classify(self, crops: Sequence[Pixels]) -> Classified:
        means = self.embed(crops)[:, :2] + 1
        return Classified(means / means.sum(axis=1, keepdims=True), self.embed(crops))


@pytest.fixture()
def originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ingested images with a detection table and subjects, and a fake for every network."""
    model = FakeModel()
    plugin = SimpleNamespace(
        info=SimpleNamespace(dimension=3, boxes_only={}), build=lambda *_: model
    )
    for module in (detect.detectors, embed.recognisers, classify.expressions):
        monkeypatch.setattr(module, "get", lambda _: plugin)
    rng = np.random.default_rng(1)
    faces, subjects, rows = [], [], []
    with ArchiveWriter(tmp_path / "images.tar") as archive:
        for k, name in enumerate(NAMES):
            bad = k % 10 == 3
            pixels = rng.integers(1, 255, (SIDE, SIDE, 3), dtype=np.uint8)
            found = [] if bad or k in NOBODY else model.detect(pixels)
            if not bad:
                archive.add(name, pixels)
            faces += [face_row(name, j, face) for j, face in enumerate(found)]
            box = found[0].box if found else Box(*[float("nan")] * 4)
            status = "unreadable" if bad else "ok" if found else "no_face"
            subjects.append({
                "image_id": name, "status": status, **box._asdict(),
                "points": [box.left] * 10 if found else [],
            })  # fmt: skip
            rows.append((name, f"s{k % 7}", "unreadable" if bad else "ok", "broken" * bad))
    columns = ["image_id", "subject", "status", "detail"]
    write_table(pd.DataFrame(rows, columns=columns), tmp_path / "manifest.parquet")
    write_table(table_of(faces), tmp_path / "fake.parquet", coordinates="points")
    write_table(pd.DataFrame(subjects), tmp_path / "subjects.parquet")
    return tmp_path


FILES = {
    "detect": ["detected.parquet"],
    "anonymise": ["images.tar", "ledger.parquet"],
    "redetect": ["redetected.parquet"],
    "embed": ["embeddings.npz"],
    "classify": ["answers.npz"],
    "measure": ["measured.parquet"],
}


def chain(data: Path, out: Path, part: str | None) -> None:
    """Do all stages of one part, or of the whole."""
    detect_files(
        archive=data / "images.tar", detector="fake", options={}, part=part,
        out=out / "detected.parquet",
    )  # fmt: skip
    anonymise_files(
        archive=data / "images.tar", manifest=data / "manifest.parquet",
        detections=[data / "fake.parquet"], subjects=data / "subjects.parquet", dataset="mine",
        method="noisy", anonymiser="noise", strengths=[30, 60], region="face", options={},
        faces_policy="largest", seed=1, out_archive=out / "images.tar",
        out_ledger=out / "ledger.parquet", part=part,
    )  # fmt: skip
    detect_files(
        archive=out / "images.tar", detector="fake", options={}, originals=data / "images.tar",
        known=data / "fake.parquet", out=out / "redetected.parquet",
    )  # fmt: skip
    seen: dict[str, Any] = {
        "archive": out / "images.tar", "ledger": out / "ledger.parquet",
        "subjects": data / "subjects.parquet", "detections": out / "redetected.parquet",
        "options": {}, "policies": ["detected", "aligned"], "threads": 1, "part": part,
    }  # fmt: skip
    embed.embed_files(**seen, recogniser="fake", out=out / "embeddings.npz")
    classify.classify_files(**seen, network="fake", out=out / "answers.npz")
    utility_files(
        originals=data / "images.tar", archive=out / "images.tar", ledger=out / "ledger.parquet",
        subjects=data / "subjects.parquet", detections={"fake": data / "fake.parquet"},
        redetections={"fake": out / "redetected.parquet"}, landmarks="fake",
        out=out / "measured.parquet",
    )  # fmt: skip


def gathered(data: Path, n: int) -> Path:
    """Do all stages in `n` parts and put them together."""
    for name in part_names(n):
        (data / name).mkdir()
        chain(data, data / name, name)
    out = data / f"from{n}"
    for stage, files in FILES.items():
        gather_files(
            stage=stage, parts=[data / name / file for file in files for name in part_names(n)],
            manifest=data / "manifest.parquet", outs=[out / file for file in files],
        )  # fmt: skip
    return out


@pytest.mark.parametrize("n", [1, 2, 4, 6])
def test_parts_give_the_bytes_of_the_whole(originals: Path, n: int) -> None:
    whole = originals / "whole"
    whole.mkdir()
    chain(originals, whole, None)
    table = read_table(whole / "measured.parquet")
    assert table["mse_region"].notna().any() and table["nme"].notna().any()
    parts = gathered(originals, n)
    for file in [f for files in FILES.values() for f in files]:
        assert (parts / file).read_bytes() == (whole / file).read_bytes(), file


def test_parts_that_do_not_fit_are_refused(originals: Path) -> None:
    gathered(originals, 2)
    one, two = (originals / name for name in part_names(2))
    manifest = originals / "manifest.parquet"
    for stage, files in FILES.items():
        if stage in ("detect", "redetect"):
            continue
        for wrong in ([one], [one, one], [two, one]):
            outs = [originals / "wrong" / file for file in files]
            with pytest.raises(ValueError, match=r"another part|not in exactly one part"):
                gather_files(
                    stage=stage, parts=[folder / f for f in files for folder in wrong],
                    manifest=manifest, outs=outs,
                )  # fmt: skip
            assert not outs[0].exists()


def test_archive_of_a_part_holds_its_images_alone(originals: Path) -> None:
    gathered(originals, 2)
    with ArchiveReader(originals / "0002of0002" / "images.tar") as archive:
        held = {name.partition("/")[2] for name in archive.names()}
    assert held == {n for k, n in enumerate(NAMES) if k >= 64 and k % 10 != 3}
