"""What error rates need to know of a set of scores, however it is held."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anonbench.metrics.results import Counts, Floats


class ScoreSet(ABC):
    """A multiset of similarities; a failed comparison is -inf and belongs to it.

    Attributes
    ----------
    size, completed : int
        Scores in all, and finite ones.
    dtype : numpy.dtype
        float32 or float64. Thresholds are rounded to it.
    lowest : float
        Not above any finite score; NaN if there is none.
    highest : float
        Not below any score, -inf if none is finite.
    """

    size: int
    completed: int
    dtype: np.dtype[Any]
    lowest: float
    highest: float

    @abstractmethod
    def at_or_above(self, threshold: float) -> int:
        """Return the exact number of scores that reach a threshold."""

    @abstractmethod
    def kth_highest(self, k: int) -> float:
        """Return the exact k-th highest score; k from 1 to `size`."""

    @abstractmethod
    def curve(self, thresholds: Floats) -> Counts:
        """Return, per threshold, how many scores reach it: for curves and for searching."""

    @abstractmethod
    def bin_counts(self, width: float) -> Counts:
        """Return completed distances, minus the scores, counted in bins of `width` from 0."""

    @abstractmethod
    def finite(self) -> ScoreSet:
        """Return the same set without failed comparisons."""

    @abstractmethod
    def astype(self, dtype: np.dtype[Any]) -> ScoreSet:
        """Return the same set in a type that holds its scores exactly."""


class SortedScores(ScoreSet):
    """All scores of a set, ascending in memory: everything about them is exact.

    Raises
    ------
    ValueError
        If a score is NaN or +inf; `name` is what the message calls the set.
    """

    def __init__(self, scores: ArrayLike, name: str = "some") -> None:
        array = np.asarray(scores).ravel()
        if array.dtype not in (np.float32, np.float64):
            array = array.astype(np.float64)
        array = np.sort(array)
        # NaN sorts behind +inf, so the last element tells of both.
        if array.size and not array[-1] < np.inf:
            raise ValueError(f"{name} scores hold NaN or +inf; a failed comparison is -inf")
        self._hold(array)

    def _hold(self, values: NDArray[np.floating[Any]]) -> None:
        self.values: Floats = values
        self.size = int(values.size)
        failed = int(np.searchsorted(values, -np.inf, side="right"))
        self.completed = self.size - failed
        self.dtype = values.dtype
        self.lowest = float(values[failed]) if self.completed else float("nan")
        self.highest = float(values[-1]) if self.size else float("-inf")

    @classmethod
    def of_sorted(cls, values: Floats) -> SortedScores:
        """Return the set of scores that are checked and ascending already."""
        result = cls.__new__(cls)
        result._hold(values)
        return result

    def at_or_above(self, threshold: float) -> int:
        """Return the exact number of scores that reach a threshold."""
        return self.size - int(np.searchsorted(self.values, self.dtype.type(threshold)))

    def kth_highest(self, k: int) -> float:
        """Return the exact k-th highest score; k from 1 to `size`."""
        return float(self.values[self.size - k])

    def curve(self, thresholds: Floats) -> Counts:
        """Return, per threshold, how many scores reach it; exact."""
        return np.asarray(self.size - np.searchsorted(self.values, thresholds), dtype=np.int64)

    def bin_counts(self, width: float) -> Counts:
        """Return completed distances counted in bins of `width` from 0; exact."""
        distances = -self.values[self.size - self.completed :].astype(np.float64)
        return np.bincount(np.floor(distances / width).astype(np.int64))

    def finite(self) -> SortedScores:
        """Return the same set without failed comparisons."""
        return self.of_sorted(self.values[self.size - self.completed :])

    def astype(self, dtype: np.dtype[Any]) -> SortedScores:
        """Return the same set in a type that holds its scores exactly."""
        return self if dtype == self.dtype else self.of_sorted(self.values.astype(dtype))
