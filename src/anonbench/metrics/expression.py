"""Expressions before and after anonymisation: every number is a function of counts.

A confusion matrix holds whole numbers, and that of a bootstrap replicate is the sum of the
subjects' matrices, weighted by how often each is drawn. So every metric here takes matrices with
any leading axes, and a thousand replicates are one matrix product. The last column counts
the images without a crop: an answer that is never right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.metrics.replicates import Codes, Weights, ratio

Counts = NDArray[np.float64]
"""Confusion matrices: (..., rows, columns) float64 whole numbers. With K classes, *pairs* are
(..., K + 1, K + 1): class on the original by class on the anonymised image; *truths* are
(..., K, K + 1): label by class. The last row and column of pairs, the last column of truths: no
crop, hence no class."""


def subject_counts(
    rows: Codes, columns: Codes, subjects: Codes, shape: tuple[int, int, int]
) -> Counts:
    """Return the confusion matrix of every subject.

    Parameters
    ----------
    rows, columns : (N,) int64
        Codes of two answers to each image, ``0 <= code < shape[1]`` and ``shape[2]``.
    subjects : (N,) int64
        Subject of each image, ``0 <= code < shape[0]``.
    shape : (S, R, C)

    Returns
    -------
    (S, R, C) float64
        Their sum over the first axis is the confusion matrix of all images.
    """
    place = np.ravel_multi_index((subjects, rows, columns), shape)
    counts = np.bincount(place, minlength=int(np.prod(shape))).reshape(shape)
    return counts.astype(np.float64)


def resampled(weights: Weights, counts: Counts) -> Counts:
    """Return the (B, R, C) matrices of replicates: `weights` (B, S) times `counts` (S, R, C)."""
    flat = weights @ counts.reshape(len(counts), -1)
    return flat.reshape(-1, *counts.shape[1:])


def agreement(counts: Counts) -> NDArray[np.float64]:
    """(...,) share of the diagonal; NaN for no image. More columns than rows: never right."""
    return ratio(np.trace(counts, axis1=-2, axis2=-1), counts.sum(axis=(-2, -1)))


def agreement_by_row(counts: Counts) -> NDArray[np.float64]:
    """(..., rows) share of the diagonal in each row; NaN for a row without an image."""
    return ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))


def preservation(pairs: Counts) -> NDArray[np.float64]:
    """(...,) share of images whose class is unchanged, of those classified in the original.

    An anonymised image without a crop has changed (Brant 2022, experiment 2).
    """
    return agreement(pairs[..., :-1, :])


def preservation_found(pairs: Counts) -> NDArray[np.float64]:
    """(...,) share of images whose class is unchanged, of those classified in both."""
    return agreement(pairs[..., :-1, :-1])


def preservation_by_class(pairs: Counts) -> NDArray[np.float64]:
    """(..., K) `preservation` of the images of each class on the original."""
    return agreement_by_row(pairs[..., :-1, :])


def accuracy(truths: Counts) -> NDArray[np.float64]:
    """(...,) share of images classified as labelled; one without a crop is wrong."""
    return agreement(truths)


def accuracy_found(truths: Counts) -> NDArray[np.float64]:
    """(...,) share of images classified as labelled, of those with a crop."""
    return agreement(truths[..., :-1])


def recalls(truths: Counts) -> NDArray[np.float64]:
    """(..., K) share of the images of each label classified as such; NaN for an absent label."""
    return agreement_by_row(truths)


def uar(truths: Counts) -> NDArray[np.float64]:
    """(...,) unweighted average recall: mean of `recalls` over the labels that there are.

    Also called balanced accuracy. NaN where there is no label at all.
    """
    shares = recalls(truths)
    known = ~np.isnan(shares)
    return ratio(np.where(known, shares, 0.0).sum(axis=-1), known.sum(axis=-1).astype(np.float64))


def uar_found(truths: Counts) -> NDArray[np.float64]:
    """(...,) `uar` over the images with a crop."""
    return uar(truths[..., :-1])


def majority(truths: Counts) -> NDArray[np.float64]:
    """(...,) accuracy of always answering the most frequent label."""
    labels = truths.sum(axis=-1)
    return ratio(labels.max(axis=-1), labels.sum(axis=-1))


def kappa(pairs: Counts) -> NDArray[np.float64]:
    """(...,) agreement with the original's class beyond chance (Cohen 1960).

    (p_o - p_e) / (1 - p_e), over the images classified in the original, where no crop is an answer
    of its own. NaN where both answers are one and the same class throughout.
    """
    return _kappa(pairs[..., :-1, :])


def kappa_found(pairs: Counts) -> NDArray[np.float64]:
    """(...,) `kappa` over the images classified in both."""
    return _kappa(pairs[..., :-1, :-1])


def _kappa(counts: Counts) -> NDArray[np.float64]:
    # Multiplied by the squared number of images, all terms are whole numbers: 1 and 0 are exact.
    n = counts.sum(axis=(-2, -1))
    observed = np.trace(counts, axis1=-2, axis2=-1) * n
    n_rows = counts.shape[-2]
    expected = (counts.sum(axis=-1) * counts.sum(axis=-2)[..., :n_rows]).sum(axis=-1)
    return ratio(observed - expected, n * n - expected)


def retention(anonymised: NDArray[Any], clear: NDArray[Any]) -> NDArray[np.float64]:
    """(...,) what is left of a rate, anonymised / clear; NaN where there was nothing.

    With replicates of the same draws the quotient is paired.
    """
    return ratio(np.asarray(anonymised, np.float64), np.asarray(clear, np.float64))


def jensen_shannon(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Return the divergence of posteriors in bits, 0 (equal) to 1 (disjoint) (Lin 1991).

    Parameters
    ----------
    first, second : (N, C)
        Rows of probabilities; each is divided by its sum. NaN gives NaN.

    Returns
    -------
    (N,) float64
    """
    p, q = (_normalised(np.asarray(x, np.float64)) for x in (first, second))
    middle = (p + q) / 2
    return np.clip((_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2, 0.0, 1.0)


def _normalised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return ratio(values, values.sum(axis=-1, keepdims=True))


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """Kullback-Leibler divergence of rows in bits; an impossible event adds nothing."""
    quotient = np.divide(p, q, out=np.ones_like(p), where=p > 0)
    terms = np.where(np.isnan(p), np.nan, p * np.log2(quotient))
    total: NDArray[np.float64] = terms.sum(axis=-1)
    return total
