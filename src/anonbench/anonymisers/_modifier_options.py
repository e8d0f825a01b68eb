"""What an entry of the catalogue may say to a network that modifies faces, checked before work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anonbench.anonymisers._base import Strength
from anonbench.anonymisers._device import DEVICES
from anonbench.anonymisers._entry import check_choice, check_feather, check_names, check_number
from anonbench.strengths import PLACEHOLDER, by_strength

BLENDS = ("none", "feather")
LEAST_ENLARGED, MOST_ENLARGED = 1.5, 4.0
"""So many times a face's box: with less, a feathered rim would reach into the face."""


@dataclass(frozen=True)
class Options:
    """Settings of an entry.

    Attributes
    ----------
    weights : str
        A model of `anonbench.weights`; ``{strength}`` in it stands for the strength.
    enlarged : float or None
        How many times the face's box is modified; None: as the weights say.
    blend : str
        How the modified face joins the picture: one of `BLENDS`.
    feather : float
        Width of the rim in which it fades into the photo, as a share of the face's width.
    device : str
        One of `DEVICES`.
    """

    weights: str
    enlarged: float | None = None
    blend: str = "none"
    feather: float = 0.1
    device: str = "cpu"


def parse(given: Mapping[str, Any], example: str) -> Options:
    """Return the settings of an entry.

    Parameters
    ----------
    given : mapping
        Its options.
    example : str
        A model that could be named.

    Raises
    ------
    ValueError
        For an option that does not exist, lacks or has a wrong value; the message names it.
    """
    check_names(given, Options, example)
    for name, choices in (("blend", BLENDS), ("device", DEVICES)):
        check_choice(name, given.get(name, choices[0]), choices)
    check_feather({"blend": "none"} | dict(given))
    enlarged = given.get("enlarged", LEAST_ENLARGED)
    check_number("enlarged", enlarged, LEAST_ENLARGED, MOST_ENLARGED, " times a face's box")
    return Options(**given)


def check_strengths(options: Options, strengths: Sequence[Strength]) -> None:
    """Check that strengths and the name of the weights go together.

    Raises
    ------
    ValueError
        For strengths of weights without ``{strength}`` in their name, or the reverse.
    """
    several = PLACEHOLDER in options.weights
    if several and None in strengths:
        raise ValueError(
            f"weights: {options.weights} has {PLACEHOLDER}, so the entry has to say its strengths, "
            "for each of which a network was trained"
        )
    if not several and tuple(strengths) != (None,):
        raise ValueError(
            f"weights: {options.weights} is one network; put {PLACEHOLDER} into the name to take "
            "one by strength, or give no strengths"
        )


def model_of(options: Options, strength: Strength) -> str:
    """Return the model of a strength."""
    return by_strength(options.weights, strength)
