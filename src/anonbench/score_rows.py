"""Rows of a metric table, and those that need no error rates: rank-1 and failures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.comparisons import Compared
from anonbench.metrics import intervals
from anonbench.metrics.identification import chance, cmc

REPLICATED = re.compile(r"eer|geer|fta|fte|rank_1|fnmr_at_fmr_.+|gfrr_at_gfar_.+")
"""Metrics whose bootstrap replicates are kept, for differences and trade-offs across tables."""


@dataclass(frozen=True)
class ScoreSettings:
    """What to measure and how.

    `fmr_targets` are shares in (0, 1], `distance_threshold` is a Euclidean distance,
    `minimum_mated` the number of mated comparisons below which a rate is not given, `in_memory`
    the number of comparisons up to which the scores of a condition are held in memory.
    """

    fmr_targets: Sequence[float] = (0.1, 0.01, 0.001, 0.0001)
    distance_threshold: float = 0.575
    replicates: int = 1000
    confidence: float = 0.95
    minimum_mated: int = 30
    in_memory: int = 20_000_000


@dataclass
class Rows:
    """Collects the metric rows of one condition.

    Attributes
    ----------
    context : key columns
    settings : ScoreSettings
    weights : (B, U) how often each resampling unit is drawn
    units : (S,) resampling unit of each subject: the subject itself, or a group of subjects
    rows : metric rows so far
    replicates : of the metrics in `REPLICATED` so far: context, metric and values, (B,) float64
    """

    context: Mapping[str, str]
    settings: ScoreSettings
    weights: NDArray[np.float64]
    units: NDArray[np.int64]
    rows: list[dict[str, Any]] = field(default_factory=list)
    replicates: list[dict[str, Any]] = field(default_factory=list)

    @property
    def n_subjects(self) -> int:
        """Subjects of the data set."""
        return int(self.units.size)

    def share(self, values: NDArray[Any], subjects: Any) -> NDArray[np.float64]:
        """Return the replicates of a mean of per-sample values, given each sample's subject."""
        return intervals.replicate_share(self.weights, values, self.units[subjects])

    def add(
        self,
        metric: str,
        value: float,
        n: int,
        note: str = "",
        values: NDArray[np.float64] | None = None,
        n_subjects: int = 0,
        task: str = "verification",
    ) -> None:
        """Add a row; `values` are bootstrap replicates, of a rate where `n_subjects` is given."""
        bounds = intervals.Interval(math.nan, math.nan)
        if values is not None and not math.isnan(value):
            if REPLICATED.fullmatch(metric):
                self.replicates.append({**self.context, "metric": metric, "values": values})
            bounds = intervals.rate_interval(value, values, n_subjects, self.settings.confidence)
        if values is not None and self.weights.shape[1] < self.n_subjects:
            groups = f"interval: {self.weights.shape[1]} groups of subjects resampled"
            note = f"{note}; {groups}" if note else groups
        if math.isnan(value) and not note:
            raise ValueError(f"{metric} is missing without a reason")
        row = {"metric": metric, "value": value, "low": bounds.low, "high": bounds.high}
        self.rows.append({**self.context, "task": task, **row, "n": n, "note": note})


def identification_rows(rows: Rows, scores: Compared) -> None:
    """Add the closed-set rank-1 rate; its interval resamples the probes' subjects."""
    n = int(scores.ranks.size)
    if n == 0:
        note = "no closed-set probe: the protocol has no gallery to search"
        rows.add("rank_1", math.nan, 0, note, task="identification")
        return
    hits = scores.ranks == 1
    missed = int(np.count_nonzero(scores.ranks > scores.n_gallery))
    note = f"chance {chance(1, scores.n_gallery):.4g} among {scores.n_gallery} subjects"
    if missed:
        note += f"; {missed} of {n} probes failed or had no enrolled mate and count as misses"
    values = rows.share(hits, scores.rank_subjects)
    value = float(cmc(scores.ranks, scores.n_gallery)[0])
    n_subjects = int(np.unique(scores.rank_subjects).size)
    rows.add("rank_1", value, n, note, values, n_subjects, task="identification")
    if scores.ties is not None and (scores.ties[hits] > 1).any():
        _by_lot(rows, hits / np.maximum(1, scores.ties), scores, n_subjects)


def _by_lot(rows: Rows, hits: NDArray[np.float64], scores: Compared, n_subjects: int) -> None:
    """Add the rank-1 rate of an attacker who draws lots among equally near subjects.

    Where a method gives several people the same picture, `rank_1` takes every tie for a success.
    """
    note = f"{np.count_nonzero(hits % 1)} of {hits.size} probes: others are as near as their mate"
    values = rows.share(hits, scores.rank_subjects)
    value, metric = float(hits.mean()), "rank_1_by_lot"
    rows.add(metric, value, hits.size, note, values, n_subjects, task="identification")


def failure_row(
    rows: Rows, metric: str, failed: NDArray[np.bool_], subjects: Any, note: str
) -> None:
    """Add FTA (one entry per probe sample) or FTE (one entry per gallery subject)."""
    values = rows.share(failed, subjects)
    n_subjects = int(np.unique(subjects).size)
    rows.add(metric, float(failed.mean()), int(failed.size), note, values, n_subjects)
