"""Colour FERET: 00001_930831_fa_a.ppm.bz2, anywhere below the folder."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from anonbench.datasets._base import DataError, Dataset, DatasetType, Info, choice
from anonbench.datasets._tables import record_table, walk_files

_NAME = re.compile(
    r"(?P<subject>\d{5})_(?P<date>\d{6})_(?P<pose>[a-z]{2})(_[a-z]+)?"
    r"\.(ppm|png|jpg|jpeg|tif|tiff|bmp)(?P<packed>\.bz2)?"
)
_REDUCED = {"smaller", "thumbnails"}
"""Folders of the official tree with the same images at lower resolution."""

POSES = (
    "fa", "fb", "pl", "pr", "hl", "hr", "ql", "qr", "ra", "rb", "rc", "rd", "re",
)  # fmt: skip


def _read(root: Path, options: Mapping[str, Any]) -> Dataset:
    """Read the tree; subject and session (the date) come from the file names."""
    poses = _poses(options)
    split = choice(options, "split", ("none", "pose", "session"))
    images = [(path, m) for path, m in _images(root) if m["pose"] in poses]
    if not images:
        raise DataError(
            f"{root}: holds no image such as 00001_930831_fa.ppm of the poses {', '.join(poses)}"
        )
    most = options.get("images")
    if most is not None:
        chosen = _subset([m["subject"] for _, m in images], most, root)
        images = [(path, m) for path, m in images if m["subject"] in chosen]
    columns = {
        "path": [path for path, _ in images],
        "subject": [m["subject"] for _, m in images],
        "session": [_date(m["date"]) for _, m in images],
    }
    columns["split"] = _split(split, columns, [m["pose"] for _, m in images])
    records = record_table(columns, lambda row: str(root / columns["path"][row]))
    return Dataset(records, None, has_subjects=True)


def _poses(options: Mapping[str, Any]) -> tuple[str, ...]:
    poses = options.get("poses", ["fa", "fb"])
    if not isinstance(poses, list | tuple) or not poses or not set(poses) <= set(POSES):
        raise ValueError(f"option poses is {poses!r}; give a list of {', '.join(POSES)}")
    return tuple(poses)


def _subset(subjects: Sequence[str], most: Any, root: Path) -> set[str]:
    """Return subjects with two images at least that have `most` images together, or just fewer.

    Their order is that of a hash of their numbers: it depends neither on a seed nor on what else
    the tree holds, and has nothing to do with how FERET numbered them.
    """
    if not isinstance(most, int) or isinstance(most, bool) or most < 2:
        raise ValueError(f"option images is {most!r}; give how many images to use, 2 at least")
    chosen: set[str] = set()
    counts, taken = Counter(subjects), 0
    for subject in sorted(counts, key=lambda s: hashlib.sha256(s.encode()).hexdigest()):
        if counts[subject] >= 2 and taken + counts[subject] <= most:
            chosen.add(subject)
            taken += counts[subject]
    if not chosen:
        raise DataError(f"{root}: no subject has from 2 to {most} images of the poses; "
                        "raise the option images")  # fmt: skip
    return chosen


def _images(root: Path) -> list[tuple[str, re.Match[str]]]:
    """Return the images of the tree; a packed one only where it is not there unpacked too."""
    found = []
    paths = set(walk_files(root))
    for path in sorted(paths):
        match = _NAME.fullmatch(PurePosixPath(path).name)
        reduced = _REDUCED & set(PurePosixPath(path).parts)
        if match and not reduced and not (match["packed"] and path.removesuffix(".bz2") in paths):
            found.append((path, match))
    return found


def _date(text: str) -> str:
    """Return yymmdd as 19yy-mm-dd: the pictures were taken between 1993 and 1996."""
    return f"19{text[:2]}-{text[2:4]}-{text[4:]}"


def _split(kind: str, columns: Mapping[str, list[str]], poses: list[str]) -> list[str]:
    """Return gallery or probe for every image.

    ``pose``: fa is the gallery. ``session``: the subject's first day is the gallery; where there
    is one day only, fa is.
    """
    if kind == "none":
        return [""] * len(poses)
    days: dict[str, set[str]] = {}
    if kind == "session":
        for subject, day in zip(columns["subject"], columns["session"], strict=True):
            days.setdefault(subject, set()).add(day)
    enrolled = [
        day == min(days[subject]) if len(days.get(subject, ())) > 1 else pose == "fa"
        for subject, day, pose in zip(columns["subject"], columns["session"], poses, strict=True)
    ]
    return ["gallery" if e else "probe" for e in enrolled]


PLUGIN = DatasetType(
    name="feret",
    info=Info(
        label="Colour FERET",
        homepage="https://www.nist.gov/itl/products-and-services/color-feret-database",
        terms="Given by NIST on request for face recognition research under a release agreement; "
        "not to be passed on.",
        citation="P. J. Phillips, H. Moon, S. A. Rizvi, P. J. Rauss: The FERET evaluation "
        "methodology for face-recognition algorithms. IEEE TPAMI 22(10), 2000.",
    ),
    option_names=("images", "poses", "split"),
    read=_read,
)
