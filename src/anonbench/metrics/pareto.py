"""Which points nothing else beats on both axes, and how sure that is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def nondominated(x: Floats, y: Floats) -> NDArray[np.bool_]:
    """Tell which points are on the Pareto front when more is better on both axes.

    A point is dominated if another one is at least as good on both axes and better on one, so
    equal points stay on the front together.

    Parameters
    ----------
    x, y : ndarray of shape (..., K)
        K points; leading axes (bootstrap replicates, say) are fronts of their own. A point with
        NaN on either axis is on no front and dominates nothing.

    Returns
    -------
    ndarray of shape (..., K), bool

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if x.shape != y.shape:
        raise ValueError(f"axes of different shapes: {x.shape} and {y.shape}")
    there = ~(np.isnan(x) | np.isnan(y))
    front: NDArray[np.bool_] = there.copy()
    for k in range(x.shape[-1]):
        one_x, one_y = x[..., k, None], y[..., k, None]
        as_good = (one_x >= x) & (one_y >= y) & there[..., k, None]
        front &= ~(as_good & ((one_x > x) | (one_y > y)))
    return front


def front_probability(x: Floats, y: Floats) -> NDArray[np.float64]:
    """Return the share of bootstrap replicates in which each point is on the Pareto front.

    Parameters
    ----------
    x, y : ndarray of shape (B, K)
        Replicates of K points. A replicate in which a point has no value counts as one in which
        it is not on the front.

    Returns
    -------
    ndarray of shape (K,), float64
        0..1; NaN for a point without a value in any replicate, and for all if B is 0.
    """
    if not x.shape[0]:
        return np.full(x.shape[-1], np.nan)
    share = nondominated(x, y).mean(axis=0)
    never = (np.isnan(x) | np.isnan(y)).all(axis=0)
    return np.where(never, np.nan, share)
