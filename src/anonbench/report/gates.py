"""Whether an expression network may judge a data set: what it reaches on the clear images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

State = Literal["met", "below", "unknown", "absent"]
_STATES: dict[str, State] = {"below the gate: ": "below", "gate unknown: ": "unknown"}


@dataclass(frozen=True)
class Gate:
    """What a network reaches on the clear images of a data set, and whether that is enough.

    Attributes
    ----------
    network, policy : str
        Entry of the configuration, and how its faces were found.
    state : {"met", "below", "unknown", "absent"}
        Whether the numbers on anonymised images mean anything; ``unknown`` where there are no
        labels to tell, ``absent`` where the run has no rows.
    bound : float
        Balanced accuracy (UAR) that the configuration asks for, 0..1.
    uar, accuracy : float
        On the clear images; NaN where unknown.
    note : str
        In words why the state is not ``met``; empty where it is.
    """

    network: str
    policy: str
    state: State
    bound: float
    uar: float
    accuracy: float
    note: str


def gate(
    metrics: pd.DataFrame, plan: Mapping[str, Any], dataset: str, network: str, policy: str
) -> Gate:
    """Read the verdict on a network from the metric table.

    Parameters
    ----------
    metrics : DataFrame
        Metric rows of the run, or of the data set.
    plan : mapping
        `anonbench.workflow.Plan.summary`; its ``expressions`` hold the bound.
    dataset, network, policy : str
        Whose verdict.

    Returns
    -------
    Gate
        ``below`` also where no note says so but the clear UAR is: a number below the gate must
        not pass for a good one because a note is missing.
    """
    bound = float(plan.get("expressions", {}).get(network, {}).get("gate", math.nan))
    own = metrics[
        (metrics["task"] == "expression")
        & (metrics["dataset"] == dataset)
        & (metrics["system"] == network)
        & (metrics["policy"] == policy)
    ]
    clear = own[own["method"] == "original"]
    uar, accuracy = (_value(clear, metric) for metric in ("uar", "accuracy"))
    state, note = _noted(own)
    if own.empty:
        state, note = "absent", "the run has no rows of this network"
    elif state == "met" and math.isnan(uar):
        state, note = "unknown", "gate unknown: no balanced accuracy on the clear images"
    elif state == "met" and uar < bound:
        state, note = "below", f"below the gate: clear UAR {uar:.3f}, {bound:g} is asked for"
    return Gate(network, policy, state, bound, uar, accuracy, note)


def reason(note: str, verdict: Gate) -> str:
    """Return why a value is missing: a note without what the gate says of all values."""
    rest = note.removeprefix(verdict.note).removeprefix("; ") if verdict.note else note
    return rest or note or "no row"


def _value(clear: pd.DataFrame, metric: str) -> float:
    found = clear.loc[clear["metric"] == metric, "value"]
    return float(found.iloc[0]) if len(found) else math.nan


def _noted(own: pd.DataFrame) -> tuple[State, str]:
    """Return what the notes say; of several, the shortest is that without further remarks."""
    for start, state in _STATES.items():
        notes = [n for n in own["note"].unique() if n.startswith(start)]
        if notes:
            return state, min(notes, key=lambda n: (len(n), n))
    return "met", ""
