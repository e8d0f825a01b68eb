"""Scores that were counted, not kept: exact inside marks, to a fraction of a bin elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.all_pairs.marks import Bins, Marks
from anonbench.metrics.results import Counts, Floats
from anonbench.metrics.score_sets import ScoreSet


@dataclass
class Questions:
    """What was asked of a set that needs an exact answer, and could not be given one.

    Attributes
    ----------
    ranks : k of `ScoreSet.kth_highest`
    distances : minus the thresholds of `ScoreSet.at_or_above`
    """

    ranks: set[int] = field(default_factory=set)
    distances: set[float] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.ranks or self.distances)


@dataclass(frozen=True)
class PairCounts:
    """Counted distances of all completed pairs.

    Attributes
    ----------
    bins : Bins
    histogram : (B,) int64
    marks : Marks, at least one
    nearer : (K,) int64, pairs nearer than each mark, exact
    values, multiplicity : distances inside marks, ascending and distinct, and how often they occur
    """

    bins: Bins
    histogram: Counts
    marks: Marks
    nearer: Counts
    values: NDArray[np.float32]
    multiplicity: Counts


class CountedScores(ScoreSet):
    """Non-mated scores of one pass over all pairs.

    Exact where a mark lies; questions elsewhere are noted in `questions` and answered by straight
    lines between the edges of bins, so that no count is off by more than the bin holds.
    """

    def __init__(self, counts: PairCounts, failed: int, questions: Questions | None = None) -> None:
        self._counts = counts
        self.questions = Questions() if questions is None else questions
        self.completed = int(counts.histogram.sum())
        self.size = self.completed + failed
        self.dtype = np.dtype(np.float32)
        self._cumulated = np.concatenate([[0], np.cumsum(counts.multiplicity)])
        self._knots, self._known = self._curve_knots()
        self.lowest, self.highest = float("nan"), float("-inf")
        if self.completed:
            filled = np.flatnonzero(counts.histogram)
            error, squares = counts.bins.error, counts.bins.edges**2
            farthest = float(np.sqrt(squares[filled[-1] + 1] + error))
            kept = float(counts.values.max(initial=0.0))
            if filled[-1] == counts.bins.count - 1 and kept >= counts.bins.edges[-2]:
                farthest = kept
            self.lowest = -_above(farthest)
            self.highest = 0.0 - _below(float(np.sqrt(max(squares[filled[0]] - error, 0.0))))

    def _curve_knots(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Distances at which the number of nearer pairs is known, and these numbers."""
        counts, edges = self._counts, self._counts.bins.edges
        nearest = counts.marks.nearest.astype(np.float64)
        farthest = counts.marks.farthest.astype(np.float64)
        held = np.searchsorted(counts.values, counts.marks.farthest, side="right")
        start = np.searchsorted(counts.values, counts.marks.nearest, side="left")
        through = counts.nearer + self._cumulated[held] - self._cumulated[start]
        total = np.concatenate([[0], np.cumsum(counts.histogram)])
        # Near a mark an edge that is known but for rounding would contradict what is exact.
        inside = np.searchsorted(nearest, edges, side="right") - 1
        free = (inside < 0) | (edges > farthest[np.maximum(inside, 0)])
        knots = np.concatenate([edges[free], nearest, farthest])
        known = np.concatenate([total[free], counts.nearer, through])
        order = np.lexsort((known, knots))
        # Edges within the rounding error of a mark may be off by a few pairs.
        return knots[order], np.maximum.accumulate(known[order]).astype(np.float64)

    def _mark(self, distances: NDArray[np.float32]) -> NDArray[np.int64]:
        """Mark in which each distance lies, -1 for none."""
        marks = self._counts.marks
        index = np.searchsorted(marks.nearest, distances, side="right") - 1
        inside = (index >= 0) & (distances <= marks.farthest[np.maximum(index, 0)])
        return np.where(inside, index, -1)

    def _nearer_or_at(self, distances: NDArray[np.float32]) -> tuple[Counts, NDArray[np.bool_]]:
        """Pairs not farther than each distance, and whether that is exact."""
        result = np.rint(np.interp(distances, self._knots, self._known)).astype(np.int64)
        mark = self._mark(distances)
        exact = mark >= 0
        chosen, where = distances[exact], mark[exact]
        start = np.searchsorted(self._counts.values, self._counts.marks.nearest[where])
        stop = np.searchsorted(self._counts.values, chosen, side="right")
        result[exact] = self._counts.nearer[where] + self._cumulated[stop] - self._cumulated[start]
        beyond = (distances < 0) | (distances >= np.float32(-self.lowest))
        result[distances < 0] = 0
        result[distances >= np.float32(-self.lowest)] = self.completed
        return result, exact | beyond

    def at_or_above(self, threshold: float) -> int:
        """Return the number of scores that reach a threshold, exact inside marks."""
        distance = -np.float32(threshold)
        count, exact = self._nearer_or_at(np.array([distance], dtype=np.float32))
        if not exact[0]:
            self.questions.distances.add(float(distance))
        return self.size if distance == np.inf else int(count[0])

    def about_at_or_above(self, threshold: float) -> int:
        """Return the number of scores that reach a threshold, exact or not."""
        count, _ = self._nearer_or_at(np.array([-np.float32(threshold)]))
        return int(count[0])

    def kth_highest(self, k: int) -> float:
        """Return the k-th highest score, exact inside marks."""
        if k > self.completed:
            return float("-inf")
        counts = self._counts
        m = int(np.searchsorted(counts.nearer, k, side="left")) - 1
        if m >= 0:
            start = int(np.searchsorted(counts.values, counts.marks.nearest[m]))
            wanted = self._cumulated[start] + k - counts.nearer[m]
            place = int(np.searchsorted(self._cumulated, wanted))
            if place <= counts.values.size and counts.values[place - 1] <= counts.marks.farthest[m]:
                return 0.0 - float(counts.values[place - 1])
        self.questions.ranks.add(k)
        right = int(np.searchsorted(self._known, k))
        return 0.0 - float(np.float32(self._knots[min(right, self._knots.size - 1)]))

    def curve(self, thresholds: Floats) -> Counts:
        """Return, per threshold, how many scores reach it, off by less than a bin holds."""
        distances = -np.asarray(thresholds, dtype=np.float32)
        counts, _ = self._nearer_or_at(distances)
        return np.where(distances == np.inf, self.size, counts)

    def bin_counts(self, width: float) -> Counts:
        """Return distances in bins of `width` from 0, each off by less than a bin of the pass."""
        n_bins = int(np.floor(-self.lowest / width)) + 1 if self.completed else 0
        edges = np.arange(1, n_bins) * width
        inside = np.nextafter(edges.astype(np.float32), np.float32(0))
        nearer, _ = self._nearer_or_at(inside)
        counts = np.diff(np.concatenate([[0], nearer, [self.completed]]))
        return counts[: int(np.flatnonzero(counts).max(initial=-1)) + 1]

    def finite(self) -> CountedScores:
        """Return the same set without failed comparisons."""
        return CountedScores(self._counts, 0, self.questions)

    def astype(self, dtype: np.dtype[Any]) -> ScoreSet:
        """Return the set itself: there is no other type that it could be in.

        Raises
        ------
        TypeError
            If the type is not float32.
        """
        if dtype != self.dtype:
            raise TypeError(f"counted scores are float32, not {dtype}")
        return self


def unresolved(counts: PairCounts, questions: Questions) -> list[tuple[float, float]]:
    """Ranges of distances, one bin to either side, in which the answers lie."""
    edges = counts.bins.edges
    total = np.cumsum(counts.histogram)
    bins = [int(np.searchsorted(total, k)) for k in questions.ranks]
    bins += [int(np.searchsorted(edges, d, side="right")) - 1 for d in questions.distances]
    last = counts.bins.count
    return [(float(edges[max(b - 1, 0)]), float(edges[min(b + 2, last)])) for b in bins]


def _below(distance: float) -> float:
    return float(np.nextafter(np.float32(distance), np.float32(0)))


def _above(distance: float) -> float:
    return float(np.nextafter(np.float32(distance), np.float32(np.inf)))
