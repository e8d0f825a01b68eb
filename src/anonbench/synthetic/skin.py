"""Skin of a subject, painted: complexion, spots, age lines, eyebrows, stubble, make-up, scalp."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anonbench.seeds import generator
from anonbench.synthetic import skin_map as on
from anonbench.synthetic.structures import Floats, Singles
from anonbench.synthetic.traits import Traits, linear

BROW_HEIGHT = 7.445
"""Height of the eyebrows on the base mesh, in decimetres."""

_HAEMOGLOBIN = (-0.15, -1.25, -0.85)  # log change of red, green, blue for a unit of each pigment
_MELANIN = (0.6, 1.0, 1.3)
_SHADOW = (0.8, 1.05, 0.95)
_SCALP = 0.6  # brightness of the scalp under hair, as a share of the hair's
_EYESHADOWS = ((96, 60, 54), (112, 80, 92), (70, 56, 58), (132, 92, 72))


@dataclass(frozen=True)
class Skin:
    """Painted maps of a subject, each (height, width) of :mod:`anonbench.synthetic.skin_map`.

    Attributes
    ----------
    albedo : ndarray of float32, shape (3, height, width)
        Linear RGB.
    relief : ndarray of float32, shape (height, width)
        Height of pores and lines, in arbitrary units.
    scalp : ndarray of float32, shape (height, width)
        Where hair grows on the head, 0 to 1.
    beard : ndarray of float32, shape (height, width)
        Where facial hair grows, 0 to 1.
    """

    albedo: Singles
    relief: Singles
    scalp: Singles
    beard: Singles


def paint_skin(traits: Traits) -> Skin:
    """Paint a subject's skin."""
    random = generator(traits.seed, "skin")
    albedo = _complexion(traits, random)
    relief = 0.5 * (0.6 * on.noise(random, 2.2) + 0.6 * on.noise(random, 4.5))
    _add_spots(albedo, traits, random)
    age_lines = _age_lines(traits, random)
    albedo *= 1 - 0.42 * age_lines[..., None] * np.array([0.7, 0.9, 0.9], dtype=np.float32)
    relief -= 4.5 * age_lines
    hair = _brow_colour(traits)
    _cover(albedo, _makeup(traits), linear(np.array(_EYESHADOWS[traits.seed // 7 % 4]) / 255))
    beard = beard_area(traits)
    _cover(albedo, _stubble(beard, traits, random), 0.85 * hair + 0.08 * traits.skin)
    _cover(albedo, _eyebrows(traits, random), hair)
    scalp = _scalp(traits, random)
    if traits.hair_style == "bald":
        shadow = np.float32(0.25 * random.random()) * scalp
        _cover(albedo, shadow, 0.5 * (hair + traits.skin))
        scalp = np.zeros_like(scalp)
    _cover(
        albedo, scalp * np.clip(0.93 + 0.08 * on.noise(random, 3), 0, 0.985), _SCALP * traits.hair
    )
    planes = np.ascontiguousarray(np.clip(albedo, 0.003, 0.95).transpose(2, 0, 1))
    return Skin(planes, relief.astype(np.float32), scalp, beard)


def hairline(angle: Singles, traits: Traits) -> Floats:
    """Height of the hairline on the base mesh at angles round the head (0 = front), in dm."""
    turn = np.abs(angle)
    knots = [0.0, 0.3, 0.62, 0.95, 1.12, 1.3, 1.42, 1.5, 1.72, 1.9, 2.3, np.pi]
    lift, back = traits.hairline, traits.recession
    sideburn = 7.05 if traits.gender == "male" else 7.2
    heights = [
        7.99 + lift + 0.3 * back, 7.98 + lift + 0.7 * back, 7.92 + lift + back,
        7.80 + lift + 0.6 * back, 7.55, sideburn, sideburn, 7.5, 7.5, 6.95, 6.62, 6.55,
    ]  # fmt: skip
    return np.interp(turn, knots, heights)


def beard_area(traits: Traits) -> Singles:
    """Where facial hair of the subject's style grows, 0 to 1."""
    g = on.grid()
    if traits.facial_hair == "none":
        return np.zeros((on.HEIGHT, on.WIDTH), dtype=np.float32)
    upper = 6.64 + 0.46 * np.clip((np.abs(g.x) - 0.34) / 0.4, 0, 1)
    jaw = _ramp(upper - g.y, 0.035) * _ramp(g.y - 6.02, 0.05) * _ramp(1.4 - np.abs(g.angle), 0.07)
    jaw = jaw * (1 - np.clip(1.5 * on.blob(0, 6.6, 0.3, 0.11), 0, 1))
    moustache = np.clip(1.5 * on.blob(0, 6.785, 0.17, 0.035), 0, 1)
    chin = np.clip(1.5 * jaw * on.blob(0, 6.28, 0.16, 0.26), 0, 1)
    goatee = np.maximum(np.clip(1.5 * jaw * on.blob(0, 6.32, 0.27, 0.28), 0, 1), moustache)
    styles = {"moustache": moustache, "chin": chin, "goatee": goatee}
    return styles.get(traits.facial_hair, np.maximum(jaw, moustache)).astype(np.float32)


def _ramp(distance: Singles, width: float) -> Singles:
    """Return a soft step from 0 to 1 where a distance changes its sign."""
    return 1 / (1 + np.exp(-np.clip(distance / width, -30, 30)))  # type: ignore[no-any-return]


def _cover(albedo: Singles, cover: Singles, colour: Floats) -> None:
    share = cover[..., None]
    albedo *= 1 - share
    albedo += share * colour.astype(np.float32)


def _brow_colour(traits: Traits) -> Floats:
    """Brows and beards of fair or grey hair are darker than the hair, and than the skin."""
    darker = traits.hair * (0.5 if traits.hair.mean() > 0.2 else 1.0)
    return np.minimum(darker, 0.42 * traits.skin)


def _complexion(traits: Traits, random: np.random.Generator) -> Singles:
    fine = 0.5 * on.noise(random, 2.5) + 0.5 * on.noise(random, 5)
    middle = 0.6 * on.noise(random, 16) + 0.6 * on.noise(random, 42)
    broad = 0.6 * on.noise(random, 120) + 0.8 * on.noise(random, 240)
    light = 1 + 0.02 * fine + (0.025 + 0.045 * traits.age) * middle + 0.028 * broad
    blood = 0.045 * (0.6 * on.noise(random, 24) + 0.8 * on.noise(random, 70))
    flush = 0.13 * random.uniform(0.3, 1.4) * on.both(0.42, 6.86, 0.2, 0.2)
    flush += 0.12 * random.uniform(0.3, 1.6) * on.blob(0, 6.86, 0.14, 0.12)
    flush += 0.05 * on.blob(0, 6.3, 0.2, 0.14) + 0.08 * on.both(0.84, 7.1, 0.05, 0.3)
    blood = blood + flush * (1.0 if traits.tone < 4 else 0.55)
    brown = 0.05 * (0.6 * on.noise(random, 45) + 0.8 * on.noise(random, 110))
    shadow = random.uniform(0.12, 0.26) * on.both(0.31, 7.275, 0.19, 0.115)
    shadow += random.uniform(0, 0.2) * (0.4 + traits.age) * on.both(0.3, 7.1, 0.15, 0.05)
    albedo = np.empty((on.HEIGHT, on.WIDTH, 3), dtype=np.float32)
    pigments = zip(_HAEMOGLOBIN, _MELANIN, _SHADOW, strict=True)
    for channel, (red, dark, shade) in enumerate(pigments):
        change = np.exp(red * blood - dark * brown - shade * shadow)
        albedo[..., channel] = traits.skin[channel] * light * change
    return albedo


def _add_spots(albedo: Singles, traits: Traits, random: np.random.Generator) -> None:
    """Freckles on some fair skins, moles on most, age spots on old ones."""
    freckled = traits.tone < 2.6 and random.random() < 0.35
    count = int(random.uniform(150, 500)) if freckled else 0
    old = int(40 * max(0.0, traits.age - 0.3))
    moles = 1 + int(random.poisson(1.5))
    places = np.concatenate(
        [
            random.normal([0, 6.95], [0.36, 0.17], (count, 2)),
            np.stack([random.uniform(-0.7, 0.7, old), random.uniform(6.7, 8.1, old)], axis=1),
            np.stack([random.uniform(-0.6, 0.6, moles), random.uniform(6.3, 7.9, moles)], axis=1),
        ]
    )
    radii = np.concatenate(
        [
            random.uniform(0.7, 2.0, count),
            random.uniform(1.5, 4.0, old),
            random.uniform(1.4, 3.2, moles),
        ]
    )
    strengths = np.concatenate(
        [
            random.uniform(0.15, 0.45, count),
            random.uniform(0.1, 0.3, old),
            random.uniform(0.5, 0.9, moles),
        ]
    )
    mask = on.blur(on.spots(places, radii, strengths), 0.8)
    albedo *= 1 - mask[..., None] * np.array([0.45, 0.65, 0.72], dtype=np.float32)


def _age_lines(traits: Traits, random: np.random.Generator) -> Singles:
    """Furrows that stay when the face is at rest, deeper with age, 0 to about 0.7."""
    depth = max(0.0, traits.age - 0.15)
    strokes, widths, strengths = [], [], []

    def stroke(places: list[tuple[float, float]] | Floats, width: float, strength: float) -> None:
        strokes.append(np.asarray(places, dtype=float))
        widths.append(width)
        strengths.append(strength)

    for k in range(int(random.integers(2, 5))):
        x = np.linspace(-0.42, 0.42, 20) * random.uniform(0.7, 1)
        y = 7.60 + 0.09 * k + random.normal(0, 0.01) + 0.014 * np.cos(6 * x)
        stroke(np.stack([x, y + random.normal(0, 0.003, 20)], axis=1), 2, random.uniform(0.3, 0.8))
    for side in (-1, 1):
        for k in range(3):
            end = (side * random.uniform(0.62, 0.68), 7.30 - 0.055 * k)
            stroke([(side * 0.53, 7.255 - 0.02 * k), end], 1, random.uniform(0.2, 0.5))
        fold = [(0.17, 6.93), (0.25, 6.82), (0.305, 6.66), (0.31, 6.54)]
        stroke([(side * x, y) for x, y in fold], 2.5, random.uniform(0.3, 0.7))
        bag = [(0.18, 7.12), (0.3, 7.07), (0.44, 7.12)]
        stroke([(side * x, y) for x, y in bag], 2, random.uniform(0.2, 0.6))
        stroke([(side * 0.05, 7.38), (side * 0.055, 7.52)], 1.5, random.uniform(0, 0.5))
    soft = on.blur(on.lines(strokes, widths, strengths), 1.5)
    return np.float32(depth) * soft


def _eyebrows(traits: Traits, random: np.random.Generator) -> Singles:
    """Hair by hair, on a soft shadow of themselves."""
    brow = traits.brows
    strokes: list[Floats] = []
    strengths: list[float] = []
    for side in (-1, 1):
        count = int(420 * brow.density)
        t = random.random(count)
        x = brow.inner + (brow.outer - brow.inner) * t
        middle = (
            BROW_HEIGHT
            + brow.lift
            + brow.arch * np.sin(np.pi * t**1.4)
            + 0.012 * np.clip(t / 0.6, 0, 1)
            - 0.045 * np.clip((t - 0.6) / 0.4, 0, 1) ** 1.5
            + brow.tilt * t
        )
        half = brow.thickness * (1 - 0.75 * t**1.8) * np.clip(t / 0.06, 0.35, 1)
        y = middle + half * random.uniform(-1, 1, count)
        angle = np.deg2rad(75 - 85 * np.clip(1.3 * t, 0, 1) + random.normal(0, 12, count))
        length = 0.035 * random.uniform(0.7, 1.5, count)
        ends = np.stack([side * (x + np.cos(angle) * length), y + np.sin(angle) * length], axis=1)
        strokes.extend(np.stack([np.stack([side * x, y], axis=1), ends], axis=1))
        strengths.extend(random.uniform(0.4, 0.9, count))
    hairs = on.lines(strokes, [1.0] * len(strokes), strengths)
    under = np.clip(0.9 * on.blur(hairs, 4.5), 0, 1)
    mask = np.maximum(on.blur(hairs, 0.6), under) * (0.9 + 0.4 * brow.density)
    return np.clip(mask, 0, 0.95)


def _stubble(area: Singles, traits: Traits, random: np.random.Generator) -> Singles:
    """Return the shadow of a beard: what of it is not drawn as strands."""
    grain = np.clip(0.6 + 0.4 * on.noise(random, 1.8) + 0.3 * on.noise(random, 3), 0, 1)
    strength = traits.beard_strength * (1.0 if traits.facial_hair == "stubble" else 0.95)
    return np.clip(area * strength * (0.5 + 0.5 * grain), 0, 0.9).astype(np.float32)


def _makeup(traits: Traits) -> Singles:
    return np.clip(0.45 * traits.makeup * on.both(0.31, 7.345, 0.15, 0.05), 0, 0.5)


def _scalp(traits: Traits, random: np.random.Generator) -> Singles:
    g = on.grid()
    line = hairline(g.angle, traits)
    ragged = 0.018 * on.noise(random, 5) + 0.018 * on.noise(random, 2.2)
    return _ramp(g.y - line.astype(np.float32) + ragged, 0.03).astype(np.float32)
