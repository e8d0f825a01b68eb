"""What an entry of the catalogue may say to MMDA, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anonbench.anonymisers._entry import check_feather, check_names, check_number

LEAST_KEPT, MOST_KEPT = -1.0, 1.0


@dataclass(frozen=True)
class Options:
    """Settings of an entry.

    Attributes
    ----------
    weights : str
        A model of `anonbench.weights`.
    kept : float
        How much is left of what makes a person differ from the mean of those who are nearest: 0,
        nothing; 1, all; below 0 the face moves on, away from who it was.
    change : mapping of str to str
        Gender, ancestry or age to give to every face, by its name in the weights.
    feather : float
        Width of the rim in which the new face fades in, as a share of the face's width.
    """

    weights: str
    kept: float = 0.0
    change: Mapping[str, str] = field(default_factory=dict)
    feather: float = 0.06


def parse(given: Mapping[str, Any]) -> Options:
    """Return the settings of an entry.

    Raises
    ------
    ValueError
        For an option that does not exist, lacks or has a wrong value; the message names it.
    """
    check_names(given, Options, "mmda_rendered")
    check_number("kept", given.get("kept", 0.0), LEAST_KEPT, MOST_KEPT)
    change = given.get("change", {})
    if not isinstance(change, Mapping) or not all(isinstance(v, str) for v in change.values()):
        raise ValueError(f"change: {change!r} is no table such as {{gender: female}}")
    check_feather(given)
    return Options(**given)
