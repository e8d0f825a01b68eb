"""A folder of images with a labels.csv: the way to bring one's own photographs."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from anonbench.datasets._base import (
    LABEL_COLUMNS,
    DataError,
    Dataset,
    DatasetType,
    Info,
    text_option,
)
from anonbench.datasets._tables import IMAGE_SUFFIXES, read_text, record_table, sample, walk_files

REQUIRED = ("path", "subject")
KNOWN = ("path", *LABEL_COLUMNS)


def _read(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read labels.csv: path and subject required, the other labels optional."""
    labels = root / text_option(options, "labels", "labels.csv")
    header, rows = _rows(labels)
    columns = {name: [row[i] for _, row in rows] for i, name in enumerate(header) if name in KNOWN}

    def where(row: int) -> str:
        return f"{labels}, line {rows[row][0]}" if rows else str(labels)

    records = record_table(columns, where)
    notes = (*_unused_columns(labels, header), *_unlisted(root, set(records["image_id"])))
    return Dataset(records, None, has_subjects=True, sources=(labels,), notes=notes)


def _rows(labels: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and (line number, fields) of every row that is not blank."""
    reader = csv.reader(io.StringIO(read_text(labels), newline=""), skipinitialspace=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    except csv.Error as error:
        raise DataError(f"{labels}, line {reader.line_num}: not a CSV file ({error})") from error
    header = [name.strip() for name in rows[0][1]]
    _check_header(labels, header)
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{labels}, line {line}: {len(row)} fields, but the header has {len(header)}; "
                "put values that hold a comma in double quotes"
            )
    return header, rows[1:]


def _check_header(labels: Path, header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    repeated = [name for name in KNOWN if header.count(name) > 1]
    if missing:
        separated = any(c in name for name in header for c in ";\t")
        cure = "separate the columns by commas" if separated else "add them to its first line"
        raise DataError(
            f"{labels}, line 1: missing column {', '.join(missing)} "
            f"(found: {', '.join(header)}); {cure}"
        )
    if repeated:
        raise DataError(f"{labels}, line 1: column {repeated[0]} appears twice; keep one")


def _unused_columns(labels: Path, header: list[str]) -> list[str]:
    """Warn of columns that are not read: a misspelt label would vanish without a word."""
    notes = []
    for name in sorted(set(header) - set(KNOWN)):
        near = difflib.get_close_matches(name.lower(), KNOWN, n=1, cutoff=0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        notes.append(f"{labels.name}: column {name!r} is not used{hint}")
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
