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
    check_known(given, [field.name for field in fields(options)])
    if not isinstance(given.get("weights"), str):
        raise ValueError(
            f"weights: has to name a model of `anonbench weights list`, for instance {example}"
        )


def check_known(given: Mapping[str, Any], known: Sequence[str]) -> None:
    """Raise ValueError for an option that does not exist."""
    for name in given:
        if name not in known:
            raise unknown_name("option", name, known)


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ValueError for a value that is none of some words."""
    if value not in choices:
        raise ValueError(f"{name}: {value!r} is not one of {', '.join(choices)}")


def check_switch(name: str, value: Any) -> None:
    """Raise ValueError for a value that is neither true nor false."""
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {value!r} is neither true nor false")


def check_whole(name: str, value: Any, least: int) -> None:
    """Raise ValueError for a value that is no whole number, or too small a one."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name}: {value!r} is no whole number from {least} on")


def check_number(name: str, value: Any, least: float, most: float, unit: str = "") -> None:
    """Raise ValueError for a value that is no number, or outside of a range, both ends included.

    Parameters
    ----------
    name : str
        The option.
    value : Any
        What the entry says.
    least, most : float
        The range.
    unit : str
        What follows the range in the message.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: {value!r} is no number")
    if not least <= value <= most:
        raise ValueError(f"{name}: {value} is outside of {least:g} to {most:g}{unit}")


def check_feather(given: Mapping[str, Any]) -> None:
    """Check the width of a rim, a share of a face's width, that only `blend: feather` has.

    Raises
    ------
    ValueError
        If it is no number, too wide, or there is no rim.
    """
    check_number("feather", given.get("feather", 0.0), 0, WIDEST, ", shares of a face")
    if "feather" in given and given.get("blend", "feather") != "feather":
        raise ValueError("feather: only `blend: feather` has a rim")
