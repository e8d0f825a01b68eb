"""How far apart two sets of images are in the features of a network: KID and FID.

Both sets are the same images before and after, so rows are paired.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating[Any]]
"""(N, F), one row an image."""

BLOCK = 2000
"""Largest number of images whose features are compared with one another at a time."""


def kid(first: Features, second: Features, generator: np.random.Generator) -> float:
    """Return the kernel distance, an unbiased estimate of squared MMD (Binkowski 2018).

    The kernel is (x.y / F + 1)^3. Pairs of one and the same image are left out on all sides
    (Gretton 2012, eq. 4): its two versions are not independent, and leaving them out keeps the
    estimate unbiased for paired sets; equal sets give 0. It may be slightly negative.

    Parameters
    ----------
    first, second : (N, F)
        Row i of both is image i, N >= 2.
    generator : numpy.random.Generator
        Deals more than `BLOCK` images out to equal blocks; the estimate is then the mean of the
        blocks', weighted by their numbers of pairs, which is unbiased too.

    Raises
    ------
    ValueError
        If the shapes differ or there are fewer than two images.
    """
    x, y = _paired(first, second)
    n = len(x)
    order = generator.permutation(n) if n > BLOCK else np.arange(n)
    blocks = np.array_split(order, -(-n // BLOCK))
    parts = [(len(b) * (len(b) - 1), _mmd(x[b], y[b])) for b in blocks]
    return sum(pairs * value for pairs, value in parts) / sum(pairs for pairs, _ in parts)


def _mmd(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Squared MMD of paired rows, without the pairs of one image."""
    n, width = x.shape
    both = np.concatenate([x, y])
    kernel = (both @ both.T / width + 1.0) ** 3
    own, other, across = kernel[:n, :n], kernel[n:, n:], kernel[:n, n:]
    # Rows of the cross term are symmetrised: equal sets then cancel term by term.
    terms = own + other - across - across.T
    np.fill_diagonal(terms, 0.0)
    return float(terms.sum() / (n * (n - 1)))


def fid(first: Features, second: Features) -> float:
    """Return the Frechet distance of two Gaussians fitted to the features (Heusel 2017).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)), with unbiased covariances. The estimate is biased
    upwards, the more the fewer images; below thousands it only compares conditions of one set.

    Parameters
    ----------
    first, second : (N, F)
        N > F: with fewer images the covariances are singular, and what the distance sees is how
        few they are.

    Raises
    ------
    ValueError
        If the shapes differ or there are no more images than features.
    """
    x, y = _paired(first, second)
    if len(x) <= x.shape[1]:
        raise ValueError(f"{len(x)} images are too few for {x.shape[1]} features")
    means = x.mean(axis=0) - y.mean(axis=0)
    s1, s2 = (np.atleast_2d(np.cov(z, rowvar=False)) for z in (x, y))
    # tr (S1 S2)^(1/2) = tr (R S2 R)^(1/2) with R = S1^(1/2), where all matrices are symmetric.
    values, vectors = np.linalg.eigh(s1)
    root = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    product = np.linalg.eigvalsh(root @ s2 @ root)
    cross = float(np.sqrt(np.clip(product, 0.0, None)).sum())
    # By rounding alone it may fall below 0.
    return max(0.0, float(means @ means + np.trace(s1) + np.trace(s2) - 2.0 * cross))


def _paired(first: Features, second: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(
            f"features of shapes {x.shape} and {y.shape} are not those of paired images"
        )
    if len(x) < 2:
        raise ValueError(f"{len(x)} images cannot be compared, at least two are needed")
    return x, y
