"""Confidence intervals by resampling subjects (two-way bootstrap).

Comparisons that share a subject are not independent, so subjects are resampled, never scores:
subject i is drawn w_i times, its mated comparisons weigh w_i and the non-mated comparisons of
subjects i and j weigh w_i * w_j. All sums are of integers held in float64, hence exact: neither
the order of the input nor that of the summation changes a bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from anonbench.metrics.replicates import Codes, Weights, ratio

# Above this share of replicates without a value an interval would describe only the lucky ones.
MOST_UNDEFINED = 0.05


@dataclass(frozen=True)
class Interval:
    """Bounds of a confidence interval; NaN where it is not defined."""

    low: float
    high: float


def subject_weights(n_subjects: int, replicates: int, generator: np.random.Generator) -> Weights:
    """How often each subject is drawn: (B, S) float64 whole numbers, every row summing to S.

    Raises
    ------
    ValueError
        If there are fewer than two subjects or no replicate.
    """
    if n_subjects < 2 or replicates < 1:
        raise ValueError(f"cannot resample {n_subjects} subjects {replicates} times")
    shares = np.full(n_subjects, 1.0 / n_subjects)
    return generator.multinomial(n_subjects, shares, size=replicates).astype(np.float64)


def resampling_units(
    n_subjects: int, most: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """(S,) resampling unit of each subject: itself, or one of `most` random groups of equal size.

    Subjects are independent, so groups of them are, and resampling these is a cluster bootstrap.
    """
    if n_subjects <= most:
        return np.arange(n_subjects, dtype=np.int64)
    return np.asarray(generator.permutation(n_subjects) % most, dtype=np.int64)


def replicate_share(
    weights: Weights, values: NDArray[Any], first: Codes, second: Codes | None = None
) -> Weights:
    """(B,) weighted mean of per-sample events or per-comparison values.

    Parameters
    ----------
    weights : (B, S)
    values : (N,) bool or float
    first, second : (N,) subject codes; a comparison of two subjects weighs w_i * w_j, a sample
        or a comparison within a subject weighs w_i
    """
    n_subjects = weights.shape[1]
    values = np.asarray(values, dtype=np.float64)
    other = first if second is None else second
    sums, totals = np.zeros(weights.shape[0]), np.zeros(weights.shape[0])
    same = first == other
    for chosen, within in ((same, True), (~same, False)):
        key = first[chosen].astype(np.int64) * n_subjects + other[chosen]
        for amounts, into in ((values[chosen], sums), (np.ones(key.size), totals)):
            table = csr_matrix(
                (amounts, (key // n_subjects, key % n_subjects)), shape=(n_subjects, n_subjects)
            )
            if within:
                into += weights @ table.diagonal()
            else:
                into += ((table.T @ weights.T) * weights.T).sum(axis=0)
    return ratio(sums, totals)


def percentile_interval(values: Weights, confidence: float = 0.95) -> Interval:
    """Percentile interval of replicates; NaN where more than 5 % of them have no value.

    Raises
    ------
    ValueError
        If `confidence` is not between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    defined = values[~np.isnan(values)]
    if defined.size < (1.0 - MOST_UNDEFINED) * values.size:
        return Interval(math.nan, math.nan)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def rate_interval(
    value: float, values: Weights, n_subjects: int, confidence: float = 0.95
) -> Interval:
    """Percentile interval of a rate, bounded honestly where no error, or only errors, were seen.

    A rate of exactly 0 or 1 has no spread to resample. Its open side is then the bound of the
    rule of 3 in exact form, 1 - (1 - confidence)**(1 / n), with the subjects as the n
    independent trials, as comparisons are not independent.
    """
    interval = percentile_interval(values, confidence)
    if n_subjects < 1 or math.isnan(value) or math.isnan(interval.low):
        return interval
    bound = 1.0 - (1.0 - confidence) ** (1.0 / n_subjects)
    if value == 0.0:
        return Interval(interval.low, max(interval.high, bound))
    if value == 1.0:
        return Interval(min(interval.low, 1.0 - bound), interval.high)
    return interval
