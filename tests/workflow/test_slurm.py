"""On a real Slurm of two nodes: the same bytes, whatever happens to jobs, nodes and Snakemake."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from slurm_cluster import Cluster, missing

from conftest import BIN, LIMIT, Clone, bring_faces, commit, make_clone

pytestmark = pytest.mark.slow

SMALL = {
    # The rendered set, of every subject the two neutral pictures: enough for error rates.
    "run": {"datasets": ["faces"], "methods": ["pixelize_face"], "expressions": []},
    "datasets": {"faces": {"options": {"expressions": ["neutral"]}}},
    "methods": {"pixelize_face": {"detectors": ["dlib_hog"], "strengths": [5]}},
    "detection": {"subject": ["dlib_hog"], "utility": ["dlib_hog"], "landmarks": "", "options": {}},
    "metrics": {"bootstrap": 10},
}
SLURM = (
    "snakemake", "--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1",
    "--seconds-between-status-checks", "1", "--latency-wait", "20",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes; the test is skipped, with the reason, where there is no Slurm to start them."""
    if why := missing():
        pytest.skip(why)
    with Cluster(nodes=2, cpus=2) as started:
        yield started


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone after an undisturbed run on this machine."""
    clone = with_faces(tmp_path_factory.mktemp("local") / "clone")
    clone.ok("snakemake", "--cores", "2")
    return clone


def with_faces(path: Path) -> Clone:
    """Make a clone that has the rendered set, and in which nothing is computed."""
    clone = make_clone(path, SMALL)
    bring_faces(clone)
    commit(clone, "with faces")
    return clone


def on(cluster: Cluster) -> dict[str, str]:
    """What is set where a command of the environment shall find the cluster."""
    environment = cluster.environment()
    return {**environment, "PATH": f"{BIN}:{environment['PATH']}"}


class Run:
    """A run of Snakemake on the cluster, and what it prints."""

    def __init__(self, clone: Clone, cluster: Cluster, log: Path) -> None:
        self.log = log
        self.process = subprocess.Popen(
            SLURM, cwd=clone.path, stdout=log.open("w"), stderr=subprocess.STDOUT,
            env=clone.environment(**on(cluster)), start_new_session=True,
        )  # fmt: skip

    def until(self, condition) -> None:
        """Wait for something to happen, and fail if the run ends or takes too long before."""
        deadline = time.monotonic() + LIMIT
        while not condition():
            assert self.process.poll() is None, self.text()[-5000:]
            assert time.monotonic() < deadline, self.text()[-5000:]
            time.sleep(0.1)

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def text(self) -> str:
        return self.log.read_text()


@dataclass
class Story:
    """What a run went through."""

    clone: Clone
    before_kill: dict[Path, int]
    cancelled: str
    memory: dict[str, str]
    nodes: set[str]
    first: str
    second: str
    code: int


def times(clone: Clone) -> dict[Path, int]:
    files = (p for p in clone.path.glob("results/**/*") if p.is_file())
    return {p: p.stat().st_mtime_ns for p in files if not p.name.startswith(".")}


@pytest.fixture(scope="module")
def story(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A job is cancelled, Snakemake is killed, and after the recovery a node goes down."""
    folder = tmp_path_factory.mktemp("slurm")
    clone = with_faces(folder / "clone")
    run = Run(clone, cluster, folder / "first.log")
    try:
        run.until(lambda: cluster.jobs("RUNNING"))
        cancelled = next(iter(cluster.jobs("RUNNING")))
        cluster.run("scancel", cancelled)
        run.until(lambda: "(Rule: locate)" in run.text() and cluster.jobs("RUNNING"))
        run.kill()
        first = run.text()
        # The recovery as docs/cluster.md has it.
        cluster.run("scancel", "--user", str(os.geteuid()))
        cluster.wait_until(lambda: not cluster.jobs(), 120)
        clone.ok("snakemake", "--unlock")
        kept = times(clone)
        run = Run(clone, cluster, folder / "second.log")
        run.until(lambda: cluster.jobs("RUNNING"))
        node = next(iter(cluster.jobs("RUNNING").values()))
        cluster.run("scontrol", "update", f"NodeName={node}", "State=DOWN", "Reason=test")
        code = run.process.wait(LIMIT)
        cluster.run("scontrol", "update", f"NodeName={node}", "State=RESUME")
        memory, nodes = cluster.told("%m"), set(cluster.told("%N").values())
        yield Story(clone, kept, cancelled, memory, nodes, first, run.text(), code)
    finally:
        if run.process.poll() is None:
            run.kill()


def test_result_is_that_of_the_local_run(story: Story, local: Clone) -> None:
    assert story.code == 0, story.second[-5000:]
    mine, other = story.clone.results(), local.results()
    assert sorted(mine) == sorted(other)
    assert [name for name in mine if mine[name] != other[name]] == []


def test_cancelled_job_is_submitted_again_with_more_memory(story: Story) -> None:
    assert f"SLURM-job '{story.cancelled}' failed" in story.first
    again = re.search(
        r"Trying to restart job (\d+)\..*\nJob \1 has been submitted with SLURM jobid (\d+)",
        story.first, re.DOTALL,
    )  # fmt: skip
    assert again, story.first[-5000:]
    # The first job is ingest, and the profile has its memory.
    assert (story.memory[story.cancelled], story.memory[again[2]]) == ("3000M", "6000M")


def test_recovery_makes_only_what_is_missing(story: Story) -> None:
    after = times(story.clone)
    kept = [p.name for p in story.before_kill if after.get(p) == story.before_kill[p]]
    # What was being written when Snakemake died is made again; what was finished is not.
    assert {"images.tar", "manifest.parquet", "dlib_hog.parquet", "subjects.parquet"} <= set(kept)


def test_job_of_a_node_that_went_down_runs_on_another(story: Story) -> None:
    assert "node failure" in story.second
    assert "Trying to restart job" in story.second
    assert {"n1", "n2"} <= story.nodes


def without_nulls(found: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in found.items() if value is not None}


def test_whole_dvc_repro_on_two_nodes_is_the_local_run(
    cluster: Cluster, local: Clone, tmp_path: Path
) -> None:
    clone = with_faces(tmp_path / "clone")
    before = cluster.told("%N")
    shown = clone.ok("dvc", "repro", SNAKEMAKE_PROFILE="profiles/slurm", **on(cluster))
    assert "SLURM jobid" in shown
    used = {node for job, node in cluster.told("%N").items() if job not in before}
    assert {"n1", "n2"} <= used, used
    assert "up to date" in clone.ok("dvc", "status")
    mine, other = clone.results(), local.results()
    assert sorted(mine) == sorted(other)
    assert [name for name in mine if mine[name] != other[name]] == []
    # The numbers are there, and they are those of faces: comparing nothing would be easy.
    shown = clone.ok("dvc", "metrics", "show", "--json")
    (told,) = json.loads(shown).values()
    numbers = told["data"]["results/summary/metrics.json"]["data"]["faces"]
    assert set(numbers) == {"original", "blank", "pixelize_face"}
    # What could not be measured is null in the file, and DVC shows numbers alone.
    measured = json.loads(other["summary/metrics.json"], object_hook=without_nulls)["faces"]
    assert numbers == measured
