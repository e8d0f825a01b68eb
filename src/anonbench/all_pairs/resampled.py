"""Bootstrap replicates from counts per pair of resampling units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.all_pairs.counted import CountedScores
from anonbench.all_pairs.sweep import Sweep
from anonbench.metrics.replicates import (
    Codes,
    Floats,
    Replicates,
    Weights,
    counted_replicates,
    spaced_ranks,
)
from anonbench.metrics.score_sets import SortedScores

_POINTS = 50


def replicated(
    weights: Weights,
    mated: SortedScores,
    unsorted: tuple[Floats, Codes],
    nonmated: CountedScores,
    sweep: Sweep,
    all_pairs: NDArray[np.int64],
    fixed: Floats,
) -> Replicates:
    """Weighted counts of every replicate at about 200 thresholds and the fixed ones.

    Thresholds lie at edges of bins, where pairs of units are counted to float32 precision. At the
    fixed ones, pairs of units are given the same share of the bin as all pairs together.

    Parameters
    ----------
    weights : (B, U)
    mated, unsorted : mated scores as a set, and as scores with the codes of their units
    nonmated, sweep : what the pass found
    all_pairs : (U (U + 1) / 2,) non-mated comparisons of two units, failed ones included
    fixed : thresholds; NaN is left out
    """
    edges = sweep.counts.bins.edges
    fixed = np.unique(fixed[np.isfinite(fixed)].astype(np.float32))
    chosen = _edges(mated, sweep, edges)
    grid = -edges[chosen].astype(np.float32)
    ends = [s for s in (mated.lowest, nonmated.lowest, *fixed) if np.isfinite(s)]
    lowest = np.float32(min(ends, default=0.0))
    highest = max(mated.highest, nonmated.highest, *fixed, -1e30)
    top = np.nextafter(np.float32(highest), np.float32(np.inf))
    thresholds = np.unique(np.concatenate([grid[grid > lowest], fixed, [lowest, top]]))
    columns = [all_pairs, *_accepted(sweep, nonmated, thresholds)]
    counted = np.stack([_weighted(weights, column) for column in columns], axis=1)
    return counted_replicates(weights, thresholds, unsorted, counted)


def _edges(mated: SortedScores, sweep: Sweep, edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """Bins that begin near ranks of both sets, evenly spaced and towards few errors."""
    total = np.cumsum(sweep.counts.histogram)
    by_nonmated = np.searchsorted(total, spaced_ranks(int(total[-1]), _POINTS)) + 1
    scores = mated.finite().values
    distances = -scores[spaced_ranks(scores.size, _POINTS) - 1]
    by_mated = np.searchsorted(edges, distances)
    chosen = np.concatenate([by_nonmated, by_mated]).astype(np.int64)
    result: NDArray[np.int64] = np.unique(np.minimum(chosen, edges.size - 1))
    return result


def _accepted(
    sweep: Sweep, nonmated: CountedScores, thresholds: NDArray[np.float32]
) -> list[NDArray[Any]]:
    """Return the accepted pairs of two units at every threshold."""
    edges, total = sweep.counts.bins.edges, np.cumsum(sweep.counts.histogram)
    single = edges.astype(np.float32)
    result: list[NDArray[Any]] = []
    bin_before, before = 0, np.zeros(len(sweep.blocks), dtype=np.int64)
    # From the highest threshold on, so that bins are summed once.
    for threshold in thresholds[::-1]:
        distance = -threshold
        if distance < 0:
            result.append(np.zeros_like(before))
            continue
        k = int(np.searchsorted(single, distance, side="right")) - 1
        k = min(k, sweep.counts.bins.count)
        before = before + sweep.blocks[:, bin_before:k].sum(axis=1, dtype=np.int64)
        bin_before = k
        if k == sweep.counts.bins.count or single[k] == distance > 0:
            result.append(before)
            continue
        there = int(sweep.counts.histogram[k])
        nearer = nonmated.about_at_or_above(float(threshold)) - (int(total[k]) - there)
        share = min(max(nearer / there, 0.0), 1.0) if there else 0.0
        # Whole numbers, so that sums are exact in any order.
        result.append(before + np.rint(share * sweep.blocks[:, k]).astype(np.int64))
    return result[::-1]


def _weighted(weights: Weights, pairs: NDArray[Any]) -> Weights:
    """(B,) weighted pairs: w_u w_v of two units, w_u within one; exact in float64."""
    n_units = weights.shape[1]
    table = np.zeros((n_units, n_units))
    table[np.triu_indices(n_units)] = pairs
    within = np.diag(table).copy()
    np.fill_diagonal(table, 0.0)
    result: Weights = ((weights @ table) * weights).sum(axis=1) + weights @ within
    return result
