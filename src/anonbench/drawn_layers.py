"""Layers of a drawn face, from the background to the glasses, and the canvas that lights them.

Face coordinates: the origin lies between the eyes, x runs right, y down, and 1.0 is about 90 mm.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.types import Pixels

Array = NDArray[np.float64]

_SUPERSAMPLING = 2


@dataclass(frozen=True)
class Traits:
    """What stays over the views of one subject (lengths in face coordinates, colours in 0..1)."""

    skin: Array
    hair: Array
    iris: Array
    haircut: str
    hair_volume: float
    parting: float
    width: float
    chin: float
    jaw: float
    eye_x: float
    eye_width: float
    eye_open: float
    eye_tilt: float
    lashes: float
    brow_y: float
    brow_thick: float
    brow_arch: float
    nose_y: float
    nose_width: float
    mouth_y: float
    mouth_width: float
    lips: float
    lip_red: float
    lines: float
    beard: str
    glasses: bool
    mole: tuple[float, float] | None


@dataclass(frozen=True)
class View:
    """What changes from view to view."""

    light: Array
    ambient: float
    background: Array
    shirt: Array
    shift: tuple[float, float]
    scale: float
    angle: float
    turn: float
    smile: float
    gape: float
    eyes: float
    brow_raise: float
    brow_frown: float


def _step(value: Array, soft: float) -> Array:
    """Smooth step from 0 (at ``-soft``) to 1 (at ``+soft``)."""
    t: Array = np.clip(0.5 + 0.5 * value / soft, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def _bell(value: Array, width: float) -> Array:
    """Gaussian of height 1."""
    bell: Array = np.exp(-0.5 * (value / width) ** 2)
    return bell


class Canvas:
    """One picture in the making: colour (reflectance), relief and darkening, layer over layer.

    ``x, y`` are face coordinates, ``u`` is ``x`` for features on a slightly turned face and ``m``
    its absolute value, with which a feature is drawn on both sides at once.
    """

    def __init__(self, view: View, size: int) -> None:
        n = size * _SUPERSAMPLING
        self.unit = 0.27 * n * view.scale  # pixels per 90 mm
        rows, columns = np.mgrid[0:n, 0:n].astype(np.float64)
        dx = (columns + 0.5 - 0.5 * n) / self.unit - view.shift[0]
        dy = (rows + 0.5 - 0.5 * n) / self.unit - view.shift[1]
        cos, sin = np.cos(view.angle), np.sin(view.angle)
        self.x: Array = cos * dx + sin * dy
        self.y: Array = -sin * dx + cos * dy + 0.12
        self.u: Array = self.x - view.turn * np.clip(1.0 - (self.x / 0.77) ** 2, 0.0, 1.0)
        self.m: Array = np.abs(self.u)
        self.relief: Array = np.zeros((n, n))
        self.dark: Array = 1.0 - 0.1 * np.clip(self.y, -1.5, 1.5)
        self.colour: Array = np.tile(view.background, (n, n, 1))

    def paint(self, colour: Array, mask: Array) -> None:
        """Cover with a colour, as far as the mask (0..1) says."""
        self.colour += mask[..., None] * (colour - self.colour)

    def shade(self, mask: Array, amount: float) -> None:
        """Darken by a share of the light where the mask is 1."""
        self.dark *= 1.0 - amount * mask

    def finish(self, view: View, size: int) -> Pixels:
        """Light the relief (Lambert's cosine law, one lamp, ambient light) and scale it down."""
        relief = cv2.GaussianBlur(self.relief, (0, 0), 0.012 * self.unit)
        slope_y, slope_x = np.gradient(relief * self.unit)
        cosine = view.light[2] - slope_x * view.light[0] - slope_y * view.light[1]
        cosine /= np.sqrt(1.0 + slope_x**2 + slope_y**2)
        lit = view.ambient + (1.08 - view.ambient) * np.clip(cosine, 0.0, 1.0)
        picture = cv2.GaussianBlur(self.colour * (lit * self.dark)[..., None], (0, 0), 1.0)
        picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
        pixels: Pixels = np.clip(np.rint(picture * 255.0), 0, 255).astype(np.uint8)
        return pixels


def draw_body(c: Canvas, t: Traits, v: View) -> None:
    """Long hair behind the neck, neck, shirt, ears."""
    if t.haircut == "long":
        side = np.hypot(c.x / (t.width + t.hair_volume), np.minimum(c.y - 0.1, 0.0) / 1.45)
        c.paint(0.8 * t.hair, _step(1.0 - side, 0.03) * _step(1.5 - c.y, 0.1))
    neck = _step(0.48 - np.abs(c.x), 0.03) * _step(c.y - 0.6, 0.05)
    c.paint(t.skin * (1.0 - 0.35 * (c.x[..., None] / 0.48) ** 2).clip(0.5), neck)
    c.shade(neck * _step(t.chin + 0.25 - c.y, 0.30), 0.45)
    collar = 1.52 + 0.15 * c.x**2 + 0.22 * _bell(c.x, 0.28)
    c.paint(v.shirt.clip(0.05), _step(c.y - collar, 0.03))
    c.shade(_bell(c.y - collar - 0.05, 0.02), 0.25)
    ear = np.hypot((np.abs(c.x) - t.width) / 0.10, (c.y - 0.18) / 0.25)
    c.paint(0.85 * t.skin, _step(1.0 - ear, 0.15))


def draw_head(c: Canvas, t: Traits) -> Array:
    """Skin, relief and soft shadows of the head; returns the mask of the face."""
    below = np.clip((c.y - 0.1) / (t.chin - 0.1), 0.0, None)
    jaw = (np.abs(c.x / t.width) ** t.jaw + below**t.jaw) ** (1.0 / t.jaw)
    r = np.where(c.y < 0.1, np.hypot(c.x / t.width, (c.y - 0.1) / 1.32), jaw)  # 1 on the outline
    face = _step(1.0 - r, 0.02)
    c.paint(t.skin, face)
    c.dark += face * (1.0 - c.dark)
    c.relief += 0.62 * face * np.sqrt(np.clip(1.0 - r**2, 0.0, 1.0) + 0.01)
    for height, at, wide, high in (
        (-0.10, (t.eye_x, -0.01), 0.15, 0.09),  # eye sockets
        (0.06, (t.eye_x, -0.22), 0.22, 0.07),  # brow ridge
        (0.05, (t.eye_x + 0.12, 0.42), 0.16, 0.16),  # cheeks
        (0.05, (0.7 * t.nose_width, t.nose_y - 0.04), 0.05, 0.05),  # wings of the nose
        (0.06, (0.0, t.chin - 0.16), 0.16, 0.10),  # chin
    ):
        c.relief += height * face * _bell(c.m - at[0], wide) * _bell(c.y - at[1], high)
    along = np.clip((c.y + 0.12) / (t.nose_y + 0.12), 0.0, 1.0)
    ridge = np.exp(-0.5 * (c.u / (0.06 + 0.4 * t.nose_width * along**2)) ** 2)
    c.relief += 0.24 * along**1.3 * ridge * _step(t.nose_y + 0.04 - c.y, 0.08) * face
    c.shade(face * _bell(c.m - t.eye_x + 0.02, 0.17) * _bell(c.y + 0.05, 0.10), 0.30)
    c.shade(face * _bell(c.m - 0.14, 0.06) * _bell(c.y - 0.02, 0.12), 0.15)
    c.shade(face * _step(r - 0.9, 0.12), 0.25)
    blush = _bell(c.m - 0.42, 0.15) * _bell(c.y - 0.4, 0.12)
    c.paint(np.array([0.85, 0.45, 0.38]), 0.18 * face * blush)
    _beard(c, t, face * _step(r - 0.62, 0.3))
    return face


def _beard(c: Canvas, t: Traits, rim: Array) -> None:
    lip = _bell(c.y - t.mouth_y + t.lips + 0.06, 0.04) * _step(t.mouth_width * 1.1 - c.m, 0.08)
    jaw = rim * _step(c.y - 0.35 - 0.5 * _step(0.45 - c.m, 0.3), 0.25)
    on_lip, on_jaw = {
        "none": (0.0, 0.0),
        "moustache": (0.9, 0.0),
        "stubble": (0.35, 0.35),
        "full": (0.9, 0.9),
    }[t.beard]
    c.paint(0.8 * t.hair, np.maximum(on_lip * lip, on_jaw * jaw))


def draw_eyes(c: Canvas, t: Traits, v: View) -> None:
    """Eyes, lids, lashes, bags below, brows."""
    ex = c.m - t.eye_x  # grows outwards
    ey = c.y + t.eye_tilt * ex
    top = t.eye_open * v.eyes * (1.0 - (ex / t.eye_width) ** 2)
    opening = _step(np.minimum(ey + top, 0.7 * top - ey), 0.015)
    near = _step(t.eye_width + 0.015 - np.abs(ex), 0.03)
    iris = np.hypot(ex, ey + 0.01)
    c.dark += 0.7 * opening * (1.0 - c.dark)  # the white of the eye stays bright
    c.paint(np.array([0.93, 0.92, 0.90]), opening)
    c.paint(t.iris, opening * _step(0.072 - iris, 0.015))
    c.paint(np.full(3, 0.03), opening * _step(0.035 - iris, 0.012))
    glint = np.hypot(c.m - t.eye_x + 0.02 * np.sign(c.u), ey + 0.03)
    c.paint(np.ones(3), 0.9 * _step(0.014 - glint, 0.01))
    c.paint(np.array([0.07, 0.05, 0.04]), 0.9 * near * _bell(ey + top, 0.012 + 0.012 * t.lashes))
    c.shade(near * _bell(ey + top + 0.06, 0.015), 0.22)
    c.shade(near * _bell(ey - 0.7 * top, 0.014), 0.2 + 0.3 * t.lashes)
    c.shade(near * _bell(ey - 0.14, 0.03), 0.25 * t.lines)
    along = np.clip((ex + 0.2) / 0.42, 0.0, 1.0)
    middle = t.brow_y - v.brow_raise - t.brow_arch * np.sin(0.9 * np.pi * along)
    middle = middle + v.brow_frown * (1.0 - along)
    brow = _step(t.brow_thick * (1.1 - 0.7 * along**2) - np.abs(c.y - middle), 0.03)
    c.paint(0.55 * t.hair, 0.85 * brow * _step(0.23 - np.abs(ex - 0.01), 0.05))


def draw_nose(c: Canvas, t: Traits, v: View) -> None:
    """Nostrils, wings, shadow below, and the folds of the face (deeper with a smile)."""
    nostril = np.hypot((c.m - 0.5 * t.nose_width) / 0.045, (c.y - t.nose_y) / 0.022)
    wing = np.hypot((c.m - t.nose_width) / 0.02, (c.y - t.nose_y + 0.05) / 0.06)
    c.shade(_step(1.0 - nostril, 0.6), 0.75)
    c.shade(_step(1.0 - wing, 0.8), 0.35)
    c.shade(_bell(c.u, 0.13) * _bell(c.y - t.nose_y - 0.05, 0.035), 0.28)
    down = (c.y - t.nose_y + 0.05) / (t.mouth_y - t.nose_y)
    fold = t.nose_width + 0.02 + (t.mouth_width + 0.08 - t.nose_width) * np.clip(down, 0.0, 1.0)
    ends = _step(0.5 - np.abs(down - 0.5), 0.15)
    c.shade(ends * _bell(c.m - fold, 0.025), 0.3 * t.lines + max(v.smile, 0.0))
    forehead = _bell(c.y + 0.52, 0.08) * _step(0.4 - c.m, 0.2)
    c.shade(forehead * (0.5 + 0.5 * np.cos(70.0 * c.y)), 0.22 * t.lines)


def draw_mouth(c: Canvas, t: Traits, v: View) -> None:
    """Lips, mouth line, teeth in a smile, shadows at the corners and below."""
    width = t.mouth_width * (1.0 + 1.2 * max(v.smile, 0.0) - 1.2 * v.gape)
    q = c.u / width
    ends = _step(1.02 - np.abs(q), 0.06)
    line = t.mouth_y - v.smile * (np.clip(q, -1.3, 1.3) ** 2 - 0.3)
    full = np.clip(1.0 - q**2, 0.0, 1.0)
    gap = v.gape * full
    upper = line - gap - 0.8 * t.lips * full * (1.0 - 0.25 * _bell(c.u, 0.04))
    lower = line + gap + 1.15 * t.lips * full
    red = t.skin * (1.0 - t.lip_red * np.array([0.18, 0.52, 0.48]))
    c.paint(red, 0.9 * ends * _step(np.minimum(c.y - upper, lower - c.y), 0.025))
    c.relief += 0.05 * _bell(c.u, 0.6 * width) * _bell(c.y - line - v.gape - 0.5 * t.lips, 0.05)
    c.shade(ends * _step(np.minimum(c.y - upper, line - c.y), 0.03), 0.25)
    inner = ends * _step(gap - np.abs(c.y - line), 0.02) * (v.gape > 0.0)
    c.paint(np.array([0.18, 0.05, 0.05]), inner)
    if v.smile > 0.0:
        c.paint(np.array([0.93, 0.91, 0.86]), inner * _step(line + 0.35 * gap - c.y, 0.02))
    c.shade(ends * _bell(c.y - line + gap, 0.016), 0.60)
    c.shade(_bell(c.u, 0.5 * width) * _bell(c.y - lower - 0.05, 0.03), 0.28)
    c.shade(_bell(c.m - width - 0.02, 0.03) * _bell(c.y - t.mouth_y + 0.7 * v.smile, 0.03), 0.25)


def draw_hair(c: Canvas, t: Traits, face: Array) -> None:
    """Hair in front of the head, its shadow, mole and glasses."""
    cap = (np.abs(c.x) / (t.width + t.hair_volume)) ** 2.3
    cap = cap + (np.abs(c.y - 0.05) / (1.28 + t.hair_volume)) ** 2.3
    start = {"short": -0.72, "long": -0.68, "fringe": -0.46, "receding": -0.95}[t.haircut]
    strands = np.sin(25.0 * np.arctan2(c.x - t.parting, c.y + 2.4) * 2.0)
    line = start + 0.3 * np.abs(c.x - t.parting) ** 1.5 + 0.8 * np.abs(c.x / t.width) ** 8
    line = np.minimum(line, 1.2 if t.haircut == "long" else 0.12) + 0.015 * strands
    hair = _step(1.0 - cap, 0.06) * _step(line - c.y, 0.05)
    c.shade(face * _step(line + 0.06 - c.y, 0.12), 0.25)
    c.dark += hair * (1.0 - c.dark)
    c.paint(t.hair * (1.0 + 0.12 * strands[..., None]), hair)
    dome = 0.62 * np.sqrt(np.clip(1.0 - cap, 0.0, 1.0) + 0.01)
    c.relief += hair * (dome + 0.05 - c.relief)
    if t.mole is not None:
        mole = np.hypot(c.u - t.mole[0], c.y - t.mole[1])
        c.paint(np.array([0.2, 0.1, 0.07]), 0.85 * _step(0.028 - mole, 0.015))
    if t.glasses:
        rim = (((c.m - t.eye_x) / 0.26) ** 4 + ((c.y - 0.02) / 0.20) ** 4) ** 0.25
        bridge = _step(0.02 - np.abs(c.y + 0.03), 0.015) * _step(t.eye_x - 0.26 - c.m, 0.02)
        c.paint(np.full(3, 0.2), 0.75 * np.maximum(_step(0.05 - np.abs(rim - 1.0), 0.05), bridge))
