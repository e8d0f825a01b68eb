"""Measure what rendering costs: CPU-seconds a subject and an image, in one process.

``python benchmarks/render_speed.py [--assets PATH] [--subjects N] [--views N] [--size N]``. Loading
the assets and compiling are not counted: a first subject is rendered and thrown away. Ends with an
error if a mean is above its goal, which holds at 256 pixels.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from anonbench.synthetic.assets import AssetError
from anonbench.synthetic.faceset import encode_jpeg, load_renderer
from anonbench.synthetic.plan import FacePlan
from anonbench.synthetic.settings import AssetsMissingError, find_assets

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Read when libraries are loaded."""

IMAGE_GOAL = 0.35
SUBJECT_GOAL = 1.0
"""CPU-seconds at 256 pixels."""

T = TypeVar("T")


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """Return what a call returns and the CPU-seconds of the whole process meanwhile."""
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def line(what: str, seconds: list[float], goal: float) -> str:
    """Return one row of the table."""
    values = np.array(seconds)
    low, high = np.percentile(values, [5, 95])
    return (
        f"{what:<10}{len(values):>6}{values.mean():>9.3f}{np.median(values):>9.3f}"
        f"{low:>9.3f}{high:>9.3f}{goal:>7.2f}"
    )


def main(assets: str, subjects: int, views: int, size: int) -> bool:
    cv2.setNumThreads(1)
    renderer = load_renderer(find_assets(assets))
    # The first training subjects: evaluation subjects are for measurements of another kind.
    plan = FacePlan(subjects=subjects + 1, views=views, size=size, subjects_per_shard=1)
    painting: list[float] = []
    rendering: list[float] = []
    encoding: list[float] = []
    for shard in plan.shards():
        seed = shard.seeds[0]
        subject, seconds = timed(lambda seed=seed: renderer.subject(seed))
        counted = shard.number > 0
        if counted:
            painting.append(seconds)
        for name in shard.images():
            image, seconds = timed(
                lambda s=subject, n=name: renderer.image(s, n.expression, n.view, size)
            )
            _, more = timed(lambda i=image, s=shard: encode_jpeg(i.pixels, s))
            if counted:
                rendering.append(seconds)
                encoding.append(more)
    print(f"CPU-seconds, one process and thread, {size} x {size} pixels, {platform.machine()}")
    print(f"{'':<10}{'n':>6}{'mean':>9}{'median':>9}{'5 %':>9}{'95 %':>9}{'goal':>7}")
    total = [a + b for a, b in zip(rendering, encoding, strict=True)]
    print(line("subject", painting, SUBJECT_GOAL))
    print(line("image", total, IMAGE_GOAL))
    print(f"of an image {np.mean(encoding):.4f} are the encoding as JPEG")
    return bool(np.mean(total) <= IMAGE_GOAL and np.mean(painting) <= SUBJECT_GOAL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", default="", help="default: $ANONBENCH_MAKEHUMAN")
    parser.add_argument("--subjects", type=int, default=5)
    parser.add_argument("--views", type=int, default=1)
    parser.add_argument("--size", type=int, default=256)
    options = parser.parse_args()
    if any(os.environ.get(name) != "1" for name in THREADS):
        # Idle threads spin, and that would count: start again with one.
        os.environ.update(dict.fromkeys(THREADS, "1"))
        os.execv(sys.executable, [sys.executable, *sys.argv])
    try:
        reached = main(options.assets, options.subjects, options.views, options.size)
    except (AssetsMissingError, AssetError) as error:
        sys.exit(str(error))
    if not reached:
        sys.exit("slower than the goal")
