"""Quartiles of distances, and the pairs of images within and between subjects behind them.

Quantiles are lower ones: the smallest value that at least the given share of all values does not
exceed. They are values that occurred, so they depend on no rule of interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbench.metrics.replicates import Codes, Floats, Weights

QUARTILES = (0.25, 0.5, 0.75)

# Entries of the largest temporary array.
_BLOCK = 1 << 22
# Keeps shares such as 0.3 * 10 from being rounded up for their last bit.
_TINY = 1e-9


@dataclass(frozen=True)
class ImagePairs:
    """Pairs of different images, each pair once.

    Attributes
    ----------
    first, second : (P,) int64 indices of images
    in_all : int
        Pairs that there are; more than P where they were drawn.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    in_all: int


def image_pairs(
    subjects: Codes, within: bool, most: int, generator: np.random.Generator
) -> ImagePairs:
    """Return all pairs of images of one subject, or of two, or `most` of them drawn at random.

    Parameters
    ----------
    subjects : (N,) subject codes of the images
    within : bool
        Pairs of two images of one subject; otherwise of two different subjects.
    most : int
        If there are more pairs, as many as this are drawn, without replacement and each pair with
        the same chance: subjects with many images have many.
    generator : Generator
        Used only where pairs are drawn.
    """
    order = np.argsort(subjects, kind="stable").astype(np.int64)
    ordered = np.asarray(subjects)[order]
    end = np.searchsorted(ordered, ordered, side="right")
    place = np.arange(order.size, dtype=np.int64)
    # An image's partners are those behind it: the rest of its subject's, or all from the next on.
    start = place + 1 if within else end
    partners = (end if within else order.size) - start
    last = np.cumsum(partners)
    in_all = int(last[-1]) if last.size else 0
    chosen = np.arange(in_all) if in_all <= most else _drawn(in_all, most, generator)
    row = np.searchsorted(last, chosen, side="right")
    partner = start[row] + chosen - (last[row] - partners[row])
    return ImagePairs(order[row], order[partner], in_all)


def _drawn(in_all: int, most: int, generator: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(generator.choice(in_all, most, replace=False, shuffle=False))


def quantiles(values: Floats, shares: Sequence[float] = QUARTILES) -> list[float]:
    """Return the lower quantiles of values at ascending shares in (0, 1]; NaN of no values.

    The quantile at 0.5 of an even number of values is the lower of the middle two.
    """
    if values.size == 0:
        return [math.nan] * len(shares)
    ordered = np.sort(values)
    ranks = [max(1, math.ceil(share * ordered.size - _TINY)) for share in shares]
    return [float(ordered[rank - 1]) for rank in ranks]


def replicate_quantiles(
    weights: Weights,
    values: Floats,
    first: Codes,
    second: Codes | None = None,
    shares: Sequence[float] = QUARTILES,
) -> Weights:
    """Return (Q, B) lower quantiles of weighted values in every bootstrap replicate.

    Parameters
    ----------
    weights : (B, U) how often each resampling unit is drawn
    values : (N,) finite
    first, second : (N,) codes of units; a value of two units weighs w_i * w_j, one within a unit
        weighs w_i
    shares : Q shares in (0, 1]

    Returns
    -------
    (Q, B) float64
        NaN in replicates in which all weights are 0.
    """
    result = np.full((len(shares), weights.shape[0]), np.nan)
    if values.size == 0:
        return result
    order = np.argsort(values, kind="stable")
    ordered = np.asarray(values, dtype=np.float64)[order]
    one = first[order]
    two = one if second is None else second[order]
    apart = one != two
    step = max(1, _BLOCK // ordered.size)
    for begin in range(0, weights.shape[0], step):
        drawn = weights[begin : begin + step]
        each = drawn[:, one]
        if apart.any():
            each[:, apart] *= drawn[:, two[apart]]
        reached = each.cumsum(axis=1)
        total = reached[:, -1]
        for k, share in enumerate(shares):
            wanted = np.ceil(share * total - _TINY)
            place = (reached >= wanted[:, None]).argmax(axis=1)
            result[k, begin : begin + step] = np.where(total > 0, ordered[place], np.nan)
    return result
