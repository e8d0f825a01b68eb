"""`snakemake train_ciagan` from nothing: rendering, faces, crops, and trainings in steps."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors import safe_open

from conftest import Clone

pytestmark = pytest.mark.slow

SHORT = {
    "rounds": 2, "warm_up": 1, "batch": 2, "codes": 2, "validation": 0.3, "identity_size": 32,
    "report_every": 1, "quality": "", "guide_steps": 1, "precision": "float32", "device": "cpu",
}  # fmt: skip
RECIPE = Path(__file__).parents[2] / "experiments" / "train_ciagan.yaml"
SMALL = {
    "rendered": {"subjects": 3, "subjects_per_shard": 2},
    "training_ciagan": dict.fromkeys(yaml.safe_load(RECIPE.read_text())["training_ciagan"], SHORT),
}


def test_generators_come_out_of_one_command(clone: Clone, makehuman: Path) -> None:
    (clone.path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    clone.ok(
        "snakemake", "train_ciagan", "--cores", "2",
        "--configfile", "experiments/train_ciagan.yaml", "small.yaml",
        ANONBENCH_MAKEHUMAN=str(makehuman),
    )  # fmt: skip
    assert set(SMALL["training_ciagan"]) == {"ciagan_dlib", "ciagan_mediapipe"}
    for name in SMALL["training_ciagan"]:
        out = clone.path / "results/training" / name
        assert list(pd.read_csv(out / "rounds.csv")["round"]) == [1, 2]
        assert (out / "rounds.svg").is_file() and (out / "samples.png").is_file()
        with safe_open(out / f"{name}.safetensors", "numpy") as file:
            about = json.loads(file.metadata()["anonbench"])
            assert "encode_one_hot.0.weight" in file.keys()  # noqa: SIM118
        assert about["codes"] == "2" and about["scaling"] == "sharp"
        assert about["landmarks"] == name.split("_")[1]


def test_without_a_training_it_says_what_to_do(clone: Clone) -> None:
    done = clone.run("snakemake", "train_ciagan", "-n")
    assert done.returncode != 0
    assert "fill training_ciagan, as --configfile experiments/train_ciagan.yaml" in done.stdout
