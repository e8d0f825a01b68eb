"""The preset experiments/brant2022.yaml on a tiny RAF-DB, with weights of a formula."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from anonbench.drawn import write_drawn_set
from anonbench.models.ciagan import Generator
from anonbench.models.dan import DAN, dan_of
from anonbench.weight_models import RAFDB
from conftest import Clone, make_clone

pytestmark = pytest.mark.slow

LOST = 4
"""The image of which CIAGAN made nothing."""


def formula_weights() -> dict[str, NDArray[np.generic]]:
    """Return weights that keep signals alive through all layers."""
    draw = np.random.default_rng(7)
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, value in DAN(7).state_dict().items():
        shape = tuple(value.shape)
        if len(shape) > 1:
            spread = 0.6 * np.sqrt(2 / np.prod(shape[1:]))
            arrays[name] = draw.normal(0, spread, shape).astype(np.float32)
        else:
            arrays[name] = value.numpy()
    return arrays


def answers(network: DAN, pictures: list[Image.Image]) -> NDArray[np.int64]:
    """Classify as the authors of DAN do: resized to 224, normalised as ImageNet."""
    arrays = [np.asarray(p.resize((224, 224), Image.Resampling.BILINEAR)) for p in pictures]
    images = np.stack(arrays).astype(np.float32) / 255
    images = (images - (0.485, 0.456, 0.406)) / np.array((0.229, 0.224, 0.225))
    with torch.inference_mode():
        logits = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float()).logits
    return logits.argmax(dim=1).numpy()


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Clone, NDArray, NDArray]:
    """A clone with a tiny RAF-DB, finished images, and weights; the answers to expect."""
    clone = make_clone(tmp_path_factory.mktemp("brant") / "clone", {
        "metrics": {"bootstrap": 50}, "run": {"expressions": []},
        "detection": {"subject": ["haar"], "utility": ["haar"], "landmarks": ""},
    })  # fmt: skip
    write_drawn_set(clone.path / "cartoons", subjects=12, views=4)
    sources = sorted((clone.path / "cartoons").rglob("*.png"))[::2]
    aligned = clone.path / "data/rafdb/Image/aligned"
    finished = clone.path / "data/ciagan/rafdb/Image/aligned"
    labels = clone.path / "data/rafdb/EmoLabel"
    for folder in (aligned, finished, labels):
        folder.mkdir(parents=True)
    clear, changed, lines = [], [], []
    for k, source in enumerate(sources):
        name = f"{'train' if k % 2 else 'test'}_{k:05d}"
        lines.append(f"{name}.jpg {k % 7 + 1}")
        picture = Image.open(source).convert("RGB").resize((100, 100))
        picture.save(aligned / f"{name}_aligned.jpg", quality=95)
        clear.append(Image.open(aligned / f"{name}_aligned.jpg").convert("RGB"))
        changed.append(clear[-1].filter(ImageFilter.GaussianBlur(2 + k % 5)))
        if k != LOST:
            changed[-1].save(finished / f"{name}_aligned.png")
    (labels / "list_patition_label.txt").write_text("\n".join(lines) + "\n")
    network = dan_of(formula_weights())
    arrays = [np.asarray(p.resize((224, 224), Image.Resampling.BILINEAR)) for p in clear]
    images = (np.stack(arrays) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    with torch.no_grad():
        logits = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).float()).logits
        # Otherwise a formula sees the same class everywhere.
        network.bn.running_mean += logits.mean(dim=0)
        network.bn.running_var *= logits.var(dim=0)
    file = clone.path / "data/weights/rafdb_epoch21_acc0.897_bacc0.8275.pth"
    file.parent.mkdir(exist_ok=True)
    torch.save({"iter": 21, "model_state_dict": network.state_dict()}, file)
    return clone, answers(network, clear), answers(network, changed)


def test_the_preset_measures_preservation(tree: tuple[Clone, NDArray, NDArray]) -> None:
    clone, clear, changed = tree
    n = len(clear)
    assert len(set(clear.tolist())) >= 4 and (clear != changed).any()
    (clone.path / "finished.yaml").write_text(
        "run: {datasets: [rafdb], methods: [ciagan_finished]}"
    )
    output = clone.ok(
        "snakemake", "--cores", "2", "--configfile", "experiments/brant2022.yaml", "finished.yaml"
    )
    assert "Random" not in output
    metrics = pd.read_csv(clone.path / "results/summary/metrics.csv", keep_default_na=False)
    own = metrics[(metrics["task"] == "expression") & (metrics["policy"] == "aligned")
                  & (metrics["method"] == "ciagan_finished")].set_index("metric")  # fmt: skip
    kept = clear == changed
    kept[LOST] = False
    assert float(own.loc["preservation", "value"]) == pytest.approx(kept.mean())
    assert int(own.loc["preservation", "n"]) == n
    seen = np.arange(n) != LOST
    assert float(own.loc["preservation_found", "value"]) == pytest.approx(kept[seen].mean())
    assert float(own.loc["not_found", "value"]) == pytest.approx(1 / n)
    truth = np.arange(n) % 7
    right = (changed == truth) & seen
    assert float(own.loc["accuracy", "value"]) == pytest.approx(right.mean())
    uar = np.mean([right[truth == c].mean() for c in range(7)])
    assert float(own.loc["uar", "value"]) == pytest.approx(uar)
    # A formula knows nothing of expressions: nothing may be shown as if it meant something.
    assert own["note"].str.startswith("below the gate: ").all()


def test_the_confusion_is_the_paper_s(tree: tuple[Clone, NDArray, NDArray]) -> None:
    """Rows are predictions on the originals, columns on the anonymised images (its Fig. 18)."""
    clone, clear, changed = tree
    table = pd.read_csv(clone.path / "results/summary/confusion.csv", keep_default_na=False)
    own = table[(table["method"] == "ciagan_finished") & (table["policy"] == "aligned")
                & (table["kind"] == "prediction")]  # fmt: skip
    counts = own.set_index(["row", "column"])["n"].astype(int)
    for a, row in enumerate(RAFDB):
        for b, column in enumerate(RAFDB):
            pairs = (clear == a) & (changed == b)
            pairs[LOST] = False
            assert counts[row, column] == pairs.sum(), (row, column)
    assert counts.sum() == len(clear)


def test_privacy_is_not_made_up(tree: tuple[Clone, NDArray, NDArray]) -> None:
    """RAF-DB has no identities; the weights that nobody published a hash of are recorded."""
    clone, _, _ = tree
    metrics = pd.read_csv(clone.path / "results/summary/metrics.csv", keep_default_na=False)
    eer = metrics[metrics["metric"] == "eer"]
    assert len(eer) and (eer["value"] == "").all()
    assert eer["note"].str.contains("no identities").all()
    recorded = json.loads((clone.path / "data/weights/recorded.json").read_text())
    assert list(recorded) == ["dan_rafdb"]
    report = Path(clone.path / "results/report/index.html").read_text()
    assert "below the gate" in report


def test_the_published_generator_is_asked_for(tree: tuple[Clone, NDArray, NDArray]) -> None:
    """Without its weights nothing begins; with them, CIAGAN anonymises both data sets."""
    clone, _, _ = tree
    preset = ("snakemake", "-n", "--configfile", "experiments/brant2022.yaml")
    celeba = clone.path / "data/celeba"
    (celeba / "img_align_celeba").mkdir(parents=True)
    (celeba / "identity_CelebA.txt").write_text("000001.jpg 1\n000002.jpg 2\n")
    (celeba / "list_eval_partition.txt").write_text("000001.jpg 2\n000002.jpg 2\n")
    np.save(celeba / "ciagan_identities.npy", np.array([2]))
    done = clone.run(*preset)
    assert done.returncode != 0 and "anonbench weights fetch ciagan_celeba" in done.stdout
    torch.manual_seed(1)
    torch.save(Generator().state_dict(), clone.path / "data/weights/modelG.pth")
    assert "anonymising celeba with ciagan" in clone.ok(*preset)
    # Experiment 3 needs what only training brings.
    done = clone.run(*preset, "--config", "run={methods: [ciagan, ciagan_own_mediapipe]}")
    assert done.returncode != 0 and "ciagan_celeba_mediapipe.safetensors: missing" in done.stdout
    trained = clone.ok("snakemake", "train_ciagan", "-n", *preset[2:])
    assert "training CIAGAN: ciagan_celeba_mediapipe" in trained
