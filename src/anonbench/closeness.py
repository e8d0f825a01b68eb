"""How near outputs are to their originals and to each other: one table of all distances."""

from __future__ import annotations

import pandas as pd

from anonbench.protocols import DISTANCES
from anonbench.score_distances import DISTANCE_METRICS, NOT_COMPARED

_KEYS = ["dataset", "method", "strength", "system", "policy", "attack"]
_NAMES = dict(zip(DISTANCE_METRICS, ("lower_quartile", "median", "upper_quartile"), strict=True))

CLOSENESS_COLUMNS = (
    "dataset", "method", "strength", "system", "policy", "compared", "comparisons", "failed",
    *(f"{name}{end}" for name in _NAMES.values() for end in ("", "_low", "_high")),
    "clear_median", "note",
)  # fmt: skip
"""Columns of the table of distances."""


def closeness(metrics: pd.DataFrame) -> pd.DataFrame:
    """Gather the distances of a run: one row a condition and kind of comparison.

    Parameters
    ----------
    metrics : DataFrame
        Metric table of the whole run.

    Returns
    -------
    DataFrame with `CLOSENESS_COLUMNS`
        ``compared`` is ``same_image`` (an image and its own anonymised version), ``same_subject``
        (outputs of different images of one subject) or ``different_subjects``. ``comparisons``
        counts all, ``failed`` those of them without a distance; quartiles, with intervals over
        subjects, are of the others. ``clear_median`` is the median of the same comparison among
        the originals. What was not computed is missing, with the reason in ``note``.
    """
    own = metrics[metrics["attack"].isin(DISTANCES)]
    wide = pd.DataFrame(index=_index(own))
    for metric, name in _NAMES.items():
        rows = _of(own, metric, wide)
        wide[name], wide[f"{name}_low"], wide[f"{name}_high"] = (
            rows[column] for column in ("value", "low", "high")
        )
    share = _of(own, NOT_COMPARED, wide)
    wide["comparisons"] = share["n"].fillna(0).astype(int)
    wide["failed"] = (share["value"] * share["n"]).astype(float).round()
    wide["note"] = _of(own, "median_distance", wide)["note"].fillna("")
    table = wide.reset_index().rename(columns={"attack": "compared"})
    clear = table[table["method"] == "original"]
    shared = ["dataset", "system", "policy", "compared"]
    medians = clear.drop_duplicates(shared).set_index(shared)["median"].rename("clear_median")
    return table.join(medians, on=shared)[list(CLOSENESS_COLUMNS)]


def _index(own: pd.DataFrame) -> pd.MultiIndex:
    """Return the conditions in the order in which they stand in the metric table."""
    return pd.MultiIndex.from_frame(own[_KEYS].drop_duplicates())


def _of(own: pd.DataFrame, metric: str, wide: pd.DataFrame) -> pd.DataFrame:
    found = own[own["metric"] == metric].set_index(_KEYS)[["value", "low", "high", "n", "note"]]
    return found.reindex(wide.index)
