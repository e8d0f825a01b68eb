"""Pictures of subjects: who, with which face, seen how, drawn and developed."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from anonbench.seeds import generator
from anonbench.synthetic.assets import Assets
from anonbench.synthetic.canvas import Canvas
from anonbench.synthetic.drawing import draw_figure
from anonbench.synthetic.expressions import draw_expression
from anonbench.synthetic.figure import Figure, pose
from anonbench.synthetic.head import build_head
from anonbench.synthetic.scene import Scene, backdrop, draw_scene
from anonbench.synthetic.structures import Floats
from anonbench.synthetic.subject import Subject, build_subject
from anonbench.synthetic.wrinkles import fold_weights, folded
from anonbench.types import Pixels

_SUPERSAMPLING = 2
_FRAMED = 0.22  # decimetres: the picture's centre lies this far below the eyes
_GREY = 0.30  # linear brightness that exposure aims at
_KNEE = 0.75  # linear brightness above which highlights are compressed


@dataclass(frozen=True)
class Rendered:
    """A picture: `pixels` uint8 RGB of shape (size, size, 3), and what its labels say."""

    pixels: Pixels
    attributes: dict[str, str | int | float]


class Renderer:
    """Makes subjects and pictures of them.

    Parameters
    ----------
    assets : Assets
        MakeHuman's meshes and morphs.
    """

    def __init__(self, assets: Assets) -> None:
        self._head = build_head(assets)

    def subject(self, seed: int) -> Subject:
        """Return the subject that belongs to a number; the same one every time."""
        return build_subject(self._head, seed)

    def image(self, subject: Subject, expression: str, view: int, size: int = 256) -> Rendered:
        """Photograph a subject.

        Parameters
        ----------
        subject : Subject
            Who.
        expression : str
            One of :data:`anonbench.synthetic.plan.EXPRESSIONS`.
        view : int
            Number of the picture: each has its own pose, light, backdrop and strength.
        size : int
            Height and width in pixels. Pictures of one view differ in size alone, but for grain.

        Raises
        ------
        ValueError
            If there is no such expression.
        """
        key = (subject.traits.seed, "picture", expression, view)
        scene = draw_scene(generator(*key, "scene"))
        face = draw_expression(expression, generator(*key, "expression"))
        figure = pose(self._head, subject, face, scene)
        canvas = Canvas(size * _SUPERSAMPLING, _aim(figure, scene), scene.frame)
        image = backdrop(generator(*key, "backdrop"), canvas.size)
        folds = folded(fold_weights(face, subject.traits.age))
        draw_figure(self._head, subject, figure, scene, canvas, folds, image)
        pixels = _develop(image, size, scene, generator(*key, "grain"))
        return Rendered(pixels, _attributes(face.intensity, scene, figure, canvas))


def _attributes(
    intensity: float, scene: Scene, figure: Figure, canvas: Canvas
) -> dict[str, str | int | float]:
    places = np.concatenate([figure.pupils, figure.mouth_centre[None]])
    left, right, mouth = canvas.project(places)[:, :2] / _SUPERSAMPLING
    numbers = {
        "yaw": scene.yaw,
        "pitch": scene.pitch,
        "roll": scene.roll,
        "light_azimuth": scene.lamps.azimuth,
        "light_elevation": scene.lamps.elevation,
        "left_eye_x": left[0],
        "left_eye_y": left[1],
        "right_eye_x": right[0],
        "right_eye_y": right[1],
        "mouth_x": mouth[0],
        "mouth_y": mouth[1],
    }
    rounded = {name: round(float(value), 2) for name, value in numbers.items()}
    return {"intensity": round(intensity, 3), **rounded}


def _aim(figure: Figure, scene: Scene) -> Floats:
    between = figure.eye_centres.mean(axis=0)
    aim: Floats = between + np.array([scene.shift[0], scene.shift[1] - _FRAMED, -0.4])
    return aim


def _develop(image: Floats, size: int, scene: Scene, random: np.random.Generator) -> Pixels:
    """Scale down, expose, compress the highlights, encode as sRGB, add grain, quantise."""
    soft = cv2.GaussianBlur(image, (0, 0), 0.55)
    small = cv2.resize(soft, (size, size), interpolation=cv2.INTER_AREA)
    middle = slice(size // 3, 2 * size // 3)
    brightness = max(float(small[middle, middle].mean()), 1e-3)
    small *= scene.exposure * np.sqrt(_GREY / brightness)
    small /= 1 + 0.6 * np.maximum(small - _KNEE, 0)
    clipped = np.clip(small, 0, 1)
    display = np.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055)
    display += random.normal(0, scene.grain, display.shape)
    out: Pixels = (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8)
    return out
