"""Two doors, one DAG: after either, the other has nothing to do, and neither is ever stale."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from conftest import Clone, commit, make_clone

pytestmark = pytest.mark.slow


def ran(output: str) -> set[str]:
    """Stages that `dvc repro` ran, as opposed to skipped."""
    return set(re.findall(r"Running stage '([^']+)'", output))


@pytest.fixture(scope="module")
def by_dvc(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone after `dvc repro`; tests of this file change it in order."""
    clone = make_clone(tmp_path_factory.mktemp("dvc") / "clone")
    clone.ok("snakemake", "draw")
    clone.ok("dvc", "repro")
    commit(clone, "ran")
    return clone


def test_after_dvc_snakemake_has_nothing_to_do(by_dvc: Clone) -> None:
    assert by_dvc.nothing_to_do()
    assert "up to date" in by_dvc.ok("dvc", "status")


def test_both_doors_give_the_same_bytes(by_dvc: Clone, finished: Clone) -> None:
    mine, other = by_dvc.results(), finished.results()
    assert sorted(mine) == sorted(other)
    assert [name for name in mine if mine[name] != other[name]] == []


def test_metrics_params_and_plots_are_declared(by_dvc: Clone, tmp_path: Path) -> None:
    shown = json.loads(by_dvc.ok("dvc", "metrics", "show", "--json"))
    numbers = shown[""]["data"]["results/summary/metrics.json"]["data"]["drawn"]
    assert set(numbers) == {"original", "blank", "blur_face", "blackout_face"}
    by_dvc.ok("dvc", "plots", "show", "-o", str(tmp_path / "plots"))
    assert "attacker_success" in (tmp_path / "plots" / "index.html").read_text()


def test_edited_method_reruns_alone(by_dvc: Clone) -> None:
    by_dvc.edit({"methods": {"blur_face": {"strengths": [5, 20]}}})
    output = by_dvc.ok("dvc", "repro")
    last = {"summarise", "report", "check", "sources"}
    assert ran(output) - last == {"method@blur_face"}
    assert by_dvc.nothing_to_do()
    metrics = pd.read_csv(by_dvc.path / "results/summary/metrics.csv", dtype=str)
    assert set(metrics[metrics["method"] == "blur_face"]["strength"]) == {"5", "20"}
    diff = json.loads(by_dvc.ok("dvc", "metrics", "diff", "--json"))
    assert any(".20." in key for key in diff["results/summary/metrics.json"])


def test_edited_anonymiser_reruns_its_methods_alone(by_dvc: Clone) -> None:
    code = by_dvc.path / "src/anonbench/anonymisers/blackout.py"
    code.write_text(code.read_text() + "\n# edited\n")
    output = by_dvc.ok("dvc", "repro")
    assert ran(output) - {"summarise", "report", "check", "sources"} == {"method@blackout_face"}
    assert by_dvc.nothing_to_do()


def test_removed_method_leaves_nothing_behind(by_dvc: Clone) -> None:
    by_dvc.edit({"run": {"methods": ["blackout_face"]}})
    by_dvc.ok("dvc", "repro")
    metrics = pd.read_csv(by_dvc.path / "results/summary/metrics.csv", dtype=str)
    assert set(metrics["method"]) == {"original", "blank", "blackout_face"}
    assert by_dvc.nothing_to_do()


def test_experiment_with_another_parameter(by_dvc: Clone) -> None:
    commit(by_dvc, "before the experiment")
    by_dvc.ok("dvc", "exp", "run", "-S", "metrics.distance_threshold=0.5")
    metrics = (by_dvc.path / "results/summary/metrics.csv").read_text()
    assert "mated_accepted_at_0.5," in metrics
    assert by_dvc.nothing_to_do()


def test_snakemake_first_then_dvc_adopts(finished: Clone, tmp_path: Path) -> None:
    clone = Clone(tmp_path / "clone")
    shutil.copytree(finished.path, clone.path, symlinks=True)
    assert clone.nothing_to_do()
    clone.ok("dvc", "commit", "-f")
    assert "up to date" in clone.ok("dvc", "status")
    assert ran(clone.ok("dvc", "repro")) == set()


def test_fresh_clone_pulls_and_is_never_stale(finished: Clone, tmp_path: Path) -> None:
    """Rows 1 to 5 of the design notes: pulled data is current, an edited parameter is seen."""
    first = Clone(tmp_path / "first")
    shutil.copytree(finished.path, first.path, symlinks=True)
    first.ok("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    first.ok("dvc", "commit", "-f")
    first.ok("dvc", "push")
    commit(first, "pushed")
    fresh = Clone(tmp_path / "fresh")
    first.ok("git", "clone", "-q", str(first.path), str(fresh.path))
    fresh.ok("dvc", "pull")
    fresh.ok("snakemake", "draw")
    fresh.ok("snakemake", "--touch")
    assert fresh.nothing_to_do()
    assert "up to date" in fresh.ok("dvc", "status")
    edited = {"methods": {"blur_face": {"strengths": [30, 50]}}}
    fresh.edit(edited)
    output = fresh.ok("dvc", "repro")
    assert ran(output) - {"summarise", "report", "check", "sources"} == {"method@blur_face"}
    metrics = pd.read_csv(fresh.path / "results/summary/metrics.csv", dtype=str)
    assert set(metrics[metrics["method"] == "blur_face"]["strength"]) == {"30", "50"}
    assert fresh.nothing_to_do()


def test_snakemakes_own_report(finished: Clone, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    finished.ok("snakemake", "--report", str(page))
    text = page.read_text()
    assert "index.html" in text and "contact sheet" in text
