"""Measure the pass over all pairs against the bare product of which it is made, and others.

``python benchmarks/all_pairs.py [--images N] [--threads N] [--turns N]``. Embeddings are drawn
around those of their subjects, 20 images each; every image is compared with every other, once. Turn
by turn in one process: the float32 product of the same tiles alone, on the same threads, and the
pass, which adds the histogram by resampling unit, the search for the nearest image and the exact
counts around operating points. The whole of what a score job does with the embeddings runs in a
process of its own, for its memory. On a smaller set everything is compared with the scores held in
memory, with scikit-learn's curve and with a loop over pairs.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from anonbench.all_pairs import sweep as passes
from anonbench.all_pairs.compare import CountedComparisons, compare_counted
from anonbench.all_pairs.marks import Marks
from anonbench.all_pairs.sides import Side, two_sides
from anonbench.comparisons import compare
from anonbench.metrics import verification
from anonbench.metrics.intervals import resampling_units, subject_weights
from anonbench.protocols import Partition
from anonbench.score_verification import operating_points
from anonbench.seeds import generator

Vectors = NDArray[np.float32]

PER_SUBJECT, DIMENSIONS, GROUPS = 20, 128, 128
TARGETS = (0.1, 0.01, 0.001, 0.0001)
HELD = 6_000
"""Images of the smaller set: 18 million comparisons, which fit into memory."""
LOOPED = 300
"""Images of the loop over pairs."""


def measure(images: int = 60_000, threads: int = 2, turns: int = 3) -> dict[str, float]:
    """Time the pass beside its peers.

    Parameters
    ----------
    images : int
    threads : int
        Of the product and of the pass.
    turns : int
        Of product and pass, one after the other.

    Returns
    -------
    dict
        ``images``, ``comparisons``, ``threads``; ``product`` and ``sweep``, comparisons a second of
        wall clock, and with ``_cpu`` a second of processor time; ``ratio`` and ``ratio_cpu``, the
        median over turns of the pass's time by the product's; ``seconds``, ``cpu_seconds``,
        ``peak_gib`` and ``passes`` of the whole in a process of its own; and of the smaller set
        ``held_images``, ``held_seconds``, ``counted_seconds``, ``roc_seconds``, ``loop_rate``
        (comparisons a second), ``different`` (operating points that are not the same to the bit)
        and ``auc_gap``.
    """
    result: dict[str, float] = {"images": images, "threads": threads}
    result |= _beside_product(images, threads, turns)
    result |= _alone(images, threads)
    return result | _beside_peers(min(images, HELD), threads)


def drawn(images: int) -> tuple[Vectors, Partition]:
    """Return embeddings of length 0.6 around those of their subjects, and who they show."""
    random = generator(1, "all pairs", images)
    subjects = np.arange(images) // PER_SUBJECT
    people = random.normal(size=(int(subjects[-1]) + 1, DIMENSIONS)).astype(np.float32)
    values = people[subjects]
    values += np.float32(0.9) * random.standard_normal(values.shape, dtype=np.float32)
    values *= np.float32(0.6) / np.linalg.norm(values, axis=1, keepdims=True)
    every = np.arange(images)
    part = Partition(
        enrolment="all_pairs",
        image_ids=np.char.zfill(every.astype(str), 7),
        usable=np.ones(images, dtype=bool),
        subjects=subjects.astype(np.int64),
        subject_names=tuple(str(s) for s in range(len(people))),
        gallery=every,
        probe=every,
        every_image_both=True,
        pairs=None,
        n_unlabelled=0,
    )
    return values, part


def counted(values: Vectors, part: Partition, threads: int) -> CountedComparisons:
    """Compare everything as `anonbench.score` does with a set that is too large for memory."""
    return compare_counted(
        values,
        values,
        part,
        True,
        units=_units(part),
        ask=partial(operating_points, targets=TARGETS),
        fixed=(-0.575,),
        threads=threads,
    )


def _units(part: Partition) -> NDArray[np.int64]:
    return resampling_units(len(part.subject_names), GROUPS, generator(1, "groups"))


def _timed(action: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what an action returns, its wall-clock time and its processor time."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = action()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def _beside_product(images: int, threads: int, turns: int) -> dict[str, float]:
    values, part = drawn(images)
    first = counted(values, part, threads)
    counts = first.found.counts
    ends = zip(counts.marks.nearest.tolist(), counts.marks.farthest.tolist(), strict=True)
    marks = Marks.around(list(ends))
    side, _ = two_sides(values, values, part, _units(part))
    n = first.nonmated.completed
    del first
    walls, cpus = [], []
    for _ in range(turns):
        _, *product = _timed(lambda: bare_product(side, threads))
        _, *whole = _timed(lambda: passes.sweep(side, side, True, counts.bins, marks, threads))
        walls.append((product[0], whole[0]))
        cpus.append((product[1], whole[1]))
    return {
        "comparisons": n,
        "product": n / median(p for p, _ in walls),
        "sweep": n / median(s for _, s in walls),
        "product_cpu": n / median(p for p, _ in cpus),
        "sweep_cpu": n / median(s for _, s in cpus),
        "ratio": median(s / p for p, s in walls),
        "ratio_cpu": median(s / p for p, s in cpus),
    }


def bare_product(side: Side, threads: int) -> None:
    """Compute every tile that the pass computes, and nothing of it."""
    draw = passes.shared(passes.tasks(side, side, once=True))

    def work(_: int) -> None:
        room = np.empty(passes.TILE_ROWS * passes.TILE_COLUMNS, dtype=np.float32)
        for first, second in draw():
            for rows, columns in passes.tiles(side, side, True, first, second):
                shape = rows.stop - rows.start, columns.stop - columns.start
                tile = room[: shape[0] * shape[1]].reshape(shape)
                np.dot(side.vectors[rows], side.vectors[columns].T, out=tile)

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


def _alone(images: int, threads: int) -> dict[str, float]:
    """Run the whole in a fresh process, whose memory is then that of nothing else."""
    command = [sys.executable, __file__, "--alone", "--images", str(images)]
    done = subprocess.run(
        [*command, "--threads", str(threads)], stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def whole(images: int, threads: int) -> dict[str, float]:
    """Compare, and find all rates with 1000 replicates; time and peak memory of this process."""
    values, part = drawn(images)
    units = _units(part)
    weights = subject_weights(int(units.max()) + 1, 1000, generator(1, "weights"))

    def work() -> CountedComparisons:
        scores = counted(values, part, threads)
        verification.auc(scores.mated_set.finite(), scores.nonmated_set.finite())
        scores.replicated(weights, units, np.array([-0.575]))
        return scores

    scores, wall, cpu = _timed(work)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "seconds": wall,
        "cpu_seconds": cpu,
        "peak_gib": peak / 2**30,
        "passes": scores.passes,
        "whole_comparisons": scores.nonmated.size,
    }


def _beside_peers(images: int, threads: int) -> dict[str, float]:
    from sklearn.metrics import roc_curve

    values, part = drawn(images)
    ask = partial(operating_points, targets=TARGETS)

    def hold() -> Any:
        held = compare(values, values, part, True)
        return held, ask(held.mated_set, held.nonmated_set, held.distinct_nonmated)

    def count() -> Any:
        found = counted(values, part, threads)
        return found, ask(found.mated_set, found.nonmated_set, found.distinct_nonmated)

    count()  # compiles, where nothing is kept
    (held, expected), held_seconds, _ = _timed(hold)
    (found, points), counted_seconds, _ = _timed(count)
    scores = np.concatenate([held.mated, held.nonmated])
    labels = np.arange(scores.size) < held.mated.size
    _, roc_seconds, _ = _timed(lambda: roc_curve(labels, scores))
    few = values[:LOOPED].astype(np.float64)
    _, loop_seconds, _ = _timed(
        lambda: [np.linalg.norm(few[i] - few[j]) for i in range(LOOPED) for j in range(i)]
    )
    sets = [(s.mated_set.finite(), s.nonmated_set.finite()) for s in (held, found)]
    pairs = [(expected.eer, points.eer), (expected.general_eer, points.general_eer)]
    for ours, theirs in (
        (points.points, expected.points),
        (points.general_points, expected.general_points),
    ):
        pairs += [(theirs[t], ours[t]) for t in TARGETS]
    return {
        "held_images": images,
        "held_comparisons": int(scores.size),
        "held_seconds": held_seconds,
        "counted_seconds": counted_seconds,
        "roc_seconds": roc_seconds,
        "loop_rate": LOOPED * (LOOPED - 1) / 2 / loop_seconds,
        "different": sum(repr(a) != repr(b) for a, b in pairs),
        "auc_gap": abs(verification.auc(*sets[0]) - verification.auc(*sets[1])),
    }


def main(images: int, threads: int, turns: int) -> None:
    found = measure(images, threads, turns)
    rate = {k: found[k] / 1e6 for k in ("product", "sweep", "product_cpu", "sweep_cpu")}
    print(f"{images} images, {found['comparisons']:.3g} comparisons, {threads} threads")
    print(f"bare product {rate['product']:.0f} M/s, pass {rate['sweep']:.0f} M/s")
    print(f"  per second of processor time {rate['product_cpu']:.0f} and {rate['sweep_cpu']:.0f}")
    print(f"time of the pass / product: {found['ratio']:.2f} ({found['ratio_cpu']:.2f} processor)")
    print(f"whole: {found['seconds']:.1f} s ({found['cpu_seconds']:.1f} s processor), "
          f"{found['passes']:.0f} pass, peak {found['peak_gib']:.2f} GiB")  # fmt: skip
    print(f"{found['held_images']:.0f} images: counted {found['counted_seconds']:.2f} s, held in "
          f"memory {found['held_seconds']:.2f} s, scikit-learn's curve of the scores alone "
          f"{found['roc_seconds']:.2f} s")  # fmt: skip
    print(f"a loop over pairs: {found['loop_rate']:,.0f} comparisons a second")
    print(f"{found['different']:.0f} operating points differ, AUC by {found['auc_gap']:.1g}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--alone", action="store_true", help="the whole, once, as JSON")
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(whole(options.images, options.threads)))
    else:
        main(options.images, options.threads, options.turns)
