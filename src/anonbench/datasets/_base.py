"""What a data set type is: the contract that every file of this folder fulfils."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from anonbench.registry import unknown_name

LABEL_COLUMNS = ("subject", "session", "expression", "split", "gender", "age", "ethnicity")
"""Labels of an image; text, empty where unknown."""

RECORD_COLUMNS = ("image_id", "path", *LABEL_COLUMNS)
"""Columns of `Dataset.records`."""

EXPRESSIONS = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
)  # fmt: skip
"""The expression vocabulary; an empty label means unknown."""


class DataError(ValueError):
    """A data set that cannot be used as it is; the message names the file, the row and the cure."""


@dataclass(frozen=True)
class Info:
    """What a data set type says of itself; documentation and reports rely on it.

    Attributes
    ----------
    label : str
        Name in tables and figures.
    homepage : str
        Where to get it.
    terms : str
        Terms of use in one sentence.
    citation : str
        What to cite; empty where the user knows best.
    """

    label: str
    homepage: str
    terms: str
    citation: str


@dataclass(frozen=True)
class Place:
    """A piece of a file that is an image file of its own: a member of an archive.

    Attributes
    ----------
    file : Path
        The archive.
    offset, size : int
        Where the member's bytes begin, and how many they are.
    """

    file: Path
    offset: int
    size: int

    def read(self) -> bytes:
        """Return the member's bytes; OSError if the archive cannot be read."""
        with self.file.open("rb") as archive:
            archive.seek(self.offset)
            return archive.read(self.size)


@dataclass(frozen=True)
class Dataset:
    """The labelled images of a data set; nothing of an image has been read yet.

    Attributes
    ----------
    records : DataFrame
        `RECORD_COLUMNS`, all text, one row per image, ascending by image_id. image_id and path are
        the file's place relative to the data set folder, with forward slashes. A file may be
        missing: that is for the ingest to record.
    pairs : DataFrame or None
        The data set's own comparisons: image_a, image_b (image_ids), mated (bool), fold (int,
        from 1); None where it has no pair protocol.
    has_subjects : bool
        False where the data set has no identities: `subject` is then the image's own name, and
        verification is not possible.
    sources : tuple of Path
        The label files that were read, and the archives that hold images.
    notes : tuple of str
        Warnings a user should see, in full sentences.
    places : mapping of str to Place
        By path, the images that lie in archives; all others are files of their own.
    """

    records: pd.DataFrame
    pairs: pd.DataFrame | None
    has_subjects: bool
    sources: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    places: Mapping[str, Place] = field(default_factory=dict)


class Plugin(Protocol):
    """What a file of this folder exports as ``PLUGIN``."""

    @property
    def info(self) -> Info:
        """What the data set type says of itself."""
        ...

    @property
    def option_names(self) -> tuple[str, ...]:
        """Names that ``options:`` of its entry may hold."""
        ...

    def records(self, root: Path, options: Mapping[str, Any]) -> Dataset:
        """Return the labelled images of the data set in the folder `root`.

        Raises
        ------
        DataError
            If the folder or its labels cannot be used.
        ValueError
            For an option that does not exist or has a wrong value.
        """
        ...


@dataclass(frozen=True)
class DatasetType:
    """A data set type made of one function; its folder and option names are checked before.

    Parameters
    ----------
    name : str
        As in ``type:`` of the configuration.
    info : Info
        What it says of itself.
    option_names : tuple of str
        Options that `read` knows.
    read : callable
        (root, options) -> Dataset.
    """

    name: str
    info: Info
    option_names: tuple[str, ...]
    read: Callable[[Path, Mapping[str, Any]], Dataset]

    def records(self, root: Path, options: Mapping[str, Any]) -> Dataset:
        """Return the labelled images; see `Plugin.records`."""
        for option in options:
            if option not in self.option_names:
                raise unknown_name(
                    f"option of data set type {self.name}", option, self.option_names
                )
        if not root.is_dir():
            problem = "is not a folder" if root.exists() else "does not exist"
            raise DataError(f"{root}: the data set folder {problem}; correct path: of the data set")
        return self.read(root, options)


def choice(
    options: Mapping[str, Any], name: str, allowed: tuple[str, ...], default: str | None = None
) -> str:
    """Return a text option that must be one of `allowed`; the first of them unless given."""
    value = options.get(name, default if default is not None else allowed[0])
    if value not in allowed:
        raise ValueError(f"option {name} is {value!r}; choose one of {', '.join(allowed)}")
    return str(value)


def text_option(options: Mapping[str, Any], name: str, default: str) -> str:
    """Return an option that must be non-empty text."""
    value = options.get(name, default)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"option {name} is {value!r}; it must be the name of a file or folder")
    return value
