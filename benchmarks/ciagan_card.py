"""The model card of the bundled generators, written from a run and from their training.

``python benchmarks/ciagan_card.py`` reads ``results/`` of a finished run of the default data and of
``snakemake train_ciagan``, and writes ``docs/ciagan_rendered.md`` with its pictures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from drawn_faces import as_jpeg, attacks, faces_found, metadata, pictures, table, trained
from numpy.typing import NDArray

from anonbench import anonymisers, recognisers, weights
from anonbench.anonymisers import Photo, Region
from anonbench.io import ArchiveReader, read_table
from anonbench.ledger import Status
from anonbench.progress import progress
from anonbench.region_finder import read_subject_faces
from anonbench.report.contrasts import pairs
from anonbench.report.page_contrasts import comparison
from anonbench.training.ciagan_settings import LANDMARK_DETECTORS
from anonbench.types import Pixels

ROOT = Path(__file__).parents[1]
CARD = "ciagan_rendered"
CODES = 5
"""So many identities are drawn onto each picture, to see how they differ."""

HEAD = """# Model card: CIAGAN, trained on rendered faces

Written by `benchmarks/ciagan_card.py`.

## What they are

Two generators of Maximov et al. (2020), *CIAGAN* (11.8 million parameters), with weights that this
project trained on [rendered faces](faces.md) and nothing else. Each sees 128 by 128 pixels of a
picture whose face is taken out from the jaw to the brows, landmarks drawn as lines, and a code that
says who is to be drawn. `ciagan_dlib` is shown contour, nose and mouth by dlib's landmarks, as
published; `ciagan_mediapipe` also eyes and brows, by MediaPipe's. They are there so that the
benchmark runs without a download and compares the two kinds of landmarks under the same conditions.
**They were never shown a photograph. To judge CIAGAN on photographs use the
[official weights](weights.md).** Licence: MIT, as the project.
"""

CONTRAST = "landmarks"
COMPARED = """{first} and {second} on the bundled evaluation subjects, in percent, and the
difference of the two with paired intervals (both are resampled on the same draws of subjects).
"""

LIMITS = """
## Limits

- The faces are rendered, and drawn faces look it. On photographs they are out of their depth
  ([findings](ciagan.md#on-photographs)).
- They saw a small part of the images that generators usually see; more training would help both.
- A code stands for a training subject, who is nobody. Codes beyond those trained are never drawn.
- Evaluation subjects come from the same renderer as training subjects.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--training", type=Path, default=ROOT / "results/training")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--dataset", default="faces")
    parser.add_argument("--methods", nargs="+", default=["ciagan_dlib", "ciagan_mediapipe"])
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    options = parser.parse_args(arguments)
    try:
        columns = {
            name: {
                **trained(options.training / name, name),
                **measured(options.results, options.dataset, name),
            }
            for name in options.methods
        }
        compared = contrast(options.results, options.dataset, options.docs)
        card = write(columns, compared, options.training, options.docs)
    except (OSError, ValueError, weights.WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{card}: written")
    return 0


def write(columns: dict[str, dict[str, str]], compared: str, training: Path, docs: Path) -> Path:
    """Write the card and its pictures below a folder."""
    shown = "the picture, what the network is shown, and five codes"
    parts = [HEAD, "## Training and evaluation\n", table(columns), ""]
    parts += [pictures(training / name, name, docs, shown) for name in columns]
    card = docs / f"{CARD}.md"
    card.write_text("\n".join([*parts, compared, LIMITS]), encoding="utf-8")
    return card


def contrast(results: Path, dataset: str, docs: Path) -> str:
    """Return what the run says of the two methods side by side, and copy its figures."""
    table = read_table(results / "summary/contrasts.csv")
    own = table[(table["dataset"] == dataset) & (table["contrast"] == CONTRAST)]
    (pair,) = pairs(own)
    lines = ["", "## Whose landmarks", "", COMPARED.format(first=pair.first, second=pair.second)]
    lines += [f"| | of | {pair.first} | {pair.second} | difference | 95 % interval | p |",
              "|---|---|---:|---:|---:|---|---:|"]  # fmt: skip
    for line in comparison(pair).lines:
        cells = (line.name, line.where, line.first, line.second, line.difference, line.interval)
        lines.append(f"| {' | '.join(cells)} | {line.p} |")
    for figure in ("landmarks", "contrasts"):
        target = f"images/{CARD}_{figure}.jpg"
        as_jpeg(results / "figures" / dataset / f"{figure}.png", docs / target)
        lines += ["", f"![{figure.capitalize()}]({target})"]
    return "\n".join(lines)


def measured(results: Path, dataset: str, method: str) -> dict[str, str]:
    """Return how well the faces of a method are found, and how much its codes differ."""
    between, mated = code_distances(results, dataset, method)
    return {
        **faces_found(results, dataset, method),
        "distance between codes on one picture, median": f"{between:.3f}",
        "distance of two pictures of one subject, median": f"{mated:.3f}",
        **attacks(results, dataset, method),
    }


def code_distances(results: Path, dataset: str, method: str) -> tuple[float, float]:
    """Return median distances of dlib's embeddings: between codes, and between a subject's images.

    Codes are drawn onto the first image of each subject; both distances are between faces whose
    place is known from the original.
    """
    manifest = read_table(results / "ingest" / dataset / "manifest.parquet")
    manifest = manifest[manifest["status"] == Status.OK]
    landmarks = method.removeprefix("ciagan_")
    detections = results / "detect" / dataset
    located = detections / "subjects.parquet"
    own, hog = (
        read_subject_faces(detections / f"{name}.parquet", located)
        for name in (LANDMARK_DETECTORS[landmarks], "dlib_hog")
    )
    recogniser = recognisers.get("dlib").build({}, 1)

    def embedded(pixels: Sequence[Pixels], name: str) -> NDArray[np.float32]:
        chips = [recogniser.align(p, recogniser.landmarks(p, hog[name])) for p in pixels]
        return recogniser.embed(chips)

    options = {"weights": method, "identity": "fixed"}
    codes = int(metadata(weights.path(method))["codes"])
    chosen = np.linspace(0, codes - 1, CODES).astype(int)
    drawers = [anonymisers.get("ciagan").build({**options, "code": int(c)}) for c in chosen]
    between, mated = [], []
    with ArchiveReader(results / "ingest" / dataset / "images.tar") as images:
        for _, group in progress(list(manifest.groupby("subject")), f"codes of {method}"):
            names = [n for n in group["image_id"] if n in hog and n in own]
            pixels = [images.read(n) for n in names]
            vectors = np.concatenate([embedded([p], n) for p, n in zip(pixels, names, strict=True)])
            mated += [float(np.linalg.norm(vectors[0] - v)) for v in vectors[1:]]
            region = Region(0, 0, 1, 1, own[names[0]])
            photo = Photo(names[0], "", pixels[0], (region,))
            draws = [np.random.default_rng(0)]
            drawn = embedded([d.anonymise([photo], None, draws)[0] for d in drawers], names[0])
            between += [float(np.linalg.norm(a - b)) for a, b in combinations(drawn, 2)]
    return float(np.median(between)), float(np.median(mated))


if __name__ == "__main__":
    sys.exit(main())
