"""What an entry of the catalogue may say to CIAGAN, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from anonbench.anonymisers._ciagan_landmarks import SCHEMES, groups_of
from anonbench.anonymisers._ciagan_view import SCALINGS
from anonbench.registry import unknown_name

IDENTITIES = ("next", "fixed", "per_subject", "per_image")
BLENDS = ("none", "feather", "poisson")
DEVICES = ("auto", "cpu", "cuda")
WIDEST = 0.25
"""Of a face's width: a wider rim would reach the eyes."""


@dataclass(frozen=True)
class Options:
    """Settings of an entry; None where the weights say it.

    Attributes
    ----------
    weights : str
        A model of `anonbench.weights`.
    landmarks : str or None
        A key of `SCHEMES`: whose landmarks are drawn.
    groups : tuple of str or None
        Groups of landmarks that are drawn; may be empty.
    scaling : str or None
        A key of `SCALINGS`.
    identity : str
        Who is to be seen: one of `IDENTITIES`.
    code : int
        The identity where all get the same.
    blend : str
        How the new face joins the picture: one of `BLENDS`.
    feather : float
        Width of the rim in which it fades in, as a share of the face's width.
    device : str
        One of `DEVICES`.
    """

    weights: str
    landmarks: str | None = None
    groups: tuple[str, ...] | None = None
    scaling: str | None = None
    identity: str = "per_subject"
    code: int = 0
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
    known = [field.name for field in fields(Options)]
    for name in given:
        if name not in known:
            raise unknown_name("option", name, known)
    if not isinstance(given.get("weights"), str):
        raise ValueError(
            "weights: has to name a model of `anonbench weights list`, for instance ciagan_dlib"
        )
    for name, choices in _CHOICES.items():
        _check_choice(name, given.get(name), choices)
    _check_numbers(given)
    groups = given.get("groups")
    if groups is not None and not isinstance(groups, list | tuple):
        raise ValueError("groups: has to be a list of groups of landmarks, for instance [contour]")
    options = Options(**{**given, "groups": None if groups is None else tuple(groups)})
    if options.groups is not None:
        schemes = SCHEMES if options.landmarks is None else (options.landmarks,)
        for scheme in schemes:
            groups_of(SCHEMES[scheme], options.groups)
    return options


_CHOICES = {
    "landmarks": tuple(SCHEMES), "scaling": tuple(SCALINGS), "identity": IDENTITIES,
    "blend": BLENDS, "device": DEVICES,
}  # fmt: skip


def _check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(choices)}")


def _check_numbers(given: Mapping[str, Any]) -> None:
    code, feather = given.get("code", 0), given.get("feather", 0.0)
    if isinstance(code, bool) or not isinstance(code, int) or code < 0:
        raise ValueError(f"code: {code!r} is no whole number from 0 on")
    if "code" in given and given.get("identity") != "fixed":
        raise ValueError("code: only `identity: fixed` gives all faces the same one")
    if isinstance(feather, bool) or not isinstance(feather, int | float):
        raise ValueError(f"feather: {feather!r} is no number")
    if not 0 <= feather <= WIDEST:
        raise ValueError(f"feather: {feather} is outside of 0 to {WIDEST}, shares of a face")
    if "feather" in given and given.get("blend", "feather") != "feather":
        raise ValueError("feather: only `blend: feather` has a rim")
