"""What the page's charts need, small enough to be part of the page."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri

from anonbench.io import rows
from anonbench.report.page_run import Run

Array = NDArray[np.float64]

CURVE_BUDGET = 75_000
"""Points of all DET curves of a page together."""
CURVE_MINIMUM = 40
"""Points that a curve keeps however many curves there are."""

_CHART_METRICS = ("eer", "geer", "fta", "fte", "detected", "ssim_inside", "ssim_outside")


def payload(run: Run, **more: Any) -> str:
    """Return the charts' data, and `more` of it, as JSON that is safe inside a script element."""
    thresholds = [f"{run.plan['metrics']['distance_threshold']:g}"]
    metrics = [*_CHART_METRICS]
    metrics += [f"{k}_accepted_at_{t}" for t in thresholds for k in ("mated", "nonmated")]
    metrics += [f"accepted_at_{t}" for t in thresholds]
    content = {
        "datasets": run.datasets,
        "recognisers": list(run.plan["recognisers"]),
        "attacks": list(run.plan["attacks"]),
        "policies": list(run.plan["policies"]),
        "detectors": run.detectors,
        "threshold": thresholds[0],
        "methods": [
            {
                "name": m.name,
                "label": m.label,
                "unit": m.unit,
                "control": m.control,
                "strengths": list(m.strengths),
            }
            for m in run.methods
        ],
        "metrics": _metric_rows(run.metrics, metrics),
        "curves": packed_curves(run.curves),
        "histograms": packed_histograms(run.histograms),
        **more,
    }
    return script_json(content)


def script_json(content: Any) -> str:
    """Return compact JSON without any character that could end a script element."""
    text = json.dumps(
        content, separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def short(value: Any, digits: int = 5) -> float | int | None:
    """Return a number with few significant digits; None where there is none."""
    number = float(value)
    if not math.isfinite(number):
        return None
    rounded = float(f"{number:.{digits}g}")
    return int(rounded) if rounded == int(rounded) else rounded


def _metric_rows(table: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Rows by condition, joined with "|": value, low, high, n, note."""
    chosen = table[table["metric"].isin(names)]
    return {
        "|".join((r.metric, r.dataset, r.method, r.strength, r.attack, r.system, r.policy)): [
            short(r.value), short(r.low), short(r.high), short(r.n, 12), r.note,
        ]
        for r in rows(chosen)
    }  # fmt: skip


_CONDITION = ["dataset", "system", "attack", "policy", "method", "strength"]


def packed_curves(table: pd.DataFrame) -> dict[str, Any]:
    """Return the DET curves, thinned, each different one once.

    Parameters
    ----------
    table : DataFrame
        As `anonbench.score_curves.curve_table` makes it, all conditions below each other.

    Returns
    -------
    dict
        ``curves``: list of columns d (distance), x (FMR), y (FNMR), a, b (error counts) and the
        totals na, nb; ``index``: place in that list by condition and kind; ``limit``: points
        that curves were thinned to, None if none was.
    """
    groups = list(table.groupby([*_CONDITION, "kind"], sort=True))
    limit = max(CURVE_MINIMUM, CURVE_BUDGET // max(1, len(groups)))
    curves: list[dict[str, Any]] = []
    index: dict[str, int] = {}
    known: dict[str, int] = {}
    for key, group in groups:
        curve = _curve(group, limit)
        text = json.dumps(curve)
        if text not in known:
            known[text] = len(curves)
            curves.append(curve)
        index["|".join(map(str, key))] = known[text]
    thin = any(len(group) > limit for _, group in groups)
    return {"curves": curves, "index": index, "limit": limit if thin else None}


def _curve(group: pd.DataFrame, limit: int) -> dict[str, Any]:
    x, y = (group[c].to_numpy(np.float64) for c in ("fmr", "fnmr"))
    a, b = (group[c].to_numpy(np.int64) for c in ("false_matches", "false_nonmatches"))
    na, nb = _total(a, x), _total(b, y)
    keep = thinned(x, y, max(na, 2), max(nb, 2), limit)
    distance = -group["threshold"].to_numpy(np.float64)
    return {
        "d": [short(v, 4) for v in distance[keep]],
        "x": [short(v) for v in x[keep]],
        "y": [short(v) for v in y[keep]],
        "a": a[keep].tolist(),
        "b": b[keep].tolist(),
        "na": na,
        "nb": nb,
    }


def _total(counts: NDArray[np.int64], rates: Array) -> int:
    """Return the number of comparisons behind a rate; 0 where no error tells it."""
    most = int(counts.argmax())
    return round(float(counts[most] / rates[most])) if rates[most] > 0 else 0


def thinned(x: Array, y: Array, nx: int, ny: int, limit: int) -> NDArray[np.int64]:
    """Choose at most `limit` points of a DET curve, evenly along it in normal deviates.

    Parameters
    ----------
    x, y : ndarray of shape (N,)
        Rates, 0..1, in the order of the curve.
    nx, ny : int
        Comparisons behind them: they tell how far out a rate of 0 or 1 is drawn.
    limit : int
        At least 2.

    Returns
    -------
    ndarray of int64
        Ascending indices; the first and last point are always among them.
    """
    if len(x) <= limit:
        return np.arange(len(x))
    u = ndtri(np.clip(x, 0.5 / nx, 1 - 0.5 / nx))
    v = ndtri(np.clip(y, 0.5 / ny, 1 - 0.5 / ny))
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(u), np.diff(v)))])
    chosen: NDArray[np.int64] = np.searchsorted(way, np.linspace(0, way[-1], limit))
    chosen[0], chosen[-1] = 0, len(x) - 1
    return np.unique(chosen)


def packed_histograms(table: pd.DataFrame) -> dict[str, Any]:
    """Return counts by condition and mated flag: [first edge, bin width, counts]."""
    found: dict[str, Any] = {}
    for key, group in table.groupby([*_CONDITION, "mated"], sort=True):
        ordered = group.sort_values("left")
        used = np.flatnonzero(ordered["count"].to_numpy())
        if not len(used):
            continue
        part = ordered.iloc[used[0] : used[-1] + 1]
        width = float((part["right"] - part["left"]).iloc[0])
        name = "|".join(map(str, key[:-1])) + ("|1" if key[-1] else "|0")
        found[name] = [short(part["left"].iloc[0], 8), short(width, 8), part["count"].tolist()]
    return found
