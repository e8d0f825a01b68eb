"""Accuracy over folds, as in the pair protocol of Labeled Faces in the Wild."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class FoldAccuracy:
    """Accuracy per fold with the threshold chosen on all other folds.

    `correct` tells for every pair whether it was decided right; `value` is the mean over folds,
    NaN with a `reason` where there are fewer than two folds.
    """

    value: float
    folds: NDArray[np.integer[Any]]
    accuracies: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    correct: NDArray[np.bool_]
    reason: str = ""


def best_threshold(scores: Floats, mated: NDArray[np.bool_]) -> float:
    """Lowest threshold, among the finite scores and rejecting everything, of most right decisions.

    Raises
    ------
    ValueError
        If there is no score, or one is NaN or +inf.
    """
    if scores.size == 0 or not (scores < np.inf).all():
        raise ValueError("choosing a threshold needs scores, none of them NaN or +inf")
    finite = np.unique(scores[np.isfinite(scores)])
    if finite.size == 0:
        return 0.0
    candidates = np.append(finite, np.nextafter(finite[-1], np.asarray(np.inf, finite.dtype)))
    mated_scores, nonmated_scores = np.sort(scores[mated]), np.sort(scores[~mated])
    right = np.searchsorted(nonmated_scores, candidates) + (
        mated_scores.size - np.searchsorted(mated_scores, candidates)
    )
    return float(candidates[right.argmax()])


def fold_accuracy(
    scores: Floats, mated: NDArray[np.bool_], folds: NDArray[np.integer[Any]]
) -> FoldAccuracy:
    """Mean accuracy over folds (Huang et al., "Labeled Faces in the Wild", 2007).

    Parameters
    ----------
    scores : (N,) similarities; a failed pair is -inf, is rejected and stays in its fold
    mated : (N,) bool
    folds : (N,) fold numbers

    Raises
    ------
    ValueError
        If a score is NaN or +inf.
    """
    names = np.unique(folds)
    correct = np.zeros(scores.shape, dtype=bool)
    if names.size < 2:
        empty = np.full(names.size, math.nan)
        reason = f"{names.size} fold: no other fold to choose the threshold on"
        return FoldAccuracy(math.nan, names, empty, empty, correct, reason)
    thresholds = np.empty(names.size)
    accuracies = np.empty(names.size)
    for index, fold in enumerate(names):
        inside = folds == fold
        thresholds[index] = best_threshold(scores[~inside], mated[~inside])
        correct[inside] = (scores[inside] >= thresholds[index]) == mated[inside]
        accuracies[index] = correct[inside].mean()
    return FoldAccuracy(float(accuracies.mean()), names, accuracies, thresholds, correct)
