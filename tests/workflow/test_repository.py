"""What the repository may and may not contain, and the tools that keep it tidy."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess

import pytest
import yaml

from conftest import BIN, ROOT

BUNDLED = ".dvc/bundled/files/"
"""The objects of the data that the project comes with."""


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [n for n in listed.stdout.decode().split("\0") if n and (ROOT / n).is_file()]


POINTERS = {
    "data/faces.dvc": 25_000_000,
    "data/weights/dan_rendered.safetensors.dvc": 41_000_000,
    "data/weights/ciagan_dlib.safetensors.dvc": 25_000_000,
    "data/weights/ciagan_mediapipe.safetensors.dvc": 25_000_000,
    "data/weights/deepprivacy_rendered.safetensors.dvc": 15_000_000,
    "data/weights/cleanir_rendered.safetensors.dvc": 45_000_000,
    **{f"data/weights/ren_rendered_{s}.safetensors.dvc": 25_000_000 for s in (2, 10, 50)},
    **{f"data/weights/narula_rendered_{s}.safetensors.dvc": 1_000_000 for s in (1, 3)},
    "data/weights/mmda_rendered.safetensors.dvc": 25_000_000,
    "data/weights/proxies_rendered.safetensors.dvc": 15_000_000,
}
"""What the project comes with, and at most how many bytes of each."""


def test_bundled_data_is_small_and_nothing_else() -> None:
    """Git holds the objects that the .dvc files name, not too large, unchanged."""
    files = tracked()
    objects = {n.removeprefix(BUNDLED): ROOT / n for n in files if n.startswith(BUNDLED)}
    named = set()
    for pointer, limit in POINTERS.items():
        assert pointer in files
        (out,) = yaml.safe_load((ROOT / pointer).read_text())["outs"]
        assert out["remote"] == "bundled", "results that are pushed elsewhere do not take it along"
        whole = f"md5/{out['md5'][:2]}/{out['md5'][2:]}"
        parts = json.loads(objects[whole].read_text()) if whole.endswith(".dir") else []
        names = {whole, *(f"md5/{e['md5'][:2]}/{e['md5'][2:]}" for e in parts)}
        assert sum(objects[name].stat().st_size for name in names) <= limit, pointer
        named |= names
    assert set(objects) == named
    for name, path in objects.items():
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        assert digest == name.removeprefix("md5/").replace("/", "").removesuffix(".dir")


def test_no_machine_path_and_no_index_host() -> None:
    forbidden = re.compile(r"(/ro" r"ot/|/ho" r"me/\w|pypi\.o" r"rg|python" r"hosted)")
    found = []
    for name in tracked():
        if name.endswith((".png", ".svg", ".npz", ".tar")) or name.startswith(BUNDLED):
            continue
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        found += [f"{name}: {m.group()}" for m in forbidden.finditer(text)]
    assert found == []


WEIGHT_SUFFIXES = (".dat", ".pt", ".pth", ".caffemodel", ".hdf5", ".onnx", ".safetensors", ".task")


def test_no_large_file_and_no_weights() -> None:
    files = [n for n in tracked() if not n.startswith(BUNDLED)]
    large = [n for n in files if (ROOT / n).stat().st_size > 1_000_000]
    assert large == []
    assert [n for n in tracked() if n.endswith(WEIGHT_SUFFIXES)] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["snakefmt", "--check", "Snakefile", "workflow"],
        [
            "snakemake",
            "--lint",
            "--config",
            "run={datasets: [drawn], methods: [blur_face], expressions: []}",
        ],  # no weights are here
    ],
    ids=lambda c: " ".join(c[:2]),
)
def test_clean(command: list[str]) -> None:
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
