"""Killed runs resume to the same bytes; a second run at the same time is refused."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from conftest import Clone

pytestmark = pytest.mark.slow


def start(clone: Clone) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["snakemake", "--cores", "2"], cwd=clone.path, env=clone.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip


def kill(process: subprocess.Popen[bytes]) -> None:
    """KILL the run and all its jobs at once, as the kernel does when memory runs out."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_killed_run_resumes_to_the_same_bytes(clone: Clone, finished: Clone) -> None:
    for marker in ("results/ingest/drawn/images.tar", "results/embed/original/drawn.dlib.npz"):
        process = start(clone)
        deadline = time.monotonic() + 300
        while not (clone.path / marker).exists() and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.3)
        kill(process)
        clone.ok("snakemake", "--unlock")
    clone.ok("snakemake", "--cores", "2")
    resumed, undisturbed = clone.results(), finished.results()
    assert sorted(resumed) == sorted(undisturbed)
    assert [name for name in resumed if resumed[name] != undisturbed[name]] == []


def test_second_run_at_the_same_time_is_refused(clone: Clone) -> None:
    process = start(clone)
    try:
        locks = clone.path / ".snakemake" / "locks"
        deadline = time.monotonic() + 60
        while not (locks.is_dir() and any(locks.iterdir())):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        second = clone.run("snakemake", "--cores", "1")
        assert second.returncode != 0
        assert "lock" in second.stdout.lower()
    finally:
        kill(process)
