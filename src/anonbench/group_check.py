"""Whether attackers do better than those who share a picture allow: k-Same as calibration."""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy.stats import binom

from anonbench.checks import Check
from anonbench.io import rows

SURE = 0.999
"""Level of what chance allows beyond 1 / k."""
NAME = "people who share a picture hide each other"

Condition = tuple[str, str, str]
"""Data set, method, strength."""


def groups_hide_people(metrics: pd.DataFrame) -> list[Check]:
    """Check that nobody is recognised more often than 1 / k in pictures that k people share.

    This judges the benchmark: if every picture stands for at least k people, each as often as the
    others, no attacker who sees nothing else can do better. One who does was told more: there is a
    leak somewhere. The attacker has to find the face himself: the landmarks of the original, which
    the policy `aligned` tells, are more than the picture. Equally near people are told apart by
    lot. Beyond 1 / k there is room for what chance allows independent guesses.

    Parameters
    ----------
    metrics : DataFrame
        All metric rows.

    Returns
    -------
    list of Check
        None where no method makes such pictures.
    """
    bounds = _bounds(metrics)
    if not bounds:
        return []
    told, off = [], []
    for row in _rates(metrics):
        key = (row.dataset, row.method, row.strength)
        if key not in bounds:
            continue
        k = bounds[key]
        line = f"{'/'.join(key)}/{row.system}/{row.attack}: {row.value:.3f} of {row.n:.0f}"
        told.append(row.value * k)
        if row.value * row.n > binom.ppf(SURE, int(row.n), 1 / k) + 1e-9:
            off.append(f"{line}, more than 1/{k}")
    if not told:
        return [Check(NAME, False, "no rank-1 rate to compare with 1/k")]
    detail = "; ".join(off[:3]) or f"{len(told)} rank-1 rates, at most {max(told):.2f} times 1/k"
    return [Check(NAME, not off, detail)]


def _bounds(metrics: pd.DataFrame) -> dict[Condition, int]:
    """Return k of the conditions in which at least k people share every output."""
    own = metrics[metrics["task"] == "guarantee"]
    values: dict[str, dict[Condition, float]] = {"people_per_output": {}, "best_guess": {}}
    for row in rows(own[own["metric"].isin(list(values))]):
        values[row.metric][row.dataset, row.method, row.strength] = row.value
    return {
        key: int(key[2])
        for key, people in values["people_per_output"].items()
        if people >= int(key[2]) and values["best_guess"][key] <= 1 / int(key[2]) + 1e-9
    }


def _rates(metrics: pd.DataFrame) -> list[Any]:
    """Return the rows of rank-1 rates of attackers, by lot wherever several are equally near."""
    rates = metrics[
        metrics["metric"].isin(["rank_1", "rank_1_by_lot"])
        & metrics["attack"].isin(["naive", "reverse", "parrot"])
        & (metrics["policy"] == "detected")
        & metrics["value"].notna()
    ]
    keys = ["dataset", "method", "strength", "attack", "system"]
    # Where nobody is equally near there is no rate by lot, since it would be the same.
    by_lot_last = rates.sort_values("metric", kind="stable")
    return list(rows(by_lot_last.drop_duplicates(keys, keep="last")))
