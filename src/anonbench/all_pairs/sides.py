"""The images of both sides, ordered for the pass, and how far its arithmetic may be off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.protocols import Partition

Floats = NDArray[np.floating[Any]]
Codes = NDArray[np.integer[Any]]

# Unit roundoff of float32.
_ROUNDOFF = 2.0**-24
_ROWS = 1 << 14
_MUCH = 16.0


@dataclass(frozen=True)
class Side:
    """Completed samples of the gallery or of the probes, ordered by resampling unit.

    Attributes
    ----------
    images : (n,) int64, the images on this side
    exact, rows : (N, D) float, (n,) int64: row ``rows[k]`` of `exact` is the embedding of image k,
        not rounded
    subjects : (n,) int64, their subject codes
    bounds : (U + 1,) int64, where each unit starts and the last one ends
    same : (n,) int32, equal for equal embeddings of both sides
    vectors : (n, D) float32, embeddings minus a centre of both sides
    norms : (n,) float32, their squared lengths
    longest : float, the largest length
    """

    images: NDArray[np.int64]
    exact: Floats
    rows: NDArray[np.int64]
    subjects: NDArray[np.int64]
    bounds: NDArray[np.int64]
    same: NDArray[np.int32]
    vectors: NDArray[np.float32]
    norms: NDArray[np.float32]
    longest: float

    @property
    def size(self) -> int:
        """Number of images."""
        return int(self.images.size)


def two_sides(
    gallery: Floats, probe: Floats, partition: Partition, units: Codes
) -> tuple[Side, Side]:
    """Return (probes, gallery) without failed samples; one object where they are the same."""
    n_units = int(units.max()) + 1
    identical = gallery is probe and np.array_equal(partition.gallery, partition.probe)
    given = [(probe, partition.probe)] if identical else [
        (probe, partition.probe), (gallery, partition.gallery)
    ]  # fmt: skip
    chosen = [_ordered(rows, images, partition, units) for rows, images in given]
    centre = _centre([rows for rows, _ in given], chosen)
    ids: dict[bytes, int] = {}
    sides = []
    for (rows, _), images in zip(given, chosen, strict=True):
        subjects = partition.subjects[images]
        counts = np.bincount(units[subjects], minlength=n_units)
        vectors, norms = _centred(rows, images, centre)
        # What the product has just read is near at hand.
        unmoved = not centre.any() and rows.dtype == np.float32
        sides.append(
            Side(
                images=images,
                exact=vectors if unmoved else rows,
                rows=np.arange(images.size) if unmoved else images,
                subjects=subjects,
                bounds=np.concatenate([[0], np.cumsum(counts)]),
                same=np.array(
                    [ids.setdefault(rows[i].tobytes(), len(ids)) for i in images], np.int32
                ),
                vectors=vectors,
                norms=norms.astype(np.float32),
                longest=math.sqrt(float(norms.max(initial=0.0))),
            )
        )
    return sides[0], sides[-1]


def error_bound(probes: Side, gallery: Side) -> float:
    """Bound on the difference of a squared distance in the pass from that of the embeddings.

    Notes
    -----
    With u = 2**-24, D dimensions and lengths at most a and b, rounding the centred vectors changes
    a squared distance by at most 2 u (a + b)^2, the inner product, in whatever order it is summed,
    is off by D u a b / (1 - D u) (Higham, "Accuracy and Stability of Numerical Algorithms", 2002,
    section 3.1), counted twice; norms and sums round to within 4 u (a + b)^2, and the distance
    that it is compared with is itself rounded, which moves its square by 2 u (a + b)^2. The factor
    1.01 covers terms of second order, the last summand numbers below the normal range.
    """
    dimensions = probes.vectors.shape[1]
    reach = (probes.longest + gallery.longest) ** 2
    product = dimensions * _ROUNDOFF / (1.0 - dimensions * _ROUNDOFF)
    product *= 2.0 * probes.longest * gallery.longest
    return 1.01 * (8.0 * _ROUNDOFF * reach + product) + 1e-30


def _ordered(rows: Floats, images: Codes, partition: Partition, units: Codes) -> NDArray[np.int64]:
    """Completed images of a side by unit, subject and image."""
    completed = np.concatenate(
        [~np.isnan(rows[images[k : k + _ROWS]]).any(axis=1) for k in range(0, images.size, _ROWS)]
    )
    images = images[completed]
    subjects = partition.subjects[images]
    return np.asarray(images[np.lexsort((images, subjects, units[subjects]))], dtype=np.int64)


def _centre(rows: list[Floats], images: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Return the mean of all embeddings, if seen from there they are much shorter, or else 0.

    Rounding errors grow with the squares of lengths.
    """
    total, squares, count = np.zeros(rows[0].shape[1]), 0.0, 0
    for side, chosen in zip(rows, images, strict=True):
        for start in range(0, chosen.size, _ROWS):
            part = side[chosen[start : start + _ROWS]].astype(np.float64)
            total += part.sum(axis=0)
            squares += float(np.einsum("nd,nd->", part, part))
        count += chosen.size
    centre: NDArray[np.float64] = total / max(1, count)
    length, moved = squares / max(1, count), squares / max(1, count) - float(centre @ centre)
    return centre if moved * _MUCH < length else np.zeros_like(centre)


def _centred(
    rows: Floats, images: NDArray[np.int64], centre: NDArray[np.float64]
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Centred vectors and the squared lengths of these, as rounded."""
    vectors = np.empty((images.size, rows.shape[1]), dtype=np.float32)
    norms = np.empty(images.size)
    for start in range(0, images.size, _ROWS):
        part = slice(start, start + _ROWS)
        vectors[part] = rows[images[part]] - centre
        wide = vectors[part].astype(np.float64)
        norms[part] = np.einsum("nd,nd->n", wide, wide)
    return vectors, norms
