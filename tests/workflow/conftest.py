"""Temporary clones of the project, in which the tests run it as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

SMALL = {
    # The cartoons: quick, and the workflow draws them itself.
    "run": {
        "datasets": ["drawn"],
        "methods": ["blur_face", "blackout_face"],
        # The weights of networks are large; a test of their own brings some.
        "expressions": [],
    },
    "methods": {"blur_face": {"strengths": [5, 30]}},
    # Two quick detectors: the others have tests of their own.
    "detection": {
        "subject": ["dlib_hog", "haar"],
        "utility": ["haar"],
        "landmarks": "",
        "options": {},
    },
    "metrics": {"bootstrap": 50},
    # The second is left out: the run has no noise.
    "contrasts": [
        {"name": "black", "methods": ["blackout_face", "blank"]},
        {"name": "noise", "methods": ["noise_face", "blank"]},
    ],
}

LIMIT = 3600
"""Seconds for a command that takes a fraction of them on a machine that does nothing else."""

LEFT_OUT = ("tests/", "results/", "data/faces.dvc", "data/weights/", ".dvc/bundled/files/")


@dataclass
class Clone:
    """A copy of the project with a small experiment."""

    path: Path

    def run(self, *command: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone and capture what it prints."""
        return subprocess.run(
            command, cwd=self.path, env=self.environment(**env), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=LIMIT,
        )  # fmt: skip

    def ok(self, *command: str, **env: str) -> str:
        """Run a command that must succeed and return what it prints."""
        done = self.run(*command, **env)
        assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout[-6000:]}"
        return done.stdout

    def environment(self, **extra: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SNAKEMAKE", "DVC"))}
        return {**kept, "PATH": f"{BIN}:{kept['PATH']}", "DVC_NO_ANALYTICS": "1", **extra}

    def params(self) -> dict:
        return yaml.safe_load((self.path / "params.yaml").read_text())

    def edit(self, changes: dict) -> None:
        """Layer changes over params.yaml."""
        merged = merge(self.params(), changes)
        (self.path / "params.yaml").write_text(yaml.safe_dump(merged, sort_keys=False))

    def nothing_to_do(self) -> bool:
        return "Nothing to be done" in self.ok("snakemake", "-n")

    def results(self) -> dict[str, bytes]:
        """The content of every result file by name, but for the page of times."""
        folder = self.path / "results"
        return {
            str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*")
            if p.is_file() and p.name not in (".gitignore", ".snakemake_timestamp", "time.html")
        }  # fmt: skip


def merge(below: dict, above: dict) -> dict:
    both = {k: merge(below[k], v) if isinstance(v, dict) and isinstance(below.get(k), dict) else v
            for k, v in above.items()}  # fmt: skip
    return {**below, **both}


def make_clone(path: Path, changes: dict | None = None) -> Clone:
    """Copy what Git has or would have, commit it in a new repository, and make it small.

    The bundled faces and weights stay behind: DVC would look for them in every run.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source, target = ROOT / name, path / name
        if source.is_file() and not name.startswith(LEFT_OUT):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    clone = Clone(path)
    clone.edit(SMALL if changes is None else changes)
    clone.ok("git", "init", "-q", ".")
    commit(clone, "start")
    return clone


def bring_faces(clone: Clone) -> None:
    """Bring the bundled faces into a clone, out of the remote that stayed beside the code."""
    (clone.path / "data").mkdir(exist_ok=True)
    shutil.copy2(ROOT / "data/faces.dvc", clone.path / "data/faces.dvc")
    clone.ok("dvc", "remote", "modify", "--local", "bundled", "url", str(ROOT / ".dvc" / "bundled"))
    clone.ok("dvc", "pull", "data/faces.dvc")


def commit(clone: Clone, message: str) -> None:
    clone.ok("git", "add", "-A")
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    clone.ok("git", *who, "commit", "-q", "--allow-empty", "-m", message)


@pytest.fixture()
def clone(tmp_path: Path) -> Clone:
    return make_clone(tmp_path / "clone")


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone after an undisturbed run by Snakemake; treat it as read-only."""
    done = make_clone(tmp_path_factory.mktemp("finished") / "clone")
    done.ok("snakemake", "--cores", "2")
    return done
