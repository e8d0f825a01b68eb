"""What an entry of the catalogue may say to CIAGAN, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anonbench.anonymisers._ciagan_landmarks import SCHEMES, groups_of
from anonbench.anonymisers._ciagan_view import SCALINGS
from anonbench.anonymisers._device import DEVICES
from anonbench.anonymisers._entry import check_choice, check_feather, check_names, check_whole

IDENTITIES = ("next", "fixed", "per_subject", "per_image")
BLENDS = ("none", "feather", "poisson")


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
    check_names(given, Options, "ciagan_dlib")
    for name, choices in _CHOICES.items():
        if given.get(name) is not None:
            check_choice(name, given[name], choices)
    _check_code(given)
    check_feather(given)
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


def _check_code(given: Mapping[str, Any]) -> None:
    check_whole("code", given.get("code", 0), 0)
    if "code" in given and given.get("identity") != "fixed":
        raise ValueError("code: only `identity: fixed` gives all faces the same one")
