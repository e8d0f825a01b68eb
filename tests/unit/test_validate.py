"""Checks before any work."""

from __future__ import annotations

import importlib
import importlib.metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from anonbench import validate
from anonbench.config import ConfigError, parse
from anonbench.dlib_files import WeightFileError


def params(methods: dict[str, Any], path: str = "data/drawn") -> Any:
    return parse({
        "run": {"datasets": ["d"], "methods": list(methods), "recognisers": ["dlib"]},
        "datasets": {"d": {"path": path}}, "methods": methods,
        "recognisers": {"dlib": {"type": "dlib"}},
    })  # fmt: skip


def test_all_wrong_strengths_and_options_are_listed_by_key() -> None:
    with pytest.raises(ConfigError) as error:
        validate.check_methods(params({
            "half": {"anonymiser": "blur", "strengths": [2.5]},
            "much": {"anonymiser": "noise", "strengths": [1000]},
            "none": {"anonymiser": "blackout", "strengths": [1]},
            "odd": {"anonymiser": "blackout", "options": {"colour": "red"}},
            "fine": {"anonymiser": "blur", "strengths": [5]},
        }))  # fmt: skip
    message = str(error.value)
    for key in ("half.strengths", "much.strengths", "none.strengths", "odd.options"):
        assert f"methods.{key}:" in message
    assert "fine" not in message


def test_methods_outside_the_run_are_not_checked() -> None:
    content = params({"fine": {"anonymiser": "blur"}})
    validate.check_methods(content)


def test_data_that_is_not_there_is_fatal_and_drawn_data_is_not_looked_for(tmp_path: Path) -> None:
    methods = {"fine": {"anonymiser": "blur"}}
    assert validate.check_data(params(methods)) == []
    problems = validate.check_data(params(methods, str(tmp_path / "nowhere")))
    assert problems and problems[0].fatal and "datasets.d:" in problems[0].text


def test_environment_reports_problems_instead_of_raising(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_module(name: str) -> None:
        raise ImportError(f"No module named {name!r}")

    def no_weights(name: str) -> None:
        raise WeightFileError(f"{name}: missing; reinstall")

    monkeypatch.setattr(validate.importlib, "import_module", no_module)  # type: ignore[attr-defined]
    monkeypatch.setattr(validate, "weight_file", no_weights)
    found = dict(validate.check_environment())
    assert found["import torch"] == "ImportError: No module named 'torch'"
    assert all("reinstall" in p for n, p in found.items() if n.startswith("weights"))
    assert found["cascade haarcascade_eye.xml"] == ""


@pytest.mark.parametrize(
    ("installed", "wrong"),
    [(["opencv-contrib-python"], False), (["opencv-contrib-python", "opencv-python"], True)],
)
def test_two_opencvs_in_one_place_are_noticed(
    installed: list[str], wrong: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [SimpleNamespace(name=n) for n in ("numpy", *installed)]
    monkeypatch.setattr(importlib.metadata, "distributions", lambda: found)
    problem = dict(validate.check_environment.__globals__)["_problem"](validate._one_opencv)
    assert bool(problem) is wrong
    assert not wrong or "opencv-python" in problem
