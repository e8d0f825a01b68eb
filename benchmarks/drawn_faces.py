"""What the model cards of networks that draw faces say: training, faces found, attacks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from safetensors import safe_open

from anonbench import detectors, weights
from anonbench.io import ArchiveReader, member, read_table
from anonbench.progress import progress
from anonbench.training.curves import write_rounds

ROOT = Path(__file__).parents[1]
DETECTORS = ("dlib_hog", "mtcnn")


def trained(folder: Path, name: str) -> dict[str, str]:
    """Return what is known of a training, those that it went on from included."""
    seen = 0
    place: Path | None = folder
    first: dict[str, Any] = {}
    while place is not None:
        state = torch.load(place / "checkpoint.pt", map_location="cpu", weights_only=True)
        recipe = json.loads(state["training"])
        first = first or recipe
        seen += state["round"] * recipe["settings"]["batch"]
        begun = recipe["settings"].get("start")
        place = folder.parent / begun if begun else None
    path = weights.path(name)
    last = read_table(folder / "rounds.csv").iloc[-1]
    rows = {
        "file": f"`{path.name}`, {_size(path.stat().st_size)}",
        "SHA-256": f"`{weights.state(name).digest}`",
        "images seen in training, repeats included": f"{seen:,}",
    }
    if "codes" in first["settings"]:
        rows["codes"] = str(first["settings"]["codes"])
    rows["seed"] = str(first["seed"])
    if "kid" in last:
        rows["KID, held-out training subjects"] = f"{float(last['kid']):.4f}"
    return rows


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 100_000 else f"{count / 1e3:.1f} kB"


def faces_found(results: Path, dataset: str, method: str, strength: str = "none") -> dict[str, str]:
    """Return in how many of a method's images each detector finds a face."""
    archive = results / "anonymise" / method / f"{dataset}.tar"
    return {
        f"faces found by {name}": f"{100 * share_found(archive, name, strength):.1f} %"
        for name in DETECTORS
    }


def share_found(archive: Path, detector: str, strength: str = "none") -> float:
    """Return the share of an archive's images, at a strength, in which a detector finds a face."""
    model = detectors.get(detector).build({})
    with ArchiveReader(archive) as images:
        names = [n for n in images.names() if n.startswith(member(strength, ""))]
        if not names:
            raise ValueError(f"{archive}: no images of strength {strength}")
        hits = [bool(model.detect(images.read(n))) for n in progress(names, f"look by {detector}")]
    return float(np.mean(hits))


def measured(results: Path, dataset: str, method: str, strength: str) -> pd.DataFrame:
    """Return what a run measured of a method at a strength: rows of its ``metrics.csv``."""
    metrics = read_table(results / "summary/metrics.csv")
    own = metrics[(metrics["dataset"] == dataset) & (metrics["method"] == method)]
    return own[own["strength"].astype(str) == strength]


def attacks(results: Path, dataset: str, method: str, strength: str = "none") -> dict[str, str]:
    """Return true match rates under each attack, and how many expressions are kept."""
    own = measured(results, dataset, method, strength)
    own = own[own["policy"] == "detected"]
    rows = {}
    for attack in ("naive", "reverse", "parrot"):
        row = own[(own["attack"] == attack) & (own["metric"] == "fnmr_at_fmr_0.01")]
        if len(row):
            value, low, high = (100 - 100 * float(row[k].iloc[0]) for k in ("value", "high", "low"))
            rows[f"TMR at FMR 1 %, {attack}"] = f"{value:.1f} % ({low:.1f} to {high:.1f})"
    row = own[own["metric"] == "preservation"]
    if len(row):
        value, low, high = (100 * float(row[k].iloc[0]) for k in ("value", "low", "high"))
        rows["expressions kept"] = f"{value:.1f} % ({low:.1f} to {high:.1f})"
    return rows


def table(columns: Mapping[str, Mapping[str, str]]) -> str:
    """Return a Markdown table, a column a network."""
    names = list(columns)
    lines = [["", *names], ["---", *["---"] * len(names)]]
    for row in dict.fromkeys(k for column in columns.values() for k in column):
        lines.append([row, *(columns[name].get(row, "") for name in names)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def pictures(folder: Path, name: str, docs: Path, shown: str, measured: str = "KID") -> str:
    """Copy a training's sheet and curves into the docs, and return what shows them."""
    # Empty where there was no critic and no guide yet.
    curves = read_table(folder / "rounds.csv").replace("", "nan").astype(float)
    write_rounds(curves, docs / "images" / f"{name}_curves.png", f"Training of {name}")
    as_jpeg(folder / "samples.png", docs / "images" / f"{name}_samples.jpg")
    return (
        f"\n## {name}\n\nHeld-out training subjects: {shown}.\n\n"
        f"![Sample sheet](images/{name}_samples.jpg)\n\n"
        f"![Losses and {measured} by round](images/{name}_curves.png)"
    )


def as_jpeg(source: Path, target: Path) -> None:
    """Write a picture of faces again, at a fraction of its size."""
    cv2.imwrite(str(target), cv2.imread(str(source)), [cv2.IMWRITE_JPEG_QUALITY, 88])


def metadata(path: Path) -> dict[str, str]:
    """Return what a file of weights says of itself."""
    with safe_open(path, "numpy") as file:
        about: dict[str, str] = json.loads(file.metadata()["anonbench"])
    return about
