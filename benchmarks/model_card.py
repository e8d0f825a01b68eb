"""The model card of the bundled expression network, written from a run and from its training.

``python benchmarks/model_card.py --training results/training/dan_rendered`` reads ``results/`` of a
finished run of the default data and writes ``docs/dan_rendered.md`` with its picture. ``--also
FOLDER`` adds the clear accuracy of every network in another run's results, of photographs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from anonbench import weights
from anonbench.expressions import EXPRESSIONS
from anonbench.io import read_table
from anonbench.models.dan import DAN, dan_of
from anonbench.training.augment import centred, normalised
from anonbench.training.curves import write_curves
from anonbench.training.settings import Training

ROOT = Path(__file__).parents[1]
NETWORK, MODEL = "dan", "dan_rendered"
SHOWN = ("accuracy", "uar", *(f"recall_{e}" for e in EXPRESSIONS))

HEAD = """# Model card: DAN, trained on rendered faces

`{file}`, written by `benchmarks/model_card.py`: {megabytes:.1f} MB, SHA-256 `{digest}`.

## What it is

The network of Wen et al. (2021), *Distract your attention* (ResNet-18 and four attention heads,
19.7 million parameters), with weights that this project trained on [rendered faces](faces.md)
and nothing else. It sees an aligned face of {size} by {size} pixels and tells seven
expressions. It is there so that the benchmark runs without a download; it says how much of a
*rendered* expression an anonymiser leaves. **It was never shown a photograph. On photographs
use the [official weights](weights.md)**; below stands what it makes of them.

Licence: MIT, as the project. Classes, in this order: {classes}.

## Training

{training}

![Losses and accuracies by epoch](images/dan_rendered_curves.png)

After the last epoch, on the held-out training subjects: accuracy {validation}. Nothing was
chosen by the evaluation subjects below: they were looked at once, in the end. Every number by
epoch is in [dan_rendered.csv](dan_rendered.csv). Again: `snakemake train_dan --configfile
experiments/train_dan.yaml` ([faces.md](faces.md) says where the assets come from). Another
machine or another number of threads gives other last bits, hence slightly other weights.

## Evaluation

{images} images of {subjects} evaluation subjects, none of whom it saw in training; 95 %
intervals over subjects. A face that is not found counts as an error. `detected`: the face as a
detector finds it. `aligned`: box and landmarks as they were found first.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, required=True, help="folder that train_dan wrote")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--dataset", default="faces")
    parser.add_argument("--also", type=Path, help="results of a run on photographs")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    options = parser.parse_args(arguments)
    try:
        card = write(options.training, options.results, options.dataset, options.also, options.docs)
    except (OSError, ValueError, weights.WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{card}: written")
    return 0


def write(
    training: Path, results: Path, dataset: str, photographs: Path | None, docs: Path
) -> Path:
    """Write the card, its picture and its numbers below a folder."""
    state = torch.load(training / "checkpoint.pt", map_location="cpu", weights_only=True)
    identity = json.loads(state["training"])
    settings = Training(**identity["settings"])
    curves = read_table(training / "curves.csv").astype(float)
    path = weights.path(MODEL)
    clear, elsewhere = _clear(results, dataset), _elsewhere(photographs)
    manifest = read_table(results / "ingest" / dataset / "manifest.parquet")
    labels = read_table(training / "labels.csv")
    text = HEAD.format(
        file=path.name, megabytes=path.stat().st_size / 1e6, digest=weights.state(MODEL).digest,
        size=settings.size, classes=", ".join(EXPRESSIONS),
        training=_training(settings, labels, int(identity["seed"])),
        validation=f"{100 * curves['validation_accuracy'].iloc[-1]:.1f} %",
        images=len(manifest), subjects=manifest["subject"].nunique(),
    )  # fmt: skip
    parts = [
        text, _table(clear), "\n## Confusion\n", _confusion(results, dataset),
        _half(state["network"], training, settings), elsewhere, LIMITS,
    ]  # fmt: skip
    shutil.copyfile(training / "curves.csv", docs / f"{MODEL}.csv")
    write_curves(curves, docs / "images" / f"{MODEL}_curves.png", f"Training of {MODEL}")
    card = docs / f"{MODEL}.md"
    card.write_text("\n".join(parts), encoding="utf-8")
    return card


LIMITS = """
## Limits

- Rendered expressions are posed, sculpted and few in kind; a network that tells them apart has
  not learned what people's faces do. Compare methods by it, on rendered faces; conclude nothing
  about people.
- It learned to read *clear* pictures. That it fails on a blurred one means that this network
  does, not that a person would.
- The evaluation subjects come from the same renderer as the training subjects, so numbers here
  are better than on anything else.
"""


def _training(settings: Training, labels: pd.DataFrame, seed: int) -> str:
    kept = settings.augmentation
    return (
        f"{len(labels):,} images of {labels['subject'].nunique():,} training subjects, one of each "
        f"expression; {100 * settings.validation:g} % of the subjects held out. Weights start at "
        f"random (seed {seed}). {settings.epochs} epochs in batches of {settings.batch}, "
        f"{settings.optimiser.capitalize()} at {settings.rate:g} ({settings.schedule}), weight "
        f"decay {settings.decay:g}, {settings.precision}. Losses: cross-entropy, affinity "
        f"({settings.affinity:g}), partition ({settings.partition:g}), and the cross-entropy of a "
        f"linear classifier on the backbone's features ({settings.auxiliary:g}), which is thrown "
        f"away. Augmentation: mirrored with probability {kept.flip:g}, turned up to "
        f"{kept.rotation:g}°, scaled by up to {100 * kept.scale:g} %, shifted by up to "
        f"{100 * kept.shift:g} %, brightness, contrast and saturation changed by up to "
        f"{100 * kept.colour:g} %, a rectangle erased with probability {kept.erasing:g}."
    )


def _clear(results: Path, dataset: str, network: str = NETWORK) -> pd.DataFrame:
    """Return the rows of a network on the untouched images."""
    table = read_table(results / "summary/metrics.csv")
    own = table[(table["task"] == "expression") & (table["method"] == "original")
                & (table["dataset"] == dataset) & (table["system"] == network)]  # fmt: skip
    if own.empty:
        raise ValueError(f"{results}: no results of {network} on {dataset}; run snakemake first")
    return own


def _table(clear: pd.DataFrame) -> str:
    """Return accuracy, UAR and recalls by policy, with intervals."""
    policies = list(dict.fromkeys(clear["policy"]))
    rows = [["", *policies], ["---"] * (len(policies) + 1)]
    cells = clear.set_index(["metric", "policy"])
    for metric in SHOWN:
        name = {"accuracy": "accuracy", "uar": "balanced accuracy (UAR)"}.get(
            metric, metric.replace("recall_", "recall, ")
        )
        rows.append([name, *(_cell(cells.loc[(metric, policy)]) for policy in policies)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def _cell(row: pd.Series[float]) -> str:
    value, low, high = (100 * float(row[k]) for k in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.1f} to {high:.1f})"


def _confusion(results: Path, dataset: str) -> str:
    table = read_table(results / "summary/confusion.csv")
    own = table[(table["dataset"] == dataset) & (table["method"] == "original")
                & (table["system"] == NETWORK) & (table["kind"] == "truth")
                & (table["policy"] == "detected")]  # fmt: skip
    counts = own.assign(n=own["n"].astype(int)).pivot_table(
        index="row", columns="column", values="n", aggfunc="sum", fill_value=0
    )
    columns = [c for c in (*EXPRESSIONS, "not_found") if c in counts.columns]
    rows = [["label", *columns], ["---", *["---:"] * len(columns)]]
    rows += [[e, *(str(counts.loc[e, c]) for c in columns)] for e in EXPRESSIONS]
    lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"Labels against predictions, `detected`.\n\n{lines}\n"


def _half(trained: dict[str, torch.Tensor], training: Path, settings: Training) -> str:
    """Compare the published half precision with the weights as they were trained."""
    full = DAN(len(EXPRESSIONS), settings.heads)
    full.load_state_dict(trained)
    half = dan_of(weights.arrays(MODEL))
    crops = np.load(training / "crops.npy", mmap_mode="r")
    first, second = (_posteriors(n.eval(), crops, settings.size) for n in (full, half))
    same = int((first.argmax(1) == second.argmax(1)).sum())
    return (
        f"\n## Half precision\n\nKernels and matrices are published in half precision. On the "
        f"{len(crops):,} training crops {same:,} predictions are the same as those of the weights "
        f"as trained, and no posterior differs by more than {np.abs(first - second).max():.1g}.\n"
    )


def _posteriors(network: DAN, crops: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    found = []
    with torch.inference_mode():
        for start in range(0, len(crops), 64):
            images = normalised(
                centred(torch.from_numpy(np.array(crops[start : start + 64])), size)
            )
            found.append(network(images).logits.softmax(dim=1).numpy())
    return np.concatenate(found)


def _elsewhere(results: Path | None) -> str:
    """Return the accuracy of every network of another run on its clear images."""
    if results is None:
        return ""
    table = read_table(results / "summary/metrics.csv")
    own = table[(table["task"] == "expression") & (table["method"] == "original")
                & (table["policy"] == "detected")]  # fmt: skip
    rows = ["| data | network | images | labels | accuracy | UAR |",
            "| --- | --- | ---: | ---: | --- | --- |"]  # fmt: skip
    for (dataset, system), group in own.groupby(["dataset", "system"], sort=False):
        cells = group.set_index("metric")
        labels = sum(m.startswith("recall_") and n > 0 for m, n in cells["n"].items())
        shown = [_cell(cells.loc[m]) for m in ("accuracy", "uar")]
        n = int(cells.loc["accuracy", "n"])
        rows.append(f"| {dataset} | {system} | {n} | {labels} | {' | '.join(shown)} |")
    return "\n## Clear photographs\n\n" + "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.exit(main())
