"""Strengths of a method: which ones to run, whether they are allowed, and how files name them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # NumPy comes with it, which a bare Snakemake does not have.
    from anonbench.anonymisers._base import Info, Strength

PLACEHOLDER = "{strength}"
"""In names that are chosen by strength."""


def strength_label(strength: Strength) -> str:
    """Name a strength in files and tables.

    Parameters
    ----------
    strength : int, float or None
        A finite number, or None for methods without strengths.

    Returns
    -------
    str
        ``"none"`` for None, else the shortest decimal that reads back as the same number: whole
        numbers carry no fraction, so that 5 and 5.0 are the same strength.

    Raises
    ------
    ValueError
        For anything that is not a finite number.
    """
    if strength is None:
        return "none"
    number: Any = strength  # what a configuration holds need not be what the type says
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        raise ValueError(f"a strength has to be a finite number, got {strength!r}")
    return str(int(strength)) if strength == int(strength) else repr(float(strength))


def by_strength(name: str, strength: Strength) -> str:
    """Return a name with a strength in place of ``{strength}``, as names of weights have it.

    A point becomes an underscore, since names have none: 7.5 is ``7_5``.
    """
    return name.replace(PLACEHOLDER, strength_label(strength).replace(".", "_"))


def resolve_strengths(info: Info, strengths: Sequence[Strength]) -> tuple[Strength, ...]:
    """Return the strengths to run: those given, else the method's own, else none at all.

    Parameters
    ----------
    info : Info
        What the method says of itself.
    strengths : sequence of int, float or None
        As configured; empty for the method's defaults.

    Returns
    -------
    tuple of int, float or None
        In the order given; numbers of a method of kind "int" are int, ``(None,)`` for a method
        that has no strengths.

    Raises
    ------
    ValueError
        For a strength of a wrong kind, out of range or given twice.
    """
    chosen = tuple(strengths) or info.strengths or (None,)
    checked = tuple(_checked(info, s) for s in chosen)
    labels = [strength_label(s) for s in checked]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise ValueError(f"{info.label}: strength {', '.join(twice)} is given more than once")
    return checked


def _checked(info: Info, strength: Strength) -> Strength:
    label = strength_label(strength)
    if strength is None:
        # A method with strengths but no default ones may run without (images made elsewhere).
        if info.kind != "none" and info.strengths:
            raise ValueError(f"{info.label} needs a strength ({info.strength})")
        return None
    if info.kind == "none":
        raise ValueError(f"{info.label} has no strengths, got {label}")
    if info.kind == "int" and strength != int(strength):
        raise ValueError(f"{info.label}: strength {label} is not a whole number")
    if not info.minimum <= strength <= info.maximum:
        allowed = f"{info.minimum:g} to {info.maximum:g}"
        raise ValueError(f"{info.label}: strength {label} is outside of {allowed}")
    return int(strength) if info.kind == "int" else float(strength)


def paired_strengths(
    methods: Sequence[str],
    labels: tuple[Sequence[str], Sequence[str]],
    chosen: Sequence[Strength] = (),
) -> list[tuple[str, str]]:
    """Return which strength of one method is compared with which of another.

    Parameters
    ----------
    methods : sequence of two str
        Their names, for messages.
    labels : tuple of two sequences of str
        The strengths of each, as `strength_label` writes them.
    chosen : sequence of int, float or None
        One of each; empty for every strength that both have, or the only one of each.

    Returns
    -------
    list of (str, str)
        Strength of the first and of the second, in the first's order.

    Raises
    ------
    ValueError
        If a method lacks its chosen strength, or nothing says which ones belong together.
    """
    if chosen:
        pair = strength_label(chosen[0]), strength_label(chosen[1])
        for method, label, known in zip(methods, pair, labels, strict=True):
            if label not in known:
                raise ValueError(f"{method} has no strength {label}, only {', '.join(known)}")
        return [pair]
    shared = [(label, label) for label in labels[0] if label in labels[1]]
    if shared:
        return shared
    if len(labels[0]) == len(labels[1]) == 1:
        return [(labels[0][0], labels[1][0])]
    told = " and ".join(
        f"{method} ({', '.join(known) or 'none'})"
        for method, known in zip(methods, labels, strict=True)
    )
    raise ValueError(f"{told} share no strength: name one of each in `strengths`")
