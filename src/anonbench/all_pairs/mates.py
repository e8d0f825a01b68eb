"""Mated comparisons, enumerated subject by subject, and closed-set search among all others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from anonbench.all_pairs.kernels import pair_distances
from anonbench.all_pairs.sides import Side
from anonbench.protocols import Partition

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]

_ENTRIES = 1 << 22


def mated_pairs(partition: Partition, once: bool) -> tuple[Indices, Indices]:
    """Return gallery and probe images of all mated comparisons, failed ones included.

    With `once` each pair of images is compared in one order only.
    """
    sides = [
        images[np.argsort(partition.subjects[images], kind="stable")]
        for images in (partition.gallery, partition.probe)
    ]
    everyone = np.arange(len(partition.subject_names) + 1)
    bounds = [np.searchsorted(partition.subjects[images], everyone) for images in sides]
    first, second = [], []
    for s in everyone[:-1]:
        own = [images[b[s] : b[s + 1]] for images, b in zip(sides, bounds, strict=True)]
        enrolled, probes = np.repeat(own[0], own[1].size), np.tile(own[1], own[0].size)
        wanted = enrolled < probes if once else enrolled != probes
        first.append(enrolled[wanted])
        second.append(probes[wanted])
    return np.concatenate(first), np.concatenate(second)


def distances_of(gallery: Floats, probe: Floats, first: Indices, second: Indices) -> Floats:
    """(M,) float32 distances of pairs of images, inf where one failed."""
    result = np.empty(first.size, dtype=np.float32)
    pair_distances(gallery, probe, first, second, result)
    return result


def closed_ranks(
    partition: Partition,
    once: bool,
    pairs: tuple[Indices, Indices],
    mated: Floats,
    sides: tuple[Side, Side],
    best: NDArray[np.float64],
    error: float,
) -> tuple[Indices, Indices, Indices]:
    """Return rank, ties and subject of every closed-set probe; 2 stands for any rank from 2.

    Ties are gallery subjects as near as the nearest mate, himself included. They are counted for
    rank 1; 1 stands for any number at other ranks, and a miss has 0.

    Parameters
    ----------
    partition, once
        What was compared.
    pairs, mated : gallery and probe images of the mated comparisons, and their distances
    sides : probes and gallery
    best, error : smallest squared distance of each row of the probes to a non-mated image, and
        the bound on its error. Where that does not decide, distances are computed exactly.
    """
    n_images = partition.subjects.size
    n_gallery = int(np.unique(partition.subjects[partition.gallery]).size)
    nearest_mate = np.full(n_images, np.inf, dtype=np.float32)
    np.minimum.at(nearest_mate, pairs[1], mated)
    if once:
        np.minimum.at(nearest_mate, pairs[0], mated)
    enrolled = np.bincount(
        partition.subjects[partition.gallery], minlength=len(partition.subject_names)
    )
    itself = np.isin(partition.probe, partition.gallery)
    closed = partition.probe[enrolled[partition.subjects[partition.probe]] - itself > 0]
    others = np.full(n_images, np.inf)
    others[sides[0].images] = best
    squared, nearest = nearest_mate[closed].astype(np.float64) ** 2, others[closed]
    ranks = np.where(nearest < squared - error, 2, 1)
    ties = np.ones(closed.size, dtype=np.int64)
    # Nothing is nearer than a mate at distance 0, but others may be as near.
    close = (nearest >= squared - error) & (nearest <= squared + error) & np.isfinite(squared)
    unclear = closed[close]
    beaten, ties[close] = _beaten(unclear, nearest_mate[unclear], sides)
    ranks[close] = np.where(beaten, 2, 1)
    missed = ~np.isfinite(nearest_mate[closed])
    ranks[missed], ties[missed] = n_gallery + 1, 0
    return ranks.astype(np.int64), ties, partition.subjects[closed]


def _beaten(
    probes: Indices, mates: Floats, sides: tuple[Side, Side]
) -> tuple[NDArray[np.bool_], Indices]:
    """Whether any gallery image but the probe's own is nearer than its nearest mate, and ties.

    Mates are among those that are looked at, as none of them is nearer than the nearest.
    """
    result, ties = np.zeros(probes.size, dtype=bool), np.ones(probes.size, dtype=np.int64)
    if not probes.size:
        return result, ties
    gallery = sides[1]
    _, chosen, of_image, copies = np.unique(
        gallery.same, return_index=True, return_inverse=True, return_counts=True
    )
    row_of = np.zeros(int(sides[0].images.max()) + 1, dtype=np.int64)
    row_of[sides[0].images] = sides[0].rows
    order = np.argsort(gallery.images)
    vectors = gallery.exact[gallery.rows[chosen]].astype(np.float64)
    for part in _steps(probes.size, max(1, _ENTRIES // chosen.size)):
        rows = sides[0].exact[row_of[probes[part]]].astype(np.float64)
        found = cdist(rows, vectors).astype(np.float32)
        place = np.searchsorted(gallery.images[order], probes[part])
        place = order[np.minimum(place, gallery.size - 1)]
        own = of_image[place]
        alone = (gallery.images[place] == probes[part]) & (copies[own] == 1)
        found[np.flatnonzero(alone), own[alone]] = np.inf
        result[part] = (found < mates[part, None]).any(axis=1)
        ties[part] = _subjects_at(found == mates[part, None], of_image, gallery.subjects)
    return result, ties


def _subjects_at(
    equal: NDArray[np.bool_], of_image: NDArray[np.integer[Any]], subjects: Indices
) -> Indices:
    """Return how many subjects have an image among the marked embeddings (P, V), at least 1."""
    several = np.flatnonzero(equal.any(axis=1))
    counts = np.ones(len(equal), dtype=np.int64)
    for k in several:
        counts[k] = max(1, np.unique(subjects[equal[k][of_image]]).size)
    return counts


def _steps(size: int, step: int) -> Iterator[slice]:
    for start in range(0, size, step):
        yield slice(start, start + step)
