"""dlib's weights are the right ones, or an error says which file is not and what to do."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from anonbench.dlib_files import HASHES, WeightFileError, weight_file
from anonbench.hashing import sha256

NAME = "shape_predictor_5_face_landmarks.dat"


@pytest.mark.parametrize("name", HASHES)
def test_installed_weights_are_the_expected_ones(name: str) -> None:
    assert sha256(weight_file(name)) == HASHES[name]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightFileError, match="missing; reinstall") as error:
        weight_file(NAME, str(tmp_path))
    assert str(tmp_path / NAME) in str(error.value)


def test_damaged_file_is_named(tmp_path: Path) -> None:
    data = bytearray(weight_file(NAME).read_bytes())
    data[len(data) // 2] ^= 1  # one bit
    (tmp_path / NAME).write_bytes(data)
    with pytest.raises(WeightFileError, match="reinstall face_recognition_models") as error:
        weight_file(NAME, str(tmp_path))
    message = str(error.value)
    assert str(tmp_path / NAME) in message
    assert HASHES[NAME] in message and sha256(tmp_path / NAME) in message


def test_error_is_not_remembered(tmp_path: Path) -> None:
    with pytest.raises(WeightFileError):
        weight_file(NAME, str(tmp_path))
    (tmp_path / NAME).write_bytes(weight_file(NAME).read_bytes())
    assert weight_file(NAME, str(tmp_path)) == tmp_path / NAME


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Any = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec",
        lambda name, *a: None if name == "face_recognition_models" else found(name, *a),
    )  # fmt: skip
    weight_file.cache_clear()
    with pytest.raises(WeightFileError, match=r"face_recognition_models.*requirements\.lock"):
        weight_file(NAME)
