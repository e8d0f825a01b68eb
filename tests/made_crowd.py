"""A crowd of people who are coloured squares with 68 landmarks, for methods that see whole sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from anonbench import anonymisers
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._prepared import Crowd, Member
from anonbench.io import ArchiveWriter, write_table
from anonbench.strengths import resolve_strengths
from anonbench.types import Box, Pixels
from made_ciagan import face_in

SIZE = 48
BOX = Box(8, 8, 40, 40)


def flat(shade: int) -> Pixels:
    """Return an image of one shade of grey."""
    return np.full((SIZE, SIZE, 3), shade, np.uint8)


def person(name: str, side: str = "probe", box: Box = BOX, **labels: str) -> Member:
    """Return an image ``NAME.png`` of a person, all of whose landmarks lie in a box."""
    subject = name.split("_")[0]
    return Member(f"{name}.png", subject, side, labels, face_in(box), SIZE, SIZE)


def crowd_of(pictures: Mapping[str, Pixels], members: Sequence[Member] = ()) -> Crowd:
    """Return a crowd of people by name, each with a picture."""
    known = {f"{name}.png": pixels for name, pixels in pictures.items()}
    people = tuple(members) or tuple(person(name) for name in sorted(pictures))
    return Crowd("set", 7, people, known.__getitem__)


def prepared(
    name: str, crowd: Crowd, folder: Path, strengths: Sequence[int] = (), **options: Any
) -> Any:
    """Return a method that has seen a crowd, ready to anonymise."""
    plugin = anonymisers.get(name)
    model: Any = plugin.build(options)
    folder.mkdir(exist_ok=True)
    files = folder / "prepared.tar", folder / "prepared.parquet"
    with ArchiveWriter(files[0]) as out:
        table = model.prepare(crowd, resolve_strengths(plugin.info, strengths), out)
    write_table(table, files[1])
    model.begin(DataSet(crowd.name, (), crowd.seed, files))
    return model
