"""The seven expressions as weights of MakeHuman's expression units.

Every picture draws its own: how strong it is, which of several mouths or eyes goes with it, and how
much of each unit. Units are named as in MakeHuman; a `*` stands for left and right, which differ a
little. Which units belong to an expression follows the facial action coding system (Ekman, Friesen
and Hager 2002).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anonbench.synthetic.plan import EXPRESSIONS

INTENSITY = (0.82, 1.14)
"""Range of an expression's strength; 1 is the full-blown expression."""

Range = tuple[float, float]
Part = Mapping[str, Range]

_ALWAYS: Mapping[str, Part] = {
    "neutral": {},
    "happiness": {"mouth-corner-puller": (0.72, 0.95), "eye-*-slit": (0.22, 0.5)},
    "sadness": {"mouth-depression": (0.75, 1.05), "eyebrows-*-inner-up": (1.15, 1.5)},
    "surprise": {"eyebrows-*-up": (1.0, 1.3), "eye-*-opened-up": (0.6, 0.85)},
    "fear": {
        "eyebrows-*-inner-up": (1.2, 1.45), "eyebrows-*-up": (0.2, 0.45),
        "eye-*-opened-up": (0.85, 1.05), "neck-platysma": (0.15, 0.4),
    },
    "disgust": {
        "nose-*-elevation": (1.1, 1.35), "nose-compression": (0.75, 1.0),
        "mouth-elevation": (0.7, 0.95), "eye-*-slit": (0.45, 0.75), "eyebrows-*-down": (0.25, 0.5),
    },
    "anger": {"eyebrows-*-down": (1.4, 1.7), "nose-*-dilatation": (0.8, 1.1)},
}  # fmt: skip
_ONE_OF: Mapping[str, tuple[tuple[Part, ...], ...]] = {
    "neutral": (),
    "happiness": (
        (
            {"mouth-upward-retraction": (0.35, 0.6)},
            {"mouth-upward-retraction": (0.55, 0.8), "mouth-open": (0.05, 0.18)},
            {"mouth-corner-puller": (0.05, 0.15), "nose-*-dilatation": (0.1, 0.3)},
        ),
    ),
    "sadness": (
        ({"eye-*-closure": (0.1, 0.28)}, {"eye-*-slit": (0.2, 0.38)}),
        ({"mouth-eversion": (0.1, 0.3)}, {"mouth-parling": (0.15, 0.35)}, {}),
    ),
    "surprise": (
        (
            {"mouth-open": (0.4, 0.7)},
            {"mouth-open": (0.3, 0.5), "mouth-protusion": (0.15, 0.35)},
        ),
        ({"eyebrows-*-extern-up": (0.2, 0.55)}, {"eyebrows-*-inner-up": (0.15, 0.35)}, {}),
    ),
    "fear": (
        (
            {"mouth-retraction": (0.65, 0.9), "mouth-part-later": (0.2, 0.45)},
            {"mouth-depression-retraction": (0.35, 0.55), "mouth-retraction": (0.35, 0.55)},
            {"mouth-retraction": (0.6, 0.8), "mouth-open": (0.15, 0.3)},
        ),
    ),
    "disgust": ((({"mouth-depression": (0.1, 0.35)}), {"mouth-eversion": (0.05, 0.25)}, {}),),
    "anger": (
        (
            {"mouth-pursing": (0.35, 0.6), "mouth-depression": (0.1, 0.35)},
            {"mouth-part-later": (0.35, 0.55), "mouth-depression": (0.1, 0.3)},
            {"mouth-compression": (0.35, 0.55), "mouth-depression": (0.5, 0.75)},
        ),
        ({"eye-*-opened-up": (0.05, 0.2)}, {"eye-*-slit": (0.15, 0.35)}),
    ),
}  # fmt: skip
_REST = {"mouth-open": 0.04, "mouth-retraction": 0.05, "mouth-corner-puller": 0.05}
_SIDES = ("left", "right")
_LOPSIDED = 0.07


@dataclass(frozen=True)
class Expression:
    """Weights of expression units, and how strong the expression is (0 for a neutral face)."""

    name: str
    intensity: float
    units: Mapping[str, float]

    def strength(self, pattern: str) -> float:
        """Weight of a unit; the mean of both sides for a pattern with `*`."""
        if "*" not in pattern:
            return self.units.get(pattern, 0.0)
        return sum(self.units.get(pattern.replace("*", side), 0.0) for side in _SIDES) / 2


def draw_expression(name: str, random: np.random.Generator) -> Expression:
    """Draw one face that shows an expression.

    Parameters
    ----------
    name : str
        One of :data:`anonbench.synthetic.plan.EXPRESSIONS`.
    random : numpy.random.Generator
        Of the image.

    Raises
    ------
    ValueError
        If there is no such expression.
    """
    if name not in EXPRESSIONS:
        raise ValueError(f"no expression {name!r}; there are {', '.join(EXPRESSIONS)}")
    neutral = name == "neutral"
    intensity = 0.0 if neutral else random.uniform(*INTENSITY)
    parts = [_ALWAYS[name], *(choices[random.integers(len(choices))] for choices in _ONE_OF[name])]
    units: dict[str, float] = {}
    for part in parts:
        for pattern, span in part.items():
            _add(units, pattern, intensity * random.uniform(*span), random)
    if neutral:
        for unit, spread in _REST.items():
            units[unit] = abs(random.normal(0, spread))
    if not any(unit.startswith("eye-") for unit in units):
        _add(units, "eye-*-closure", abs(random.normal(0, 0.06)), random)
    return Expression(name, intensity, units)


def _add(units: dict[str, float], pattern: str, weight: float, random: np.random.Generator) -> None:
    if "*" not in pattern:
        units[pattern] = units.get(pattern, 0.0) + weight
        return
    lean = random.normal(0, _LOPSIDED)
    for side, share in zip(_SIDES, (1 + lean, 1 - lean), strict=True):
        unit = pattern.replace("*", side)
        units[unit] = units.get(unit, 0.0) + weight * share
