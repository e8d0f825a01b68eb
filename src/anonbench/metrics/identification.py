"""Closed-set identification: ranks, cumulative match characteristic, chance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]


def mate_ranks(scores: Floats, gallery_subjects: Codes, probe_subjects: Codes) -> NDArray[np.int64]:
    """Rank of each probe's own subject among the gallery subjects: the first of `mate_places`."""
    return mate_places(scores, gallery_subjects, probe_subjects)[0]


def mate_places(
    scores: Floats, gallery_subjects: Codes, probe_subjects: Codes
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rank of each probe's own subject among the gallery subjects.

    Parameters
    ----------
    scores : (P, G) similarities of probes and gallery images
        -inf for a failed comparison and for one that must not be made (an image with itself).
    gallery_subjects : (G,) subject codes
    probe_subjects : (P,) subject codes

    Returns
    -------
    ranks : (P,) int64
        1 is best. A subject counts by its best image. Ties are resolved for the attacker (the
        mate first), as befits a privacy figure. N + 1, with N gallery subjects, for a miss:
        the probe, or every gallery image of its subject, failed.
    ties : (P,) int64
        Gallery subjects with the mate's score, himself included; 0 for a miss.

    Raises
    ------
    ValueError
        If the gallery is empty, a score is NaN or +inf, or a probe's subject is not in the
        gallery (closed set).
    """
    if gallery_subjects.size == 0:
        raise ValueError("identification needs at least one gallery image")
    if not (scores < np.inf).all():
        raise ValueError("scores hold NaN or +inf; a failed comparison is -inf")
    order = np.argsort(gallery_subjects, kind="stable")
    subjects, starts = np.unique(gallery_subjects[order], return_index=True)
    columns = np.searchsorted(subjects, probe_subjects)
    known = subjects[np.minimum(columns, subjects.size - 1)] == probe_subjects
    if not known.all():
        raise ValueError(
            f"{np.count_nonzero(~known)} probes show subjects who are not in the gallery; "
            "closed-set ranks are defined for enrolled subjects only"
        )
    best = np.maximum.reduceat(scores[:, order], starts, axis=1)
    mate = np.take_along_axis(best, columns[:, None], axis=1)
    ranks = 1 + np.count_nonzero(best > mate, axis=1)
    ties = np.count_nonzero(best == mate, axis=1)
    missed = mate[:, 0] == -np.inf
    ranks[missed], ties[missed] = subjects.size + 1, 0
    return np.asarray(ranks, dtype=np.int64), np.asarray(ties, dtype=np.int64)


def cmc(ranks: NDArray[np.int64], n_subjects: int) -> NDArray[np.float64]:
    """Cumulative match characteristic: share of probes with mate rank <= k for k = 1..N.

    Misses (rank N + 1) stay in the denominator.

    Returns
    -------
    (n_subjects,) float64, non-decreasing

    Raises
    ------
    ValueError
        If there are no probes.
    """
    if ranks.size == 0:
        raise ValueError("no probes: the cumulative match characteristic is not defined")
    counts = np.bincount(ranks, minlength=n_subjects + 2)[1 : n_subjects + 1]
    return np.asarray(counts.cumsum() / ranks.size)


def chance(k: int, n_subjects: int) -> float:
    """Rank-k rate of guessing among `n_subjects`: k / N."""
    return min(k / n_subjects, 1.0)
