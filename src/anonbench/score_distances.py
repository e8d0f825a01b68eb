"""Rows on how far anonymised images are from their originals and from each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbench.metrics import intervals
from anonbench.metrics.spread import ImagePairs, image_pairs, quantiles, replicate_quantiles
from anonbench.protocols import Partition
from anonbench.score_rows import Rows

DISTANCE_METRICS = ("lower_quartile_distance", "median_distance", "upper_quartile_distance")
NOT_COMPARED = "not_compared"

MOST_PAIRS = 10_000
"""Pairs of images that a distribution of distances rests on, at most. They show a quartile to half
a percentile point; more would not make the subjects more, and those are what an interval is of."""

Distances = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Pairs:
    """The pairs of images behind each comparison of outputs, the same for all methods."""

    by_name: dict[str, ImagePairs]

    @classmethod
    def of(cls, part: Partition, generator: np.random.Generator, most: int = MOST_PAIRS) -> Pairs:
        """Choose pairs among all images of a partition, failed ones included."""
        kinds = (("same_subject", True), ("different_subjects", False))
        found = {name: image_pairs(part.subjects, w, most, generator) for name, w in kinds}
        return cls(found)

    def note(self, name: str) -> str:
        """Say that pairs were drawn, where they were."""
        pairs = self.by_name[name]
        drawn = pairs.first.size
        return f"{drawn} of {pairs.in_all} pairs drawn" if drawn < pairs.in_all else ""


def distance_rows(
    rows: Rows, distance: Distances, first: Codes, second: Codes, drawn: str = ""
) -> None:
    """Add the quartiles of distances and the share of comparisons that failed.

    Parameters
    ----------
    rows : Rows
        Of one condition.
    distance : (N,) Euclidean distances, inf = failed
    first, second : (N,) subject codes of both images
    drawn : str
        Said in every note, where the comparisons are a sample.
    """
    n, few = int(distance.size), rows.settings.minimum_mated
    completed = np.isfinite(distance)
    n_completed = int(np.count_nonzero(completed))
    failures = f"{n - n_completed} of {n} comparisons failed"
    _failed_row(rows, ~completed, first, second, drawn)
    if n_completed < few:
        why = f"{n_completed} completed comparisons, fewer than {few}"
        for metric in DISTANCE_METRICS:
            rows.add(metric, math.nan, n_completed, _joined(why, drawn))
        return
    note = _joined(f"{failures} and are left out" if n_completed < n else "", drawn)
    chosen = distance[completed]
    one, two = rows.units[first[completed]], rows.units[second[completed]]
    replicated = replicate_quantiles(rows.weights, chosen, one, two)
    for metric, value, values in zip(DISTANCE_METRICS, quantiles(chosen), replicated, strict=True):
        rows.add(metric, value, n_completed, note, values)


def accepted_row(rows: Rows, distance: Distances, subjects: Codes) -> None:
    """Add the share of images that a distance threshold takes for their anonymised versions."""
    limit, n = rows.settings.distance_threshold, int(distance.size)
    failed = n - int(np.count_nonzero(np.isfinite(distance)))
    accepted = distance <= limit
    rows.add(
        f"accepted_at_{limit:g}",
        float(accepted.mean()),
        n,
        f"{failed} of {n} comparisons failed and count as rejected" if failed else "",
        rows.share(accepted, subjects),
        int(np.unique(subjects).size),
    )


def _failed_row(
    rows: Rows, failed: NDArray[np.bool_], first: Codes, second: Codes, drawn: str
) -> None:
    if failed.size == 0:
        rows.add(NOT_COMPARED, math.nan, 0, "no pair of images to compare")
        return
    units = rows.units
    values = intervals.replicate_share(rows.weights, failed, units[first], units[second])
    n_subjects = int(np.unique(np.concatenate([first, second])).size)
    rows.add(NOT_COMPARED, float(failed.mean()), int(failed.size), drawn, values, n_subjects)


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
