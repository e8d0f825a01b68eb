"""Principal components of faces, from a bounded number of examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Basis:
    """A mean and orthonormal axes.

    Attributes
    ----------
    mean : ndarray of shape (D,), float32
    axes : ndarray of shape (C, D), float32
    variance : float
        Of the examples, over all dimensions and before any axis was left out.
    """

    mean: Vectors
    axes: Vectors
    variance: float

    def code(self, vector: Vectors) -> Vectors:
        """Return the coordinates (C,) of a vector (D,)."""
        return np.asarray(self.axes @ (vector - self.mean), np.float32)

    def rebuilt(self, code: Vectors) -> Vectors:
        """Return the vector (D,) of coordinates (C,)."""
        return np.asarray(self.mean + code @ self.axes, np.float32)


def basis_of(examples: Vectors, share: float) -> Basis:
    """Return the components that hold a share of the variance of examples.

    Parameters
    ----------
    examples : ndarray of shape (N, D), float32
        From one; changed in place.
    share : float
        In (0, 1]; 1 keeps every axis along which the examples differ.
    """
    mean = examples.mean(axis=0, dtype=np.float64).astype(np.float32)
    examples -= mean
    # N is smaller than D: the same axes from inner products of the examples.
    values, vectors = np.linalg.eigh((examples @ examples.T).astype(np.float64))
    order = np.argsort(values)[::-1]
    values, vectors = np.maximum(values[order], 0), vectors[:, order]
    total = float(values.sum())
    told = values > 1e-6 * max(total, 1e-12)
    needed = int(np.searchsorted(np.cumsum(values) / max(total, 1e-12), share - 1e-9)) + 1
    count = min(int(told.sum()), needed)
    scales = np.sqrt(values[:count])[:, None]
    axes = (vectors[:, :count].T.astype(np.float32) @ examples) / scales
    return Basis(mean, np.asarray(axes, np.float32), total / max(1, len(examples)))
