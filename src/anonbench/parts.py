"""Large data sets are worked on in parts, a job each: which there are, and whose images they hold.

No result depends on the cut. How many images a data set has is known exactly after its ingest, but
jobs are planned before: it is cut by an estimate, and a part is the same share of whatever images
there are. No numerical library, as Snakemake imports this at every start.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from anonbench.config import Dataset, Params
from anonbench.drawn_names import DRAWN, DRAWN_FOLDER

ALIGNED = 32
"""Parts begin at multiples of so many images: methods get the same batches as in one piece."""

PATTERN = r"\d+of\d+"
"""Names of parts: ``0002of0011`` is the second of eleven."""

STAGES = ("detect", "anonymise", "redetect", "embed", "measure", "classify")
"""Rules that work on a part at a time."""

T = TypeVar("T")


def part_names(n: int) -> list[str]:
    """Return the names of `n` parts."""
    return [f"{k:04d}of{n:04d}" for k in range(1, n + 1)]


def share(items: Sequence[T], part: str | None) -> Sequence[T]:
    """Return a part's share of items that are in the order of the images; all without a part.

    Every item is in exactly one part. With fewer items than ``ALIGNED`` times the parts, some parts
    are empty.

    Raises
    ------
    ValueError
        For what is no name of a part.
    """
    if not part:
        return items
    found = re.fullmatch(r"(\d+)of(\d+)", part)
    k, n = map(int, found.groups()) if found else (0, 0)
    if not 1 <= k <= n:
        raise ValueError(f"{part!r} is no part; the second of eleven is 0002of0011")
    blocks = -(-len(items) // ALIGNED)
    return items[blocks * (k - 1) // n * ALIGNED : blocks * k // n * ALIGNED]


def part_file(path: str, part: str = "{part}") -> str:
    """Return the name of a part's file: the part stands before the first dot of the whole's."""
    folder, _, name = path.rpartition("/")
    stem, dot, rest = name.partition(".")
    return f"{folder}/{stem}.{part}{dot}{rest}"


@dataclass(frozen=True)
class Parts:
    """The parts of a run's data sets.

    Attributes
    ----------
    params : Params
        The validated configuration.
    """

    params: Params

    def names(self, dataset: str) -> list[str]:
        """Return the parts of a data set; none if it is worked on as a whole."""
        return self._names.get(dataset, [])

    @property
    def cut(self) -> list[str]:
        """The data sets that are cut."""
        return [dataset for dataset, names in self._names.items() if names]

    def inputs(self, patterns: Iterable[str]) -> Callable[[Any], list[str]]:
        """Return an input function: the files of all parts of a data set, pattern after pattern."""
        kept = [part_file(str(pattern)) for pattern in patterns]

        def files(wildcards: Any) -> list[str]:
            names = self.names(wildcards.dataset)
            return [p.format(**dict(wildcards.items()), part=name) for p in kept for name in names]

        return files

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        found = {}
        for dataset in self.params.run.datasets:
            n = -(-self._about(self.params.datasets[dataset]) // self.params.part_size)
            found[dataset] = part_names(n) if n > 1 else []
        return found

    def _about(self, entry: Dataset) -> int:
        """Return about how many images a data set has; 0 if its folder is not there."""
        rendered = self.params.rendered
        if Path(entry.path) == Path(DRAWN_FOLDER):
            return DRAWN["subjects"] * DRAWN["views"]
        if Path(entry.path) == Path(rendered.out):
            return rendered.subjects * rendered.views * len(rendered.expressions)
        return about(Path(entry.path), entry.type, entry.options)


def about(folder: Path, kind: str, options: Mapping[str, Any]) -> int:
    """Return about how many images a data set has, without reading any.

    Lines of ``labels.csv``; of CelebA's list, those of the chosen partition; else all files.
    """
    labels = folder / "labels.csv"
    if labels.is_file():
        return max(0, _lines(labels) - 1)
    if kind == "celeba" and options.get("partition", "all") != "all":
        number = {"train": b"0", "val": b"1", "test": b"2"}.get(str(options["partition"]), b"")
        lists = [folder / name for name in _PARTITIONS if (folder / name).is_file()]
        if lists and number:
            words = (line.split() for line in lists[0].read_bytes().splitlines())
            return sum(w[-1] == number for w in words if w)
    return sum(len(names) for _, _, names in os.walk(folder, followlinks=True))


_PARTITIONS = ("list_eval_partition.txt", "Eval/list_eval_partition.txt")


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
