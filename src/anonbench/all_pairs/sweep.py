"""The pass over all pairs: tiles of a float32 matrix product, counted as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from anonbench import progress
from anonbench.all_pairs.counted import PairCounts
from anonbench.all_pairs.kernels import count_tile, empty_histogram, mask_tile, place_pairs
from anonbench.all_pairs.marks import Bins, Marks, flagged
from anonbench.all_pairs.sides import Side

TILE_ROWS, TILE_COLUMNS = 400, 1600
"""Largest tile: about what the second- and third-level caches of one core hold."""

_NOTHING = np.float32(np.inf).view(np.int32)


@dataclass(frozen=True)
class Sweep:
    """What one pass found.

    Attributes
    ----------
    counts : PairCounts
    blocks : (U (U + 1) / 2, B) pairs of units u <= v (both orders, where both are compared), in
        the order of `numpy.triu_indices`, by bin of squared distance
    best : (n,) float64 smallest squared distance of each probe to a non-mated gallery image, inf
        if there is none; as exact as the pass
    """

    counts: PairCounts
    blocks: NDArray[np.integer[Any]]
    best: NDArray[np.float64]


@dataclass
class _Plan:
    """What all threads share."""

    probes: Side
    gallery: Side
    once: bool
    bins: Bins
    marks: Marks
    table: tuple[NDArray[Any], ...]
    left: NDArray[np.float32]
    row_norms: NDArray[np.float32]
    column_norms: NDArray[np.float32]
    blocks: NDArray[np.integer[Any]]


class _Worker:
    """Buffers and results of one thread."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        rows = min(TILE_ROWS, plan.probes.size)
        columns = min(TILE_COLUMNS, plan.gallery.size)
        self.tile = np.empty(rows * columns, dtype=np.float32)
        self.histogram = flagged(plan.table)
        self.bins = np.empty(columns, dtype=np.int32)
        self.values = np.empty(columns, dtype=np.float32)
        self.row_best = np.full(plan.probes.size, _NOTHING)
        self.column_best = np.full(plan.gallery.size, np.inf, dtype=np.float32)
        self.below = np.zeros(plan.marks.nearest.size, dtype=np.int64)
        self.places = np.empty(rows * columns + 1, dtype=np.int32)
        self.squares = np.empty(rows * columns + 1, dtype=np.float32)
        # A tile may put all its pairs here; what is more than that is summed up after it.
        self.found = np.empty(2 * rows * columns, dtype=np.float32)
        self.n_found = 0
        self.inside: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []

    def block(self, first: int, second: int) -> None:
        """Count the pairs of two units, as far as each is to be compared."""
        plan, number = self.plan, self._number(first, second)
        for rows, columns in tiles(plan.probes, plan.gallery, plan.once, first, second):
            self._tile(rows, columns, number, diagonal=first == second)

    def _number(self, first: int, second: int) -> int:
        """Row of `blocks` for two units in any order."""
        low, high = min(first, second), max(first, second)
        n_units = self.plan.probes.bounds.size - 1
        return low * n_units - low * (low - 1) // 2 + high - low

    def _tile(self, rows: slice, columns: slice, number: int, diagonal: bool) -> None:
        plan, probes, gallery = self.plan, self.plan.probes, self.plan.gallery
        shape = rows.stop - rows.start, columns.stop - columns.start
        tile = self.tile[: shape[0] * shape[1]].reshape(shape)
        masked = 0
        np.dot(plan.left[rows], gallery.vectors[columns].T, out=tile)
        if diagonal:
            keep = rows.start - columns.start if plan.once else shape[1]
            masked = mask_tile(tile, probes.subjects[rows], gallery.subjects[columns], keep)
        noted = count_tile(
            tile,
            plan.row_norms[rows],
            plan.column_norms[columns],
            self.histogram,
            self.bins[: shape[1]],
            self.values[: shape[1]],
            self.values[: shape[1]].view(np.int32),
            self.row_best[rows],
            self.column_best[columns],
            plan.once,
            self.places,
            self.squares,
        )
        if noted:
            self._place(rows, columns, noted)
        empty_histogram(self.histogram, plan.blocks[number], masked)

    def _place(self, rows: slice, columns: slice, noted: int) -> None:
        """Look at pairs in flagged bins one by one."""
        probes, gallery = self.plan.probes, self.plan.gallery
        n_found, _ = place_pairs(
            self.places[:noted],
            self.squares[:noted],
            columns.stop - columns.start,
            probes.exact,
            gallery.exact,
            probes.rows[rows],
            gallery.rows[columns],
            probes.same[rows],
            gallery.same[columns],
            self.plan.table,
            self.below,
            self.found[self.n_found :],
        )
        self.n_found += n_found
        if self.n_found > self.found.size - self.tile.size:
            self.gather()

    def gather(self) -> None:
        """Sum up the distances inside marks, which are many but seldom all different."""
        new = np.unique(self.found[: self.n_found], return_counts=True)
        self.inside = [_merged([*self.inside, new])]
        self.n_found = 0


def sweep(
    probes: Side, gallery: Side, once: bool, bins: Bins, marks: Marks, threads: int = 1
) -> Sweep:
    """Compare all probes with the gallery, pairs of one subject left out.

    Parameters
    ----------
    probes, gallery : Side
        One object for both if `once`.
    once : bool
        Each pair of images is compared in one order only.
    bins : Bins
    marks : Marks
        Where counts must be exact.
    threads : int
        Threads that work on different blocks; the results are the same for any number.
    """
    n_units = probes.bounds.size - 1
    largest = int(np.diff(probes.bounds).max() * np.diff(gallery.bounds).max())
    dtype = np.uint32 if 2 * largest < 1 << 32 else np.int64
    scale = np.float32(bins.per_unit)
    plan = _Plan(
        probes=probes,
        gallery=gallery,
        once=once,
        bins=bins,
        marks=marks,
        table=marks.table(bins),
        left=probes.vectors * (np.float32(-2) * scale),
        row_norms=probes.norms * scale,
        column_norms=gallery.norms * scale,
        blocks=np.zeros((n_units * (n_units + 1) // 2, bins.count), dtype=dtype),
    )
    workers = [_Worker(plan) for _ in range(max(1, threads))]
    todo = shared(tasks(probes, gallery, once))

    def work(worker: _Worker) -> None:
        for first, second in todo():
            worker.block(first, second)
            # The two orders of a pair of units share a histogram, hence also a thread.
            if not once and first != second:
                worker.block(second, first)
        worker.gather()

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(work, workers))
    return _result(plan, workers)


def tasks(probes: Side, gallery: Side, once: bool) -> list[tuple[int, int]]:
    """Pairs of units with work to do."""
    n_units = probes.bounds.size - 1
    rows, columns = np.diff(probes.bounds), np.diff(gallery.bounds)
    every = [(u, v) for u in range(n_units) for v in range(u + 1)]
    return [
        (u, v)
        for u, v in every
        if rows[u] * columns[v] + (0 if once else rows[v] * columns[u]) > 0
        and not (u == v and _one_subject(probes, gallery, u))
    ]


def _one_subject(probes: Side, gallery: Side, unit: int) -> bool:
    """Whether all images of a unit show one person, so that it has no non-mated pair in itself."""
    images = [
        side.subjects[side.bounds[unit] : side.bounds[unit + 1]] for side in (probes, gallery)
    ]
    return bool(np.unique(np.concatenate(images)).size == 1)


def shared(work: list[tuple[int, int]]) -> Callable[[], Iterator[tuple[int, int]]]:
    """Let several threads draw from one list, with its progress in the log."""
    lock = threading.Lock()
    source = progress.progress(work, "blocks of comparisons")

    def draw() -> Iterator[tuple[int, int]]:
        while True:
            with lock:
                task = next(source, None)
            if task is None:
                return
            yield task

    return draw


def tiles(
    probes: Side, gallery: Side, once: bool, first: int, second: int
) -> Iterator[tuple[slice, slice]]:
    """Rows and columns of the tiles that two units are compared in."""
    for rows in _parts(probes.bounds, first, TILE_ROWS):
        for columns in _parts(gallery.bounds, second, TILE_COLUMNS):
            if not (once and first == second and rows.stop <= columns.start):
                yield rows, columns


def _parts(bounds: NDArray[np.int64], unit: int, most: int) -> Iterator[slice]:
    """Divide a unit's images into equal parts of at most `most`."""
    start, stop = int(bounds[unit]), int(bounds[unit + 1])
    n_parts = -(-(stop - start) // most)
    cuts = [start + (stop - start) * k // n_parts for k in range(n_parts + 1)] if n_parts else []
    for low, high in pairwise(cuts):
        yield slice(low, high)


def _merged(
    parts: list[tuple[NDArray[np.float32], NDArray[np.int64]]],
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Sum multiplicities of equal values."""
    values, place = np.unique(np.concatenate([v for v, _ in parts]), return_inverse=True)
    counts = np.zeros(values.size, dtype=np.int64)
    np.add.at(counts, place, np.concatenate([c for _, c in parts]))
    return values, counts


def _result(plan: _Plan, workers: list[_Worker]) -> Sweep:
    """Put together what the threads found."""
    histogram = plan.blocks.sum(axis=0, dtype=np.int64)
    values, multiplicity = _merged([part for worker in workers for part in worker.inside])
    low, _ = plan.marks.bins(plan.bins)
    before = np.concatenate([[0], np.cumsum(histogram)])[low]
    best = np.min([worker.row_best.view(np.float32) for worker in workers], axis=0)
    if plan.once:
        best = np.minimum(best, np.min([worker.column_best for worker in workers], axis=0))
    return Sweep(
        PairCounts(
            bins=plan.bins,
            histogram=histogram,
            marks=plan.marks,
            nearer=before + sum(worker.below for worker in workers),
            values=values,
            multiplicity=multiplicity,
        ),
        plan.blocks,
        np.maximum(best.astype(np.float64), 0.0) / plan.bins.per_unit,
    )
