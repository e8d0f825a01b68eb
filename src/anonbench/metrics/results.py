"""Result types of the verification metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from anonbench.metrics.score_sets import ScoreSet

Floats = NDArray[np.floating[Any]]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class ErrorRates:
    """Operating points in ascending order of threshold.

    Attributes
    ----------
    thresholds : (T,) float32 or float64
        Every distinct finite mated score, the lowest finite score, and a last threshold that
        rejects everything. FNMR changes at mated scores only, so with `nonmated` (which gives
        FMR between two of them) the curve is complete.
    fmr, fnmr : (T,) float64, shares in [0, 1] of all comparisons given
    false_matches, false_nonmatches : (T,) int64
    n_mated, n_nonmated : int
    nonmated : ScoreSet, the non-mated scores
    """

    thresholds: Floats
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]
    false_matches: Counts
    false_nonmatches: Counts
    n_mated: int
    n_nonmated: int
    nonmated: ScoreSet = field(repr=False)


@dataclass(frozen=True)
class DetPoints:
    """Thinned operating points of a DET curve, ascending in threshold (see `ErrorRates`)."""

    thresholds: Floats
    fmr: NDArray[np.float64]
    fnmr: NDArray[np.float64]
    false_matches: Counts
    false_nonmatches: Counts


@dataclass(frozen=True)
class OperatingPoint:
    """Rates at one threshold; NaN, with `reason`, where the data do not support them.

    `expected_errors` is target FMR x non-mated comparisons for a point chosen by its FMR, else
    the false matches seen: below 3 a rate is only a bound (rule of 3), below 30 it is rough
    (rule of 30: true rate within 30 % with 90 % confidence).
    """

    threshold: float
    fmr: float
    fnmr: float
    false_matches: int
    false_nonmatches: int
    expected_errors: float
    supported: bool
    reason: str = ""


@dataclass(frozen=True)
class EqualErrorRate:
    """Equal error rate: value and FVC2000 interval [low, high]; NaN with `reason` if none."""

    value: float
    low: float
    high: float
    threshold: float
    reason: str = ""


@dataclass(frozen=True)
class Confusion:
    """Decision counts at one threshold."""

    mated_accepted: int
    mated_rejected: int
    nonmated_accepted: int
    nonmated_rejected: int

    @property
    def mated_accepted_share(self) -> float:
        """Share of mated comparisons accepted (true match rate)."""
        return self.mated_accepted / (self.mated_accepted + self.mated_rejected)

    @property
    def nonmated_accepted_share(self) -> float:
        """Share of non-mated comparisons accepted (FMR)."""
        return self.nonmated_accepted / (self.nonmated_accepted + self.nonmated_rejected)
