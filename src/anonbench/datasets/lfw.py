"""Labeled Faces in the Wild: Name/Name_0001.jpg and, if present, the pair protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from anonbench.datasets._base import DataError, Dataset, DatasetType, Info, choice, text_option
from anonbench.datasets._tables import (
    IMAGE_SUFFIXES,
    first_existing,
    read_text,
    record_table,
    sample,
    walk_files,
)

_NAME = re.compile(r"(?P<folder>[^/]+)/(?P<subject>.+)_(?P<number>\d{4})\.[^./]+")


def _read(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read the tree; images that only pairs.txt names are listed too, so that they count."""
    subset = choice(options, "images", ("all", "pairs"))
    found, strange = _tree(root)
    places = dict(found)
    pairs, source = _protocol(root, options, places)
    if subset == "pairs":
        if pairs is None:
            raise DataError(f"{root}: option images is 'pairs', but there is no pairs.txt")
        named = {*pairs["image_a"], *pairs["image_b"]}
        places = {key: path for key, path in places.items() if path in named}
    if not places:
        raise DataError(f"{root}: holds no image such as Name/Name_0001.jpg")
    subjects, paths = [key[0] for key in places], list(places.values())
    records = record_table({"path": paths, "subject": subjects}, lambda row: str(root / paths[row]))
    notes = []
    if strange:
        notes.append(
            f"{len(strange)} images are not named like Name/Name_0001.jpg: {sample(strange)}"
        )
    absent = sorted(set(paths) - set(found.values()))
    if absent:
        notes.append(f"{len(absent)} images of the pair list are not there: {sample(absent)}")
    return Dataset(records, pairs, True, sources=source, notes=tuple(notes))


def _tree(root: Path) -> tuple[dict[tuple[str, int], str], list[str]]:
    """Return the place of every (name, number), and the images named otherwise."""
    found: dict[tuple[str, int], str] = {}
    strange = []
    for path in walk_files(root):
        if PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            continue
        match = _NAME.fullmatch(path)
        if match is None or match["folder"] != match["subject"]:
            strange.append(path)
            continue
        key = (match["subject"], int(match["number"]))
        if key in found:
            raise DataError(f"{root / path}: the same image as {found[key]}; keep one of them")
        found[key] = path
    return found, strange


def _protocol(
    root: Path, options: Mapping[str, Any], places: dict[tuple[str, int], str]
) -> tuple[pd.DataFrame | None, tuple[Path, ...]]:
    """Read the pair list, if there is one, and add images that only it names to `places`."""
    name = text_option(options, "pairs", "pairs.txt")
    if "pairs" not in options and not (root / name).exists():
        return None, ()
    path = first_existing(root, [name])

    def place(subject: str, number: int) -> str:
        return places.setdefault((subject, number), f"{subject}/{subject}_{number:04d}.jpg")

    rows = [
        (place(*first), place(*second), first[0] == second[0], fold)
        for first, second, fold in read_pairs(path)
    ]
    table = pd.DataFrame(rows, columns=["image_a", "image_b", "mated", "fold"])
    return table.astype({"mated": bool, "fold": "int64"}), (path,)


def read_pairs(path: Path) -> list[tuple[tuple[str, int], tuple[str, int], int]]:
    """Read a pair list of the official format.

    The first line holds the number of folds and of mated pairs per fold (one number: a single
    fold). Each fold has that many mated lines ``name i j``, then as many non-mated lines
    ``name1 i name2 j``.

    Returns
    -------
    list of ((name, number), (name, number), fold)
        Folds count from 1; mated where the names agree.

    Raises
    ------
    DataError
        If a line is malformed or the numbers of lines disagree with the first line.
    """
    lines = [(n, line.split()) for n, line in enumerate(read_text(path).split("\n"), start=1)]
    (_, head), *body = [(n, fields) for n, fields in lines if fields]
    if not 1 <= len(head) <= 2 or not all(f.isdigit() and int(f) > 0 for f in head):
        raise DataError(f"{path}, line 1: expected folds and pairs per fold, such as '10 300'")
    folds, per_fold = (int(head[0]), int(head[1])) if len(head) == 2 else (1, int(head[0]))
    if len(body) != 2 * folds * per_fold:
        raise DataError(
            f"{path}: {len(body)} pairs, but its first line promises "
            f"{folds} x 2 x {per_fold} = {2 * folds * per_fold}; the file is incomplete or altered"
        )
    result = []
    for index, (n, fields) in enumerate(body):
        fold, place = divmod(index, 2 * per_fold)
        first, second = _pair(path, n, fields, mated=place < per_fold)
        result.append((first, second, fold + 1))
    return result


def _pair(
    path: Path, line: int, fields: Sequence[str], *, mated: bool
) -> tuple[tuple[str, int], tuple[str, int]]:
    if mated and len(fields) == 3:
        fields = [fields[0], fields[1], fields[0], fields[2]]
    elif mated or len(fields) != 4 or fields[0] == fields[2]:
        expected = "a mated pair 'name i j'" if mated else "a non-mated pair 'name1 i name2 j'"
        raise DataError(f"{path}, line {line}: expected {expected}, found {' '.join(fields)!r}")
    if not (fields[1].isdigit() and fields[3].isdigit()):
        raise DataError(f"{path}, line {line}: image numbers must be whole numbers")
    return (fields[0], int(fields[1])), (fields[2], int(fields[3]))


PLUGIN = DatasetType(
    name="lfw",
    info=Info(
        label="LFW",
        homepage="https://vis-www.cs.umass.edu/lfw/",
        terms="For research on unconstrained face recognition; news photographs collected without "
        "the consent of the people shown, whose rights remain with their owners.",
        citation="G. B. Huang, M. Ramesh, T. Berg, E. Learned-Miller: Labeled Faces in the Wild. "
        "University of Massachusetts, Amherst, Technical Report 07-49, 2007.",
    ),
    option_names=("pairs", "images"),
    read=_read,
)
