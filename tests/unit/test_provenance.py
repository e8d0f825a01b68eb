"""Provenance: enough to trace numbers, nothing of time or machine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest

from anonbench import provenance
from anonbench.dlib_files import HASHES
from anonbench.hashing import sha256


def write(folder: Path, manifest: Path) -> bytes:
    out = folder / "environment.json"
    provenance.provenance_file(
        inputs={"drawn": manifest}, parameters={"seed": 1}, code={"stage": {}}, out=out
    )
    return out.read_bytes()


def test_file_names_versions_inputs_weights_and_parameters(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest"
    manifest.write_bytes(b"1")
    content = json.loads(write(tmp_path, manifest))
    assert content["versions"]["numpy"] == numpy.__version__
    assert content["inputs"] == {"drawn": sha256(manifest)}
    assert content["parameters"] == {"seed": 1}
    assert HASHES.items() <= content["weights"].items()
    assert "haarcascade_frontalface_default.xml" in content["weights"]
    manifest.write_bytes(b"2")
    assert json.loads(write(tmp_path, manifest))["inputs"] != content["inputs"]


def test_nothing_depends_on_the_place(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest"
    manifest.write_bytes(b"1")
    first, second = (write(tmp_path / name, manifest) for name in "ab")
    assert first == second and str(tmp_path).encode() not in first


def test_absent_package_is_said_to_be_absent() -> None:
    assert provenance.version("no-such-package-of-anybody") == "not installed"


@pytest.mark.parametrize("package", provenance.PACKAGES)
def test_every_named_package_is_installed(package: str) -> None:
    assert provenance.version(package) != "not installed"
