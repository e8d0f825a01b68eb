"""The model card of Ren's and Narula's transforms, written from a run and from their training.

``python benchmarks/adversarial_card.py`` reads ``results/`` of a finished ``snakemake
train_adversarial`` (``docs/adversarial.md`` has the command) and of ``snakemake --configfile
experiments/every_method.yaml`` with the method ``ren_without_opponent`` added, and writes
``docs/adversarial_rendered.md`` with its pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from drawn_faces import ROOT, attacks, measured, pictures, table, trained

from anonbench import weights

TRAININGS = {
    "ren_modifier": {"50": "ren_rendered_50", "10": "ren_rendered_10", "2": "ren_rendered_2"},
    "narula": {"1": "narula_rendered_1", "3": "narula_rendered_3"},
}
"""Weights by method and strength."""
CONTROL = "ren_start", "ren_without_opponent"
"""The training that all of Ren's begin with, and its entry in the preset."""
SHOWN = "the face, what becomes of it, and the difference"

HEAD = """# Model card: transforms against a face classifier, trained on rendered faces

Written by `benchmarks/adversarial_card.py`.

## What they are

Ren's modifier and Narula's convolutions ([how they are trained](adversarial.md)), with weights that
this project trained on [rendered faces](faces.md) and nothing else. They are there so that the
benchmark runs without a download. **They were never shown a photograph.** Licence: MIT, as the
project.

## Training
"""

STILL_TOLD = """
## Who is still told apart

Pictures of training subjects that nothing learnt from, one each
(`results/training/adversaries.md`):
"""

EVALUATION = """
## On the bundled evaluation subjects

By `experiments/every_method.yaml`, with `ren_without_opponent` added: `ren_start` is the modifier
before it had an opponent.
"""

LIMITS = """
## Limits

- The faces are rendered, and the networks are small.
- They saw a small part of the pictures that such networks usually see.
- Evaluation subjects come from the same renderer as training subjects.
- Ren's classifier learnt at 64 x 64 pixels; dlib's recogniser, which attacks in the table above, is
  another network and was not trained against.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, default=ROOT / "results/training")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--dataset", default="faces")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    options = parser.parse_args(arguments)
    try:
        print(f"{write(options)}: written")
    except (OSError, ValueError, weights.WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def write(options: argparse.Namespace) -> Path:
    """Write the card and its pictures."""
    names = {(m, s): name for m, own in TRAININGS.items() for s, name in own.items()}
    known = table({name: trained(options.training / name, name) for name in names.values()})
    told = (options.training / "adversaries.md").read_text(encoding="utf-8")
    judged = {
        name: judgement(options.results, options.dataset, *key) for key, name in names.items()
    }
    control = {CONTROL[0]: judgement(options.results, options.dataset, CONTROL[1], "none")}
    sheets = [
        pictures(options.training / name, name, options.docs, SHOWN, "accuracies")
        for name in (CONTROL[0], *names.values())
    ]
    parts = [HEAD, known, STILL_TOLD, told.rstrip(), EVALUATION, table(control | judged), *sheets]
    card: Path = options.docs / "adversarial_rendered.md"
    card.write_text("\n".join([*parts, LIMITS]), encoding="utf-8")
    return card


def judgement(results: Path, dataset: str, method: str, strength: str) -> Mapping[str, str]:
    """Return in how many images faces are found, who is recognised and what is kept."""
    own = measured(results, dataset, method, strength)
    found = {
        f"faces found by {row.system}": f"{100 * float(row.value):.1f} %"
        for row in own[own["metric"] == "detected"].itertuples()
    }
    if not found:
        raise ValueError(f"{results}: no run of {method} at strength {strength}")
    return found | attacks(results, dataset, method, strength)


if __name__ == "__main__":
    sys.exit(main())
