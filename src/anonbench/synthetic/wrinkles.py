"""Folds that an expression makes in the skin: maps painted once, and how much of each is seen."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from anonbench.synthetic import skin_map as on
from anonbench.synthetic.expressions import Expression
from anonbench.synthetic.structures import Floats, Singles

FOLDS = ("frown", "forehead", "cheek", "eye", "nose")
"""Between the brows; across the forehead; from nose to mouth; beside the eyes; across the nose."""


def fold_weights(expression: Expression, age: float) -> dict[str, float]:
    """Return how deep each fold is, 0 to about 1.3; older skin (age 0 to 1) folds deeper."""
    unit = expression.strength
    smile = unit("mouth-corner-puller") + 0.5 * unit("mouth-upward-retraction")
    raised = unit("eyebrows-*-up") + 0.35 * unit("eyebrows-*-inner-up")
    sneer = unit("nose-*-elevation")
    weights = {
        "frown": 0.75 * unit("eyebrows-*-down") + 0.25 * unit("eyebrows-*-inner-up"),
        "forehead": 0.75 * raised + 0.3 * unit("eyebrows-*-extern-up"),
        "cheek": 0.85 * smile + 0.45 * sneer + 0.35 * unit("mouth-retraction"),
        "eye": 0.9 * min(smile, 1.0) * unit("eye-*-slit") / 0.4 + 0.3 * unit("eye-*-slit"),
        "nose": 0.7 * sneer,
    }
    return {name: min(weight, 1.2) * (0.45 + 0.7 * age) for name, weight in weights.items()}


def folded(weights: dict[str, float]) -> Singles:
    """Return the depth of all folds together, shape (height, width), not negative."""
    maps = _maps()
    out = np.zeros((on.HEIGHT, on.WIDTH), dtype=np.float32)
    for name, weight in weights.items():
        if weight > 0.01:
            rows, fold = maps[name]
            out[rows] += np.float32(weight) * fold
    return out


@lru_cache(maxsize=1)
def _maps() -> dict[str, tuple[slice, Singles]]:
    """Each fold's map, cut to the rows where it is not zero."""
    maps = {}
    for name in FOLDS:
        strokes, width, blur = _strokes(name)
        whole = on.blur(on.lines(strokes, [width] * len(strokes), [1.0] * len(strokes)), blur)
        rows = np.flatnonzero(whole.max(axis=1) > 1e-4)
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        maps[name] = (part, np.ascontiguousarray(whole[part]))
    return maps


def _strokes(name: str) -> tuple[Sequence[Floats], float, float]:
    """Lines of a fold in decimetres, their width and blur in pixels."""
    if name == "frown":
        return _mirrored([(0.055, 7.36), (0.045, 7.44), (0.06, 7.53)]), 3, 2.6
    if name == "forehead":
        x = np.linspace(-0.4, 0.4, 24)
        rows = (7.64, 7.73, 7.82)
        return [np.stack([x, y + 0.02 * np.cos(5 * x)], axis=1) for y in rows], 3, 2.6
    if name == "cheek":
        fold = [(0.16, 6.95), (0.235, 6.86), (0.29, 6.74), (0.325, 6.6)]
        return _mirrored(fold), 4, 4.0
    if name == "eye":
        lines = []
        for k in range(3):
            lines += _mirrored([(0.54, 7.26 - 0.025 * k), (0.63, 7.31 - 0.06 * k)])
        return lines, 2, 1.8
    lines = []
    for k in range(3):
        lines += _mirrored(
            [(0.02, 7.2 - 0.05 * k), (0.075, 7.23 - 0.05 * k), (0.11, 7.21 - 0.05 * k)]
        )
    return lines, 2, 2.0


def _mirrored(places: list[tuple[float, float]]) -> list[Floats]:
    return [np.array([(side * x, y) for x, y in places]) for side in (-1, 1)]
