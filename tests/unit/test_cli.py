"""The other commands; `anonymise` is tested with its folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from anonbench import anonymisers, validate
from anonbench.cli import app
from anonbench.config import Params

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def test_schema_is_that_of_the_code() -> None:
    assert json.loads(run("schema").output) == Params.model_json_schema()


def test_methods_lists_every_anonymiser_with_its_unit() -> None:
    output = run("methods").output
    for name in anonymisers.names():
        info = anonymisers.get(name).info
        line = next(line for line in output.splitlines() if line.split()[0] == name)
        assert info.label in line and (info.strength or "no strength") in line


def test_validate_takes_the_repositorys_experiment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # The cartoons need no data; the bundled faces may not have been pulled.
    mine = tmp_path / "mine.yaml"
    mine.write_text("run: {datasets: [drawn]}\n", encoding="utf-8")
    monkeypatch.chdir(ROOT)
    result = run("validate", "-c", str(mine))
    assert result.exit_code == 0 and "can be used" in result.output


def test_validate_names_what_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    layer = tmp_path / "mine.yaml"
    layer.write_text("methods: {blur_face: {strengths: [2.5]}}\nleaks: {psnr: 30}\n")
    result = run("validate", "-c", str(layer))
    assert result.exit_code == 1 and "methods.blur_face.strengths" in result.output
    layer.write_text("sede: 1\n")
    result = run("validate", "-c", str(layer))
    assert result.exit_code == 1 and "did you mean 'seed'" in result.output
    layer.write_text(
        f"datasets: {{mine: {{path: {tmp_path / 'nowhere'}}}}}\nrun: {{datasets: [mine]}}\n"
    )
    result = run("validate", "-c", str(layer))
    assert result.exit_code == 1 and "datasets.mine" in result.output


def test_validate_without_a_configuration_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("validate")
    assert result.exit_code == 1 and "params.yaml" in result.output


def test_doctor_reports_each_need_and_fails_on_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [("import cv2", ""), ("weights a.dat", "WeightFileError: a.dat: missing; reinstall")]
    monkeypatch.setattr(validate, "check_environment", lambda: found)
    # Weights have tests of their own, and need not be here.
    monkeypatch.setattr(validate, "check_weights", lambda params: [])
    result = run("doctor")
    assert result.exit_code == 1
    assert "ok   import cv2" in result.output
    assert "FAIL weights a.dat: WeightFileError: a.dat: missing; reinstall" in result.output
    monkeypatch.setattr(validate, "check_environment", lambda: found[:1])
    assert run("doctor").exit_code == 0


def test_every_command_explains_itself() -> None:
    for command in ("anonymise", "validate", "doctor", "methods", "schema"):
        result = run(command, "--help")
        assert result.exit_code == 0 and len(result.output.splitlines()) > 3
