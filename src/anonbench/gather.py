"""Put together what the parts of a data set gave: the bytes that one job would have written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench.classifications import (
    Classifications,
    read_classifications,
    write_classifications,
)
from anonbench.io import (
    ArchiveReader,
    ArchiveWriter,
    Embeddings,
    original_of,
    read_embeddings,
    read_table,
    write_embeddings,
    write_table,
)

Paths = Sequence[Path | str]


def gather_files(*, stage: str, parts: Paths, manifest: Path | str, outs: Paths) -> None:
    """Put the files of all parts together, in the order of the parts.

    Parameters
    ----------
    stage : str
        The rule that wrote the parts: one of `anonbench.parts.STAGES`.
    parts : sequence of path
        The first output of every part, then the second of every part, and so on.
    manifest : path
        As ingest wrote it: which images there have to be.
    outs : sequence of path
        Results; ``.tar``, ``.parquet`` or ``.npz``.

    Raises
    ------
    ValueError
        If an image is not in exactly one part; the message names the file and the image.
    """
    table = read_table(manifest)
    n = len(parts) // len(outs)
    for k, out in enumerate(outs):
        _GATHER[stage, Path(out).suffix](parts[k * n : (k + 1) * n], table, out)


def _check(found: Sequence[str], manifest: pd.DataFrame, out: Path | str) -> None:
    """Raise unless `found`, images in the order of their rows, are those of the manifest."""
    wanted = list(manifest["image_id"])
    if list(found) == wanted:
        return
    wrong = sorted(set(found) ^ set(wanted))
    wrong += [a for a, b in zip(found, wanted, strict=False) if a != b]
    raise ValueError(
        f"{out}: the parts hold {len(found)} images, the manifest lists {len(wanted)}; the first "
        f"that is not in exactly one part, in the manifest's order: {[*wrong, *found][0]}"
    )


def _archives(parts: Paths, manifest: pd.DataFrame, out: Path | str) -> None:
    """Append the members of all archives: every image that ingest accepted is in one of them."""
    seen: dict[str, None] = {}
    with ArchiveWriter(out) as whole:
        for path in parts:
            with ArchiveReader(path) as part:
                own = dict.fromkeys(map(original_of, part.names()))
                if both := own.keys() & seen.keys():
                    raise ValueError(f"{path}: {min(both)} is in another part too")
                seen |= own
                for name in part.names():
                    whole.add_encoded(name, part.read_encoded(name))
        _check(list(seen), manifest[manifest["status"] == "ok"], out)


def _tables(parts: Paths, manifest: pd.DataFrame, out: Path | str) -> None:
    """Append tables that have rows of every image."""
    table = _joined(parts)
    _check(list(dict.fromkeys(table["image_id"])), manifest, out)
    write_table(table, out)


def _detections(parts: Paths, manifest: pd.DataFrame, out: Path | str) -> None:
    """Append detection tables. An image without a face has no row: what lacks cannot be told."""
    write_table(_joined(parts), out, coordinates="points")


def _joined(parts: Paths) -> pd.DataFrame:
    tables = [read_table(path) for path in parts]
    # A column without a value has no type of its own; it takes that of the others.
    filled = [table for table in tables if len(table)] or tables[:1]
    joined = pd.concat(filled, ignore_index=True) if len(filled) > 1 else filled[0]
    return joined.infer_objects()


def _embeddings(parts: Paths, manifest: pd.DataFrame, out: Path | str) -> None:
    found = [read_embeddings(path) for path in parts]
    content = Embeddings(**_stacked(found, {"embeddings": 2, "status": 2}))
    _check(content.image_ids, manifest, out)
    write_embeddings(content, out)


def _classifications(parts: Paths, manifest: pd.DataFrame, out: Path | str) -> None:
    found = [read_classifications(path) for path in parts]
    axes = {"probabilities": 2, "status": 2, "features": 1}
    content = Classifications(**_stacked(found, axes))
    _check(content.image_ids, manifest, out)
    write_classifications(content, out)


def _stacked(found: Sequence[Any], axes: dict[str, int]) -> dict[str, Any]:
    """Return the fields of the whole: arrays joined along the axis of images, all else as it is."""
    filled = [part for part in found if part.image_ids] or list(found[:1])
    whole = {f.name: getattr(filled[0], f.name) for f in fields(filled[0])}
    for name, value in whole.items():
        same = all(getattr(part, name) == value for part in filled if name not in axes)
        if name != "image_ids" and not same:
            raise ValueError(f"the parts are of different runs: {name} differ")
    whole["image_ids"] = tuple(i for part in filled for i in part.image_ids)
    for name, axis in axes.items():
        whole[name] = np.concatenate(_same_width([getattr(p, name) for p in filled]), axis)
    return whole


def _same_width(arrays: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Widen the features of a part without any crop, which are NaN, to those of the others."""
    if arrays[0].dtype.kind != "f":
        return list(arrays)
    width = max(array.shape[-1] for array in arrays)
    return [
        np.full((*a.shape[:-1], width), np.nan, a.dtype) if not a.shape[-1] else a for a in arrays
    ]


_GATHER: dict[tuple[str, str], Callable[[Paths, pd.DataFrame, Path | str], None]] = {
    ("detect", ".parquet"): _detections,
    ("redetect", ".parquet"): _detections,
    ("anonymise", ".tar"): _archives,
    ("anonymise", ".parquet"): _tables,
    ("measure", ".parquet"): _tables,
    ("embed", ".npz"): _embeddings,
    ("classify", ".npz"): _classifications,
}
