"""Methods that load a network: once, when they are told of the data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from anonbench.anonymisers._optional import DataSet
from anonbench.weights import WeightsError, state

Ready = TypeVar("Ready")
Told = TypeVar("Told")


class LoadedOnce(ABC, Generic[Ready]):
    """A method of which nothing is loaded before it begins."""

    def __init__(self) -> None:
        self._loaded: Ready | None = None
        self._data: DataSet | None = None

    def begin(self, data: DataSet) -> None:
        """Load the network.

        Raises
        ------
        anonbench.weights.WeightsError
            If the weights are missing or wrong.
        ValueError
            If an option does not go with them, or there is no such device.
        """
        self._data = data
        self._loaded = self._load()

    @abstractmethod
    def _load(self) -> Ready:
        """Return what is needed to work."""

    def _ready(self) -> Ready:
        if self._loaded is None:
            self._loaded = self._load()
        return self._loaded


def told_by_weights(weights: str, ask: Callable[[str], Told]) -> Told | None:
    """Return what weights say of themselves, before any work.

    Parameters
    ----------
    weights : str
        A model or a file.
    ask : callable
        weights -> answer.

    Returns
    -------
    Any or None
        The answer; None if there are no such weights yet, which is said elsewhere.

    Raises
    ------
    ValueError
        If they cannot be read.
    """
    if state(weights).problem:
        return None
    try:
        return ask(weights)
    except WeightsError as error:
        raise ValueError(str(error)) from None


def check_detectors(detectors: Sequence[str], needed: str, why: str) -> None:
    """Raise ValueError, before any work, for detectors that find other landmarks than are needed.

    Parameters
    ----------
    detectors : sequence of str
        Those of the entry.
    needed : str
        The only one that will do.
    why : str
        What it is needed for, as the middle of the message.
    """
    others = [name for name in detectors if name != needed]
    if others:
        raise ValueError(
            f"{', '.join(others)}: {why}, so the entry has to say `detectors: [{needed}]`"
        )
