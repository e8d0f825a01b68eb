"""Reading label files and building checked record tables."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pandas as pd

from anonbench.datasets._base import EXPRESSIONS, LABEL_COLUMNS, RECORD_COLUMNS, DataError

IMAGE_SUFFIXES = frozenset(
    {
        ".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm",
        ".pbm", ".pnm", ".jp2", ".avif",
    }
)  # fmt: skip
"""Suffixes by which an unlabelled file counts as an image; what is read is judged by content."""


def read_text(path: Path) -> str:
    """Return the text of a label file, UTF-8 with or without a byte order mark.

    Raises
    ------
    DataError
        If it is missing, empty, not UTF-8 or cannot be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: file not found; the data set needs it") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: byte 0x{data[error.start]:02x} is not UTF-8; "
            "save the file with the encoding UTF-8"
        ) from None
    if not text.strip():
        raise DataError(f"{path}: the file is empty; it must name the images and their labels")
    return text


def read_fields(path: Path, count: int) -> list[tuple[int, list[str]]]:
    """Return (line number, fields) of the non-blank lines of a list separated by white space.

    Raises
    ------
    DataError
        If the file cannot be used or a line has not `count` fields.
    """
    lines = [(n, line.split()) for n, line in enumerate(read_text(path).split("\n"), start=1)]
    rows = [(n, fields) for n, fields in lines if fields]
    for n, fields in rows:
        if len(fields) != count:
            raise DataError(f"{path}, line {n}: {len(fields)} fields instead of {count}")
    return rows


def walk_files(root: Path) -> Iterator[str]:
    """Yield all files below a folder, relative with forward slashes, in a fixed order.

    Hidden files and folders are left out. Linked folders are entered, each real folder once.
    """
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        prefix = "" if Path(folder) == root else f"{Path(folder).relative_to(root).as_posix()}/"
        yield from (prefix + name for name in sorted(files) if not name.startswith("."))


def first_existing(root: Path, names: Iterable[str]) -> Path:
    """Return the first of several possible places of a file or folder that exists.

    Raises
    ------
    DataError
        If there is none; the message names all places.
    """
    places = [root / name for name in names]
    for place in places:
        if place.exists():
            return place
    wanted = " or ".join(p.relative_to(root).as_posix() for p in places)
    raise DataError(f"{root}: holds no {wanted}; docs/data.md shows the expected layout")


def sample(names: Sequence[str], count: int = 3) -> str:
    """Return the first few names for a message; odd characters are escaped."""
    shown = ", ".join(ascii(n)[1:-1] if not n.isprintable() else n for n in names[:count])
    return shown + (", ..." if len(names) > count else "")


def record_table(columns: Mapping[str, Sequence[str]], where: Callable[[int], str]) -> pd.DataFrame:
    """Build and check the records of a data set.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        ``path``, ``subject`` and any other label, of one length.
    where : callable
        Row (from 0) to its place for messages, e.g. ``"labels.csv, line 4"``.

    Returns
    -------
    DataFrame
        `RECORD_COLUMNS`, ascending by image_id; labels that were not given are empty.

    Raises
    ------
    DataError
        If there is no row, a path is unusable or named twice, a subject is empty or an expression
        is unknown.
    """
    paths = [_clean_path(p, i, where) for i, p in enumerate(columns["path"])]
    if not paths:
        raise DataError(f"{where(0)}: no image is named; the data set is empty")
    _refuse_repeated(paths, where)
    table = {"image_id": paths, "path": paths}
    for name in LABEL_COLUMNS:
        given = columns.get(name)
        table[name] = [v.strip() for v in given] if given is not None else [""] * len(paths)
    for i, subject in enumerate(table["subject"]):
        if not subject:
            raise DataError(
                f"{where(i)}: {paths[i]} has no subject; name the person or remove the row"
            )
    table["expression"] = [_expression(v, i, where) for i, v in enumerate(table["expression"])]
    frame = pd.DataFrame(table, columns=list(RECORD_COLUMNS), dtype=object)
    return frame.sort_values("image_id", kind="stable", ignore_index=True)


def _clean_path(text: str, row: int, where: Callable[[int], str]) -> str:
    """Return a path in its shortest form, or refuse it."""
    stripped = text.strip()
    path = PurePosixPath(stripped)
    reason = ""
    if not path.parts:
        reason = "is empty"
    elif path.is_absolute() or ".." in path.parts or stripped[1:3] == ":\\":
        reason = "leaves the data set folder; give it relative to that folder, without .."
    elif "\\" in stripped:
        reason = "has backslashes; write it with forward slashes"
    elif not stripped.isprintable():
        reason = "has control characters or is not UTF-8; rename the file"
    if reason:
        raise DataError(f"{where(row)}: the path {stripped!r} {reason}")
    return str(path)


def _refuse_repeated(paths: list[str], where: Callable[[int], str]) -> None:
    first: dict[str, int] = {}
    for row, path in enumerate(paths):
        if path in first:
            raise DataError(
                f"{where(row)}: {path} is named again (first: {where(first[path])}); "
                "keep one row per image"
            )
        first[path] = row


def _expression(value: str, row: int, where: Callable[[int], str]) -> str:
    name = value.lower()
    if name and name not in EXPRESSIONS:
        near = difflib.get_close_matches(name, EXPRESSIONS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise DataError(
            f"{where(row)}: unknown expression {value!r}; {hint}"
            f"known: {', '.join(EXPRESSIONS)}, or empty"
        )
    return name
