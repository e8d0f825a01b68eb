"""The data that the project comes with: recorded once, then pulled without a network."""

from __future__ import annotations

import csv
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from anonbench.weight_models import MODELS
from conftest import SMALL, Clone, commit, make_clone, merge

pytestmark = pytest.mark.slow

FACES = {"faces": {"type": "shards", "path": "data/faces"}}
CHANGES = {"run": {"datasets": ["faces"]}, "datasets": FACES}

# The environment is the one that the test runs in.
MAKE = ("make", "-s", "-o", ".venv/.locked")


def pack(drawn: Path, faces: Path) -> None:
    """Make two shards of the cartoons of two subjects."""
    faces.mkdir()
    rows = []
    for subject in ("00", "01"):
        shard = f"faces-0{subject}.tar"
        with tarfile.open(faces / shard, "w", format=tarfile.USTAR_FORMAT) as tar:
            for path in sorted((drawn / subject).iterdir()):
                name = f"s{subject}_neutral_{path.name}"
                tar.add(path, name)
                rows.append((name, f"s{subject}", path.stem, "neutral", shard))
    with (faces / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([("path", "subject", "session", "expression", "shard"), *rows])


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A repository in which a maintainer has bundled a tiny set."""
    clone = make_clone(tmp_path_factory.mktemp("bundled") / "origin", merge(SMALL, CHANGES))
    clone.ok("snakemake", "draw", "--config", "run={datasets: [drawn]}")
    pack(clone.path / "data/drawn", clone.path / "data/faces")
    clone.ok(*MAKE, "bundle")
    commit(clone, "bundled")
    return clone


@pytest.fixture()
def fresh(origin: Clone, tmp_path: Path) -> Clone:
    clone = Clone(tmp_path / "fresh")
    origin.ok("git", "clone", "-q", str(origin.path), str(clone.path))
    return clone


def images(clone: Clone) -> int:
    return len(pd.read_parquet(clone.path / "results/ingest/faces/manifest.parquet"))


def test_git_holds_the_objects_and_nothing_else(origin: Clone) -> None:
    tracked = origin.ok("git", "ls-files", ".dvc/bundled/files").split()
    assert len(tracked) == 4, "two shards, the labels, and their list"
    assert "remote: bundled" in (origin.path / "data/faces.dvc").read_text()
    # Another set takes the place of the first.
    labels = origin.path / "data/faces/labels.csv"
    header, *rows = labels.read_bytes().splitlines(keepends=True)
    labels.unlink()
    labels.write_bytes(b"".join([header, *reversed(rows)]))
    origin.ok(*MAKE, "bundle")
    again = origin.ok("git", "ls-files", ".dvc/bundled/files").split()
    assert len(again) == 4 and len(set(again) & set(tracked)) == 2
    assert origin.ok("git", "status", "--porcelain", "--", ".dvc").count("\nA ") <= 2
    origin.ok("git", "reset", "-q", "--hard")
    origin.ok("dvc", "checkout", "-f", "-q", "data/faces.dvc")


def test_run_without_data_says_how_to_get_them(fresh: Clone) -> None:
    for command in (("snakemake", "-n"), ("anonbench", "validate")):
        done = fresh.run(*command)
        assert done.returncode != 0
        assert "dvc pull data/faces.dvc" in done.stdout, done.stdout[-2000:]
        assert "Traceback" not in done.stdout


def test_pull_and_ingest_by_snakemake(fresh: Clone) -> None:
    assert "Bringing the bundled faces" in fresh.ok(*MAKE, "faces")
    assert fresh.ok(*MAKE, "faces") == "", "the second time there is nothing to bring or to say"
    fresh.ok("snakemake", "--cores", "2", "ingest_faces")
    assert images(fresh) == 8
    assert "Nothing to be done" in fresh.ok("snakemake", "-n", "ingest_faces")


def stored(folder: Path) -> set[str]:
    """Names of the objects in a DVC remote."""
    return {"".join(p.parts[-2:]) for p in folder.rglob("*") if p.is_file() and p.suffix != ".dir"}


def test_results_of_dvc_never_get_among_the_faces_in_git(fresh: Clone, tmp_path: Path) -> None:
    done = fresh.run("dvc", "repro", "ingest@faces")
    assert done.returncode != 0 and "data/faces" in done.stdout, "nothing is fetched unasked"
    fresh.ok("dvc", "pull", "data/faces.dvc")
    fresh.ok("dvc", "repro", "ingest@faces")
    assert images(fresh) == 8
    # Without a remote of one's own: Git does not see what was pushed.
    bundle = fresh.path / ".dvc/bundled/files"
    faces = stored(bundle)
    fresh.ok("dvc", "push", "ingest@faces")
    results = stored(bundle) - faces
    assert results
    commit(fresh, "results")
    assert len(fresh.ok("git", "ls-files", ".dvc/bundled/files").split()) == 4
    # With one: the faces stay where they are, and are found there.
    fresh.ok("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    fresh.ok("dvc", "push", "data/faces.dvc", "ingest@faces")
    assert stored(tmp_path / "store") == results
    shutil.rmtree(fresh.path / ".dvc/cache")
    shutil.rmtree(fresh.path / "data/faces")
    fresh.ok("dvc", "pull", "data/faces.dvc", "ingest@faces")
    assert (fresh.path / "data/faces/labels.csv").is_file()


def test_make_pull_before_any_result(fresh: Clone) -> None:
    fresh.ok(*MAKE, "pull")
    assert (fresh.path / "data/faces/labels.csv").is_file()
    assert not [p for p in (fresh.path / "results").rglob("*") if p.is_file()]


def test_changed_faces_are_not_overwritten(fresh: Clone) -> None:
    fresh.ok(*MAKE, "faces")
    labels = fresh.path / "data/faces/labels.csv"
    mine = labels.read_bytes() + b"\n"
    labels.unlink()
    labels.write_bytes(mine)
    done = fresh.run(*MAKE, "faces")
    assert done.returncode != 0 and "unsaved" in done.stdout and "labels.csv" in done.stdout
    assert labels.read_bytes() == mine


# The bundled weights

WEIGHTS = "data/weights/dan_rendered.safetensors"


def bundle_weights(clone: Clone, value: float) -> None:
    """Bundle a tiny file as a maintainer would, with the code of the clone."""
    path = clone.path / WEIGHTS
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    save_file({"w": np.full(3, value, np.float32)}, path)
    clone.ok(*MAKE, "bundle-weights", PYTHONPATH=str(clone.path / "src"))


def test_faces_and_weights_are_bundled_beside_each_other(fresh: Clone, tmp_path: Path) -> None:
    # In a fresh clone: objects of the faces come from the repository, the workspace has none.
    bundle = fresh.path / ".dvc/bundled/files"
    faces = stored(bundle)
    bundle_weights(fresh, 1)
    first = stored(bundle) - faces
    assert faces < stored(bundle) and len(first) == 1, "the faces stay"
    assert not (fresh.path / "data/faces").exists()
    assert "remote: bundled" in (fresh.path / f"{WEIGHTS}.dvc").read_text()
    commit(fresh, "weights")
    tracked = fresh.ok("git", "ls-files", "data", ".dvc/bundled/files").split()
    assert sorted(n for n in tracked if n.startswith("data/")) == [
        "data/faces.dvc",
        f"{WEIGHTS}.dvc",
    ]
    assert len(tracked) == 2 + 4 + 1
    # Other weights take the place of the first; then other faces, and the weights stay.
    bundle_weights(fresh, 2)
    second = stored(bundle) - faces
    assert len(second) == 1 and not second & first
    fresh.ok(*MAKE, "faces")
    labels = fresh.path / "data/faces/labels.csv"
    header, *rows = labels.read_bytes().splitlines(keepends=True)
    labels.unlink()
    labels.write_bytes(b"".join([header, *reversed(rows)]))
    fresh.ok(*MAKE, "bundle")
    assert second < stored(bundle) and len(stored(bundle)) == len(faces) + 1
    assert len(fresh.ok("git", "ls-files", ".dvc/bundled/files").split()) == 5
    commit(fresh, "others")

    # Whoever clones that gets both without a network.
    clone = Clone(tmp_path / "users")
    fresh.ok("git", "clone", "-q", str(fresh.path), str(clone.path))
    code = {"PYTHONPATH": str(clone.path / "src")}
    done = clone.run("anonbench", "weights", "verify", **code)
    assert done.returncode == 0 and f"0 of {len(MODELS)} files" in done.stdout
    assert "verified" in clone.ok("anonbench", "weights", "fetch", "dan_rendered", **code)
    assert f"1 of {len(MODELS)} files" in clone.ok("anonbench", "weights", "verify", **code)
    (clone.path / WEIGHTS).unlink()
    assert "Bringing the bundled weights" in clone.ok(*MAKE, "faces", "weights")
    assert clone.ok(*MAKE, "faces", "weights") == ""
    clone.ok("dvc", "status", "-q", "data/faces.dvc", f"{WEIGHTS}.dvc")
    assert (clone.path / WEIGHTS).read_bytes() == (fresh.path / WEIGHTS).read_bytes()


def test_weights_before_any_are_bundled(fresh: Clone) -> None:
    assert fresh.ok(*MAKE, "weights") == ""
    done = fresh.run(*MAKE, "bundle-weights")
    assert done.returncode != 0 and "nothing to bundle" in done.stdout
