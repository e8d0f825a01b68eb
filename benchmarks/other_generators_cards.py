"""The model cards of DeepPrivacy and CLEANIR, written from a run and from their training.

``python benchmarks/other_generators_cards.py`` reads ``results/`` of a finished run of the default
data and of ``snakemake train_deepprivacy train_cleanir``, and writes two pages below ``docs``,
``deepprivacy_rendered.md`` and ``cleanir_rendered.md``, with their pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from drawn_faces import ROOT, attacks, faces_found, pictures, table, trained

from anonbench import weights

DEEPPRIVACY = """# Model card: DeepPrivacy, trained on rendered faces

Written by `benchmarks/other_generators_cards.py`.

## What it is

The paper's generator of Hukkelås et al. (2019), *DeepPrivacy*, with fewer channels, and with
weights that this project trained on [rendered faces](faces.md) and nothing else. It sees 128 by 128
pixels around a face, with the face's box taken out, and where nose, eyes, ears and shoulders are.
It is there so that the benchmark runs without a download. **It was never shown a photograph. To
judge DeepPrivacy on photographs use the [official weights](weights.md).** Licence: MIT, as the
project.
"""

CLEANIR = """# Model card: CLEANIR, trained on rendered faces

Written by `benchmarks/other_generators_cards.py`.

## What it is

The networks of Cho et al. (2020), *CLEANIR*, with weights that this project trained on
[rendered faces](faces.md) and nothing else. They see the 64 by 64 pixels of a face and draw it
anew, with who is seen turned by an angle. What who is seen means they learnt from dlib's
recogniser, the one that attacks in the default run: against another one the angle may do less.
They are there so that the benchmark runs without a download. **They were never shown a
photograph. To judge CLEANIR on photographs use the [official weights](weights.md).** Licence: MIT,
as the project.
"""

LIMITS = """
## Limits

- The faces are rendered, and drawn faces look it.
- It saw a small part of the images that such networks usually see; more training would help.
- Evaluation subjects come from the same renderer as training subjects.
"""

DEEPPRIVACY_LIMITS = """\
- At full size its faces are faces at once, but coarse: specks of colour in the eyes, and an edge
  where hair or a beard crosses the box.
- Without noise and with it, it draws nearly the same: reconstruction teaches it the usual face.
"""

CLEANIR_LIMITS = """\
- At full size its faces are faces at once, softer than the photo around them; lines beside the
  mouth are often wrong.
- The angle decides little: of people it was not trained on, the half of the code that is turned
  holds only a part of what they look like.
"""

CARDS = {
    "deepprivacy": (
        "deepprivacy_rendered", DEEPPRIVACY, DEEPPRIVACY_LIMITS, ("none",),
        "the picture, what the network is shown, drawn without noise, and with it",
    ),
    "cleanir": (
        "cleanir_rendered", CLEANIR, CLEANIR_LIMITS, ("45", "90", "180"),
        "the face, and the same turned by 0, 45, 90, 135 and 180 degrees",
    ),
}  # fmt: skip
"""By method: its weights, what the card begins and ends with, strengths, what the sheet shows."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, default=ROOT / "results/training")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--dataset", default="faces")
    parser.add_argument("--methods", nargs="+", default=list(CARDS), choices=list(CARDS))
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    options = parser.parse_args(arguments)
    try:
        for method in options.methods:
            print(f"{write(method, options)}: written")
    except (OSError, ValueError, weights.WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def write(method: str, options: argparse.Namespace) -> Path:
    """Write a method's card and its pictures."""
    name, head, limits, strengths, shown = CARDS[method]
    folder = options.training / name
    columns = {}
    for strength in strengths:
        asked = (options.results, options.dataset, method, strength)
        columns[strength] = {**faces_found(*asked), **attacks(*asked)}
    known = table({name: trained(folder, name)})
    labels = {method if s == "none" else f"{s} degrees": rows for s, rows in columns.items()}
    parts = [head, "## Training\n", known, "", "## On the bundled evaluation subjects\n",
             table(labels), pictures(folder, name, options.docs, shown),
             LIMITS + limits]  # fmt: skip
    card: Path = options.docs / f"{name}.md"
    card.write_text("\n".join(parts), encoding="utf-8")
    return card


if __name__ == "__main__":
    sys.exit(main())
