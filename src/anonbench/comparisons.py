"""Distances between embeddings and the comparisons of one attack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from anonbench.metrics.identification import mate_places
from anonbench.metrics.replicates import Replicates, Weights, replicate_counts, threshold_grid
from anonbench.metrics.score_sets import ScoreSet, SortedScores
from anonbench.protocols import Partition

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]

_BLOCK = 1 << 22
# Below this number of multiplications direct differences are fast enough.
_DIRECT = 1 << 33
# Squared distances below this share of the squared norms lose digits in the expansion.
_CANCELLED = 1e-6


@dataclass(frozen=True, kw_only=True)
class Compared(ABC):
    """Similarities (minus distance) of all comparisons of one attack, failed ones -inf.

    Attributes
    ----------
    mated : (M,) float32
    mated_subjects : (M,) subject codes
    distinct_nonmated : non-mated comparisons of distinct pairs of images
    ranks : (P,) int64 rank of each closed-set probe's mate (see `mate_ranks`); where the
        comparisons were counted rather than held, 2 stands for any rank from 2
    rank_subjects : (P,) subject codes
    n_gallery : gallery subjects
    folds : (M,), (N,) fold numbers of explicit pairs, else None
    ties : (P,) gallery subjects as near as each probe's mate, himself included; where the
        comparisons were counted, at rank 1 alone
    """

    mated: NDArray[np.float32]
    mated_subjects: Codes
    distinct_nonmated: int
    ranks: NDArray[np.int64]
    rank_subjects: Codes
    n_gallery: int
    folds: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
    ties: NDArray[np.int64] | None = None

    @cached_property
    def mated_set(self) -> SortedScores:
        """The mated scores as a set."""
        return SortedScores(self.mated, "mated")

    @property
    @abstractmethod
    def nonmated_set(self) -> ScoreSet:
        """The non-mated scores as a set."""

    @abstractmethod
    def replicated(self, weights: Weights, units: Codes, fixed: Floats) -> Replicates:
        """Weighted counts of every bootstrap replicate.

        Parameters
        ----------
        weights : (B, U) from `subject_weights`
        units : (S,) resampling unit of each subject
        fixed : thresholds at which to count besides others; NaN is left out
        """


@dataclass(frozen=True, kw_only=True)
class Comparisons(Compared):
    """Comparisons with every non-mated score in memory.

    Attributes
    ----------
    nonmated : (N,) float32
    nonmated_gallery, nonmated_probe : (N,) subject codes
    """

    nonmated: NDArray[np.float32]
    nonmated_gallery: Codes
    nonmated_probe: Codes

    @cached_property
    def nonmated_set(self) -> SortedScores:
        """The non-mated scores, sorted."""
        return SortedScores(self.nonmated, "non-mated")

    def replicated(self, weights: Weights, units: Codes, fixed: Floats) -> Replicates:
        """Weighted counts of every bootstrap replicate, exact at every threshold."""
        grid, exhaustive = threshold_grid(self.mated, self.nonmated, fixed)
        mated = self.mated, units[self.mated_subjects]
        nonmated = self.nonmated, units[self.nonmated_gallery], units[self.nonmated_probe]
        return replicate_counts(weights, grid, mated, nonmated, exhaustive)


def distances(a: Floats, b: Floats) -> NDArray[np.float32]:
    """Euclidean distances of all rows of `a` to all rows of `b`.

    Parameters
    ----------
    a : (N, D), b : (M, D) float; a row with NaN (failed sample) is infinitely far from all

    Returns
    -------
    (N, M) float32
        Computed in float64. Small sets by direct differences, large ones as
        ||a||^2 + ||b||^2 - 2 a.b, where whatever cancels is computed again directly; so equal
        rows are exactly 0 apart either way.
    """
    a64, b64 = a.astype(np.float64), b.astype(np.float64)
    if a.shape[0] * b.shape[0] * a.shape[1] <= _DIRECT:
        result = cdist(a64, b64).astype(np.float32)
    else:
        result = _expanded_distances(a64, b64)
    result[np.isnan(result)] = np.inf
    return np.asarray(result)


def paired_distances(a: Floats, b: Floats) -> NDArray[np.float32]:
    """Euclidean distance of each row of `a` to the same row of `b`: (N,) float32, inf = failed."""
    result = np.empty(a.shape[0], dtype=np.float32)
    step = max(1, _BLOCK // max(1, a.shape[1]))
    for start in range(0, a.shape[0], step):
        part = slice(start, start + step)
        difference = a[part].astype(np.float64) - b[part]
        result[part] = np.sqrt(np.einsum("nd,nd->n", difference, difference))
    result[np.isnan(result)] = np.inf
    return result


def compare(gallery: Floats, probe: Floats, partition: Partition, same_source: bool) -> Comparisons:
    """All comparisons that a partition asks for.

    Parameters
    ----------
    gallery, probe : (N, D) embeddings of all images of `partition`, as enrolled and as probed;
        NaN rows for failed samples
    partition : Partition
    same_source : bool
        Both sides show the same pictures (both original or both anonymised). Where every image
        is on both sides, each pair is then compared once, as its two orders are one comparison.
    """
    if partition.pairs is not None:
        return _compare_pairs(gallery, probe, partition)
    blocks = list(_blocks(gallery, probe, partition, partition.every_image_both and same_source))
    columns = [np.concatenate(parts) for parts in zip(*blocks, strict=True)]
    mated, mated_subjects, nonmated, by_gallery, by_probe, ranks, ties, rank_subjects = columns
    twice = partition.every_image_both and not same_source
    return Comparisons(
        mated=mated,
        mated_subjects=mated_subjects,
        nonmated=nonmated,
        nonmated_gallery=by_gallery,
        nonmated_probe=by_probe,
        distinct_nonmated=nonmated.size // 2 if twice else nonmated.size,
        ranks=ranks,
        ties=ties,
        rank_subjects=rank_subjects,
        n_gallery=int(np.unique(partition.subjects[partition.gallery]).size),
    )


def _blocks(
    gallery: Floats, probe: Floats, partition: Partition, once: bool
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Columns of `Comparisons` for a block of probes at a time."""
    enrolled, probes = partition.gallery, partition.probe
    codes = partition.subjects.astype(np.min_scalar_type(int(partition.subjects.max())))
    own = codes[enrolled]
    images_of = np.bincount(partition.subjects[enrolled], minlength=len(partition.subject_names))
    step = max(1, _BLOCK // enrolled.size)
    for start in range(0, probes.size, step):
        chosen = probes[start : start + step]
        scores = np.subtract(np.float32(0), distances(probe[chosen], gallery[enrolled]))
        itself = chosen[:, None] == enrolled[None, :]
        wanted = (enrolled[None, :] < chosen[:, None]) if once else ~itself
        same = codes[chosen][:, None] == own[None, :]
        mated = same & wanted
        row, column = np.nonzero(~same & wanted)
        scores[itself] = -np.inf
        others = images_of[partition.subjects[chosen]] - itself.sum(axis=1)
        closed = chosen[others > 0]
        yield (
            scores[mated],
            np.broadcast_to(own, same.shape)[mated],
            scores[row, column],
            own[column],
            codes[chosen][row],
            *mate_places(scores[others > 0], own, codes[closed]),
            codes[closed],
        )


def _compare_pairs(gallery: Floats, probe: Floats, partition: Partition) -> Comparisons:
    """Comparisons of an explicit pair list; there is no gallery to search."""
    pairs = partition.pairs
    assert pairs is not None
    scores = np.subtract(np.float32(0), paired_distances(gallery[pairs.first], probe[pairs.second]))
    first, second = partition.subjects[pairs.first], partition.subjects[pairs.second]
    none = np.zeros(0, dtype=np.int64)
    mated = pairs.mated
    return Comparisons(
        mated=scores[mated],
        mated_subjects=first[mated],
        nonmated=scores[~mated],
        nonmated_gallery=first[~mated],
        nonmated_probe=second[~mated],
        distinct_nonmated=int(np.count_nonzero(~mated)),
        ranks=none,
        rank_subjects=none,
        n_gallery=0,
        folds=(pairs.fold[mated], pairs.fold[~mated]),
    )


def _expanded_distances(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float32]:
    norms_a = np.einsum("nd,nd->n", a, a)
    norms_b = np.einsum("nd,nd->n", b, b)
    result = np.empty((a.shape[0], b.shape[0]), dtype=np.float32)
    step = max(1, _BLOCK // max(1, b.shape[0]))
    for start in range(0, a.shape[0], step):
        part = slice(start, start + step)
        norms = norms_a[part, None] + norms_b[None, :]
        squared = norms - 2.0 * (a[part] @ b.T)
        row, column = np.nonzero(squared < _CANCELLED * norms)
        difference = a[part][row] - b[column]
        squared[row, column] = np.einsum("nd,nd->n", difference, difference)
        result[part] = np.sqrt(np.maximum(squared, 0.0))
    return result
