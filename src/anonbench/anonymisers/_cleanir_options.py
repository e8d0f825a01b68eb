"""What an entry of the catalogue may say to CLEANIR, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonbench.anonymisers._device import DEVICES
from anonbench.anonymisers._entry import check_choice, check_feather, check_names, check_switch
from anonbench.anonymisers._whose import POLICIES

BLENDS = ("none", "feather", "crop")


@dataclass(frozen=True)
class Options:
    """Settings of an entry.

    Attributes
    ----------
    weights : str
        A model of `anonbench.weights`.
    axis : str
        Who shares the direction towards which identities are turned: one of `POLICIES`.
    renormalise : bool
        Whether the part of it at right angles to an identity is brought to length 1, so that the
        angle is exact; the published code does not.
    sampled : bool
        Whether a code is drawn from the distribution that the encoder returns, as published,
        instead of its mean.
    blend : str
        How the new face joins the picture: one of `BLENDS`.
    feather : float
        Width of the rim in which it fades in, as a share of the face's width.
    device : str
        One of `DEVICES`.
    """

    weights: str
    axis: str = "per_subject"
    renormalise: bool = False
    sampled: bool = False
    blend: str = "feather"
    feather: float = 0.04
    device: str = "cpu"


def parse(given: Mapping[str, Any]) -> Options:
    """Return the settings of an entry.

    Raises
    ------
    ValueError
        For an option that does not exist, lacks or has a wrong value; the message names it.
    """
    check_names(given, Options, "cleanir")
    for name, choices in (("axis", POLICIES), ("blend", BLENDS), ("device", DEVICES)):
        check_choice(name, given.get(name, choices[0]), choices)
    for name in ("renormalise", "sampled"):
        check_switch(name, given.get(name, False))
    check_feather(given)
    return Options(**given)
