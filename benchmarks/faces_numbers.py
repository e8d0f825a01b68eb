"""Shares, error rates and quantiles of a face set, each with an interval over its subjects."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from anonbench.metrics import identification, intervals, replicates, verification
from anonbench.metrics.intervals import Interval, percentile_interval, rate_interval
from anonbench.metrics.replicates import Replicates
from anonbench.seeds import generator

Floats = NDArray[np.floating[Any]]
Bools = NDArray[np.bool_]
Texts = NDArray[np.str_]

REPLICATES = 1000
SEED = 1


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; NaN with a reason where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    reason: str = ""

    def plain(self) -> dict[str, Any]:
        """Return a dictionary, without a reason where none is needed."""
        return {k: v for k, v in asdict(self).items() if k != "reason" or v}


def codes_of(subjects: Texts) -> tuple[NDArray[np.int64], int]:
    """Return the code of each sample's subject, and how many subjects there are."""
    names, codes = np.unique(subjects, return_inverse=True)
    return codes.astype(np.int64), names.size


def _weights(n_subjects: int) -> NDArray[np.float64]:
    return intervals.subject_weights(n_subjects, REPLICATES, generator(SEED, "faces", n_subjects))


def share(events: Bools, subjects: Texts) -> Estimate:
    """Share of samples (N,) with an event."""
    return _average(events, subjects, is_rate=True)


def mean(values: Floats, subjects: Texts) -> Estimate:
    """Mean of a value (N,) over samples."""
    return _average(values, subjects, is_rate=False)


def _average(values: NDArray[Any], subjects: Texts, is_rate: bool) -> Estimate:
    if not values.size:
        return Estimate(math.nan, reason="no samples")
    codes, n_subjects = codes_of(subjects)
    value = float(np.mean(values))
    if n_subjects < 2:
        return Estimate(value, n=values.size, reason="one subject: no interval")
    copies = intervals.replicate_share(_weights(n_subjects), values, codes)
    found = rate_interval(value, copies, n_subjects) if is_rate else percentile_interval(copies)
    return _estimate(value, found, values.size)


def _estimate(value: float, interval: Interval, n: int) -> Estimate:
    return Estimate(value, interval.low, interval.high, n)


class Pairs:
    """All comparisons between different images, by Euclidean distance.

    Parameters
    ----------
    embeddings : (N, D), NaN for a failure to acquire, which is left out
    subjects : (N,)
    """

    def __init__(self, embeddings: Floats, subjects: Texts) -> None:
        usable = np.isfinite(embeddings).all(axis=1)
        codes, self.n_subjects = codes_of(subjects[usable])
        rows, columns = np.triu_indices(int(usable.sum()), 1)
        points = embeddings[usable].astype(np.float64)
        distances = cdist(points, points)[rows, columns]
        self._first, self._second = codes[rows], codes[columns]
        same = self._first == self._second
        self.mated, self.nonmated = distances[same], distances[~same]
        self._same = same
        self._copies: Replicates | None = None

    @property
    def lacking(self) -> str:
        """Why there is no error rate; empty where there is one."""
        if self.n_subjects < 2 or not self.nonmated.size:
            return "fewer than two subjects: nothing to confuse"
        return "" if self.mated.size else "no subject has two images"

    def eer(self) -> tuple[Estimate, float]:
        """Return the equal error rate, and the largest distance accepted there."""
        if self.lacking:
            return Estimate(math.nan, reason=self.lacking), math.nan
        found = verification.equal_error_rate(-self.mated, -self.nonmated)
        copies = replicates.replicate_eer(self._replicates())
        interval = rate_interval(found.value, copies, self.n_subjects)
        n = self.mated.size + self.nonmated.size
        return _estimate(found.value, interval, n), -found.threshold

    def quantile(self, q: float, mated: bool) -> Estimate:
        """Return the distance below which a share `q` of the (non-)mated comparisons lies."""
        if self.lacking:
            return Estimate(math.nan, reason=self.lacking)
        values = self.mated if mated else self.nonmated
        copies = self._replicates()
        counts, total = (
            (copies.mated, copies.n_mated) if mated else (copies.nonmated, copies.n_nonmated)
        )
        shares = replicates.ratio(counts, total[:, None])
        # Accepted shares fall with the threshold, a similarity; np.interp wants them rising.
        found = [np.interp(q, row[::-1], -copies.thresholds[::-1]) for row in shares]
        interval = percentile_interval(np.where(total > 0, found, np.nan))
        return _estimate(float(np.quantile(values, q)), interval, values.size)

    def rates_at(self, distance: float) -> tuple[Estimate, Estimate]:
        """Return FMR and FNMR where distances up to `distance` are accepted."""
        if self.lacking:
            nothing = Estimate(math.nan, reason=self.lacking)
            return nothing, nothing
        weights, results = _weights(self.n_subjects), []
        for chosen, wrong in (
            (~self._same, self.nonmated <= distance),
            (self._same, self.mated > distance),
        ):
            first, second = self._first[chosen], self._second[chosen]
            copies = intervals.replicate_share(weights, wrong, first, second)
            value = float(wrong.mean())
            interval = rate_interval(value, copies, self.n_subjects)
            results.append(_estimate(value, interval, wrong.size))
        return results[0], results[1]

    def _replicates(self) -> Replicates:
        if self._copies is None:
            none = np.zeros(0)
            grid, exact = replicates.threshold_grid(-self.mated, -self.nonmated, none)
            other = ~self._same
            self._copies = replicates.replicate_counts(
                _weights(self.n_subjects),
                grid,
                (-self.mated, self._first[self._same]),
                (-self.nonmated, self._first[other], self._second[other]),
                exact,
            )
        return self._copies


def rank_one(embeddings: Floats, subjects: Texts, enrolled: Bools, probes: Bools) -> Estimate:
    """Share of probes whose nearest gallery image is of their own subject.

    A probe that could not be acquired, or whose subject could not be enrolled, is a miss. The
    interval resamples the probes' subjects; the gallery stays.
    """
    if not probes.any() or not enrolled.any():
        return Estimate(math.nan, reason="no probes or no gallery")
    codes, _ = codes_of(subjects)
    points = embeddings.astype(np.float64)
    scores = -cdist(points[probes], points[enrolled])
    scores[np.isnan(scores)] = -np.inf
    ranks = identification.mate_ranks(scores, codes[enrolled], codes[probes])
    return share(ranks == 1, subjects[probes])


def by_group(groups: Texts, number: Callable[[Bools], Estimate]) -> dict[str, Estimate]:
    """Return a number for each group, by its name."""
    return {str(name): number(groups == name) for name in np.unique(groups)}
