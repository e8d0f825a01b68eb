"""What distinguishes one subject from another, drawn from the subject's number.

Subject ``n`` belongs to cell ``n % 6`` of gender x ancestry, so every run of six subjects is
balanced. Within a cell, the visible traits follow additive recurrences (Kronecker sequences), which
spread the subjects of any range evenly over each trait; the finer ones are random.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anonbench.seeds import generator
from anonbench.synthetic.structures import Floats

GENDERS = ("female", "male")
ANCESTRIES = ("caucasian", "african", "asian")

_SEED = 20
"""Seed of the traits. Another value makes other subjects out of the same numbers."""

SKIN_LADDER = np.array(
    [[240, 206, 188], [234, 194, 171], [226, 180, 150], [212, 160, 126], [186, 138, 106],
     [156, 112, 86], [124, 88, 68], [96, 68, 54], [72, 52, 43]]
) / 255.0  # fmt: skip
"""sRGB of skin tones 0 (fair) to 8 (dark)."""

_TONES = {"caucasian": (0.0, 3.6), "african": (3.8, 6.6), "asian": (0.6, 4.6)}
_HAIR_COLOURS = {
    "black": (20, 17, 16), "dark brown": (44, 30, 22), "brown": (76, 50, 32),
    "light brown": (112, 80, 52), "blond": (172, 136, 86), "light blond": (200, 172, 124),
    "red": (122, 58, 28), "grey": (122, 120, 118), "white": (182, 180, 176),
}  # fmt: skip
_DARK_HAIR = {"black": 0.56, "dark brown": 0.28, "brown": 0.09, "light brown": 0.04, "red": 0.03}
_ANY_HAIR = {
    "black": 0.1, "dark brown": 0.2, "brown": 0.22, "light brown": 0.17, "blond": 0.15,
    "light blond": 0.07, "red": 0.09,
}  # fmt: skip
_IRISES = {
    "brown": (0.16, 0.07, 0.03), "dark brown": (0.07, 0.035, 0.02), "hazel": (0.22, 0.15, 0.06),
    "green": (0.16, 0.22, 0.11), "blue": (0.15, 0.22, 0.32), "grey": (0.25, 0.29, 0.31),
}  # fmt: skip
_STYLES: Mapping[tuple[str, str], Mapping[str, float]] = {
    ("male", "african"): {
        "buzz": 3, "bald": 0.6, "afro": 2, "curly": 2, "crop": 1.5, "locks": 1,
    },
    ("male", ""): {
        "crop": 2.4, "side parting": 2.2, "swept back": 1.6, "buzz": 1.3, "curly": 1.2,
        "bald": 0.6, "shoulder": 0.6, "tousled": 1.6,
    },
    ("female", "african"): {
        "afro": 2, "curly": 2, "tied back": 1.6, "locks": 1.4, "long wavy": 1, "buzz": 0.8,
    },
    ("female", ""): {
        "long": 2, "long wavy": 2, "shoulder": 1.6, "bob": 1.6, "tied back": 1.5, "crop": 0.8,
        "curly": 0.9, "swept back": 0.5,
    },
}  # fmt: skip
_BEARDS = {
    "none": 0.38, "stubble": 0.2, "full": 0.16, "goatee": 0.1, "moustache": 0.09, "chin": 0.07,
}  # fmt: skip
_GLASSES = {"none": 0.8, "rectangular": 0.08, "round": 0.06, "rimless": 0.06}


@dataclass(frozen=True)
class Brows:
    """Shape of the eyebrows, lengths in decimetres."""

    thickness: float
    arch: float
    inner: float
    outer: float
    lift: float
    density: float
    tilt: float


@dataclass(frozen=True)
class Traits:
    """A subject's attributes. Colours are linear RGB, lengths decimetres.

    `age` runs from 0 (25 years) to 1 (90 years), `masculinity` from 0 to 1, `muscle` and `weight`
    from 0 to 1, `tone` along :data:`SKIN_LADDER`; `ancestries` are the shares of
    :data:`ANCESTRIES`; `recession` lifts the hairline at the temples.
    """

    seed: int
    gender: str
    ancestry: str
    ancestries: tuple[float, float, float]
    masculinity: float
    age: float
    muscle: float
    weight: float
    tone: float
    skin: Floats
    hair_style: str
    hair_colour: str
    hair: Floats
    hairline: float
    recession: float
    facial_hair: str
    beard_strength: float
    brows: Brows
    iris_colour: str
    iris: Floats
    lip_strength: float
    makeup: float
    lipstick: Floats
    glasses: str
    shirt: Floats
    neckline: float

    @property
    def years(self) -> int:
        """Apparent age in years."""
        return round(25 + 65 * self.age)


def linear(colour: Floats) -> Floats:
    """Turn sRGB values in [0, 1] into linear ones (IEC 61966-2-1)."""
    return np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)


def draw_traits(seed: int) -> Traits:
    """Return the attributes of a subject.

    Parameters
    ----------
    seed : int
        The subject's number, not negative.
    """
    even = _Even(seed)
    gender, ancestry = GENDERS[seed % 2], ANCESTRIES[seed // 2 % 3]
    male = gender == "male"
    random = generator(_SEED, "traits", seed)
    age = _age(even("age"))
    tone = _between(even("tone"), *_TONES[ancestry])
    colour = _hair_colour(even("hair colour"), even("greying"), ancestry, age)
    iris = _pick(
        even("iris"),
        {"brown": 1, "dark brown": 2} if ancestry != "caucasian" else dict.fromkeys(_IRISES, 1.0),
    )
    style = _pick(even("hair style"), _STYLES[gender, "african" if ancestry == "african" else ""])
    beard = _pick(even("beard"), _BEARDS) if male else "none"
    makeup = max(0.0, _between(even("makeup"), -0.7, 1.0)) if not male else 0.0
    return Traits(
        seed=seed,
        gender=gender,
        ancestry=ancestry,
        ancestries=_mixture(random, ANCESTRIES.index(ancestry)),
        masculinity=random.uniform(0.75, 1.0) if male else random.uniform(0.0, 0.12),
        age=age,
        muscle=_between(even("muscle"), 0.1, 0.9),
        weight=_between(even("weight"), 0.08, 0.92),
        tone=tone,
        skin=_skin(tone, random),
        hair_style=style,
        hair_colour=colour,
        hair=linear(np.array(_HAIR_COLOURS[colour]) / 255) * random.uniform(0.8, 1.25),
        hairline=random.normal(0, 0.05),
        recession=random.uniform(0, 0.3) * (0.25 + age) if male else 0.0,
        facial_hair=beard,
        beard_strength=random.uniform(0.2, 0.5) if beard == "stubble" else random.uniform(0.7, 1),
        brows=_brows(random, male),
        iris_colour=iris,
        iris=np.array(_IRISES[iris]) * random.uniform(0.8, 1.2),
        lip_strength=random.uniform(0.3, 0.75) if male else random.uniform(0.5, 1.0),
        makeup=makeup,
        lipstick=_lipstick(random),
        glasses=_pick(even("glasses"), _GLASSES),
        shirt=linear(np.clip(random.uniform(0.08, 0.9) * (0.6 + 0.4 * random.random(3)), 0, 1)),
        neckline=random.uniform(0.08, 0.26),
    )


class _Even:
    """Values in [0, 1) that fill the unit interval evenly along the subjects of one cell."""

    _NAMES = (
        "age", "tone", "hair colour", "greying", "iris", "hair style", "beard", "makeup", "muscle",
        "weight", "glasses",
    )  # fmt: skip
    _PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31)

    def __init__(self, seed: int) -> None:
        self._cell, self._place = seed % 6, seed // 6

    def __call__(self, name: str) -> float:
        step = math.sqrt(self._PRIMES[self._NAMES.index(name)])
        start = generator(_SEED, "even", self._cell, name).random()
        return float((start + self._place * step) % 1.0)


def _between(share: float, low: float, high: float) -> float:
    return low + (high - low) * share


def _pick(share: float, weights: Mapping[str, float]) -> str:
    """Name at a share of the cumulated weights."""
    rest = share * sum(weights.values())
    for name, weight in weights.items():
        rest -= weight
        if rest < 0:
            return name
    return name


def _age(share: float) -> float:
    """Half of the subjects young, three tenths middle-aged, a fifth old."""
    return float(np.interp(share, [0, 0.5, 0.8, 1], [0.0, 0.25, 0.55, 0.95]))


def _mixture(random: np.random.Generator, main: int) -> tuple[float, float, float]:
    shares = 0.22 * random.dirichlet([0.35] * 3)
    shares[main] += 0.78
    return tuple(float(share) for share in shares)  # type: ignore[return-value]


def _skin(tone: float, random: np.random.Generator) -> Floats:
    step = min(int(tone), len(SKIN_LADDER) - 2)
    colour = SKIN_LADDER[step] + (tone - step) * (SKIN_LADDER[step + 1] - SKIN_LADDER[step])
    warmth = random.normal(0, 0.03)
    tint = np.array([1 + abs(warmth) / 2, 1 - abs(random.normal(0, 0.012)), 1 + warmth])
    return linear(np.clip(colour * tint, 0, 1))


def _hair_colour(share: float, greying: float, ancestry: str, age: float) -> str:
    if greying < np.clip((age - 0.35) * 2, 0, 0.8):
        return "grey" if share < 0.6 else "white"
    return _pick(share, _ANY_HAIR if ancestry == "caucasian" else _DARK_HAIR)


def _brows(random: np.random.Generator, male: bool) -> Brows:
    return Brows(
        thickness=random.uniform(0.022, 0.052) if male else random.uniform(0.013, 0.03),
        arch=random.uniform(-0.005, 0.035),
        inner=random.uniform(0.075, 0.14),
        outer=random.uniform(0.5, 0.6),
        lift=random.normal(0, 0.014),
        density=random.uniform(0.4, 1.1),
        tilt=random.normal(0, 0.01),
    )


def _lipstick(random: np.random.Generator) -> Floats:
    shades = [[190, 40, 56], [150, 30, 60], [196, 82, 80], [128, 44, 46], [206, 96, 110]]
    return linear(np.array(shades[random.integers(len(shades))]) / 255)
