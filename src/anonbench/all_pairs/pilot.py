"""A first look at some of the pairs, which says where the pass must be exact."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.all_pairs.counted import Questions
from anonbench.all_pairs.sides import Side
from anonbench.metrics.results import Counts, Floats
from anonbench.metrics.score_sets import ScoreSet, SortedScores

MOST_PAIRS = 1 << 24
# Standard errors of a share to either side of where the pilot finds it.
_SPREAD = 3.0


def pilot_distances(
    probes: Side, gallery: Side, n_pairs: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """Return distances of about `n_pairs` non-mated pairs, ascending, to float32 precision.

    Both sides are divided at random into as many parts, and each part of the one is compared with
    one part of the other. Every image thus takes part equally often, so that images which are
    near to all, or far from all, do not make the sample worse than independent pairs would be.
    """
    n_parts = max(1, round(probes.size * gallery.size / max(1, n_pairs)))
    n_parts = min(n_parts, probes.size, gallery.size)
    parts = [
        np.array_split(generator.permutation(side.size), n_parts) for side in (probes, gallery)
    ]
    found = []
    for rows, columns in zip(*parts, strict=True):
        products = probes.vectors[rows] @ gallery.vectors[columns].T
        squared = probes.norms[rows, None] + gallery.norms[columns] - 2.0 * products
        other = probes.subjects[rows, None] != gallery.subjects[columns]
        found.append(np.sqrt(np.maximum(squared[other], np.float32(0))))
    return np.sort(np.concatenate(found))


class PilotScores(ScoreSet):
    """A set of scores as a pilot sees it: shares, scaled to the number of scores.

    It notes what is asked, so that the pass can answer exactly.
    """

    def __init__(self, pilot: NDArray[np.float32], completed: int, failed: int) -> None:
        self._pilot = SortedScores.of_sorted(-pilot[::-1])
        self.questions = Questions()
        self.size, self.completed = completed + failed, completed
        self.dtype = np.dtype(np.float32)
        self.lowest, self.highest = self._pilot.lowest, self._pilot.highest

    @property
    def _scale(self) -> float:
        return self.completed / self._pilot.size

    def at_or_above(self, threshold: float) -> int:
        """Return about how many scores reach a threshold."""
        self.questions.distances.add(-threshold)
        return round(self._scale * self._pilot.at_or_above(threshold))

    def kth_highest(self, k: int) -> float:
        """Return about the k-th highest score."""
        if k > self.completed:
            return float("-inf")
        self.questions.ranks.add(k)
        return self._pilot.kth_highest(min(max(1, round(k / self._scale)), self._pilot.size))

    def curve(self, thresholds: Floats) -> Counts:
        """Return, per threshold, about how many scores reach it."""
        return _whole(self._scale * self._pilot.curve(thresholds))

    def bin_counts(self, width: float) -> Counts:
        """Return distances counted in bins, about."""
        return _whole(self._scale * self._pilot.bin_counts(width))

    def finite(self) -> PilotScores:
        """Return the same set without failed comparisons; it shares the questions."""
        result = PilotScores.__new__(PilotScores)
        result.__dict__.update(self.__dict__)
        result.size = self.completed
        return result

    def astype(self, dtype: np.dtype[Any]) -> ScoreSet:
        """Return the set itself."""
        return self

    def ranges(self, error: float) -> list[tuple[float, float]]:
        """Ranges of distances in which the answers to all questions very probably lie.

        Parameters
        ----------
        error : float
            Bound on the error of the pilot's squared distances.
        """
        n = self._pilot.size
        shares = [k / self.completed for k in self.questions.ranks]
        shares += [self._pilot.at_or_above(-d) / n for d in self.questions.distances]
        return [self._range(share * n, error) for share in shares]

    def _range(self, rank: float, error: float) -> tuple[float, float]:
        n = self._pilot.size
        spread = _SPREAD * math.sqrt(max(rank * (1.0 - rank / n), 0.0)) + _SPREAD**2
        nearest, farthest = math.floor(rank - spread), math.ceil(rank + spread)
        low = -self._pilot.kth_highest(nearest) if nearest >= 1 else 0.0
        high = -self._pilot.kth_highest(min(farthest, n))
        return math.sqrt(max(low**2 - error, 0.0)), math.sqrt(high**2 + error)


def _whole(values: NDArray[np.float64]) -> Counts:
    return np.asarray(np.rint(values), dtype=np.int64)
