"""Measure what detectors cost: milliseconds of processor time an image, on one core.

``python benchmarks/detector_speed.py [--images N] [--repeats N]``. Every registered detector, built
as the workflow builds it for methods' images (boxes only) and in full, looks at the same bundled
faces, as they are and blurred, turn by turn in one process; a median of each is taken. Beside them
stand packing and unpacking an image as the archives store it. Detectors whose weights have not been
fetched are left out.
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from clones import BUNDLED, need_faces
from faces_look import decode, read_encoded, read_labels

from anonbench import detectors
from anonbench.anonymisers.blur import blur
from anonbench.detector_needs import weights_of
from anonbench.io import decode_png, encode_png
from anonbench.types import Pixels
from anonbench.used_weights import weights_problem

STRENGTH = 30
"""Side of the box kernel, in pixels, of the blurred images: a strength of the default run."""

FULL, BOXES = "in full", "boxes only"
ORIGINAL, BLURRED = "original", "blurred"


@dataclass(frozen=True)
class Cost:
    """What one kind of work costs.

    Attributes
    ----------
    name : str
        The detector, or ``PNG decode``, ``PNG encode``.
    build : str
        ``in full``, ``boxes only``, or empty where there is but one way.
    images : str
        ``original`` or ``blurred``.
    ms : float
        Milliseconds of processor time an image: the median over the turns, each a mean over all
        images.
    found : float
        Share of the images in which any face was found; NaN for PNG.
    """

    name: str
    build: str
    images: str
    ms: float
    found: float


def measure(count: int = 28, repeats: int = 5) -> list[Cost]:
    """Time all detectors on `count` bundled faces, each turn of all after the one before.

    Parameters
    ----------
    count : int
        Images, spread evenly over the set.
    repeats : int
        Turns of each.

    Raises
    ------
    FileNotFoundError
        If the bundled faces are not here.
    ValueError
        If `count` or `repeats` is below 1.
    """
    if count < 1 or repeats < 1:
        raise ValueError("count and repeats are at least 1")
    sets = {ORIGINAL: bundled(count)}
    finder = detectors.get("haar").build({"eyes": False})
    sets[BLURRED] = [blurred(pixels, finder) for pixels in sets[ORIGINAL]]
    with one_core():
        works = _works(sets)
        # The first round warms up what is made at the first call, and says what was found.
        found = {key: [work(item) for item in items] for key, (work, items) in works.items()}
        turns: dict[tuple[str, str, str], list[float]] = {key: [] for key in works}
        for _ in range(repeats):
            for key, (work, items) in works.items():
                start = time.process_time()
                for item in items:
                    work(item)
                turns[key].append((time.process_time() - start) * 1000 / len(items))
    return [
        Cost(*key, float(np.median(ms)), float(np.mean(found[key]))) for key, ms in turns.items()
    ]


Work = tuple[Callable[[Any], float], Sequence[Any]]


def _works(sets: dict[str, list[Pixels]]) -> dict[tuple[str, str, str], Work]:
    """Return by name, build and images: a call that returns whether a face was found; items."""
    works: dict[tuple[str, str, str], Work] = {}
    for name in detectors.names():
        if problems := [p for m in weights_of(name, {}) if (p := weights_problem(m))]:
            print(f"{name} is left out: {problems[0]}", file=sys.stderr)
            continue
        plugin = detectors.get(name)
        for build, options in {FULL: {}, BOXES: plugin.info.boxes_only}.items():
            if build == BOXES and not options:
                continue
            model = plugin.build(options)
            for images, pixels in sets.items():
                works[name, build, images] = (partial(_finds, model), pixels)
    for images, pixels in sets.items():
        packed = [encode_png(p) for p in pixels]
        works["PNG decode", "", images] = (lambda data: _none(decode_png(data)), packed)
    for images, pixels in sets.items():
        works["PNG encode", "", images] = (lambda p: _none(encode_png(p)), pixels)
    return works


def _finds(model: detectors.Detector, pixels: Pixels) -> float:
    return float(bool(model.detect(pixels)))


def _none(_: object) -> float:
    return float("nan")


def bundled(count: int) -> list[Pixels]:
    """Return `count` of the bundled faces, spread evenly over the set, (H, W, 3) uint8 RGB."""
    need_faces()
    table = read_labels(BUNDLED)
    chosen = np.unique(np.linspace(0, len(table) - 1, min(count, len(table))).astype(int))
    return [decode(data) for data in read_encoded(BUNDLED, table.iloc[chosen])]


def blurred(pixels: Pixels, finder: detectors.Detector) -> Pixels:
    """Blur the largest face that is found, as method blur_face does; else all of the image."""
    faces = finder.detect(pixels)
    height, width = pixels.shape[:2]
    left, top, right, bottom = faces[0].box.clip(width, height) if faces else (0, 0, width, height)
    result = pixels.copy()
    patch = result[top:bottom, left:right]
    result[top:bottom, left:right] = blur(patch.copy(), STRENGTH, np.random.default_rng(0))
    return result


@contextmanager
def one_core() -> Iterator[None]:
    """Hold this process to one core and one thread a library; threads of others share the core."""
    cores, threads = os.sched_getaffinity(0), (cv2.getNumThreads(), torch.get_num_threads())
    os.sched_setaffinity(0, {max(cores)})
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])


def table(costs: Sequence[Cost]) -> list[tuple[str, ...]]:
    """Return a head and a row for each name and build: milliseconds, and share with a face."""
    head = ("", "built", "ms, original", "ms, blurred", "face found, original", "blurred")
    rows: list[tuple[str, ...]] = [head]
    for (name, build), group in itertools.groupby(costs, key=lambda c: (c.name, c.build)):
        cost = {c.images: c for c in group}
        pair = (cost[ORIGINAL], cost[BLURRED])
        shares = ["" if np.isnan(c.found) else f"{100 * c.found:.0f} %" for c in pair]
        rows.append((name, build, *(f"{c.ms:.2f}" for c in pair), *shares))
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=28, help="default: %(default)s")
    parser.add_argument("--repeats", type=int, default=5, help="default: %(default)s")
    options = parser.parse_args(arguments)
    costs = measure(options.images, options.repeats)
    print(f"processor time an image on one core, medians of {options.repeats} turns, "
          f"{options.images} images; blurred: face box, {STRENGTH} pixels")  # fmt: skip
    for row in table(costs):
        name, build, *values = row
        print(f"{name:<16}{build:<12}" + "".join(f"{v:>22}" for v in values))
    return 0


if __name__ == "__main__":
    sys.exit(main())
