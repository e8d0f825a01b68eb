"""The command `anonbench render`, with a stand-in for the renderer."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from test_synthetic_faceset import StandIn, content
from typer.testing import CliRunner, Result

from anonbench.cli import app
from anonbench.synthetic import build
from anonbench.synthetic.faceset import FaceSetError
from anonbench.synthetic.settings import ASSETS_VARIABLE, RenderedFaces

SMALL = ("--subjects", "2", "--views", "1", "--size", "64", "--expressions", "anger",
         "--expressions", "neutral", "--subjects-per-shard", "1", "--cores", "1")  # fmt: skip


def stand_in(assets: Path) -> StandIn:
    if assets.read_text() != "assets":
        raise FaceSetError(f"{assets} cannot be used")
    return StandIn()


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["render", *arguments])


@pytest.fixture(autouse=True)
def _no_renderer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "load_renderer", stand_in)
    monkeypatch.delenv(ASSETS_VARIABLE, raising=False)


@pytest.fixture()
def assets(tmp_path: Path) -> str:
    path = tmp_path / "assets"
    path.write_text("assets")
    return str(path)


def test_set_is_rendered_and_told(tmp_path: Path, assets: str) -> None:
    out = tmp_path / "set"
    result = run(*SMALL, "--out", str(out), "--assets", assets, "--split", "evaluation")
    assert result.exit_code == 0, result.output
    assert "4 images, 2 subjects: " in result.stdout
    assert set(content(out)) == {"faces-000.tar", "faces-001.tar", "labels.csv", "plan.json"}
    with (out / "labels.csv").open() as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    assert paths == [f"s000{k}_{e}_0.jpg" for k in (0, 1) for e in ("anger", "neutral")]
    result = run(*SMALL, "--out", str(out), "--assets", assets, "--split", "train")
    assert result.exit_code == 1 and "split is evaluation there and train here" in result.stderr


def test_assets_come_from_the_environment(
    tmp_path: Path, assets: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ASSETS_VARIABLE, assets)
    assert run(*SMALL, "--out", str(tmp_path / "set")).exit_code == 0


def test_missing_assets_are_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "set"
    result = run(*SMALL, "--out", str(out))
    assert result.exit_code == 1 and ASSETS_VARIABLE in result.stderr
    result = run(*SMALL, "--out", str(out), "--assets", str(tmp_path / "nowhere"))
    assert result.exit_code == 1 and "there is no" in result.stderr
    monkeypatch.setenv(ASSETS_VARIABLE, str(tmp_path / "nowhere"))
    result = run(*SMALL, "--out", str(out))
    assert result.exit_code == 1 and f"(from {ASSETS_VARIABLE})" in result.stderr
    assert not out.exists()


def test_wrong_assets_are_told(tmp_path: Path) -> None:
    (tmp_path / "assets").write_text("other")
    result = run(*SMALL, "--out", str(tmp_path / "set"), "--assets", str(tmp_path / "assets"))
    assert result.exit_code == 1 and "cannot be used" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--size", "8"), "--size: Input should be greater"),
        (("--split", "test"), "--split: Input should be 'train' or 'evaluation'"),
        (("--split", "evaluation", "--first", "9999"), "the split evaluation has 10000"),
        (("--expressions", "joy"), "--expressions: Input should be 'neutral'"),
        (("--cores", "0"), "0 cores"),
    ],
)
def test_wrong_options_are_told(
    tmp_path: Path, assets: str, arguments: tuple[str, ...], message: str
) -> None:
    result = run("--out", str(tmp_path / "set"), "--assets", assets, *arguments)
    assert result.exit_code == 1 and message in result.stderr


def test_command_explains_itself() -> None:
    result = run("--help")
    assert result.exit_code == 0 and "--subjects-per-shard" in result.output


def test_defaults_are_those_of_the_workflow() -> None:
    """Both ways in make alike sets unless told otherwise: the workflow's is the bundled one."""
    from inspect import signature

    from anonbench.cli import render

    defaults = {k: p.default for k, p in signature(render).parameters.items()}
    told = dict(RenderedFaces().plan)
    assert (told.pop("split"), defaults["split"]) == ("evaluation", "train")
    for key, value in told.items():
        assert key == "expressions" or defaults[key] == value, key


def test_name_of_the_variable_is_the_same_for_all() -> None:
    from anonbench.synthetic.assets import VARIABLE

    assert VARIABLE == ASSETS_VARIABLE


def test_the_command_line_loads_no_compiler() -> None:
    code = "import sys, anonbench.cli; sys.exit('numba' in sys.modules or 'cv2' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
