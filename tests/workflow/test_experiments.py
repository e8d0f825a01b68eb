"""Experiments in DVC's queue: each in a copy of the project, and their trade-offs side by side."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conftest import SMALL, Clone, commit, make_clone, merge

pytestmark = pytest.mark.slow

STRENGTHS = {"weak": 5, "strong": 30}


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with two experiments that went through the queue, as docs/cluster.md has it."""
    few = {"subject": ["dlib_hog"], "utility": ["dlib_hog"]}
    changes = {"run": {"methods": ["blur_face"]}, "detection": few}
    clone = make_clone(tmp_path_factory.mktemp("queue") / "clone", merge(SMALL, changes))
    # The copies get what Git and DVC know of, so the data have to be known.
    clone.ok("snakemake", "draw")
    clone.ok("dvc", "add", "data/drawn")
    clone.ok("git", "add", "-f", "data/drawn.dvc")
    commit(clone, "drawn")
    for name, strength in STRENGTHS.items():
        edit = f"methods.blur_face.strengths=[{strength}]"
        clone.ok("dvc", "exp", "run", "--queue", "-n", name, "-S", edit)
    # The profile reaches the copies; a cluster's would, too.
    shown = clone.ok("dvc", "exp", "run", "--run-all", SNAKEMAKE_PROFILE="profiles/workstation")
    assert "profiles/workstation" in shown
    return clone


def experiments(clone: Clone) -> dict[str, Any]:
    """Return what DVC knows of each experiment, by its name."""
    _, committed = json.loads(clone.ok("dvc", "exp", "show", "--json"))
    revisions = [e["revs"][0] for e in committed["experiments"]]
    return {r["name"]: r["data"] for r in revisions}


def test_queued_experiments_are_run_with_their_parameters(queued: Clone) -> None:
    found = experiments(queued)
    assert set(found) == set(STRENGTHS)
    for name, strength in STRENGTHS.items():
        params = found[name]["params"]["params.yaml"]["data"]
        assert params["methods"]["blur_face"]["strengths"] == [strength]
        metrics = found[name]["metrics"]["results/summary/metrics.json"]["data"]["drawn"]
        assert str(strength) in json.dumps(metrics["blur_face"])
    blur = [found[n]["metrics"]["results/summary/metrics.json"]["data"]["drawn"] for n in STRENGTHS]
    assert blur[0]["original"] == blur[1]["original"] and blur[0] != blur[1]


def test_workspace_is_left_alone(queued: Clone) -> None:
    assert queued.params()["methods"]["blur_face"]["strengths"] == [5, 30]
    assert not [p for p in (queued.path / "results").rglob("*") if p.is_file()]
    assert queued.ok("git", "status", "--porcelain") == ""


def test_tradeoffs_of_two_experiments_are_drawn_on_one_page(queued: Clone) -> None:
    shown = json.loads(queued.ok("dvc", "plots", "diff", "weak", "strong", "--json"))
    (plot,) = shown["data"]["results/summary/tradeoff.csv"]
    points = plot["content"]["data"]["values"]
    drawn = {(p["rev"], p["strength"]) for p in points if p["method"] == "blur_face"}
    assert drawn == {(name, str(strength)) for name, strength in STRENGTHS.items()}
    assert all(p["attacker_success"] and p["detected"] for p in points)
