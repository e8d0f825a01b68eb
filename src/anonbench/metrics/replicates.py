"""Weighted comparison counts of bootstrap replicates, and the rates they give.

Subject i is drawn w_i times, its mated comparisons weigh w_i and the non-mated comparisons of
subjects i and j weigh w_i * w_j. All counts are integers held in float64, hence exact: neither
the order of the input nor that of the summation changes a bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]
Weights = NDArray[np.float64]

# Entries of the largest temporary array.
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Replicates:
    """Weighted counts of accepted comparisons in every bootstrap replicate.

    Attributes
    ----------
    thresholds : (K,) ascending, finite
    mated, nonmated : (B, K) float64, weighted comparisons accepted at each threshold
    n_mated, n_nonmated : (B,) float64, weighted comparisons in all, failed ones included
    exhaustive : bool
        Every distinct score is a threshold, so that nothing needs interpolation.
    """

    thresholds: Floats
    mated: Weights
    nonmated: Weights
    n_mated: Weights
    n_nonmated: Weights
    exhaustive: bool

    def completed(self) -> Replicates:
        """Leave failed comparisons out: those not accepted at the lowest threshold.

        Requires a lowest threshold that accepts every finite score, as `threshold_grid` gives.
        """
        return Replicates(
            self.thresholds,
            self.mated,
            self.nonmated,
            self.mated[:, 0],
            self.nonmated[:, 0],
            self.exhaustive,
        )

    def fmr(self) -> Weights:
        """(B, K) false match rates, NaN in replicates without a non-mated comparison."""
        return ratio(self.nonmated, self.n_nonmated[:, None])

    def fnmr(self) -> Weights:
        """(B, K) false non-match rates, NaN in replicates without a mated comparison."""
        missed = self.n_mated[:, None] - self.mated
        return ratio(missed, self.n_mated[:, None])


def threshold_grid(
    mated: Floats, nonmated: Floats, extra: Floats, size: int = 200
) -> tuple[Floats, bool]:
    """Thresholds at which to count, and whether they hold every distinct score.

    Parameters
    ----------
    mated, nonmated : similarities, -inf for failed comparisons
    extra : thresholds that must be among them; NaN is left out
    size : approximate number of thresholds beside `extra`

    Returns
    -------
    (K,) ascending finite thresholds of the scores' type, bool
        The first accepts every finite score, the last rejects all. Where there are more than
        `size` distinct scores they follow the ranks of both sets: evenly, and log-spaced
        towards few false matches and few false non-matches.
    """
    # Distinct values: comparing everything twice must not move the grid.
    m = np.unique(mated[np.isfinite(mated)])
    n = np.unique(nonmated[np.isfinite(nonmated)])
    dtype = np.result_type(mated, nonmated)
    wanted = np.asarray(extra, dtype=dtype)
    wanted = wanted[np.isfinite(wanted)]
    if m.size + n.size == 0:
        return np.unique(np.append(wanted, np.zeros(1, dtype))), True
    exhaustive = m.size + n.size <= size
    if exhaustive:
        distinct = np.concatenate([m, n])
    else:
        per_part = max(size // 4, 2)
        # A rank r from the top means: accept the r highest scores.
        distinct = np.concatenate(
            [n[n.size - spaced_ranks(n.size, per_part)], m[spaced_ranks(m.size, per_part) - 1]]
        )
    ends = np.concatenate([m[:1], n[:1], m[-1:], n[-1:]])
    top = np.nextafter(ends.max(), np.asarray(np.inf, dtype))
    lowest = min(ends.min(), wanted.min(initial=np.inf))
    return np.unique(np.concatenate([distinct, wanted, [lowest, top]]).astype(dtype)), exhaustive


def replicate_counts(
    weights: Weights,
    thresholds: Floats,
    mated: tuple[Floats, Codes],
    nonmated: tuple[Floats, Codes, Codes],
    exhaustive: bool = False,
) -> Replicates:
    """Weighted accepted comparisons of every replicate, from counts per subject (pair).

    Parameters
    ----------
    weights : (B, S) from `subject_weights`
    thresholds : (K,) ascending, finite
    mated : scores (M,), subject codes (M,) in 0..S-1
    nonmated : scores (N,), gallery subject codes (N,), probe subject codes (N,)
    exhaustive : bool, from `threshold_grid`

    Notes
    -----
    With C_k the sparse subject x subject counts in score bin k, a replicate's count is
    w' C_k w. The products are taken for a block of gallery subjects at a time, so that memory
    is bounded by the block, not by the number of subjects.
    """
    by_subject = np.ascontiguousarray(weights.T)
    nonmated_hist = _nonmated_histogram(by_subject, thresholds, *nonmated)
    accepted = nonmated_hist[::-1].cumsum(axis=0)[::-1].T
    return counted_replicates(weights, thresholds, mated, accepted, exhaustive)


def counted_replicates(
    weights: Weights,
    thresholds: Floats,
    mated: tuple[Floats, Codes],
    nonmated: Weights,
    exhaustive: bool = False,
) -> Replicates:
    """Return replicates of mated scores and of non-mated ones that are counted already.

    Parameters
    ----------
    weights : (B, U)
    thresholds : (K,) ascending, finite
    mated : scores (M,), codes of their resampling units (M,)
    nonmated : (B, K + 1), weighted non-mated comparisons in all, then accepted at each threshold
    exhaustive : bool, from `threshold_grid`
    """
    histogram = _mated_histogram(np.ascontiguousarray(weights.T), thresholds, *mated)
    accepted = histogram[::-1].cumsum(axis=0)[::-1].T
    return Replicates(
        thresholds=thresholds,
        mated=accepted[:, 1:],
        nonmated=nonmated[:, 1:],
        n_mated=accepted[:, 0],
        n_nonmated=nonmated[:, 0],
        exhaustive=exhaustive,
    )


def replicate_fnmr_at_fmr(replicates: Replicates, target: float) -> Weights:
    """(B,) FNMR at FMR <= target, the threshold chosen anew in every replicate.

    Unless the grid is exhaustive, FNMR is interpolated linearly in FMR between the two
    thresholds around the target.
    """
    fmr, fnmr = replicates.fmr(), replicates.fnmr()
    rows = np.arange(fmr.shape[0])
    right = (fmr <= target).argmax(axis=1)
    value = fnmr[rows, right]
    if not replicates.exhaustive:
        left = np.maximum(right - 1, 0)
        span = fmr[rows, left] - fmr[rows, right]
        share = np.clip(ratio(fmr[rows, left] - target, span), 0.0, 1.0)
        share[~(span > 0)] = 1.0
        value = fnmr[rows, left] + share * (value - fnmr[rows, left])
    undefined = np.isnan(fmr[:, 0]) | np.isnan(fnmr[:, 0])
    return np.where(undefined, np.nan, value)


def replicate_eer(replicates: Replicates) -> Weights:
    """(B,) equal error rate as `verification.equal_error_rate`, NaN where there is none."""
    fmr, fnmr = replicates.fmr(), replicates.fnmr()
    gap = fnmr - fmr
    rows = np.arange(gap.shape[0])
    after = (gap > 0).argmax(axis=1)
    before = np.maximum(after - 1, 0)
    rise = gap[rows, after] - gap[rows, before]
    share = ratio(-gap[rows, before], rise)
    value: Weights = fmr[rows, before] + share * (fmr[rows, after] - fmr[rows, before])
    value[~(gap[:, 0] <= 0)] = np.nan
    return value


def replicate_auc(replicates: Replicates) -> Weights:
    """(B,) area under the ROC curve, ties within a score bin counted half."""
    mated = _with_all(replicates.mated, replicates.n_mated)
    nonmated = _with_all(replicates.nonmated, replicates.n_nonmated)
    steps = nonmated[:, :-1] - nonmated[:, 1:]
    area = (steps * (mated[:, :-1] + mated[:, 1:])).sum(axis=1)
    return ratio(area, 2.0 * replicates.n_mated * replicates.n_nonmated)


def _mated_histogram(
    by_subject: Weights, thresholds: Floats, scores: Floats, subjects: Codes
) -> Weights:
    """(K + 1, B) weighted mated scores per bin."""
    n_subjects, n_bins = by_subject.shape[0], thresholds.size + 1
    bins = np.searchsorted(thresholds, scores, side="right")
    flat = np.bincount(bins * n_subjects + subjects, minlength=n_bins * n_subjects)
    table = flat.reshape(n_bins, n_subjects).astype(np.float64)
    return np.asarray(table @ by_subject)


def _nonmated_histogram(
    by_subject: Weights, thresholds: Floats, scores: Floats, gallery: Codes, probe: Codes
) -> Weights:
    """(K + 1, B) weighted non-mated scores per bin."""
    n_subjects, n_replicates = by_subject.shape
    n_bins = thresholds.size + 1
    bins = np.searchsorted(thresholds, scores, side="right")
    keys = (gallery.astype(np.int64) * n_bins + bins) * n_subjects + probe
    keys, counts = np.unique(keys, return_counts=True)
    result = np.zeros((n_bins, n_replicates))
    step = max(1, _BLOCK // (n_bins * n_replicates))
    for start in range(0, n_subjects, step):
        stop = min(start + step, n_subjects)
        low, high = np.searchsorted(keys, [k * n_bins * n_subjects for k in (start, stop)])
        if low == high:
            continue
        rows, columns = np.divmod(keys[low:high], n_subjects)
        shape = ((stop - start) * n_bins, n_subjects)
        local = (rows - start * n_bins, columns)
        table = csr_matrix((counts[low:high].astype(np.float64), local), shape=shape)
        product = (table @ by_subject).reshape(stop - start, n_bins, n_replicates)
        result += np.einsum("ikb,ib->kb", product, by_subject[start:stop])
    return result


def spaced_ranks(count: int, size: int) -> NDArray[np.int64]:
    """Ranks 1..count: log-spaced from 1, and evenly spaced."""
    if count == 0:
        return np.zeros(0, dtype=np.int64)
    spaced = np.concatenate([np.geomspace(1, count, size), np.linspace(1, count, size)])
    return np.asarray(np.unique(np.round(spaced)), dtype=np.int64)


def _with_all(accepted: Weights, total: Weights) -> Weights:
    """Add the ends of the curve to the counts: everything accepted, nothing accepted."""
    return np.concatenate([total[:, None], accepted, np.zeros((total.size, 1))], axis=1)


def ratio(numerator: Weights, denominator: Weights) -> Weights:
    """Quotient, NaN where the denominator is 0."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.full(shape, np.nan), where=denominator != 0)
