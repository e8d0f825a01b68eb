"""Compiled loops over a tile of squared distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
import numpy as np

Function = TypeVar("Function", bound=Callable[..., Any])

FLAG = np.uint32(1 << 31)
"""Set in the counter of a bin whose pairs are looked at one by one."""
_FLAG_BIT = np.uint32(31)
_CHUNK = 16
_AHEAD = 16
_ONE = np.uint32(1)


def _compiled(function: Function) -> Function:
    """Compile without fastmath, releasing the GIL; keep the machine code where there is a place."""
    compiled: Function
    try:
        compiled = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no place for the machine code
        compiled = numba.njit(nogil=True)(function)
    return compiled


@_compiled
def exact_distance(a: Any, b: Any, work: Any) -> Any:
    """Euclidean distance of two vectors: differences and sums in float64, the root in float32.

    The order of the sum is fixed, and such that it compiles to vector instructions. `work` is
    (D,) float64.
    """
    size = a.shape[0]
    n = size // 4
    for k in range(n):
        d0 = np.float64(a[k]) - np.float64(b[k])
        d1 = np.float64(a[k + n]) - np.float64(b[k + n])
        d2 = np.float64(a[k + 2 * n]) - np.float64(b[k + 2 * n])
        d3 = np.float64(a[k + 3 * n]) - np.float64(b[k + 3 * n])
        work[k] = (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3)
    zero: Any = 0.0
    s0 = s1 = s2 = s3 = zero
    for k in range(0, n - 3, 4):
        s0 += work[k]
        s1 += work[k + 1]
        s2 += work[k + 2]
        s3 += work[k + 3]
    for k in range(n - n % 4, n):
        s0 += work[k]
    for k in range(4 * n, size):
        d0 = np.float64(a[k]) - np.float64(b[k])
        s1 += d0 * d0
    return np.float32(np.sqrt((s0 + s1) + (s2 + s3)))


@_compiled
def pair_distances(a: Any, b: Any, first: Any, second: Any, out: Any) -> None:
    """Write the exact distance of each row ``a[first]`` to ``b[second]``; inf where one is NaN."""
    work = np.empty(a.shape[1], dtype=np.float64)
    for k in range(first.size):
        distance = exact_distance(a[first[k]], b[second[k]], work)
        out[k] = np.float32(np.inf) if np.isnan(distance) else distance


@_compiled
def mask_tile(tile: Any, row_subjects: Any, column_subjects: Any, below: Any) -> Any:
    """Put what is no non-mated pair infinitely far away, and return how many pairs that were.

    Row i keeps at most the first ``below + i`` columns: the lower triangle of a square, or all of
    them where `below` is the number of columns.
    """
    masked = 0
    columns = tile.shape[1]
    for i in range(tile.shape[0]):
        stop = min(max(below + i, 0), columns)
        for j in range(columns):
            if j >= stop or row_subjects[i] == column_subjects[j]:
                tile[i, j] = np.inf
                masked += 1
    return masked


@_compiled
def count_tile(
    tile: Any,
    row_norms: Any,
    column_norms: Any,
    histogram: Any,
    bins: Any,
    values: Any,
    bits: Any,
    row_best: Any,
    column_best: Any,
    both: Any,
    places: Any,
    squares: Any,
) -> Any:
    """Count the pairs of a tile by squared distance, and note those in flagged bins.

    Parameters
    ----------
    tile : (R, C) float32
        Minus twice the inner products, in bins; +inf for pairs to be left out.
    row_norms, column_norms : (R,), (C,) float32
        Squared norms, in bins.
    histogram : (B,) uint32
        Counters, `FLAG` set in flagged bins; the last takes everything beyond.
    bins, values, bits : (C,) int32, float32, and `values` seen as int32
        Room for a row.
    row_best, column_best : (R,) int32, (C,) float32
        Smallest squared distance so far, rows as the bits of a float32. Columns if `both`.
    places, squares : (R * C,) int32, float32
        Place in the tile and squared distance, in bins, of every pair in a flagged bin.

    Returns
    -------
    int
        Pairs in flagged bins.
    """
    top = np.float32(histogram.size - 1)
    zero = np.float32(0)
    columns = tile.shape[1]
    whole = columns - columns % _CHUNK
    noted = 0
    for i in range(tile.shape[0]):
        norm = row_norms[i]
        row = tile[i]
        for j in range(columns):
            value = (norm + column_norms[j]) + row[j]
            values[j] = value
            value = value if value < top else top
            value = value if value > zero else zero
            bins[j] = np.int32(value)
        if both:
            for j in range(columns):
                column_best[j] = values[j] if values[j] < column_best[j] else column_best[j]
        # As integers, so that the minimum compiles to vector instructions. All negative values,
        # which are rounding errors of 0, come before the positive ones; their order is no matter.
        best = row_best[i]
        for j in range(columns):
            best = min(best, bits[j])
        row_best[i] = best
        for start in range(0, whole, _CHUNK):
            seen = np.uint32(0)
            for j in range(start, start + _CHUNK):
                k = np.uint32(bins[j])
                count = histogram[k]
                seen |= count
                histogram[k] = count + _ONE
            if seen & FLAG:
                noted = _note(
                    i * columns,
                    start,
                    start + _CHUNK,
                    histogram,
                    bins,
                    values,
                    places,
                    squares,
                    noted,
                )
        for j in range(whole, columns):
            histogram[np.uint32(bins[j])] += _ONE
        noted = _note(i * columns, whole, columns, histogram, bins, values, places, squares, noted)
    return noted


@_compiled
def _note(
    offset: Any,
    start: Any,
    stop: Any,
    histogram: Any,
    bins: Any,
    values: Any,
    places: Any,
    squares: Any,
    noted: Any,
) -> Any:
    """Note the pairs of some columns that are in flagged bins."""
    for j in range(start, stop):
        # Written in any case and kept if flagged: cheaper than a branch.
        places[noted] = offset + j
        squares[noted] = values[j]
        noted += np.int64(histogram[np.uint32(bins[j])] >> _FLAG_BIT)
    return noted


@_compiled
def place_pairs(
    places: Any,
    squares: Any,
    columns: Any,
    a: Any,
    b: Any,
    row_index: Any,
    column_index: Any,
    row_same: Any,
    column_same: Any,
    marks: Any,
    below: Any,
    found: Any,
) -> Any:
    """Place the noted pairs of a tile among the marks, exactly where it is close.

    Parameters
    ----------
    places, squares : (P,) as `count_tile` notes them; overwritten
    columns : columns of the tile
    a, b, row_index, column_index, row_same, column_same
        Of both sides, `Side.exact`, and for the tile's rows and columns `Side.rows`, `Side.same`.
    marks : tuple
        See `Marks.table`.
    below : (K,) int64
        Pairs in a mark's bins that lie below the mark, counted up.
    found : (P,) float32
        Distances inside marks are written here.

    Returns
    -------
    int, float32
        Distances in `found`; the other number is there so that its reads are.
    """
    first, last, nearest, farthest, value_low, value_high = marks
    top = np.float32(first.size - 1)
    close = 0
    for p in range(places.size):
        value = squares[p]
        k = np.int64(min(max(value, np.float32(0)), top))
        unclear = False
        for m in range(first[k], last[k]):
            if value < value_low[m]:
                below[m] += 1
            elif value <= value_high[m]:
                unclear = True
        if unclear:
            places[close], squares[close] = places[p], value
            close += 1
    work = np.empty(a.shape[1], dtype=np.float64)
    touched = np.float32(0)
    n_found = 0
    for p in range(close):
        if p % _AHEAD == 0:
            # Read from every cache line of the next vectors, as these reads do not wait for
            # each other.
            for q in range(p, min(p + _AHEAD, close)):
                vector = b[column_index[places[q] % columns]]
                for c in range(0, vector.size, 16):
                    touched += vector[c]
        i, j = places[p] // columns, places[p] % columns
        if row_same[i] == column_same[j]:
            distance = np.float32(0)
        else:
            distance = exact_distance(a[row_index[i]], b[column_index[j]], work)
        k = np.int64(min(max(squares[p], np.float32(0)), top))
        for m in range(first[k], last[k]):
            if value_low[m] <= squares[p] <= value_high[m]:
                if distance < nearest[m]:
                    below[m] += 1
                elif distance <= farthest[m]:
                    found[n_found] = distance
                    n_found += 1
    return n_found, touched


@_compiled
def empty_histogram(histogram: Any, block: Any, masked: Any) -> None:
    """Add the counters to those of a block, without masked pairs, and set them to 0."""
    for k in range(histogram.size):
        block[k] += histogram[k] & ~FLAG
        histogram[k] &= FLAG
    block[histogram.size - 1] -= masked
