"""The preset experiments/heimes2021.yaml on a tree like FERET's, with made-up weights."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial.distance import cdist

from anonbench.drawn import write_drawn_set
from anonbench.io import read_embeddings, read_table
from conftest import Clone, make_clone
from made_deepprivacy import write_made

pytestmark = pytest.mark.slow

TAKEN = ("930831_fa", "930831_fb", "940128_fa", "940128_fb")
"""Dates and poses of a subject's four pictures."""
METHODS = ["blur_face", "noise_face", "deepprivacy"]
SMALL = {
    # Fewer methods and strengths, one subject less than the tree has, and weights of nobody's.
    "run": {"methods": METHODS},
    "datasets": {"feret": {"options": {"images": 47}}},
    "methods": {
        "blur_face": {"strengths": [5, 90]}, "noise_face": {"strengths": [30]},
        "deepprivacy": {"options": {"weights": "made.safetensors"}},
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    made = make_clone(tmp_path_factory.mktemp("heimes") / "clone", {
        "metrics": {"bootstrap": 50}, "detection": {"subject": ["dlib_hog", "haar"]},
    })  # fmt: skip
    write_drawn_set(made.path / "cartoons", subjects=12, views=len(TAKEN))
    labels = pd.read_csv(made.path / "cartoons/labels.csv")
    for k, (_, own) in enumerate(labels.groupby("subject"), start=1):
        folder = made.path / f"data/feret/dvd1/data/images/{k:05d}"
        folder.mkdir(parents=True)
        for name, path in zip(TAKEN, own["path"], strict=True):
            Image.open(made.path / "cartoons" / path).convert("RGB").save(
                folder / f"{k:05d}_{name}.ppm"
            )
    write_made(made.path / "made.safetensors")
    (made.path / "small.yaml").write_text(yaml.safe_dump(SMALL))
    made.ok("snakemake", "--cores", "2", "--configfile", "experiments/heimes2021.yaml",
            "small.yaml", "--until", "draw_figures")  # fmt: skip
    return made


def numbers(clone: Clone) -> pd.DataFrame:
    return read_table(clone.path / "results/summary/metrics.csv")


def test_his_attacks_and_methods_are_measured(clone: Clone) -> None:
    table = numbers(clone)
    assert set(table["dataset"]) == {"feret"}
    assert set(table["method"]) == {"original", "blank", *METHODS}
    attacks = set(table["attack"]) - {"", "baseline", "same_image"}
    assert attacks == {"naive", "reverse", "same_subject", "different_subjects"}
    closed = table[(table["method"] == "deepprivacy") & (table["metric"] == "fail_closed")]
    assert (closed["value"] < 0.5).all() and len(closed) == 1, "it has keypoints to work with"


def embedded(clone: Clone, method: str) -> tuple[list[str], NDArray[np.float64]]:
    """Return image ids and embeddings of the aligned faces of a method without strengths."""
    found = read_embeddings(clone.path / f"results/embed/{method}/feret.dlib.npz")
    policy = [str(name) for name in found.policies].index("aligned")
    return [str(i) for i in found.image_ids], found.embeddings[0, policy].astype(np.float64)


def test_confusion_at_his_threshold_is_that_of_the_embeddings(clone: Clone) -> None:
    """His Fig. 9, for naive and reverse: failures are rejected, and no image meets itself."""
    ids, clear = embedded(clone, "original")
    again, outputs = embedded(clone, "deepprivacy")
    assert ids == again
    labels = read_table(clone.path / "results/ingest/feret/manifest.parquet")
    labels = labels.set_index("image_id").loc[ids]
    enrolled = (labels["split"] == "gallery").to_numpy()
    who = labels["subject"].to_numpy()
    mated = who[enrolled][:, None] == who[~enrolled][None, :]
    table = numbers(clone)
    own = table[(table["method"] == "deepprivacy") & (table["policy"] == "aligned")]
    values = own.set_index(["attack", "metric"])["value"]
    sides = {"naive": (clear, outputs), "reverse": (outputs, clear)}
    for attack, (gallery, probes) in sides.items():
        accepted = cdist(gallery[enrolled], probes[~enrolled]) <= 0.575
        expected = {"mated": accepted[mated].mean(), "nonmated": accepted[~mated].mean()}
        for side, share in expected.items():
            assert values[attack, f"{side}_accepted_at_0.575"] == pytest.approx(share)


def test_the_subset_is_of_whole_subjects_and_sides_share_no_image(clone: Clone) -> None:
    manifest = read_table(clone.path / "results/ingest/feret/manifest.parquet")
    assert len(manifest) == 44 and (manifest.groupby("subject").size() == 4).all()
    first = manifest["session"] == "1993-08-31"
    assert set(manifest.loc[first, "split"]) == {"gallery"}
    assert set(manifest.loc[~first, "split"]) == {"probe"}
    table = numbers(clone)
    known = table[(table["method"] == "blur_face") & (table["policy"] == "aligned")]
    mated = known[known["metric"] == "mated_accepted_at_0.575"]
    assert (mated["n"] == 11 * 2 * 2).all(), "two images on each side, never the same one"


def test_every_figure_of_his_has_a_counterpart(clone: Clone) -> None:
    drawn = {p.name for p in (clone.path / "results/figures/feret").glob("*.png")}
    said = (clone.path / "docs/findings.md").read_text()
    for stem in ("distances", "det.naive", "det.reverse", "det_methods.naive", "strengths"):
        assert f"`{stem}.DLIB`" in said
        assert {f"{stem}.dlib.{p}.png" for p in ("detected", "aligned")} <= drawn


def test_images_and_their_own_versions_stand_apart(clone: Clone) -> None:
    table = read_table(clone.path / "results/summary/distances.csv")
    own = table[(table["compared"] == "same_image") & (table["policy"] == "aligned")]
    own = own.set_index(["method", "strength"]).astype({"median": float, "comparisons": int})
    assert own.loc[("original", "none"), "median"] == 0
    assert 0 < own.loc[("blur_face", "5"), "median"] < own.loc[("blur_face", "90"), "median"]
    assert (own["comparisons"] == 44).all()


def test_without_weights_nothing_begins(clone: Clone) -> None:
    (clone.path / "none.yaml").write_text(
        "methods: {deepprivacy: {options: {weights: absent.safetensors}}}\n"
    )
    done = clone.run("snakemake", "-n", "--configfile", "experiments/heimes2021.yaml", "none.yaml")
    assert done.returncode != 0 and "absent.safetensors" in done.stdout
