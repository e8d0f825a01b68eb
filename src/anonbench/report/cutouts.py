"""Pictures behind the points of a chart: the same few people in every condition, small."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from anonbench.io import ArchiveReader, member
from anonbench.report._pictures import choose_images, failures, shrink, stored_images
from anonbench.types import Pixels

PEOPLE = 4
"""Subjects shown: two rows of two."""
SIDES = (128, 112, 96, 80, 64, 48, 32)
"""Widths in pixels of one picture; the first at which all fit the budget is taken."""
BUDGET = 1_500_000
"""Bytes of all pictures of a page, as text."""
_GAP = 2
_QUALITY = 80

Archives = Mapping[tuple[str, str], Path | str]
"""Anonymised images by data set and method."""


def cutouts(
    archives: Archives,
    subjects: Mapping[str, Mapping[str, str]],
    conditions: Mapping[str, tuple[str, ...]],
    ledger: pd.DataFrame,
    budget: int = BUDGET,
) -> dict[str, Any]:
    """Return one small JPEG for each data set, method and strength, as data URIs.

    Parameters
    ----------
    archives : mapping of (str, str) to path
        By data set and method.
    subjects : mapping
        By data set, subject by image id.
    conditions : mapping
        Strengths by method.
    ledger : DataFrame
        `summary/ledger.csv`: it says which images are black because a method failed.
    budget : int
        Most characters of all data URIs together.

    Returns
    -------
    dict
        ``pictures``: data URI by ``DATASET|METHOD|STRENGTH``; ``failed``: by the same key, what
        became of images that failed; ``people``: image ids by data set; ``why``: why there are
        no pictures, empty where there are. The same images give the same bytes.
    """
    tiles: dict[str, list[Pixels]] = {}
    failed: dict[str, list[str]] = {}
    people: dict[str, list[str]] = {}
    for dataset, methods in _by_dataset(archives).items():
        known = failures(ledger[ledger["dataset"] == dataset])
        for method, path in methods.items():
            with ArchiveReader(path) as reader:
                for strength in conditions.get(method, ()):
                    stored = stored_images(reader, strength)
                    chosen = people.setdefault(
                        dataset, choose_images(stored, subjects[dataset], PEOPLE)
                    )
                    key = f"{dataset}|{method}|{strength}"
                    tiles[key] = [_tile(reader, member(strength, i)) for i in chosen]
                    lost = [(i, known.get((method, strength, i), "")) for i in chosen]
                    failed[key] = [f"{i}: {status}" for i, status in lost if status]
    for side in SIDES:
        pictures = {key: _uri(_sheet(own, side)) for key, own in tiles.items() if own}
        if sum(map(len, pictures.values())) <= budget:
            kept = {k: v for k, v in failed.items() if v}
            return {"pictures": pictures, "failed": kept, "people": people, "why": ""}
    why = f"{len(tiles)} conditions are too many to show pictures of; see the contact sheet"
    return {"pictures": {}, "failed": {}, "people": people, "why": why}


def _by_dataset(archives: Archives) -> dict[str, dict[str, Path | str]]:
    found: dict[str, dict[str, Path | str]] = {}
    for (dataset, method), path in archives.items():
        found.setdefault(dataset, {})[method] = path
    return found


def _tile(reader: ArchiveReader, name: str) -> Pixels:
    """Return a picture in its largest size; a grey one where the archive has none."""
    if name not in reader:
        return np.full((SIDES[0], SIDES[0], 3), 200, np.uint8)
    return shrink(reader.read(name), SIDES[0])


def _sheet(tiles: list[Pixels], side: int) -> Pixels:
    """Return pictures on white, two in a row, each in the middle of a square of `side` pixels."""
    columns = min(2, len(tiles))
    n_rows = -(-len(tiles) // columns)
    size = [n * side + (n - 1) * _GAP for n in (n_rows, columns)]
    sheet = np.full((*size, 3), 255, np.uint8)
    for (top, left), tile in zip(_corners(columns, side), tiles, strict=False):
        small = shrink(tile, side)
        high, wide = small.shape[:2]
        y, x = top + (side - high) // 2, left + (side - wide) // 2
        sheet[y : y + high, x : x + wide] = small
    return sheet


def _corners(columns: int, side: int) -> Iterator[tuple[int, int]]:
    for k in range(PEOPLE):
        row, column = divmod(k, columns)
        yield row * (side + _GAP), column * (side + _GAP)


def _uri(pixels: Pixels) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
