"""All comparisons of an attack, counted instead of held."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.all_pairs.counted import CountedScores, unresolved
from anonbench.all_pairs.marks import Bins, Marks
from anonbench.all_pairs.mates import closed_ranks, distances_of, mated_pairs
from anonbench.all_pairs.pilot import MOST_PAIRS, PilotScores, pilot_distances
from anonbench.all_pairs.resampled import replicated
from anonbench.all_pairs.sides import error_bound, two_sides
from anonbench.all_pairs.sweep import Sweep, sweep
from anonbench.comparisons import Compared
from anonbench.metrics.replicates import Replicates, Weights
from anonbench.metrics.score_sets import ScoreSet, SortedScores
from anonbench.protocols import Partition

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]
Ask = Callable[[SortedScores, ScoreSet, int], object]

LOGGER = logging.getLogger("anonbench")
_PILOT_SHARE = 128
_FEWEST = 1 << 18
_MOST_PASSES = 4


@dataclass(frozen=True, kw_only=True)
class CountedComparisons(Compared):
    """Comparisons whose non-mated scores were counted in one pass.

    Attributes
    ----------
    nonmated : CountedScores, failed comparisons included
    found : Sweep, the last pass
    unit_pairs : (U (U + 1) / 2,) non-mated comparisons of two units, failed ones included
    passes : passes over all pairs that it took
    """

    nonmated: CountedScores
    found: Sweep
    unit_pairs: NDArray[np.int64]
    passes: int

    @property
    def nonmated_set(self) -> CountedScores:
        """The non-mated scores, counted."""
        return self.nonmated

    def replicated(self, weights: Weights, units: Codes, fixed: Floats) -> Replicates:
        """Weighted counts of every bootstrap replicate (see `resampled.replicated`)."""
        mated = self.mated, units[self.mated_subjects]
        return replicated(
            weights, self.mated_set, mated, self.nonmated, self.found, self.unit_pairs, fixed
        )


def compare_counted(
    gallery: Floats,
    probe: Floats,
    partition: Partition,
    same_source: bool,
    *,
    units: Codes,
    ask: Ask,
    fixed: Sequence[float] = (),
    threads: int = 1,
) -> CountedComparisons:
    """Compare as `comparisons.compare` does, in memory that does not grow with the comparisons.

    A pilot of at most 2**24 pairs tells where the answers to `ask` will lie. The pass counts every
    pair in bins of its squared distance, computed in float32, and computes anew in float64 those
    that a rounding error could put on the wrong side of an answer. Where the pilot was wrong,
    there is one more pass.

    Parameters
    ----------
    gallery, probe : (N, D) embeddings of all images of `partition`; NaN rows for failed samples
    partition : Partition without explicit pairs
    same_source : bool
        See `comparisons.compare`.
    units : (S,) resampling unit of each subject, 0..U-1
    ask : function of mated scores, non-mated scores and the number of distinct ones of these
        Asks everything of the non-mated, with failed comparisons and without, that must be exact.
    fixed : thresholds at which counts must be exact
    threads : int
        The results do not depend on it.
    """
    once = partition.every_image_both and same_source
    probes, enrolled = two_sides(gallery, gallery if once else probe, partition, units)
    pairs = mated_pairs(partition, once)
    mated = distances_of(gallery, probe, *pairs)
    scores = np.subtract(np.float32(0), mated)
    mated_set = SortedScores(scores, "mated")
    unit_pairs = _unit_pairs(partition.subjects, (partition.probe, partition.gallery), units, once)
    total = int(unit_pairs.sum())
    distinct = total // 2 if partition.every_image_both and not once else total
    images = probes.images, enrolled.images
    completed = int(_unit_pairs(partition.subjects, images, units, once).sum())

    def asked(nonmated: ScoreSet) -> None:
        if mated_set.size and nonmated.size:
            ask(mated_set, nonmated, distinct)

    error = error_bound(probes, enrolled)
    ranges = [(-t, -t) for t in fixed if np.isfinite(t) and t <= 0.0] + [(0.0, 0.0)]
    largest = 0.0
    if completed:
        wanted = min(max(total // _PILOT_SHARE, _FEWEST), MOST_PAIRS)
        pilot = pilot_distances(probes, enrolled, wanted, np.random.default_rng(total))
        largest = 1.25 * float(pilot[-1]) ** 2
        guess = PilotScores(pilot, completed, total - completed)
        del pilot
        asked(guess)
        ranges += guess.ranges(error)
        del guess
    reach = (probes.longest + enrolled.longest) ** 2 + error
    bins = Bins.up_to(largest, error, reach)
    # What little lies beyond the pilot, in the last bin, is kept.
    ranges.append((float(bins.edges[-2]), float(bins.edges[-1])))
    for passes in range(1, _MOST_PASSES + 1):
        found = sweep(probes, enrolled, once, bins, Marks.around(ranges), threads)
        nonmated = CountedScores(found.counts, total - completed)
        asked(nonmated)
        if not nonmated.questions:
            break
        missed = unresolved(found.counts, nonmated.questions)
        what = "another pass" if passes < _MOST_PASSES else "left at the width of a bin"
        LOGGER.warning("%d operating points outside the exact ranges: %s", len(missed), what)
        ranges += missed
    assert found.counts.histogram.sum() == completed
    ranks, ties, rank_subjects = closed_ranks(
        partition, once, pairs, mated, (probes, enrolled), found.best, error
    )
    return CountedComparisons(
        mated=scores,
        mated_subjects=partition.subjects[pairs[0]],
        distinct_nonmated=distinct,
        ranks=ranks,
        rank_subjects=rank_subjects,
        ties=ties,
        n_gallery=int(np.unique(partition.subjects[partition.gallery]).size),
        nonmated=nonmated,
        found=found,
        unit_pairs=unit_pairs,
        passes=passes,
    )


def _unit_pairs(
    subjects: Codes, images: tuple[Codes, Codes], units: Codes, once: bool
) -> NDArray[np.int64]:
    """(U (U + 1) / 2,) non-mated comparisons of two units, given the images of both sides."""
    n_subjects, n_units = units.size, int(units.max()) + 1
    by_subject = [np.bincount(subjects[side], minlength=n_subjects) for side in images]
    rows, columns = (np.bincount(units, counts, n_units).astype(np.int64) for counts in by_subject)
    table = np.outer(rows, columns)
    mated = np.bincount(units, by_subject[0] * by_subject[1], n_units).astype(np.int64)
    both = table if once else table + table.T
    np.fill_diagonal(both, (np.diag(table) - mated) // (2 if once else 1))
    return both[np.triu_indices(n_units)]
