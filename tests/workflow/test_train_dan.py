"""`snakemake train_dan` from nothing: rendering, faces, crops and training in one command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from safetensors import safe_open

from conftest import Clone

pytestmark = pytest.mark.slow

SMALL = {
    "rendered": {"subjects": 3, "subjects_per_shard": 2},
    "training": {
        "size": 32, "heads": 1, "epochs": 2, "batch": 7, "validation": 0.4, "precision": "float32",
        "device": "cpu",
    },
}  # fmt: skip


def test_weights_come_out_of_one_command(clone: Clone, makehuman: Path) -> None:
    (clone.path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    clone.ok(
        "snakemake", "train_dan", "--cores", "2",
        "--configfile", "experiments/train_dan.yaml", "small.yaml",
        ANONBENCH_MAKEHUMAN=str(makehuman),
    )  # fmt: skip
    out = clone.path / "results/training/dan_rendered"
    labels = pd.read_csv(out / "labels.csv")
    assert len(labels) == 21 and labels["expression"].nunique() == 7
    assert labels["subject"].str.match(r"s1\d{4}$").all(), "not of training subjects"
    crops = np.load(out / "crops.npy", mmap_mode="r")
    assert crops.shape == (21, 44, 44, 3) and crops.std() > 10
    assert list(pd.read_csv(out / "curves.csv")["epoch"]) == [1, 2]
    assert (out / "curves.svg").stat().st_size > 1000
    with safe_open(out / "dan_rendered.safetensors", "numpy") as file:
        assert json.loads(file.metadata()["anonbench"])["size"] == "32"
        assert "cat_head0.sa.conv1x1.0.weight" in file.keys()  # noqa: SIM118


def test_without_a_data_set_it_says_what_to_do(clone: Clone) -> None:
    done = clone.run("snakemake", "train_dan", "-n")
    assert done.returncode != 0
    assert "set training.dataset, as --configfile experiments/train_dan.yaml does" in done.stdout
