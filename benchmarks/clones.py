"""Fresh clones of the project for benchmarks: the committed state, run as a user would run it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from anonbench.config import merge

ROOT = Path(__file__).resolve().parents[1]
BUNDLED = ROOT / "data" / "faces"
WEIGHTS = ROOT / "data" / "weights"


class CommandError(RuntimeError):
    """A command of a benchmark failed; the message has the end of what it printed."""


@dataclass(frozen=True)
class Timing:
    """Seconds that a command took; `cpu` adds up all its processes."""

    wall: float
    cpu: float
    output: str


@dataclass(frozen=True)
class Clone:
    """A clone of the project, with the environment of this process."""

    path: Path

    def run(self, *command: str) -> Timing:
        """Run a command in the clone, on the clone's code, and time it.

        Raises
        ------
        CommandError
            If it fails.
        """
        env = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "DVC"))}
        # The environment's packages, but the library of the clone: `.venv` names that of ROOT.
        env |= {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}",
            "PYTHONPATH": str(self.path / "src"),
            "DVC_NO_ANALYTICS": "1",
        }
        before, start = os.times(), time.perf_counter()
        done = subprocess.run(
            command, cwd=self.path, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", check=False,
        )  # fmt: skip
        wall, after = time.perf_counter() - start, os.times()
        if done.returncode:
            end = done.stdout.replace(str(self.path), "CLONE")[-3000:]
            raise CommandError(f"{' '.join(command)} failed:\n{end}")
        cpu = after.children_user + after.children_system
        return Timing(wall, cpu - before.children_user - before.children_system, done.stdout)

    def edit(self, changes: Mapping[str, Any]) -> None:
        """Layer changes over the clone's params.yaml."""
        params = self.path / "params.yaml"
        merged = merge(yaml.safe_load(params.read_text(encoding="utf-8")), changes)
        params.write_text(yaml.safe_dump(merged, sort_keys=False), encoding="utf-8")

    def benchmark_files(self) -> dict[str, list[Path]]:
        """Return Snakemake's benchmark files of all jobs so far, by stage."""
        root = self.path / "benchmarks" / "results"
        files: dict[str, list[Path]] = {}
        for file in sorted(root.rglob("*.tsv")):
            stage = file.relative_to(root).parts[0].removesuffix(".tsv")
            files.setdefault(stage, []).append(file)
        return files


def fresh_clone(folder: Path) -> Clone:
    """Clone the project's last commit into a new folder, with nothing computed and no data."""
    command = ["git", "clone", "-q", "--no-hardlinks", str(ROOT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CommandError(f"git clone failed:\n{done.stderr[-1000:]}")
    return Clone(folder)


def bring_bundled(clone: Clone) -> None:
    """Copy the bundled faces and weights into a clone.

    Raises
    ------
    FileNotFoundError
        If they are not here; the message says what to do.
    """
    need_faces()
    weights = [pointer.with_suffix("") for pointer in sorted(WEIGHTS.glob("*.dvc"))]
    for path in weights:
        if not path.is_file():
            raise FileNotFoundError(f"{path.name} is not in data/weights: run `make weights` first")
    shutil.copytree(BUNDLED, clone.path / "data" / "faces")
    for path in weights:
        shutil.copy2(path, clone.path / "data" / "weights")


def need_faces() -> None:
    """Raise FileNotFoundError if the bundled faces are not here; the message says what to do."""
    if not (BUNDLED / "labels.csv").is_file():
        raise FileNotFoundError("the bundled faces are not in data/faces: run `make faces` first")
