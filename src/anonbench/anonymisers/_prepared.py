"""Methods that have to see a whole data set before they can anonymise an image of it.

Such a method is prepared once a data set, by a rule of the workflow of its own: it sees all faces
and leaves pictures and a table behind, which the rule that anonymises reads. A plug-in that imports
this module is taken for such a method.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import pandas as pd

from anonbench.anonymisers._base import Strength
from anonbench.anonymisers._optional import DataSet
from anonbench.io import ArchiveWriter
from anonbench.types import Face, Pixels

GROUP_COLUMNS = ("image_id", "strength", "release", "group", "people", "detail")
"""Columns that every table has: an image, the strength's label, the set of images that it was
grouped in, the name of its picture in the archive, how many people share that, and why none do."""


@dataclass(frozen=True)
class Member:
    """An image in which the labelled subject's face was found.

    Attributes
    ----------
    image_id, subject : str
        Names from the manifest.
    side : str
        What it is used for: ``gallery``, ``probe``, ``both``, or ``unused``.
    labels : mapping of str to str
        Further labels by column: session, expression, gender; empty text for an unknown one.
    face : Face
        The subject's face.
    width, height : int
        Size of the image in pixels.
    """

    image_id: str
    subject: str
    side: str
    labels: Mapping[str, str]
    face: Face
    width: int
    height: int


@dataclass(frozen=True)
class Crowd:
    """All usable images of a data set.

    Attributes
    ----------
    name : str
        The data set's entry in the configuration.
    seed : int
        The experiment's seed.
    members : tuple of Member
        Ascending by image id.
    read : callable
        image id -> pixels (height, width, 3), uint8. Decodes anew every time, so that memory does
        not grow with the data.
    """

    name: str
    seed: int
    members: tuple[Member, ...]
    read: Callable[[str], Pixels]


@runtime_checkable
class Prepares(Protocol):
    """Looks at all faces first; `begin` is then told where it left what it made of them."""

    def prepare(
        self, crowd: Crowd, strengths: Sequence[Strength], out: ArchiveWriter
    ) -> pd.DataFrame:
        """Write pictures to an archive and return a table that begins with `GROUP_COLUMNS`."""
        ...

    def begin(self, data: DataSet) -> None:
        """Read what `prepare` left behind."""
        ...
