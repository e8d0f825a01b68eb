"""What the repository may and may not contain, and the tools that keep it tidy."""

from __future__ import annotations

import re
import subprocess

import pytest
from conftest import BIN, ROOT


def tracked() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [n for n in listed.stdout.decode().split("\0") if n and (ROOT / n).is_file()]


def test_no_machine_path_and_no_index_host() -> None:
    forbidden = re.compile(r"(/ro" r"ot/|/ho" r"me/\w|pypi\.o" r"rg|python" r"hosted)")
    found = []
    for name in tracked():
        if name.endswith((".png", ".svg", ".npz", ".tar")):
            continue
        text = (ROOT / name).read_text(encoding="utf-8", errors="replace")
        found += [f"{name}: {m.group()}" for m in forbidden.finditer(text)]
    assert found == []


def test_no_large_file_and_no_weights() -> None:
    large = [n for n in tracked() if (ROOT / n).stat().st_size > 1_000_000]
    assert large == []
    assert [n for n in tracked() if n.endswith((".dat", ".pt", ".pth", ".caffemodel"))] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "."],
        ["ruff", "format", "--check", "."],
        ["mypy"],
        ["snakefmt", "--check", "Snakefile", "workflow"],
        ["snakemake", "--lint"],
    ],
    ids=lambda c: " ".join(c[:2]),
)
def test_clean(command: list[str]) -> None:
    done = subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
