"""What an entry of the catalogue may say to DeepPrivacy, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonbench.anonymisers._device import DEVICES
from anonbench.anonymisers._entry import (
    check_choice,
    check_feather,
    check_names,
    check_switch,
    check_whole,
)

NOISES = ("zero", "per_subject", "per_image", "fixed")
RESIZES = ("area", "cubic")
BLENDS = ("feather", "none")
LEAST_TRUNCATION = 0.05
"""Below, nearly all numbers would have to be drawn again and again."""


@dataclass(frozen=True)
class Options:
    """Settings of an entry.

    Attributes
    ----------
    weights : str
        A model of `anonbench.weights`.
    z : str
        Who shares noise, and so a face: one of `NOISES`; `zero` (published) is none at all.
    seed : int
        Other noise for `fixed` and `per_subject`.
    truncation : float or None
        Noise of this size and more is drawn anew; 0: no noise. None: all noise is taken.
    resize : str
        How large faces are reduced, see `anonbench.anonymisers._deepprivacy_frame.cut`.
    soften_surroundings : bool
        Whether all that the network was shown is brought to 256 pixels and back, as published,
        which changes pixels outside of the face.
    blend : str
        How the new face joins the picture: one of `BLENDS`.
    feather : float
        Width of the rim in which it fades in, as a share of the face's width.
    device : str
        One of `DEVICES`.
    """

    weights: str
    z: str = "zero"
    seed: int = 0
    truncation: float | None = None
    resize: str = "area"
    soften_surroundings: bool = False
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
    check_names(given, Options, "deepprivacy")
    choices = {"z": NOISES, "resize": RESIZES, "blend": BLENDS, "device": DEVICES}
    for name, known in choices.items():
        check_choice(name, given.get(name, known[0]), known)
    check_switch("soften_surroundings", given.get("soften_surroundings", False))
    check_feather(given)
    _check_noise(given)
    return Options(**given)


def _check_noise(given: Mapping[str, Any]) -> None:
    level, z = given.get("truncation"), given.get("z", "zero")
    check_whole("seed", given.get("seed", 0), 0)
    if "seed" in given and z not in ("fixed", "per_subject"):
        raise ValueError("seed: only noise of `z: fixed` or `z: per_subject` depends on it")
    if level is None:
        return
    if isinstance(level, bool) or not isinstance(level, int | float):
        raise ValueError(f"truncation: {level!r} is no number")
    if level != 0 and not LEAST_TRUNCATION <= level < float("inf"):
        raise ValueError(f"truncation: {level} is neither 0 nor at least {LEAST_TRUNCATION}")
    if z == "zero":
        raise ValueError("truncation: `z: zero` has no noise to truncate")
