"""What a user gets who makes a mistake: a message that names it, before any work where possible."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml

from conftest import Clone, make_clone


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return make_clone(tmp_path_factory.mktemp("bad") / "clone")


def dry_run(project: Clone, tmp_path: Path, changes: dict) -> str:
    file = tmp_path / "mine.yaml"
    file.write_text(yaml.safe_dump(changes))
    done = project.run("snakemake", "-n", "--configfile", str(file))
    assert done.returncode != 0
    return done.stdout


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"runn": {}}, ["runn", "did you mean 'run'"]),
        ({"methods": {"blur_face": {"strenghts": [5]}}},
         ["methods.blur_face", "strenghts", "did you mean 'strengths'"]),
        ({"run": {"methods": ["blur_fase"]}}, ["blur_fase", "did you mean 'blur_face'"]),
        ({"methods": {"mine": {"anonymiser": "blurr"}}},
         ["methods.mine.anonymiser", "did you mean 'blur'"]),
        ({"methods": {"blur_face": {"strengths": ["strong"]}}}, ["methods.blur_face.strengths"]),
        ({"methods": {"blur_face": {"strengths": [2.5]}}}, ["methods.blur_face", "2.5"]),
        ({"methods": {"noise_face": {"strengths": [101]}}, "run": {"methods": ["noise_face"]}},
         ["methods.noise_face", "101"]),
        ({"datasets": {"mine": {"path": "data/nowhere"}}, "run": {"datasets": ["mine"]}},
         ["mine", "data/nowhere"]),
        ({"seed": -1}, ["seed"]),
    ],
)  # fmt: skip
def test_mistakes_are_named_before_any_work(
    project: Clone, tmp_path: Path, changes: dict, words: list[str]
) -> None:
    output = dry_run(project, tmp_path, changes)
    for word in words:
        assert word in output, output[-2000:]
    assert "Traceback" not in output


def test_validate_names_the_same_mistakes(project: Clone, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("methods: {blur_face: {strengths: [0.5]}}\n")
    done = project.run("anonbench", "validate", "-c", str(file))
    assert done.returncode == 1 and "methods.blur_face" in done.stdout
    assert "can be used" in project.ok("anonbench", "validate")


@pytest.mark.slow
def test_missing_labels_stop_the_run_with_a_reason(tmp_path: Path) -> None:
    clone = make_clone(tmp_path / "clone")
    (clone.path / "data/mine").mkdir(parents=True)
    clone.edit({"datasets": {"mine": {"path": "data/mine"}}, "run": {"datasets": ["mine"]}})
    done = clone.run("snakemake", "--cores", "2")
    assert done.returncode != 0
    assert "labels.csv" in done.stdout and "data/mine" in done.stdout


@pytest.mark.slow
def test_bad_images_are_counted_and_leaks_fail_the_run(tmp_path: Path) -> None:
    """A folder with unusable images, and an external method that lets originals through."""
    clone = make_clone(tmp_path / "clone")
    clone.ok("snakemake", "--cores", "2", "draw")
    mine = clone.path / "data/mine"
    (clone.path / "data/drawn").rename(mine)
    (mine / "00/0.png").write_bytes(b"")
    (mine / "01/1.png").write_text("no image")
    data = (mine / "02/2.png").read_bytes()
    (mine / "02/2.png").write_bytes(data[: len(data) // 2])
    finished = clone.path / "finished"
    for name in ("03/0", "03/1", "04/2"):
        (finished / name).parent.mkdir(parents=True, exist_ok=True)
        (finished / f"{name}.png").write_bytes((mine / f"{name}.png").read_bytes())
    clone.edit({
        "datasets": {"mine": {"path": "data/mine", "enrolment": "session"}},
        "methods": {"theirs": {"anonymiser": "external", "options": {"path": "finished"}}},
        "run": {"datasets": ["mine"], "methods": ["theirs"]},
    })  # fmt: skip
    done = clone.run("snakemake", "--cores", "2")
    assert done.returncode != 0, "a leaking method must fail the run"
    assert "theirs" in done.stdout and "03/0.png" in done.stdout
    summary = clone.path / "results/summary"
    ledger = pd.read_csv(summary / "ledger.csv", dtype=str, keep_default_na=False)
    ingest = ledger[ledger["stage"] == "ingest"]
    assert set(ingest["path"]) == {"00/0.png", "01/1.png", "02/2.png"}
    assert set(ingest["status"]) == {"unreadable"}
    assert (ledger[ledger["method"] == "theirs"]["status"] == "missing").sum() == 42
    leaks = pd.read_csv(summary / "leaks.csv", dtype=str)
    assert set(leaks["image_id"]) == {"03/0.png", "03/1.png", "04/2.png"}
    metrics = pd.read_csv(summary / "metrics.csv", keep_default_na=False)
    found = metrics[(metrics["method"] == "original") & (metrics["metric"] == "detected")]
    assert set(found["n"].astype(float)) == {48.0}, "unusable images stay in the denominator"
    checks = json.loads((summary / "checks.json").read_text())["checks"]
    assert any(not c["passed"] for c in checks)
    assert (clone.path / "results/report/index.html").exists(), "the report shows what is wrong"
