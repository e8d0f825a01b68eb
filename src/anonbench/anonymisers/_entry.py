"""What an entry of the catalogue may say to networks that draw faces, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from anonbench.registry import unknown_name

WIDEST = 0.25
"""Of a face's width: a wider rim would reach the eyes."""


def check_names(given: Mapping[str, Any], options: type[Any], example: str) -> None:
    """Check that all options exist, and that weights are named.

    Parameters
    ----------
    given : mapping
        Options of the entry.
    options : type
        A dataclass with a field for every option.
    example : str
        A model that could be named.

    Raises
    ------
    ValueError
        For an option that does not exist, or weights that are not named.
    """
    known = [field.name for field in fields(options)]
    for name in given:
        if name not in known:
            raise unknown_name("option", name, known)
    if not isinstance(given.get("weights"), str):
        raise ValueError(
            f"weights: has to name a model of `anonbench weights list`, for instance {example}"
        )


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError for a value that is none of some words."""
    if value not in choices:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(choices)}")


def check_switch(name: str, value: Any) -> None:
    """Raise ValueError for a value that is neither true nor false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {value!r} is neither true nor false")


def check_feather(given: Mapping[str, Any]) -> None:
    """Check the width of a rim, a share of a face's width, that only `blend: feather` has.

    Raises
    ------
    ValueError
        If it is no number, too wide, or there is no rim.
    """
    feather = given.get("feather", 0.0)
    if isinstance(feather, bool) or not isinstance(feather, int | float):
        raise ValueError(f"feather: {feather!r} is no number")
    if not 0 <= feather <= WIDEST:
        raise ValueError(f"feather: {feather} is outside of 0 to {WIDEST}, shares of a face")
    if "feather" in given and given.get("blend", "feather") != "feather":
        raise ValueError("feather: only `blend: feather` has a rim")
