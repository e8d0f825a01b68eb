"""Multimodal discriminant analysis: vectors taken apart into what each of several labels explains.

Sim, Zhang, Li and Chen (2009): vectors are whitened by their total scatter, so that what is between
the classes of a label and what is within them add up to 1 in every direction. The directions that
differ most between the classes of a label are its subspace; those of several labels, each taken
at right angles to the ones before, and the rest are coordinates of which each can be changed by
itself and which give the vector back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbench.types import FloatArray

RESIDUAL = "residual"
"""What no label explains."""
RANK = 1e-10
"""Variance, as a share of the largest, below which a direction is none; single precision: 1e-5."""
LEAST = 1e-6
"""Share of variance between the classes below which a direction says nothing of them."""


@dataclass(frozen=True)
class Subspaces:
    """Vectors in coordinates by label.

    Attributes
    ----------
    mean : ndarray of shape (D,)
        Of the vectors that they were learnt from.
    spread : ndarray of shape (C, D)
        Principal axes, each as long as the standard deviation along it.
    modes : dict of str to ndarray of shape (M, C)
        By label, and `RESIDUAL`: orthonormal directions in whitened coordinates. All together are
        an orthonormal basis.
    shares : dict of str to ndarray of shape (M,)
        How much of the variance along each direction is between the classes, 0..1, descending; none
        for the residual.
    """

    mean: FloatArray
    spread: FloatArray
    modes: dict[str, FloatArray]
    shares: dict[str, FloatArray]

    def whitened(self, vectors: FloatArray) -> FloatArray:
        """Return vectors (..., D) in coordinates (..., C) along which all variances are 1."""
        lengths = np.einsum("cd,cd->c", self.spread, self.spread, dtype=np.float64)
        found: FloatArray = ((vectors - self.mean) @ self.spread.T) / lengths
        return found

    def taken_apart(self, vectors: FloatArray) -> dict[str, FloatArray]:
        """Return the coordinates (..., M) of vectors (..., D) by label."""
        white = self.whitened(vectors)
        return {name: white @ directions.T for name, directions in self.modes.items()}

    def together(self, coordinates: Mapping[str, FloatArray]) -> FloatArray:
        """Return the vectors (..., D) that have coordinates (..., M) by label."""
        parts = (coordinates[name] @ directions for name, directions in self.modes.items())
        found: FloatArray = self.mean + sum(parts) @ self.spread
        return found


def learnt(
    vectors: FloatArray,
    labels: Mapping[str, NDArray[np.generic]],
    *,
    components: int | None = None,
    least: Mapping[str, float] | None = None,
) -> Subspaces:
    """Learn subspaces.

    Parameters
    ----------
    vectors : ndarray of shape (N, D), float
        Of at least two different ones; centred in place, so that memory is not needed twice.
    labels : mapping of str to ndarray of shape (N,)
        Classes by label, in the order in which their subspaces are taken. One that another decides
        (people decide genders) has to come before it.
    components : int, optional
        Principal axes that are kept, at most; all that there are by default. Published: all.
    least : mapping of str to float, optional
        Share of variance between the classes, by label, from which a direction belongs to it. At
        most as many do as there are classes, less one.

    Raises
    ------
    ValueError
        If the vectors do not differ, or a label does not.
    """
    mean = vectors.mean(axis=0, dtype=np.float64).astype(vectors.dtype)
    vectors -= mean
    spread = _spread(vectors, components)
    white = vectors @ (spread / np.einsum("cd,cd->c", spread, spread)[:, None]).T
    rest: FloatArray = np.eye(len(spread))
    modes, shares = {}, {}
    for name, classes in labels.items():
        between = _between(white.astype(np.float64) @ rest.T, classes, name)
        values, directions = _eigen(between)
        count = min(len(np.unique(classes)) - 1, len(values))
        count = int((values[:count] >= (least or {}).get(name, LEAST)).sum())
        modes[name] = directions[:count] @ rest
        shares[name] = np.clip(values[:count], 0, 1)
        rest = directions[count:] @ rest
    return Subspaces(mean, spread, {**modes, RESIDUAL: rest}, shares)


def class_means(
    coordinates: FloatArray, classes: NDArray[np.generic]
) -> tuple[NDArray[np.generic], FloatArray]:
    """Return the classes in order (K,), and the mean coordinates (K, M) of each."""
    names, index = np.unique(classes, return_inverse=True)
    sums = np.zeros((len(names), coordinates.shape[1]))
    np.add.at(sums, index, coordinates)
    means: FloatArray = sums / np.bincount(index)[:, None]
    return names, means


def nearest_class(coordinates: FloatArray, classes: Mapping[str, FloatArray]) -> NDArray[np.str_]:
    """Return the class whose mean is nearest to each of coordinates (N, M); means by class."""
    means = np.stack(list(classes.values()))
    far = ((coordinates[:, None] - means) ** 2).sum(axis=2)
    return np.asarray(np.array(list(classes))[far.argmin(axis=1)])


def _spread(centred: FloatArray, components: int | None) -> FloatArray:
    """Return principal axes (C, D) as long as the standard deviations along them, descending."""
    count, size = centred.shape
    if count <= size:
        values, vectors = _eigen((centred @ centred.T).astype(np.float64) / count)
    else:
        values, vectors = _eigen((centred.T @ centred).astype(np.float64) / count)
    single = centred.dtype == np.float32
    rank = int((values > (1e-5 if single else RANK) * max(values[0], 0)).sum())
    if not rank or values[0] <= 0:
        raise ValueError("there is nothing to learn from vectors that do not differ")
    kept = min(rank, components or rank)
    values, vectors = values[:kept], vectors[:kept]
    if count <= size:
        # Axes times standard deviations, out of inner products of the vectors.
        return np.asarray(vectors.astype(centred.dtype) @ centred / np.sqrt(count))
    return np.asarray(vectors * np.sqrt(values)[:, None], centred.dtype)


def _between(white: FloatArray, classes: NDArray[np.generic], name: str) -> FloatArray:
    """Return the scatter between classes of vectors (N, C) of mean 0."""
    names, means = class_means(white, classes)
    if len(names) < 2:
        raise ValueError(f"{name}: there is one class only, {names[0]!r}")
    counts = np.unique(classes, return_counts=True)[1]
    found: FloatArray = (means.T * counts) @ means / len(white)
    return found


def _eigen(scatter: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return eigenvalues, descending, and eigenvectors as rows, their largest number positive."""
    values, vectors = np.linalg.eigh(scatter)
    rows = vectors.T[::-1]
    largest = np.abs(rows).argmax(axis=1)
    signs = np.sign(rows[np.arange(len(rows)), largest])
    return values[::-1], rows * signs[:, None]
