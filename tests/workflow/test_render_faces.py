"""`snakemake render_faces` in a clone whose renderer is a stand-in: pictures of one colour."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from conftest import Clone, make_clone

RENDERER = '''
"""Flat pictures."""
from types import SimpleNamespace

import numpy as np

from anonbench.synthetic.faceset import COLUMNS


class Renderer:
    def __init__(self, assets):
        self.colour = assets

    def subject(self, seed):
        return SimpleNamespace(seed=seed, attributes=dict.fromkeys(COLUMNS, "some"))

    def image(self, subject, expression, view, size=256):
        colour = (subject.seed % 251, 100 * view, self.colour)
        return SimpleNamespace(pixels=np.full((size, size, 3), colour, np.uint8), attributes={})
'''
ASSETS = '''
"""The assets are one byte."""
class AssetError(ValueError):
    pass


def load(path):
    return path.read_bytes()[0]
'''
SET = {"split": "train", "subjects": 5, "views": 1, "size": 64, "subjects_per_shard": 2,
       "expressions": ["neutral", "fear"], "assets": "assets.bin"}  # fmt: skip
OPTIONS = (
    "--subjects", "5", "--views", "1", "--size", "64", "--subjects-per-shard", "2",
    "--expressions", "fear", "--expressions", "neutral", "--assets", "assets.bin",
)  # fmt: skip


@pytest.fixture()
def faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clone:
    # Before the code that the environment names, which is not the clone's.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "clone" / "src"))
    clone = make_clone(tmp_path / "clone")
    clone.edit({"rendered": SET})
    package = clone.path / "src" / "anonbench" / "synthetic"
    (package / "render.py").write_text(RENDERER)
    (package / "assets.py").write_text(ASSETS)
    (clone.path / "assets.bin").write_bytes(b"x")
    return clone


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


@pytest.mark.slow
def test_render_faces(faces: Clone) -> None:
    assert "rendering shard" not in faces.ok("snakemake", "-n"), "only when asked for"
    faces.ok("snakemake", "render_faces", "--cores", "2")
    made = files(faces.path / "results" / "faces")
    assert set(made) - {".snakemake_timestamp"} == {
        "faces-000.tar", "faces-001.tar", "faces-002.tar", "labels.csv", "plan.json",
    }  # fmt: skip
    assert "Nothing to be done" in faces.ok("snakemake", "-n", "render_faces")

    command = "from anonbench.cli import app; app()"
    faces.ok(sys.executable, "-c", command, "render", "--out", "own", *OPTIONS)
    own = files(faces.path / "own")
    assert own == {name: made[name] for name in own}, "both ways in make the same bytes"
    # Neither makes again what the other made.
    here = ("render", "--out", "results/faces", *OPTIONS)
    faces.ok(sys.executable, "-c", command, *here)
    assert "Nothing to be done" in faces.ok("snakemake", "-n", "render_faces")

    faces.edit({"rendered": {"subjects": 6}})
    plan = faces.ok("snakemake", "-n", "render_faces")
    assert "shard 002" in plan and "shard 001" not in plan, "the others hold what they held"


@pytest.mark.slow
def test_missing_assets_are_told_before_any_work(faces: Clone) -> None:
    faces.edit({"rendered": {"assets": ""}})
    done = faces.run("snakemake", "render_faces", ANONBENCH_MAKEHUMAN="")
    assert done.returncode != 0 and "set rendered.assets or ANONBENCH_MAKEHUMAN" in done.stdout
    (faces.path / "assets.bin").unlink()
    done = faces.run("snakemake", "render_faces", ANONBENCH_MAKEHUMAN="assets.bin")
    assert done.returncode != 0 and "assets.bin" in done.stdout
