"""Privacy against utility: the most successful attacker, and what is left of the pictures.

Both axes are rates of which more is better. Privacy is the lowest error rate of any attack,
recogniser and policy, chosen anew in every bootstrap replicate: an attacker who may choose is
stronger than each of his choices, and which of them is best is itself only estimated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench.io import rows
from anonbench.metrics.intervals import percentile_interval
from anonbench.metrics.pareto import front_probability, nondominated
from anonbench.protocols import ATTACKERS

Array = NDArray[np.float64]
Place = tuple[str, str]
"""Method and strength."""

PRIVACIES = ("gfrr_at_gfar_0.01", "gfrr_at_gfar_0.001", "geer")
"""Error rates of the worst attack, failures counted as safe: 1 - TMR at two FMRs, and the EER."""
UTILITIES = ("uar_retention", "preservation", "detected")
"""Expressions told apart as well as before, expressions unchanged, and faces still found."""
CONTROLS = ("original", "blank")
"""Ends of the scale. They are on no front: nobody would publish them as anonymised and useful."""

POINT_COLUMNS = (
    "dataset", "privacy", "utility", "method", "strength",
    "privacy_value", "privacy_low", "privacy_high", "privacy_sd", "attack", "recogniser", "policy",
    "utility_value", "utility_low", "utility_high", "utility_sd", "utility_system",
    "correlation", "front", "probability", "note",
)  # fmt: skip
_KEYS = ["dataset", "method", "strength"]
_NOT_JUDGED = "below the gate: "
_NONE = np.zeros(0)


@dataclass(frozen=True)
class Choices:
    """What the expression side of the trade-off rests on.

    `network` is the entry's name, empty for none; `policy` how its faces were found.
    """

    network: str
    policy: str
    confidence: float = 0.95

    @classmethod
    def of(cls, plan: Mapping[str, Any]) -> Choices:
        """Return the run's first expression network, with faces that it had to find itself."""
        policies = list(plan.get("policies", ()))
        policy = "detected" if "detected" in policies or not policies else policies[0]
        networks = list(plan.get("expressions", ()))
        return cls(networks[0] if networks else "", policy, plan["metrics"]["confidence"])


@dataclass(frozen=True)
class Rate:
    """One coordinate of a point: a rate, its interval, its replicates (B,), and whose it is."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    replicates: Array = field(default_factory=lambda: _NONE)
    source: tuple[str, str, str] = ("", "", "")
    notes: tuple[str, ...] = ()


def attacker_success(table: pd.DataFrame, fmr: float = 0.01) -> pd.DataFrame:
    """Return the share of mated comparisons that the most successful attacker gets right.

    Parameters
    ----------
    table : DataFrame
        Metric rows.
    fmr : float
        The attacker's false match rate.

    Returns
    -------
    DataFrame
        Index dataset, method, strength; columns value, low, high, attack, system, policy. The
        success is 1 - GFRR at GFAR = `fmr`: samples that could not be acquired count as safe.
    """
    own = table[
        (table["metric"] == f"gfrr_at_gfar_{fmr:g}")
        & table["attack"].isin(ATTACKERS)
        & table["value"].notna()
    ].assign(
        success=lambda t: 1 - t["value"], least=lambda t: 1 - t["high"], most=lambda t: 1 - t["low"]
    )
    worst = own.sort_values("success", kind="stable").groupby(_KEYS, sort=False).tail(1)
    columns = {"success": "value", "least": "low", "most": "high"}
    kept = worst.set_index(_KEYS)[[*columns, "attack", "system", "policy"]]
    return kept.rename(columns=columns).sort_index()


def points(table: pd.DataFrame, replicates: pd.DataFrame, choices: Choices) -> pd.DataFrame:
    """Return one row for each data set, pair of axes, method and strength.

    Parameters
    ----------
    table : DataFrame
        Metric rows of the run.
    replicates : DataFrame
        Columns dataset, method, strength, attack, system, policy, metric and values, the
        replicates of the bootstrap over subjects: of every rate in `PRIVACIES` and `UTILITIES`.
        A column ``paired``, where there is one, is False for rows whose replicate b has other
        subjects than replicate b of the rest.
    choices : Choices
        Which network's expressions are looked at.

    Returns
    -------
    DataFrame
        `POINT_COLUMNS`. `front` is ``yes``, ``no``, or empty for controls and points without a
        value; `probability` the share of replicates in which the point is on the front.
        Intervals are marginal; `privacy_sd`, `utility_sd` and `correlation` give an ellipse.
    """
    kept = _by_condition(replicates)
    found: list[dict[str, Any]] = []
    for dataset, own in table.groupby("dataset", sort=False):
        places = list(dict.fromkeys((str(r.method), str(r.strength)) for r in rows(own)))
        paired = _paired(replicates, str(dataset))
        privacy = {p: _privacies(own, kept, p, choices) for p in PRIVACIES}
        utility = {u: _utilities(own, kept, u, choices) for u in UTILITIES}
        for p in PRIVACIES:
            for u in UTILITIES:
                pairs = {k: (privacy[p].get(k, Rate()), utility[u].get(k, Rate())) for k in places}
                axes = {"dataset": str(dataset), "privacy": p, "utility": u}
                found += [{**axes, **row} for row in _panel(pairs, paired)]
    return pd.DataFrame(found, columns=list(POINT_COLUMNS))


def _by_condition(replicates: pd.DataFrame) -> dict[tuple[str, ...], Array]:
    """Return the replicates by metric, data set, method, strength, attack, system and policy."""
    return {
        (r.metric, r.dataset, r.method, r.strength, r.attack, r.system, r.policy): np.asarray(
            r.values, np.float64
        )
        for r in rows(replicates)
    }


def _paired(replicates: pd.DataFrame, dataset: str) -> bool:
    if "paired" not in replicates:
        return True
    own = replicates.loc[replicates["dataset"] == dataset, "paired"]
    return not (own == False).any()  # noqa: E712  (rows of other tables have no value there)


def _privacies(
    own: pd.DataFrame, kept: Mapping[tuple[str, ...], Array], metric: str, choices: Choices
) -> dict[Place, Rate]:
    """Return the error rate of the worst attack at every method and strength."""
    chosen = own[(own["metric"] == metric) & own["attack"].isin(ATTACKERS)]
    found = {k: _lowest(group, kept, choices) for k, group in _grouped(chosen)}
    return found or {k: Rate(notes=(_why_no_privacy(own, metric),)) for k, _ in _grouped(own)}


def _why_no_privacy(own: pd.DataFrame, metric: str) -> str:
    told = own.loc[(own["metric"] == "eer") & (own["note"] != ""), "note"]
    if told.str.startswith("not computed: ").any():
        return str(told[told.str.startswith("not computed: ")].iloc[0])
    return f"{metric} is not among the run's metrics (metrics.fmr)"


def _utilities(
    own: pd.DataFrame, kept: Mapping[tuple[str, ...], Array], metric: str, choices: Choices
) -> dict[Place, Rate]:
    """Return a utility at every method and strength; `detected` by the least able detector."""
    if metric == "detected":
        chosen = own[own["metric"] == metric]
        return {k: _lowest(group, kept, choices) for k, group in _grouped(chosen)}
    if not choices.network:
        why = "the run has no expression network (run.expressions)"
        return {k: Rate(notes=(why,)) for k, _ in _grouped(own)}
    chosen = own[
        (own["metric"] == metric)
        & (own["task"] == "expression")
        & (own["system"] == choices.network)
        & (own["policy"] == choices.policy)
    ]
    below = [n for n in chosen["note"] if n.startswith(_NOT_JUDGED)]
    if below:
        return {k: Rate(notes=(below[0],)) for k, _ in _grouped(chosen)}
    return {k: _lowest(group, kept, choices) for k, group in _grouped(chosen)}


def _grouped(table: pd.DataFrame) -> list[tuple[Place, pd.DataFrame]]:
    return [
        ((str(m), str(s)), g) for (m, s), g in table.groupby(["method", "strength"], sort=False)
    ]


def _lowest(group: pd.DataFrame, kept: Mapping[tuple[str, ...], Array], choices: Choices) -> Rate:
    """Return the lowest rate of several, the lowest of each replicate, and its interval.

    The minimum of several estimates lies below the lowest of the true values on average, so the
    interval can lie below the value: it is widened to hold it.
    """
    known = group[group["value"].notna()]
    notes = tuple(dict.fromkeys(n for n in group.loc[group["value"].isna(), "note"] if n))
    if known.empty:
        return Rate(notes=notes or ("not among the run's results",))
    lost = (f"{len(group) - len(known)} of {len(group)} have no value",) if notes else ()
    every = [
        kept[key]
        for r in rows(known)
        if (key := (r.metric, r.dataset, r.method, r.strength, r.attack, r.system, r.policy))
        in kept
    ]
    drawn = np.fmin.reduce(every) if every else _NONE
    best = known.loc[known["value"].idxmin()]
    value = float(best["value"])
    low, high = _bounds(value, drawn, best, choices.confidence)
    told = tuple(n for n in known["note"] if n.startswith("gate unknown: "))[:1]
    source = str(best["attack"]), str(best["system"]), str(best["policy"])
    return Rate(value, low, high, drawn, source, (*lost, *told))


def _bounds(value: float, drawn: Array, best: Any, confidence: float) -> tuple[float, float]:
    """Return an interval; where nothing varies, that of the row, which knows the rule of 3."""
    bounds = percentile_interval(drawn, confidence) if drawn.size else None
    low, high = (bounds.low, bounds.high) if bounds else (math.nan, math.nan)
    if value in (0.0, 1.0):
        low, high = np.fmin(low, best["low"]), np.fmax(high, best["high"])
    return float(np.minimum(low, value)), float(np.maximum(high, value))


def _panel(pairs: Mapping[Place, tuple[Rate, Rate]], paired: bool) -> list[dict[str, Any]]:
    """Return the rows of one pair of axes: who is on the front, and how sure that is."""
    rivals = [k for k, (p, u) in pairs.items()
              if k[0] not in CONTROLS and not math.isnan(p.value + u.value)]  # fmt: skip
    front, probability = _front([pairs[k] for k in rivals])
    of_rival = dict(zip(rivals, zip(front, probability, strict=True), strict=True))
    found = []
    for (method, strength), (p, u) in pairs.items():
        on, chance = of_rival.get((method, strength), ("", math.nan))
        sd_p, sd_u, correlation = _spread(p.replicates, u.replicates)
        gaps = [rate for rate in (p, u) if math.isnan(rate.value)]
        notes = [note for rate in gaps or (p, u) for note in rate.notes]
        if not paired and not math.isnan(sd_p + sd_u):
            notes.append("privacy and utility resampled independently")
        found.append({
            "method": method, "strength": strength,
            "privacy_value": p.value, "privacy_low": p.low, "privacy_high": p.high,
            "privacy_sd": sd_p, "attack": p.source[0], "recogniser": p.source[1],
            "policy": p.source[2],
            "utility_value": u.value, "utility_low": u.low, "utility_high": u.high,
            "utility_sd": sd_u, "utility_system": u.source[1],
            "correlation": correlation, "front": on, "probability": chance,
            "note": "; ".join(dict.fromkeys(notes)),
        })  # fmt: skip
    return found


def _front(pairs: Sequence[tuple[Rate, Rate]]) -> tuple[list[str], Array]:
    values = np.array([[p.value, u.value] for p, u in pairs]).reshape(-1, 2)
    front = ["yes" if on else "no" for on in nondominated(values[:, 0], values[:, 1])]
    n = max((r.replicates.size for pair in pairs for r in pair), default=0)
    drawn = np.full((2, n, len(pairs)), np.nan)
    for k, pair in enumerate(pairs):
        for axis, rate in enumerate(pair):
            if rate.replicates.size == n:
                drawn[axis, :, k] = rate.replicates
    return front, front_probability(drawn[0], drawn[1])


def _spread(p: Array, u: Array) -> tuple[float, float, float]:
    """Return both standard deviations and the correlation (0 where an axis does not vary)."""
    sd_p, sd_u = _deviation(p), _deviation(u)
    if math.isnan(sd_p + sd_u) or p.size != u.size:
        return sd_p, sd_u, math.nan
    there = ~(np.isnan(p) | np.isnan(u))
    # Equal values have a spread of rounding errors.
    if min(sd_p, sd_u) < 1e-12 or there.sum() < 2:
        return sd_p, sd_u, 0.0
    return sd_p, sd_u, float(np.corrcoef(p[there], u[there])[0, 1])


def _deviation(values: Array) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.std(ddof=1)) if defined.size > 1 else math.nan


def tradeoff(table: pd.DataFrame, found: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return privacy and utility side by side: one row for each data set, method and strength.

    Parameters
    ----------
    table : DataFrame
        Metric rows.
    found : DataFrame, optional
        The result of `points`, whose coordinates become columns.

    Returns
    -------
    DataFrame
        Columns dataset, method, strength, attacker_success (at FMR 1 %), detected (by the
        detector that finds fewest faces), the coordinates, detected_DETECTOR, ssim_inside,
        ssim_outside and label.
    """
    success = attacker_success(table)
    utility = table[table["metric"].isin(["detected", "ssim_inside", "ssim_outside"])].assign(
        name=lambda t: np.where(t["system"] == "", t["metric"], t["metric"] + "_" + t["system"])
    )
    wide = utility.pivot_table(index=_KEYS, columns="name", values="value")
    labels = pd.Series(wide.index.get_level_values("strength"), index=wide.index, dtype=str)
    wide = wide.assign(number=pd.to_numeric(labels, errors="coerce")).sort_values(
        ["dataset", "method", "number"]
    )
    wide = wide.drop(columns="number")
    by_detector = wide[[c for c in wide.columns if str(c).startswith("detected_")]]
    wide.insert(0, "attacker_success", success["value"])
    wide.insert(1, "detected", by_detector.min(axis=1))
    for k, (name, values) in enumerate(_coordinates(found).items()):
        wide.insert(2 + k, name, values)
    wide["label"] = [" ".join(p for p in key[1:] if p != "none") for key in wide.index]
    return wide.reset_index()


def _coordinates(found: pd.DataFrame | None) -> dict[str, pd.Series[float]]:
    """Return the coordinates of all points but `detected`, which needs no replicates."""
    if found is None:
        return {}
    axes = [("privacy", name) for name in PRIVACIES]
    axes += [("utility", name) for name in UTILITIES if name != "detected"]
    return {
        name: found[found[side] == name].drop_duplicates(_KEYS).set_index(_KEYS)[f"{side}_value"]
        for side, name in axes
    }
