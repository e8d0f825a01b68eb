"""Expression networks through the whole DAG: both doors, and what an edited network reruns."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pandas as pd
import pytest

from conftest import Clone, commit, make_clone

pytestmark = pytest.mark.slow

TOY = '''"""A network of one layer: brightness of a face's quarters, times numbers of a formula."""

import numpy as np

from anonbench.expressions import EXPRESSIONS, Classified, Info
from anonbench.expressions._crops import Crops

WEIGHTS = np.sin(np.arange(4 * 7)).reshape(4, 7)


class Toy(Crops):
    classes = EXPRESSIONS

    def __init__(self, crop="landmarks"):
        super().__init__(16, crop)

    def classify(self, crops):
        quarters = np.stack(crops).reshape(-1, 2, 8, 2, 8, 3).mean(axis=(2, 4, 5)) / 255
        features = quarters.reshape(-1, 4)
        # One at a time: a product's last bits may depend on how many rows it has.
        scores = np.exp(np.stack([10 * f @ WEIGHTS for f in features]))
        p = scores / scores.sum(axis=1, keepdims=True)
        return Classified(p.astype(np.float32), features.astype(np.float32))


class Plugin:
    info = Info("Toy", "none")

    def models(self, options):
        return ()

    def build(self, options, threads):
        return Toy(**options)


PLUGIN = Plugin()
'''


def ok(clone: Clone, *command: str) -> str:
    """Run a command that finds the clone's own plug-in."""
    return clone.ok(*command, PYTHONPATH=str(clone.path / "src"))


def planned(clone: Clone) -> dict[str, int]:
    """Return the jobs that Snakemake would run, by rule."""
    output = ok(clone, "snakemake", "-n")
    table = re.findall(r"^(\w+) +(\d+)$", output, re.MULTILINE)
    return {rule: int(n) for rule, n in table if rule != "total"}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone with a network of its own after `dvc repro`; tests change it in order."""
    clone = make_clone(tmp_path_factory.mktemp("toy") / "clone")
    (clone.path / "src/anonbench/expressions/toy.py").write_text(TOY)
    clone.edit({
        "run": {"methods": ["blackout_face"], "expressions": ["toy"]},
        "expressions": {"toy": {"type": "toy", "gate": 0.0}},
    })  # fmt: skip
    commit(clone, "a network")
    ok(clone, "snakemake", "draw")
    ok(clone, "dvc", "repro")
    return clone


def test_expressions_reach_summary_and_figures(toy: Clone) -> None:
    metrics = pd.read_csv(toy.path / "results/summary/metrics.csv", dtype=str)
    own = metrics[(metrics["task"] == "expression") & (metrics["system"] == "toy")]
    assert set(own["method"]) == {"original", "blank", "blackout_face"}
    told = own[(own["metric"] == "preservation") & (own["policy"] == "aligned")]
    value = told.set_index("method")["value"].astype(float)
    assert value["original"] == 1 and value["blackout_face"] < 1
    confusion = pd.read_csv(toy.path / "results/summary/confusion.csv")
    images = confusion[confusion["kind"] == "prediction"].groupby(["method", "policy"])["n"].sum()
    assert (images == 48).all() and len(images) == 6
    checks = json.loads((toy.path / "results/summary/checks.json").read_text())["checks"]
    passed = {c["name"]: c["passed"] for c in checks}
    assert passed["original keeps every expression"] and passed["blank shows no expression"]
    assert (toy.path / "results/figures/drawn/confusion.toy.aligned.svg").is_file()
    front = pd.read_csv(toy.path / "results/summary/pareto.csv", dtype=str)
    used = front[(front["utility"] == "preservation") & (front["method"] == "blackout_face")]
    assert (used["utility_value"].astype(float) < 1).all() and len(used)


def test_after_dvc_snakemake_has_nothing_to_do(toy: Clone) -> None:
    assert "Nothing to be done" in ok(toy, "snakemake", "-n")
    assert "up to date" in ok(toy, "dvc", "status")


def test_edited_network_reruns_what_it_sees_and_no_more(toy: Clone) -> None:
    code = toy.path / "src/anonbench/expressions/toy.py"
    before = code.stat()
    code.write_text(TOY + "\n# edited\n")
    jobs = planned(toy)
    assert jobs["classify"] == jobs["score_expressions"] == 3
    assert not {"anonymise", "redetect", "embed", "score", "measure"} & set(jobs)
    code.write_text(TOY)
    os.utime(code, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_edited_gate_scores_again_and_asks_no_network(toy: Clone) -> None:
    toy.edit({"expressions": {"toy": {"gate": 0.99}}})
    jobs = planned(toy)
    assert jobs["score_expressions"] == 3 and "classify" not in jobs
    ok(toy, "snakemake", "--cores", "2")
    metrics = pd.read_csv(toy.path / "results/summary/metrics.csv", dtype=str)
    own = metrics[metrics["task"] == "expression"]
    assert own["note"].str.startswith("below the gate: clear UAR").all()


def test_missing_weights_stop_the_workflow_before_any_work(toy: Clone, tmp_path: Path) -> None:
    toy.edit({"run": {"expressions": ["toy", "mini_xception"]}})
    done = toy.run("snakemake", "-n", ANONBENCH_WEIGHTS=str(tmp_path))
    assert done.returncode != 0
    assert "expressions.mini_xception" in done.stdout and "missing" in done.stdout
    assert "anonbench weights fetch mini_xception" in done.stdout
