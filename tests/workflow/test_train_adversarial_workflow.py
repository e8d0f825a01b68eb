"""`snakemake train_adversarial` from nothing: rendering, crops, trainings, who is told apart."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors import safe_open

from conftest import Clone

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SHORT = {
    "rounds": 2, "warm_up": 1, "batch": 2, "more_originals": 0, "validation": 0.0, "size": 32,
    "channels": 4, "shift": 2, "classifier_channels": 4, "classifier_size": [16, 16],
    "task_channels": 2, "report_every": 1, "fresh_rounds": 2, "fresh_batch": 2,
    "precision": "float32", "device": "cpu",
}  # fmt: skip


def recipe(name: str) -> dict[str, dict[str, object]]:
    content = yaml.safe_load((EXPERIMENTS / f"{name}.yaml").read_text())
    found: dict[str, dict[str, object]] = content["training_adversarial"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", ["train_ren", "train_narula"])
def test_transforms_come_out_of_one_command(clone: Clone, makehuman: Path, name: str) -> None:
    trainings = list(recipe(name))
    small = {
        "rendered": {"subjects": 3, "subjects_per_shard": 2},
        "training_adversarial": dict.fromkeys(trainings, SHORT),
    }
    (clone.path / "small.yaml").write_text(yaml.safe_dump(small))
    clone.ok(
        "snakemake", "train_adversarial", "--cores", "2",
        "--configfile", f"experiments/{name}.yaml", "small.yaml",
        ANONBENCH_MAKEHUMAN=str(makehuman),
    )  # fmt: skip
    for training in trainings:
        out = clone.path / "results/training" / training
        assert list(pd.read_csv(out / "rounds.csv")["round"]) == [1, 2]
        assert (out / "rounds.svg").is_file() and (out / "samples.png").is_file()
        with safe_open(out / f"{training}.safetensors", "numpy") as file:
            about = json.loads(file.metadata()["anonbench"])
        kind = {"train_ren": "Modifier", "train_narula": "SharedConvolutions"}[name]
        assert about["architecture"] == kind and about["size"] == "32"
    table = pd.read_csv(clone.path / "results/training/adversaries.csv")
    assert len(table) == 4 * len(trainings) and set(table["training"]) == set(trainings)
    assert (table["n"] == 3).all()


def test_without_a_training_it_says_what_to_do(clone: Clone) -> None:
    done = clone.run("snakemake", "train_adversarial", "-n")
    assert done.returncode != 0
    assert "fill training_adversarial, as --configfile experiments/train_ren.yaml" in done.stdout


def test_presets_name_what_is_missing(clone: Clone) -> None:
    (clone.path / "drawn.yaml").write_text(
        "run: {datasets: [drawn], expressions: []}\ncontrasts: []\n"
    )
    done = clone.run("snakemake", "-n", "--configfile", "experiments/ren2018.yaml", "drawn.yaml")
    assert done.returncode != 0
    assert "ren_rendered" in done.stdout
