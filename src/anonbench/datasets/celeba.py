"""CelebA: aligned images, identities and the official partition."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from anonbench.datasets._base import DataError, Dataset, DatasetType, Info, choice, text_option
from anonbench.datasets._tables import first_existing, read_fields, read_text, record_table

PARTITIONS = {"0": "train", "1": "val", "2": "test"}


def _read(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read identities and partition; leave out or keep the identities that options name."""
    partition = choice(options, "partition", ("all", "train", "val", "test"))
    identities = first_existing(root, ("identity_CelebA.txt", "Anno/identity_CelebA.txt"))
    images = first_existing(root, ("img_align_celeba", "Img/img_align_celeba"))
    rows = read_fields(identities, 2)
    sources = [identities]
    parts = _partition(root, partition, sources)
    known = {subject for _, (_, subject) in rows}
    excluded = _named(root, options, "exclude_identities", known, sources)
    only = _named(root, options, "only_identities", known, sources)
    prefix = images.relative_to(root).as_posix()
    kept, left_out = [], 0
    for line, (name, subject) in rows:
        if parts and name not in parts:
            raise DataError(f"{sources[1]}: has no line for {name}; the two lists do not match")
        if partition not in ("all", parts.get(name)):
            continue
        if subject in excluded or (only and subject not in only):
            left_out += subject in excluded
            continue
        kept.append((line, f"{prefix}/{name}", subject, parts.get(name, "")))
    columns = {
        "path": [k[1] for k in kept], "subject": [k[2] for k in kept], "split": [k[3] for k in kept]
    }  # fmt: skip

    def where(row: int) -> str:
        return f"{identities}, line {kept[row][0]}" if kept else f"{identities} ({partition})"

    notes = [f"{left_out} images of {len(excluded)} excluded identities left out"] * bool(excluded)
    return Dataset(record_table(columns, where), None, True, tuple(sources), tuple(notes))


def _partition(root: Path, partition: str, sources: list[Path]) -> dict[str, str]:
    """Return train, val or test per image; empty where the list is neither there nor needed."""
    names = ("list_eval_partition.txt", "Eval/list_eval_partition.txt")
    if partition == "all" and not any((root / name).exists() for name in names):
        return {}
    path = first_existing(root, names)
    sources.append(path)
    parts = {}
    for line, (name, number) in read_fields(path, 2):
        if number not in PARTITIONS:
            raise DataError(f"{path}, line {line}: partition {number!r} is none of 0, 1, 2")
        parts[name] = PARTITIONS[number]
    return parts


def _named(
    root: Path, options: Mapping[str, Any], option: str, known: set[str], sources: list[Path]
) -> set[str]:
    """Return the identities of a list, e.g. those that an anonymiser was trained on."""
    if options.get(option) is None:
        return set()
    path = root / Path(text_option(options, option, "")).expanduser()
    sources.append(path)
    named = _identities(path)
    if not named & known:
        raise DataError(f"{path}: none of its {len(named)} identities is in the data set")
    return named


def _identities(path: Path) -> set[str]:
    """Read whole numbers from .npy or text."""
    if path.suffix != ".npy":
        words = re.split(r"[\s,]+", read_text(path).strip())
    else:
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read as identities ({error})") from error
        words = [str(v) for v in np.ravel(array).tolist()]
    wrong = [w for w in words if not w.isdigit()]
    if wrong:
        raise DataError(f"{path}: {wrong[0]!r} is no identity; give whole numbers")
    return {str(int(w)) for w in words}


PLUGIN = DatasetType(
    name="celeba",
    info=Info(
        label="CelebA",
        homepage="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        terms="For non-commercial research only; images of celebrities from the Internet, not to "
        "be passed on.",
        citation="Z. Liu, P. Luo, X. Wang, X. Tang: Deep learning face attributes in the wild. "
        "ICCV 2015.",
    ),
    option_names=("partition", "exclude_identities", "only_identities"),
    read=_read,
)
