"""Marks: short ranges of distances in which every pair is looked at exactly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.all_pairs.kernels import FLAG

_MOST_BINS = 4096


@dataclass(frozen=True)
class Bins:
    """Equal bins of squared distance from 0; the last one takes everything beyond.

    Attributes
    ----------
    per_unit : float
        Bins per unit of squared distance, a power of two, so that scaling by it rounds nothing.
    count : int
    error : float
        Bound on the error of a squared distance in the pass.
    reach : float
        No squared distance is larger.
    """

    per_unit: float
    count: int
    error: float
    reach: float

    @classmethod
    def up_to(cls, largest: float, error: float, reach: float) -> Bins:
        """As many bins as are cheap to count in, for squared distances up to about `largest`."""
        largest = max(largest, error, 1e-30)
        per_unit = 2.0 ** math.floor(math.log2((_MOST_BINS - 2) / largest))
        return cls(per_unit, math.ceil(largest * per_unit) + 1, error, max(reach, largest))

    @property
    def edges(self) -> NDArray[np.float64]:
        """(count + 1,) distances at which bins begin, and the largest possible one."""
        return np.asarray(np.sqrt(np.append(np.arange(self.count) / self.per_unit, self.reach)))

    def values(self, distances: NDArray[np.float32], error: float) -> NDArray[np.float32]:
        """Squared distances in bins, moved by `error` and rounded away from where they were."""
        exact = (distances.astype(np.float64) ** 2 + error) * self.per_unit
        return np.nextafter(exact.astype(np.float32), np.float32(math.copysign(np.inf, error)))

    def index(self, values: NDArray[np.float32]) -> NDArray[np.int64]:
        """Bin of a value, as `kernels.count_tile` finds it."""
        return np.clip(values, 0, self.count - 1).astype(np.int64)


@dataclass(frozen=True)
class Marks:
    """Disjoint ranges of distances, both ends included, ascending: (K,) float32 each."""

    nearest: NDArray[np.float32]
    farthest: NDArray[np.float32]

    @classmethod
    def around(cls, ranges: Sequence[tuple[float, float]]) -> Marks:
        """Widen ranges of distances by some steps of float32 and join those that overlap."""
        joined: list[list[np.float32]] = []
        for low, high in sorted(ranges):
            start = np.float32(max(low * (1.0 - 1e-6), 0.0))
            end = np.float32(high * (1.0 + 1e-6))
            if joined and start <= joined[-1][1]:
                joined[-1][1] = max(joined[-1][1], end)
            else:
                joined.append([start, end])
        pairs = np.array(joined, dtype=np.float32).reshape(-1, 2)
        return cls(pairs[:, 0].copy(), pairs[:, 1].copy())

    def bins(self, bins: Bins) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """First and last bin in which a pair inside each mark can be found."""
        low = bins.index(bins.values(self.nearest, -bins.error))
        return low, bins.index(bins.values(self.farthest, bins.error))

    def table(self, bins: Bins) -> tuple[NDArray[Any], ...]:
        """Return what `count_tile` wants: marks of every bin, their ends, and these as values."""
        low, high = self.bins(bins)
        every = np.arange(bins.count)
        # Marks ascend, so those of one bin follow each other.
        first = np.searchsorted(high, every, side="left")
        last = np.searchsorted(low, every, side="right")
        return (
            first.astype(np.int32),
            np.maximum(first, last).astype(np.int32),
            self.nearest,
            self.farthest,
            bins.values(self.nearest, -bins.error),
            bins.values(self.farthest, bins.error),
        )


def flagged(table: tuple[NDArray[Any], ...]) -> NDArray[np.uint32]:
    """Empty histogram with a flag in every bin that has marks."""
    first, last = table[:2]
    return np.where(first < last, FLAG, np.uint32(0)).astype(np.uint32)
