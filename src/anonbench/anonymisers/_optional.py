"""What an anonymiser may offer beyond the contract; the engine asks whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from anonbench.anonymisers._base import Region, Strength


@runtime_checkable
class ChecksStrengths(Protocol):
    """Can tell before any work whether it is ready for the strengths."""

    def check_strengths(self, strengths: Sequence[Strength]) -> None:
        """Raise ValueError for strengths that cannot be run."""
        ...


@runtime_checkable
class ChecksDetectors(Protocol):
    """Can tell before any work whether it can work on what the detectors find."""

    def check_detectors(self, detectors: Sequence[str]) -> None:
        """Raise ValueError if what one of the entry's detectors finds is of no use."""
        ...


@dataclass(frozen=True)
class DataSet:
    """What an anonymiser may know of the data set before it sees an image.

    Attributes
    ----------
    name : str
        Its entry in the configuration.
    subjects : tuple of str
        Labels of all its subjects, sorted.
    seed : int
        The experiment's seed.
    prepared : tuple of Path
        Archive and table that the method left behind when it was prepared (see `_prepared`); empty
        for methods that are not.
    """

    name: str
    subjects: tuple[str, ...]
    seed: int
    prepared: tuple[Path, ...] = ()


@runtime_checkable
class KnowsDataSet(Protocol):
    """Wants to be told of the data set once, before the first photo."""

    def begin(self, data: DataSet) -> None:
        """Get ready; whatever is raised ends the job, instead of blacking images out."""
        ...


@runtime_checkable
class ChangesMore(Protocol):
    """Changes other pixels than those of the region, so the ledger has to say which."""

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return whole pixels (left, top, right, bottom) of an image, right, bottom exclusive."""
        ...
