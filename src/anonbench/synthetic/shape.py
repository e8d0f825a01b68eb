"""The shape of a subject's head: morph targets weighted by the subject's traits.

Gender, age, ancestry, muscle and weight blend MakeHuman's macro targets; on top, every pair of
opposite detail targets (decrease / increase, up / down, ...) gets one random weight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

import numpy as np

from anonbench.seeds import generator
from anonbench.synthetic.assets import Assets, Target
from anonbench.synthetic.structures import Floats
from anonbench.synthetic.traits import ANCESTRIES, Traits

Weights = dict[str, float]

_HEAD_SHAPES = (
    "diamond",
    "invertedtriangular",
    "oval",
    "rectangular",
    "round",
    "square",
    "triangular",
)
_OPPOSITES = (
    ("decr", "incr"), ("down", "up"), ("backward", "forward"), ("in", "out"),
    ("concave", "convex"), ("compress", "uncompress"),
)  # fmt: skip
_SPREAD = {  # standard deviation of the weights, and so how far subjects lie apart
    "head": 0.22, "nose": 0.34, "mouth": 0.29, "eyes": 0.37, "chin": 0.24, "cheek": 0.26,
    "ears": 0.27, "forehead": 0.24, "eyebrows": 0.28, "neck": 0.12,
}  # fmt: skip
_LARGEST = 0.65
_LEFT_OUT = (  # move the head off the neck, or pull a face of their own (an open jaw)
    "neck-trans", "head-trans", "head-age", "head-angle", "nose-trans-in", "mouth-trans-in",
    "nose-compression",
)  # fmt: skip
_DAMPED = {
    "trans": 0.6, "eye-scale": 0.6, "eye-height": 0.6, "forehead-nubian": 0.6,
    "eyebrows-angle": 0.4, "mouth-angles": 0.3, "lip-ext": 0.6, "nose-point": 0.8,
}  # fmt: skip
_ASYMMETRY = 0.06
_AT_REST = {"eye-left-opened-up": 0.3, "eye-right-opened-up": 0.3}  # the base mesh looks sleepy


def morph(assets: Assets, traits: Traits) -> Floats:
    """Return the body of a subject with a neutral face.

    Returns
    -------
    ndarray of float64, shape (vertices, 3)
        Positions in decimetres.
    """
    weights: Weights = {}
    for name, weight in _all_weights(assets.targets, traits):
        weights[name] = weights.get(name, 0.0) + weight
    return apply_targets(assets.base.vertices, assets.targets, weights)


def apply_targets(
    vertices: Floats, targets: Mapping[str, Target], weights: Mapping[str, float]
) -> Floats:
    """Return vertices displaced by targets; those of weight 0 cost nothing."""
    out = vertices.copy()
    for name, weight in weights.items():
        if weight:
            target = targets[name]
            out[target.index] += weight * target.offset
    return out


def _all_weights(targets: Mapping[str, Target], traits: Traits) -> Iterator[tuple[str, float]]:
    yield from _macro(traits)
    random = generator(traits.seed, "shape")
    shapes = random.dirichlet([0.25] * len(_HEAD_SHAPES)) * random.uniform(0.15, 0.6)
    for name, weight in zip(_HEAD_SHAPES, shapes, strict=True):
        yield f"head/head-{name}", float(weight)
    for name, weight in _AT_REST.items():
        for ancestry, share in zip(ANCESTRIES, traits.ancestries, strict=True):
            yield f"expression/units/{ancestry}/{name}", share * weight
    for part, low, high in _axes(tuple(targets)):
        yield from _detail(part, low, high, traits, random)


def _macro(traits: Traits) -> Iterator[tuple[str, float]]:
    for gender, by_gender in (("male", traits.masculinity), ("female", 1 - traits.masculinity)):
        for age, by_age in (("young", 1 - traits.age), ("old", traits.age)):
            share = by_gender * by_age
            for ancestry, by_ancestry in zip(ANCESTRIES, traits.ancestries, strict=True):
                yield f"macrodetails/{ancestry}-{gender}-{age}", share * by_ancestry
            for muscle, by_muscle in _levels(traits.muscle):
                for weight, by_weight in _levels(traits.weight):
                    name = f"universal-{gender}-{age}-{muscle}muscle-{weight}weight"
                    yield f"macrodetails/{name}", share * by_muscle * by_weight


def _levels(value: float) -> tuple[tuple[str, float], ...]:
    """Shares of the least, the average and the greatest, piecewise linear in the value."""
    return (
        ("min", max(0.0, 1 - 2 * value)),
        ("average", 1 - abs(2 * value - 1)),
        ("max", max(0.0, 2 * value - 1)),
    )


@lru_cache(maxsize=1)
def _axes(names: tuple[str, ...]) -> tuple[tuple[str, str, str], ...]:
    """Pairs of opposite targets: part, lower name, higher name; of two sides only the left one."""
    found, known = [], set(names)
    for name in sorted(names):
        part, _, detail = name.partition("/")
        if part not in _SPREAD or detail.startswith("r-") or any(x in detail for x in _LEFT_OUT):
            continue
        for low, high in _OPPOSITES:
            other = detail[: -len(low)] + high
            if detail.endswith(f"-{low}") and f"{part}/{other}" in known:
                found.append((part, detail, other))
    return tuple(found)


def _detail(
    part: str, low: str, high: str, traits: Traits, random: np.random.Generator
) -> Iterator[tuple[str, float]]:
    damping = min((factor for key, factor in _DAMPED.items() if key in low), default=1.0)
    value = np.clip(random.normal(0, _SPREAD[part]), -_LARGEST, _LARGEST) * damping
    if "epicanthus" in low:
        value = np.clip(value + (0.5 if traits.ancestry == "asian" else -0.2), -1, 1)
    yield _one_side(part, low, high, float(value))
    if low.startswith("l-"):
        value = np.clip(value + random.normal(0, _ASYMMETRY), -1, 1)
        yield _one_side(part, "r" + low[1:], "r" + high[1:], float(value))


def _one_side(part: str, low: str, high: str, value: float) -> tuple[str, float]:
    return f"{part}/{high if value > 0 else low}", abs(value)
