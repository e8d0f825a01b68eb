"""Decisions at one given threshold: confusion counts and error rates."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from anonbench.metrics.results import Confusion, OperatingPoint
from anonbench.metrics.score_sets import ScoreSet

Scores = ArrayLike | ScoreSet


def rates_at(mated: Scores, nonmated: Scores, threshold: float) -> OperatingPoint:
    """FMR and FNMR at a given finite threshold.

    Raises
    ------
    ValueError
        If a set is empty or holds NaN or +inf, or if `threshold` is not finite.
    """
    confusion = confusion_at(mated, nonmated, threshold)
    return OperatingPoint(
        threshold=float(threshold),
        fmr=confusion.nonmated_accepted_share,
        fnmr=confusion.mated_rejected / (confusion.mated_accepted + confusion.mated_rejected),
        false_matches=confusion.nonmated_accepted,
        false_nonmatches=confusion.mated_rejected,
        expected_errors=float(confusion.nonmated_accepted),
        supported=True,
    )


def confusion_at(mated: Scores, nonmated: Scores, threshold: float) -> Confusion:
    """Decision counts at a finite threshold; a comparison is accepted when score >= threshold.

    Raises
    ------
    ValueError
        If a set is empty or holds NaN or +inf, or if `threshold` is not finite.
    """
    if not math.isfinite(threshold):
        raise ValueError(f"threshold {threshold} is not finite")
    counts = []
    for name, scores in (("mated", mated), ("non-mated", nonmated)):
        if isinstance(scores, ScoreSet):
            size, accepted = scores.size, scores.at_or_above(threshold)
        else:
            array = np.asarray(scores).ravel()
            if not (array < np.inf).all():
                raise ValueError(f"{name} scores hold NaN or +inf; a failed comparison is -inf")
            size, accepted = array.size, int(np.count_nonzero(array >= threshold))
        if size == 0:
            raise ValueError(f"no {name} scores: error rates need at least one")
        counts += [accepted, size - accepted]
    return Confusion(*counts)
