"""Reading a labels.csv, whatever holds the images."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from anonbench.datasets._base import DataError
from anonbench.datasets._tables import read_text


@dataclass(frozen=True)
class Labels:
    """The rows of a label file.

    Attributes
    ----------
    path : Path
        The file.
    header : list of str
        Column names.
    rows : list of (int, list of str)
        Line number and fields of every row that is not blank.
    """

    path: Path
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def columns(self, names: Collection[str]) -> dict[str, list[str]]:
        """Return the fields of those columns of `names` that the file has."""
        used = [(i, name) for i, name in enumerate(self.header) if name in names]
        return {name: [row[i] for _, row in self.rows] for i, name in used}

    def where(self, row: int) -> str:
        """Return the place of a row (from 0), for messages."""
        return f"{self.path}, line {self.rows[row][0]}" if self.rows else str(self.path)

    def unknown(self, known: Sequence[str]) -> dict[str, str]:
        """Return the unknown columns, each with the known one that it resembles, or nothing."""
        found = {}
        for name in sorted(set(self.header) - set(known)):
            near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.7)
            found[name] = near[0] if near else ""
        return found


def read_labels(path: Path, required: Sequence[str], known: Sequence[str]) -> Labels:
    """Read a label file: UTF-8, commas, a header line.

    Parameters
    ----------
    path : Path
    required : sequence of str
        Columns that must be there.
    known : sequence of str
        Columns that may be there once; any others are let through.

    Raises
    ------
    DataError
        If it is no such file, a required column is missing, a known one repeated, or a row has
        not as many fields as the header.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), skipinitialspace=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(field.strip() for field in row)]
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: not a CSV file ({error})") from error
    header = [name.strip() for name in rows[0][1]]
    _check_header(path, header, required, known)
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise DataError(
                f"{path}, line {line}: {len(row)} fields, but the header has {len(header)}; "
                "put values that hold a comma in double quotes"
            )
    return Labels(path, header, rows[1:])


def _check_header(
    path: Path, header: list[str], required: Sequence[str], known: Sequence[str]
) -> None:
    missing = [name for name in required if name not in header]
    repeated = [name for name in known if header.count(name) > 1]
    if missing:
        separated = any(c in name for name in header for c in ";\t")
        cure = "separate the columns by commas" if separated else "add them to its first line"
        raise DataError(
            f"{path}, line 1: missing column {', '.join(missing)} "
            f"(found: {', '.join(header)}); {cure}"
        )
    if repeated:
        raise DataError(f"{path}, line 1: column {repeated[0]} appears twice; keep one")
