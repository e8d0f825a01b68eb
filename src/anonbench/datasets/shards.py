"""Images in a few tar archives, the shards, with a labels.csv: how the bundled faces travel.

Nothing is ever unpacked: images are read out of the archives in place, so that no member can land
anywhere on the disk, whatever its name.
"""

from __future__ import annotations

import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from anonbench.datasets._base import (
    LABEL_COLUMNS,
    DataError,
    Dataset,
    DatasetType,
    Info,
    Place,
    choice,
)
from anonbench.datasets._labels import Labels, read_labels
from anonbench.datasets._tables import record_table, sample

SUFFIX = ".tar"
"""Files of the folder with this suffix are shards."""

REQUIRED = ("path", "subject", "shard")
KNOWN = ("path", "shard", "ancestry", *LABEL_COLUMNS)

_END = bytes(2 * tarfile.BLOCKSIZE)
"""What a complete tar archive ends with; tarfile does not insist on it."""


def _read(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read labels.csv and the table of contents of every shard; they must agree."""
    split = choice(options, "split", ("labels", "neutral"))
    labels = read_labels(root / "labels.csv", REQUIRED, KNOWN)
    columns = labels.columns(KNOWN)
    if "ancestry" in columns:
        columns.setdefault("ethnicity", columns["ancestry"])
    records = record_table(columns, labels.where)
    if split == "neutral":
        records["split"] = _neutral_first(records, labels.path)
    wanted = _wanted(labels, columns)
    shards = _shard_files(root, labels, wanted)
    places: dict[str, Place] = {}
    for name, shard in shards.items():
        places |= _matched(_contents(shard), wanted[name], shard, labels)
    sources = (labels.path, *shards.values())
    records = _of_expressions(records, options, labels.path)
    return Dataset(records, None, True, sources, tuple(_misspelt(labels)), places)


def _of_expressions(
    records: pd.DataFrame, options: Mapping[str, Any], labels: Path
) -> pd.DataFrame:
    """Return the images of the expressions that the option names; all without it."""
    wanted = options.get("expressions")
    if wanted is None:
        return records
    if not isinstance(wanted, list) or not wanted or not all(isinstance(w, str) for w in wanted):
        raise ValueError(f"option expressions is {wanted!r}; it must be a list of expressions")
    known = set(records["expression"])
    for name in wanted:
        if name not in known:
            raise DataError(f"{labels}: no image shows {name!r}; there are {sample(sorted(known))}")
    return records[records["expression"].isin(wanted)].reset_index(drop=True)


def _misspelt(labels: Labels) -> Iterator[str]:
    """Warn of a column that seems to be meant for a label; others are further attributes."""
    for name, near in labels.unknown(KNOWN).items():
        if near and near not in labels.header:
            yield f"{labels.path.name}: column {name!r} is not used; did you mean {near}?"


def _neutral_first(records: pd.DataFrame, labels: Path) -> list[str]:
    """Return ``gallery`` for each subject's first neutral image, ``probe`` for all others."""
    sessions = pd.to_numeric(records["session"], errors="coerce")
    keys = sessions if sessions.notna().all() else records["session"]
    neutral = records.assign(_order=keys)[records["expression"] == "neutral"]
    first = neutral.sort_values(["_order", "image_id"]).groupby("subject")["image_id"].first()
    without = sorted(set(records["subject"]) - set(first.index))
    if without:
        raise DataError(
            f"{labels}: {len(without)} subjects have no neutral image to enrol: "
            f"{sample(without)}; choose another split or enrolment"
        )
    enrolled = set(first)
    return ["gallery" if image in enrolled else "probe" for image in records["image_id"]]


def _wanted(labels: Labels, columns: Mapping[str, list[str]]) -> dict[str, dict[str, int]]:
    """Return, for every shard that a row names, the row (from 0) of each of its images."""
    wanted: dict[str, dict[str, int]] = defaultdict(dict)
    for row, (path, given) in enumerate(zip(columns["path"], columns["shard"], strict=True)):
        name = given.strip()
        plain = PurePosixPath(name).name == name and "\\" not in name and name.isprintable()
        if not plain or name.startswith(".") or not name.endswith(SUFFIX):
            raise DataError(
                f"{labels.where(row)}: the shard {given!r} is not the name of a {SUFFIX} file "
                "beside the labels"
            )
        wanted[name][str(PurePosixPath(path.strip()))] = row
    return wanted


def _shard_files(
    root: Path, labels: Labels, wanted: Mapping[str, Mapping[str, int]]
) -> dict[str, Path]:
    """Return the shards by name, in order; those of the labels and those of the folder agree."""
    for name in sorted(wanted):
        if not (root / name).is_file():
            row = min(wanted[name].values())
            raise DataError(
                f"{root / name}: shard not found; {labels.where(row)} names it, and "
                f"{len(wanted[name])} images are in it: fetch the data again"
            )
    there = sorted(p.name for p in root.glob(f"*{SUFFIX}") if not p.name.startswith("."))
    for name in there:
        if name not in wanted:
            raise DataError(
                f"{root / name}: no row of {labels.path.name} names this shard; "
                "label its images or remove it"
            )
    return {name: root / name for name in there}


def _contents(shard: Path) -> list[tuple[tarfile.TarInfo, str]]:
    """Return the members of a shard that are no folders, each with its name in shortest form.

    Raises
    ------
    DataError
        If it is no tar archive or not a complete one.
    """
    try:
        with tarfile.open(shard, "r:") as tar:
            members = [m for m in tar if not m.isdir()]
            end = tar.offset
        with shard.open("rb") as file:
            file.seek(end)
            complete = file.read(len(_END)) == _END
    # A damaged number in a header comes through as ValueError.
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise DataError(
            f"{shard}: truncated, damaged, or no uncompressed tar archive ({error}); fetch it again"
        ) from error
    except OSError as error:
        raise DataError(f"{shard}: cannot be read ({error.strerror or error})") from error
    if not complete:
        raise DataError(
            f"{shard}: truncated or damaged after {len(members)} members (the end mark is "
            "missing); fetch it again"
        )
    return [(m, str(PurePosixPath(m.name))) for m in members]


def _matched(
    contents: list[tuple[tarfile.TarInfo, str]],
    wanted: Mapping[str, int],
    shard: Path,
    labels: Labels,
) -> dict[str, Place]:
    """Return where each image of a shard lies, if members and labels are the same."""
    places: dict[str, Place] = {}
    for member, name in contents:
        if not member.isreg() or member.issparse():
            raise DataError(
                f"{shard}: {sample([name])} is a link or device, not a file; pack it anew"
            )
        if name in places:
            raise DataError(f"{shard}: {sample([name])} is in it twice; keep one")
        places[name] = Place(shard, member.offset_data, member.size)
    unlabelled = sorted(places.keys() - wanted.keys())
    if unlabelled:
        raise DataError(
            f"{shard}: {len(unlabelled)} images have no row for this shard in "
            f"{labels.path.name}: {sample(unlabelled)}"
        )
    missing = sorted(wanted.keys() - places.keys())
    if missing:
        raise DataError(
            f"{labels.where(wanted[missing[0]])}: {sample(missing)} not in {shard.name}, which "
            f"lacks {len(missing)} of {len(wanted)} labelled images"
        )
    return places


PLUGIN = DatasetType(
    name="shards",
    info=Info(
        label="Shards",
        homepage="the bundled faces, or whatever was packed in this layout",
        terms="The bundled rendered faces show no real person; other shards have the terms of the "
        "images in them.",
        citation="",
    ),
    option_names=("split", "expressions"),
    read=_read,
)
