"""Pictures of subjects: draw what a camera sees and develop it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from anonbench.seeds import generator
from anonbench.synthetic import shade
from anonbench.synthetic.assets import Assets
from anonbench.synthetic.canvas import Canvas
from anonbench.synthetic.expressions import draw_expression
from anonbench.synthetic.figure import Figure, Strands, Surface, neckline, pose
from anonbench.synthetic.head import Head, build_head
from anonbench.synthetic.light import irradiance, scatter
from anonbench.synthetic.scene import Scene, backdrop, draw_scene
from anonbench.synthetic.structures import Floats
from anonbench.synthetic.subject import Subject, build_subject
from anonbench.synthetic.traits import Traits
from anonbench.synthetic.wrinkles import fold_weights, folded
from anonbench.types import Pixels

_SUPERSAMPLING = 2
_TOOTH, _GUM = (0.76, 0.71, 0.62), (0.30, 0.09, 0.08)
_LASH = 0.012
_UNDER = 0.12  # decimetres: the inside of the mouth stays this far under the skin, frames above it
_FRAMED = 0.22  # decimetres: the picture's centre lies this far below the eyes


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
            Height and width in pixels. Pictures of one view differ in size alone, but for noise.

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
        _draw(self._head, subject, figure, scene, canvas, folds, image)
        pixels = _develop(image, size, scene, generator(*key, "grain"))
        eyes = canvas.project(figure.eye_centres)[:, :2] / _SUPERSAMPLING
        mouth = canvas.project(figure.mouth_centre[None])[0, :2] / _SUPERSAMPLING
        return Rendered(pixels, _attributes(face.intensity, scene, eyes, mouth))


def _attributes(
    intensity: float, scene: Scene, eyes: Floats, mouth: Floats
) -> dict[str, str | int | float]:
    numbers = {
        "yaw": scene.yaw,
        "pitch": scene.pitch,
        "roll": scene.roll,
        "light_azimuth": scene.lamps.azimuth,
        "light_elevation": scene.lamps.elevation,
        "left_eye_x": eyes[0, 0],
        "left_eye_y": eyes[0, 1],
        "right_eye_x": eyes[1, 0],
        "right_eye_y": eyes[1, 1],
        "mouth_x": mouth[0],
        "mouth_y": mouth[1],
    }
    rounded = {name: round(float(value), 2) for name, value in numbers.items()}
    return {"intensity": round(intensity, 3), **rounded}


def _aim(figure: Figure, scene: Scene) -> Floats:
    between = figure.eye_centres.mean(axis=0)
    return between + np.array([scene.shift[0], scene.shift[1] - _FRAMED, -0.4])


def _draw(
    head: Head,
    subject: Subject,
    figure: Figure,
    scene: Scene,
    canvas: Canvas,
    folds: np.ndarray,
    image: Floats,
) -> None:
    """Draw a figure over a backdrop."""
    traits, lamps = subject.traits, scene.lamps
    light = _Light(head, figure, scene, canvas.centre)
    key, camera = lamps.direction, canvas.camera
    canvas.draw(figure.skin, _UNDER * head.mouth_inside)
    eyes = [canvas.draw(eye) for eye in figure.eyes]
    teeth = canvas.draw(figure.teeth, _UNDER / 2)
    frame = canvas.draw(figure.frame, -_UNDER) if figure.frame is not None else 0
    own = scatter(light.on(figure.skin), head.neighbours)
    shade.shade_skin(
        canvas.ids,
        canvas.weights,
        figure.skin.triangles,
        np.column_stack(
            [
                figure.skin.normals,
                own,
                figure.skin.vertices,
                head.rest,
                head.lips,
                head.mouth_inside,
            ]
        ),
        subject.skin.albedo,
        subject.skin.relief,
        folds,
        subject.skin.scalp,
        _lip_colour(traits),
        traits.shirt,
        np.array([traits.lip_strength, neckline(subject), lamps.key, lamps.sky, 0.8]),
        camera,
        key,
        image,
    )
    lid = max(2, round(0.075 * canvas.scale))
    for first, eye in zip(eyes, figure.eyes, strict=True):
        shade.shade_eyes(
            canvas.ids,
            canvas.weights,
            eye.triangles,
            np.column_stack([eye.normals, light.on(eye), eye.vertices, figure.eye_places]),
            first,
            traits.iris,
            np.deg2rad(10.5 + traits.seed % 7 / 2),
            lid,
            np.array([lamps.key, lamps.sky]),
            camera,
            key,
            image,
        )
    colour = np.where(head.gums[:, None], np.array(_GUM), np.array(_TOOTH))
    _plain(canvas, figure.teeth, teeth, light.on(figure.teeth), colour, (0.2, 50), camera, key, image)
    if figure.frame is not None and subject.glasses is not None:
        paint = np.broadcast_to(subject.glasses.colour, figure.frame.vertices.shape)
        _plain(canvas, figure.frame, frame, light.on(figure.frame), paint, (0.5, 40), camera, key, image)
    _blend_lashes(canvas, figure, 0.5 if traits.gender == "male" else 0.85, image)
    for growth in figure.growths:
        _draw_strands(canvas, growth, light.on(growth).reshape(growth.guides.shape), traits, scene, image)
    if figure.lenses is not None:
        _blend_lenses(canvas, figure.lenses, lamps.sky, image)


class _Light:
    """Light on every surface and strand of a figure, worked out together."""

    def __init__(self, head: Head, figure: Figure, scene: Scene, centre: Floats) -> None:
        surfaces = [figure.skin, *figure.eyes, figure.teeth]
        surfaces += [figure.frame] if figure.frame is not None else []
        points = [surface.vertices for surface in surfaces]
        normals = [surface.normals for surface in surfaces]
        guides = [growth.guides.reshape(-1, 3) for growth in figure.growths]
        strands = np.concatenate([*guides, np.empty((0, 3))])
        light = irradiance(
            np.concatenate(points + guides),
            np.concatenate(normals + [growth.outward.reshape(-1, 3) for growth in figure.growths]),
            (figure.body, head.casters),
            strands[~np.isnan(strands[:, 0])],
            scene.lamps,
            centre,
        )
        ends = np.cumsum([len(part) for part in points + guides])
        parts = np.split(light, ends[:-1])
        self._of = {id(thing): part for thing, part in zip([*surfaces, *figure.growths], parts, strict=True)}

    def on(self, thing: Surface | Strands) -> Floats:
        """Irradiance of a surface's vertices or along a growth's guides, shape (n, 3)."""
        return self._of[id(thing)]


def _plain(
    canvas: Canvas,
    surface: Surface,
    first: int,
    light: Floats,
    colour: Floats,
    gloss: tuple[float, float],
    camera: Floats,
    key: Floats,
    image: Floats,
) -> None:
    shade.shade_plain(
        canvas.ids,
        canvas.weights,
        surface.triangles,
        np.column_stack([surface.normals, light, surface.vertices, colour]),
        first,
        gloss[0],
        gloss[1],
        camera,
        key,
        image,
    )


def _lip_colour(traits: Traits) -> Floats:
    bare = traits.skin * np.array([0.80, 0.46, 0.45])
    painted = traits.lipstick * (0.35 + 1.1 * traits.skin.mean())
    share = 0.75 * traits.makeup
    return np.maximum(bare * (1 - share) + painted * share, [0.05, 0.018, 0.018])


def _draw_strands(
    canvas: Canvas, growth: Strands, light: Floats, traits: Traits, scene: Scene, image: Floats
) -> None:
    colour = shade.strand_colours(
        growth.guides,
        light,
        growth.tint,
        traits.hair,
        canvas.camera,
        scene.lamps.direction,
        scene.lamps.key,
    )
    canvas.draw_strands(growth.strands, colour, image)


def _blend_lashes(canvas: Canvas, figure: Figure, strength: float, image: Floats) -> None:
    """Lashes are too fine to draw one by one: a shade, darkest where they grow."""
    vertices = figure.lashes.vertices
    offset = vertices[:, None] - figure.eye_centres
    away = np.linalg.norm(offset, axis=2)
    nearest = away.argmin(axis=1)
    reach = away.min(axis=1)
    root, tip = np.percentile(reach, [10, 95])
    share = np.clip((tip - reach) / (tip - root), 0, 1) ** 1.5
    lower = offset[np.arange(len(vertices)), nearest, 1] < 0
    cover = strength * canvas.cover(figure.lashes, share * np.where(lower, 0.35, 1.0))
    image += cover[..., None] * (_LASH - image)


def _blend_lenses(canvas: Canvas, lenses: Surface, sky: float, image: Floats) -> None:
    """Glass takes a little light away and mirrors a little of the sky, more towards its top."""
    height = lenses.vertices[:, 1]
    upper = (height - height.min()) / (height.max() - height.min())
    cover = canvas.cover(lenses, np.ones(len(height)))
    mirrored = 0.02 * sky * canvas.cover(lenses, upper) ** 2
    image *= 1 - 0.07 * cover[..., None]
    image += mirrored[..., None]


def _develop(image: Floats, size: int, scene: Scene, random: np.random.Generator) -> Pixels:
    """Expose, compress the highlights, scale down, add grain, quantise."""
    small = cv2.resize(
        cv2.GaussianBlur(image, (0, 0), 0.5 * _SUPERSAMPLING / 2 * size / 256 if size > 256 else 0.55),
        (size, size),
        interpolation=cv2.INTER_AREA,
    )
    middle = slice(size // 3, 2 * size // 3)
    brightness = float(small[middle, middle].mean())
    small *= scene.exposure * (0.30 / max(brightness, 1e-3)) ** 0.5
    small /= 1 + 0.6 * np.maximum(small - 0.75, 0)
    clipped = np.clip(small, 0, 1)
    display = np.where(
        clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055
    )
    display += random.normal(0, scene.grain, display.shape)
    return (np.clip(display, 0, 1) * 255 + 0.5).astype(np.uint8)
