"""Quick looks at a data set before anything is computed: problems and a change detector."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from anonbench import datasets
from anonbench.datasets import DataError, Dataset
from anonbench.datasets._tables import sample
from anonbench.decode import FORMATS, own_limits

_HEADERS = 50


def validate_dataset(dataset_type: str, root: Path, options: Mapping[str, Any]) -> list[str]:
    """List what is wrong with a data set, without decoding its images.

    Looks at the options, the labels, at whether every file is there and not empty, and at the
    headers of up to 50 images spread over the data set.

    Returns
    -------
    list of str
        Each begins with ``error:`` (it cannot be ingested) or ``warning:`` (it can, with losses
        that will be counted). Empty where all is well.
    """
    try:
        dataset = datasets.get(dataset_type).records(root, options)
    except ValueError as error:
        return [f"error: {error}"]
    warnings = [*dataset.notes, *subject_notes(dataset)]
    paths = list(dataset.records["path"])
    sizes = [_size(dataset, root, path) for path in paths]
    missing = [p for p, size in zip(paths, sizes, strict=True) if size is None]
    empty = [p for p, size in zip(paths, sizes, strict=True) if size == 0]
    filled = [p for p, size in zip(paths, sizes, strict=True) if size]
    if missing:
        warnings.append(f"{len(missing)} labelled files are not there: {sample(missing)}")
    if empty:
        warnings.append(f"{len(empty)} labelled files are empty: {sample(empty)}")
    looked_at = filled[:: -(-len(filled) // _HEADERS) or 1]
    strange = [p for p in looked_at if not _is_image(dataset, root, p)]
    if strange:
        warnings.append(
            f"{len(strange)} of {min(len(filled), _HEADERS)} sampled files are no images of a "
            f"known format: {sample(strange)}"
        )
    errors = [] if filled else [f"error: {root}: none of the labelled files can be read"]
    return errors + [f"warning: {text}" for text in warnings]


def fingerprint(dataset_type: str, root: Path, options: Mapping[str, Any]) -> str:
    """Digest of the names, sizes and modification times of everything the data set reads.

    It changes when a label file or a labelled image is changed, replaced, added or removed, and
    when the type or its options change. Contents are not read, so that it is quick; copying a
    data set without its times changes it too.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    DataError
        If the labels cannot be used.
    ValueError
        For an unknown type or option.
    """
    dataset = datasets.get(dataset_type).records(root, options)
    digest = hashlib.sha256()
    digest.update(json.dumps([dataset_type, dict(options)], sort_keys=True, default=str).encode())
    for name, path in _read_files(dataset, root):
        try:
            state = path.stat()
            entry = f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n"
        except OSError:
            entry = f"{name}\0missing\n"
        digest.update(entry.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def subject_notes(dataset: Dataset) -> list[str]:
    """Warn of what the labels do not allow to compute."""
    if not dataset.has_subjects:
        return ["the data set has no identities: verification is not possible"]
    counts: pd.Series[int] = dataset.records["subject"].value_counts()
    single = sorted(str(name) for name in counts.index[counts == 1])
    if not single:
        return []
    return [
        f"{len(single)} of {len(counts)} subjects have one image only and serve in non-mated "
        f"comparisons alone: {sample(single)}"
    ]


def _read_files(dataset: Dataset, root: Path) -> Iterator[tuple[str, Path]]:
    for source in dataset.sources:
        yield os.path.relpath(source, root), source
    for path in dataset.records["path"]:
        if path not in dataset.places:  # archives are among the sources
            yield path, root / path


def _size(dataset: Dataset, root: Path, name: str) -> int | None:
    """Size in bytes, None where there is no such file."""
    if name in dataset.places:
        return dataset.places[name].size
    path = root / name
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _is_image(dataset: Dataset, root: Path, name: str) -> bool:
    """Whether the header is one of an accepted format; packed files are taken on trust."""
    path, place = root / name, dataset.places.get(name)
    if path.suffix.lower() == ".bz2":
        return True
    try:
        stream = BytesIO(place.read()) if place else path
        with own_limits(), Image.open(stream, formats=FORMATS):
            return True
    except Exception:  # whatever a decoder makes of a damaged header
        return False


__all__ = ["DataError", "fingerprint", "subject_notes", "validate_dataset"]
