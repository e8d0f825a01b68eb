"""One picture's circumstances: pose, camera, light, backdrop."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from anonbench.synthetic.light import Lamps
from anonbench.synthetic.structures import Floats
from anonbench.synthetic.traits import linear

YAW, PITCH = 20.0, 10.0
"""Largest turn and nod of the head, in degrees."""

DISTANCE = 11.0
"""From the camera to the head, in decimetres."""

_BACKDROP = 128
"""Size at which a backdrop is painted: it is out of focus, whatever the picture's size."""


@dataclass(frozen=True)
class Scene:
    """Everything about a picture but who is in it and what the face does.

    Angles in degrees: positive yaw turns to the subject's left, positive pitch nods down, positive
    roll tilts to the subject's right. `gaze` turns the eyes, relative to the head: to the subject's
    left, and up. `frame` is the height of the picture at the head, `shift` how far the camera aims
    to the subject's left of the face and above it, both in decimetres; `grain` is the standard
    deviation of the noise, of display values from 0 to 1.
    """

    yaw: float
    pitch: float
    roll: float
    gaze: tuple[float, float]
    frame: float
    shift: tuple[float, float]
    lamps: Lamps
    exposure: float
    grain: float

    @property
    def body(self) -> Floats:
        """Rotation of the body, which follows the head's turn by two fifths."""
        return rotation(0.4 * self.yaw, 0, 0)

    @property
    def head(self) -> Floats:
        """Rotation of the head."""
        return self.body @ rotation(0.6 * self.yaw, self.pitch, self.roll)


def draw_scene(random: np.random.Generator) -> Scene:
    """Draw the circumstances of one picture."""
    yaw = random.uniform(-YAW, YAW)
    return Scene(
        yaw=yaw,
        pitch=random.uniform(-PITCH, PITCH),
        roll=random.normal(0, 3),
        gaze=(random.normal(0, 3) - 0.5 * yaw * random.random(), random.normal(0, 2)),
        frame=random.uniform(2.55, 2.95),
        shift=(random.normal(0, 0.05), random.normal(0, 0.05)),
        lamps=Lamps(
            azimuth=random.uniform(-45, 45),
            elevation=random.uniform(8, 48),
            key=random.uniform(0.6, 1.3),
            sharpness=random.uniform(3, 11),
            sky=random.uniform(0.55, 0.9),
            fill=random.uniform(0.15, 0.5),
            warmth=random.normal(0.02, 0.05),
        ),
        exposure=random.uniform(0.8, 1.15),
        grain=random.uniform(0.003, 0.010),
    )


def rotation(yaw: float, pitch: float, roll: float) -> Floats:
    """Return the matrix that rolls, then pitches, then yaws (degrees)."""
    a, b, c = np.deg2rad([yaw, pitch, roll])
    turn = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    nod = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    tilt = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    out: Floats = turn @ nod @ tilt
    return out


def turned(points: Floats, matrix: Floats) -> Floats:
    """Return points of shape (..., 3), each multiplied by a rotation matrix."""
    out: Floats = np.einsum("...i,ji->...j", points, matrix)
    return out


def backdrop(random: np.random.Generator, size: int) -> Floats:
    """Return a blurred interior of shapes without meaning, linear RGB, shape (size, size, 3)."""
    coarse = _BACKDROP
    upper, lower = (linear(random.uniform(0.12, 0.85) * _tint(random)) for _ in range(2))
    slope = np.linspace(0, 1, coarse)[:, None, None]
    image = np.ascontiguousarray(
        np.broadcast_to(upper * (1 - slope) + lower * slope, (coarse, coarse, 3))
    )
    for _ in range(random.integers(0, 9)):
        colour = tuple(float(c) for c in linear(random.uniform(0.08, 0.88) * _tint(random)))
        x, y = (int(v) for v in random.uniform(-0.25, 1, 2) * coarse)
        width, height = (int(v) for v in random.uniform(0.08, 0.5, 2) * coarse)
        if random.random() < 0.75:
            cv2.rectangle(image, (x, y), (x + width, y + height), colour, -1)
        else:
            cv2.circle(image, (x, y), width // 2, colour, -1)
    soft = cv2.GaussianBlur(image, (0, 0), coarse * random.uniform(0.012, 0.05))
    out: Floats = cv2.resize(soft, (size, size), interpolation=cv2.INTER_CUBIC)
    return out


def _tint(random: np.random.Generator) -> Floats:
    return 0.82 + 0.18 * random.random(3)
