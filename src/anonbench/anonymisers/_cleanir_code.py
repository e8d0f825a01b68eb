"""What CLEANIR does to a code: its half for who is seen is turned towards a random direction.

As `anonbench.models.cleanir.halves` and `rotated`, without PyTorch.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from anonbench.types import FloatArray

LEAST = 1e-12
"""Shorter is length 0."""


def direction(source: np.random.Generator, length: int, half: int) -> NDArray[np.float64]:
    """Return a random direction, drawn as published: every number uniformly, then to length 1.

    Parameters
    ----------
    source : Generator
        Random numbers.
    length : int
        How many numbers, the first ones, may differ from 0.
    half : int
        How many there are.
    """
    drawn = np.zeros(half)
    drawn[:length] = source.uniform(-1, 1, length)
    return _unit(drawn)


def sample(mean: FloatArray, spread: FloatArray, source: np.random.Generator) -> FloatArray:
    """Return a code drawn from a normal distribution.

    Parameters
    ----------
    mean, spread : ndarray of shape (K,)
        Its mean, and the logarithm of its variance.
    source : Generator
        Random numbers.
    """
    drawn: FloatArray = mean + np.exp(0.5 * spread) * source.standard_normal(len(mean))
    return drawn


def turned(
    code: FloatArray, towards: NDArray[np.float64], degrees: float, renormalise: bool
) -> NDArray[np.float32]:
    """Return a code whose first half is brought to length 1 and turned.

    Parameters
    ----------
    code : ndarray of shape (2 K,)
        Who is seen, then all else.
    towards : ndarray of shape (K,)
        A direction of length 1.
    degrees : float
        0 to 180.
    renormalise : bool
        Whether the part of the direction at right angles to the identity is brought to length 1;
        if not, as published, the result is somewhat shorter and turned by somewhat less.

    Returns
    -------
    ndarray of shape (2 K,), float32
        The second half as it was.
    """
    half = len(code) // 2
    identity = _unit(code[:half].astype(np.float64))
    across = towards - (identity * towards).sum() * identity
    if renormalise:
        across = _unit(across)
    angle = math.radians(degrees)
    who = math.cos(angle) * identity + math.sin(angle) * across
    made: NDArray[np.float32] = np.concatenate([who, code[half:]]).astype(np.float32)
    return made


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not BLAS, whose last bits depend on how it is built.
    return vector / max(math.sqrt((vector * vector).sum()), LEAST)
