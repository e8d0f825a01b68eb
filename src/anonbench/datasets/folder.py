"""A folder of images with a labels.csv: the way to bring one's own photographs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from anonbench.datasets._base import (
    LABEL_COLUMNS,
    Dataset,
    DatasetType,
    Info,
    text_option,
)
from anonbench.datasets._labels import Labels, read_labels
from anonbench.datasets._tables import IMAGE_SUFFIXES, record_table, sample, walk_files

REQUIRED = ("path", "subject")
KNOWN = ("path", *LABEL_COLUMNS)


def _read(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read labels.csv: path and subject required, the other labels optional."""
    path = root / text_option(options, "labels", "labels.csv")
    labels = read_labels(path, REQUIRED, KNOWN)
    records = record_table(labels.columns(KNOWN), labels.where)
    notes = (*_unused_columns(labels), *_unlisted(root, set(records["image_id"])))
    return Dataset(records, None, has_subjects=True, sources=(path,), notes=notes)


def _unused_columns(labels: Labels) -> list[str]:
    """Warn of columns that are not read: a misspelt label would vanish without a word."""
    notes = []
    for name, near in labels.unknown(KNOWN).items():
        hint = f"; did you mean {near}?" if near else ""
        notes.append(f"{labels.path.name}: column {name!r} is not used{hint}")
    return notes


def _unlisted(root: Path, listed: set[str]) -> list[str]:
    names = [
        name
        for name in walk_files(root)
        if name not in listed and PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
    ]
    if not names:
        return []
    return [f"{len(names)} images in {root} have no row in the labels: {sample(names)}"]


PLUGIN = DatasetType(
    name="folder",
    info=Info(
        label="Folder",
        homepage="your own photographs",
        terms="Use photographs only with the consent of the people shown or under a licence that "
        "covers biometric research.",
        citation="",
    ),
    option_names=("labels",),
    read=_read,
)
