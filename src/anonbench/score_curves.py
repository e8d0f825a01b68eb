"""DET curve and distance histogram of one condition."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from anonbench.comparisons import Compared
from anonbench.metrics import verification

CURVE_COLUMNS = (
    "dataset", "method", "strength", "attack", "system", "policy",
    "kind", "threshold", "fmr", "fnmr", "false_matches", "false_nonmatches",
)  # fmt: skip
"""Columns of every curve table."""

HISTOGRAM_COLUMNS = (
    "dataset", "method", "strength", "attack", "system", "policy",
    "mated", "left", "right", "count",
)  # fmt: skip
"""Columns of every histogram table."""

CURVE_POINTS = 1000
_MIN_BINS = 60


def curve_table(context: Mapping[str, str], scores: Compared, minimum_mated: int) -> pd.DataFrame:
    """DET points of completed and of all comparisons, at most 1000 each.

    A condition with fewer than `minimum_mated` completed mated comparisons has no curve.
    """
    everything = scores.mated_set, scores.nonmated_set
    mated, nonmated = (held.finite() for held in everything)
    # Where both orders of a pair are compared, they are one observation: what stands behind a
    # point is the number of distinct pairs.
    orders = max(1, scores.nonmated_set.size // max(1, scores.distinct_nonmated))
    tables = []
    if mated.size >= max(1, minimum_mated) and nonmated.size:
        kinds = {"completed": (mated, nonmated), "generalised": everything}
        for kind, (m, n) in kinds.items():
            points = verification.det_points(verification.error_rates(m, n), CURVE_POINTS)
            columns = {
                "threshold": points.thresholds.astype(np.float64),
                "fmr": points.fmr,
                "fnmr": points.fnmr,
                "false_matches": points.false_matches // orders,
                "false_nonmatches": points.false_nonmatches // orders,
            }
            tables.append(pd.DataFrame({**context, "kind": kind, **columns}))
    return pd.concat(tables) if tables else pd.DataFrame(columns=list(CURVE_COLUMNS))


def bin_width(baseline: Compared) -> float:
    """Width 1, 2 or 5 x 10^k that gives the clear distances at least 60 bins."""
    sets = baseline.mated_set, baseline.nonmated_set
    widest = max((-held.lowest for held in sets if held.completed), default=0.0)
    if widest <= 0.0:
        return 0.02
    power = 10.0 ** math.floor(math.log10(widest / _MIN_BINS))
    return max(
        step * power for step in (1, 2, 5) if step * power * _MIN_BINS <= widest or step == 1
    )


def histogram_table(context: Mapping[str, str], scores: Compared, width: float) -> pd.DataFrame:
    """Completed distances counted in bins of `width` from 0, mated and non-mated on one grid."""
    sets = {True: scores.mated_set, False: scores.nonmated_set}
    bins = {mated: held.bin_counts(width) for mated, held in sets.items()}
    size = max(counts.size for counts in bins.values())
    edges = np.arange(size + 1) * width
    tables = [
        pd.DataFrame(
            {
                **context,
                "mated": mated,
                "left": edges[:-1],
                "right": edges[1:],
                "count": np.pad(counts, (0, size - counts.size)),
            }
        )
        for mated, counts in bins.items()
        if sets[mated].completed
    ]
    return pd.concat(tables) if tables else pd.DataFrame(columns=list(HISTOGRAM_COLUMNS))
