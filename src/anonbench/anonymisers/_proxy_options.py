"""What an entry of the catalogue may say to proxy replacement, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonbench.anonymisers._entry import check_choice, check_feather, check_names, check_switch
from anonbench.anonymisers._whose import POLICIES

BLENDS = ("none", "feather", "poisson")


@dataclass(frozen=True)
class Options:
    """Settings of an entry.

    Attributes
    ----------
    weights : str
        A model of `anonbench.weights`: the gallery.
    proxies : str
        Who shares the people of the gallery that are drawn: one of `POLICIES`.
    tone : bool
        Whether a proxy gets the mean colour of the face that it replaces.
    blend : str
        How the new face joins the picture: one of `BLENDS`.
    feather : float
        Width of the rim in which it fades in, as a share of the face's width.
    """

    weights: str
    proxies: str = "per_image"
    tone: bool = True
    blend: str = "feather"
    feather: float = 0.1


def parse(given: Mapping[str, Any]) -> Options:
    """Return the settings of an entry.

    Raises
    ------
    ValueError
        For an option that does not exist, lacks or has a wrong value; the message names it.
    """
    check_names(given, Options, "proxies_rendered")
    for name, choices in (("proxies", POLICIES), ("blend", BLENDS)):
        check_choice(name, given.get(name, choices[0]), choices)
    check_switch("tone", given.get("tone", True))
    check_feather(given)
    return Options(**given)
