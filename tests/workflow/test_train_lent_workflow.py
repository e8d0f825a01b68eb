"""`snakemake train_mmda` and `train_proxies` from nothing: rendering, faces, and what is made."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import yaml
from safetensors import safe_open

from conftest import Clone

pytestmark = pytest.mark.slow

SMALL = {
    "rendered": {"subjects": 6, "subjects_per_shard": 3},
    # Subjects of every gender and ancestry, but hardly of every age.
    "training_mmda": {"mmda_rendered": {"components": 20, "validation": 0.0, "ages": [33]}},
    "training_proxies": {"proxies_rendered": {"people": 3, "components": 10}},
}


def test_both_come_out_of_one_command(clone: Clone, makehuman: Path) -> None:
    (clone.path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    clone.ok(
        "snakemake", "train_mmda", "train_proxies", "--cores", "2", "--configfile",
        "experiments/train_mmda.yaml", "experiments/train_proxies.yaml", "small.yaml",
        ANONBENCH_MAKEHUMAN=str(makehuman),
    )  # fmt: skip
    made = clone.path / "results/training"
    for name, architecture in (("mmda_rendered", "MMDA"), ("proxies_rendered", "proxy gallery")):
        with safe_open(made / name / f"{name}.safetensors", "numpy") as file:
            about = json.loads(file.metadata()["anonbench"])
        assert about["architecture"] == architecture
        assert about["people"] == {"mmda_rendered": "6", "proxies_rendered": "3"}[name]
        assert (made / name / "samples.png").is_file()
        assert len(pd.read_csv(made / name / "quality.csv"))


@pytest.mark.parametrize("kind", ["mmda", "proxies"])
def test_without_a_recipe_it_says_what_to_do(clone: Clone, kind: str) -> None:
    done = clone.run("snakemake", f"train_{kind}", "-n")
    assert done.returncode != 0
    assert f"fill training_{kind}, as --configfile experiments/train_{kind}.yaml" in done.stdout
