"""Draw a figure over a backdrop: who hides what, what colour it has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anonbench.synthetic import shade
from anonbench.synthetic.canvas import Canvas
from anonbench.synthetic.figure import Figure, Strands, Surface, neckline
from anonbench.synthetic.head import Head
from anonbench.synthetic.light import irradiance, scatter
from anonbench.synthetic.scene import Scene
from anonbench.synthetic.structures import Floats, Singles
from anonbench.synthetic.subject import Subject
from anonbench.synthetic.traits import Traits

_UNDER = 0.12  # decimetres: the inside of the mouth stays this far under the skin, frames above it
_TOOTH, _GUM = (0.76, 0.71, 0.62), (0.30, 0.09, 0.08)
_LASH = 0.012
_GLOSS = 0.8
_LID_SHADOW = 0.075  # decimetres that it reaches down the eyeball


def draw_figure(
    head: Head,
    subject: Subject,
    figure: Figure,
    scene: Scene,
    canvas: Canvas,
    folds: Singles,
    image: Floats,
) -> None:
    """Draw a posed subject.

    Parameters
    ----------
    head : Head
        The common head.
    subject : Subject
        Who.
    figure : Figure
        The subject in its pose.
    scene : Scene
        Lights.
    canvas : Canvas
        Camera and buffers, still empty.
    folds : ndarray of float32, shape (height, width)
        Depth of the expression's folds, a map of the skin.
    image : ndarray of float64, shape (size, size, 3)
        Linear RGB, the backdrop at first. Changed in place.
    """
    picture = _Picture(canvas, scene, _light(head, figure, scene, canvas.centre), image)
    canvas.draw(figure.skin, _UNDER * head.mouth_inside)
    eyes = [canvas.draw(eye) for eye in figure.eyes]
    teeth = canvas.draw(figure.teeth, _UNDER / 2)
    if figure.frame is not None and subject.glasses is not None:
        frame = canvas.draw(figure.frame, -_UNDER)
        picture.plain(figure.frame, frame, subject.glasses.colour, (0.5, 40))
    _shade_skin(picture, head, subject, figure, folds)
    for first, eye in zip(eyes, figure.eyes, strict=True):
        _shade_eye(picture, subject.traits, eye, figure.eye_places, first)
    mouth = np.where(head.gums[:, None], np.array(_GUM), np.array(_TOOTH))
    picture.plain(figure.teeth, teeth, mouth, (0.2, 50))
    _blend_lashes(picture, figure, 0.5 if subject.traits.gender == "male" else 0.85)
    for growth in figure.growths:
        picture.strands(growth, subject.traits.hair)
    if figure.lenses is not None:
        _blend_lenses(picture, figure.lenses)


@dataclass(frozen=True)
class _Picture:
    """A picture in the making; `light` is keyed by the identity of surfaces and growths."""

    canvas: Canvas
    scene: Scene
    light: dict[int, Floats]
    image: Floats

    def lit(self, thing: Surface | Strands) -> Floats:
        """Irradiance of a surface's vertices or along a growth's guides, shape (n, 3)."""
        return self.light[id(thing)]

    def plain(
        self, surface: Surface, first: int, colour: Floats, gloss: tuple[float, float]
    ) -> None:
        """Colour a plain surface: one colour, or one for each vertex."""
        paint = np.broadcast_to(colour, surface.vertices.shape)
        shade.shade_plain(
            self.canvas.ids,
            self.canvas.weights,
            surface.triangles,
            np.column_stack([surface.normals, self.lit(surface), surface.vertices, paint]),
            first,
            *gloss,
            self.canvas.camera,
            self.scene.lamps.direction,
            self.image,
        )

    def strands(self, growth: Strands, colour: Floats) -> None:
        """Draw hair of one colour."""
        shades = shade.strand_colours(
            growth.guides,
            self.lit(growth).reshape(growth.guides.shape),
            growth.tint,
            colour,
            self.canvas.camera,
            self.scene.lamps.direction,
            self.scene.lamps.key,
        )
        self.canvas.draw_strands(growth.strands, shades, self.image)


def _light(head: Head, figure: Figure, scene: Scene, centre: Floats) -> dict[int, Floats]:
    """Light on every surface and strand, worked out together: each lamp's map is drawn once."""
    surfaces = [figure.skin, *figure.eyes, figure.teeth]
    surfaces += [figure.frame] if figure.frame is not None else []
    growths = figure.growths
    points = [surface.vertices for surface in surfaces]
    points += [growth.guides.reshape(-1, 3) for growth in growths]
    normals = [surface.normals for surface in surfaces]
    normals += [growth.outward.reshape(-1, 3) for growth in growths]
    strands = np.concatenate([*points[len(surfaces) :], np.empty((0, 3))])
    light = irradiance(
        np.concatenate(points),
        np.concatenate(normals),
        (figure.body, head.casters),
        strands[~np.isnan(strands[:, 0])],
        scene.lamps,
        centre,
    )
    parts = np.split(light, np.cumsum([len(part) for part in points])[:-1])
    return {id(thing): part for thing, part in zip([*surfaces, *growths], parts, strict=True)}


def _shade_skin(
    picture: _Picture, head: Head, subject: Subject, figure: Figure, folds: Singles
) -> None:
    traits, skin, lamps = subject.traits, figure.skin, picture.scene.lamps
    columns = [
        skin.normals,
        scatter(picture.lit(skin), head.neighbours),
        skin.vertices,
        head.rest,
        head.lips,
        head.mouth_inside,
    ]
    shade.shade_skin(
        picture.canvas.ids,
        picture.canvas.weights,
        skin.triangles,
        np.column_stack(columns),
        subject.skin.albedo,
        subject.skin.relief,
        folds,
        subject.skin.scalp,
        _lip_colour(traits),
        traits.shirt,
        np.array([traits.lip_strength, neckline(subject), lamps.key, lamps.sky, _GLOSS]),
        picture.canvas.camera,
        lamps.direction,
        picture.image,
    )


def _lip_colour(traits: Traits) -> Floats:
    bare = traits.skin * np.array([0.80, 0.46, 0.45])
    painted = traits.lipstick * (0.35 + 1.1 * traits.skin.mean())
    share = 0.75 * traits.makeup
    return np.maximum(bare * (1 - share) + painted * share, [0.05, 0.018, 0.018])


def _shade_eye(picture: _Picture, traits: Traits, eye: Surface, places: Floats, first: int) -> None:
    canvas, lamps = picture.canvas, picture.scene.lamps
    shade.shade_eyes(
        canvas.ids,
        canvas.weights,
        eye.triangles,
        np.column_stack([eye.normals, picture.lit(eye), eye.vertices, places]),
        first,
        traits.iris,
        np.deg2rad(10.5 + traits.seed % 7 / 2),
        max(2, round(_LID_SHADOW * canvas.scale)),
        np.array([lamps.key, lamps.sky]),
        canvas.camera,
        lamps.direction,
        picture.image,
    )


def _blend_lashes(picture: _Picture, figure: Figure, strength: float) -> None:
    """Lashes are too fine to draw one by one: a shade, darkest where they grow."""
    vertices = figure.lashes.vertices
    offset = vertices[:, None] - figure.eye_centres
    away = np.linalg.norm(offset, axis=2)
    nearest, reach = away.argmin(axis=1), away.min(axis=1)
    root, tip = np.percentile(reach, [10, 95])
    share = np.clip((tip - reach) / (tip - root), 0, 1) ** 1.5
    lower = offset[np.arange(len(vertices)), nearest, 1] < 0
    cover = strength * picture.canvas.cover(figure.lashes, share * np.where(lower, 0.35, 1.0))
    picture.image[:] += cover[..., None] * (_LASH - picture.image)


def _blend_lenses(picture: _Picture, lenses: Surface) -> None:
    """Glass takes a little light away and mirrors a little of the sky, more towards its top."""
    height = lenses.vertices[:, 1]
    upper = (height - height.min()) / (height.max() - height.min())
    seen = picture.canvas.cover(lenses, np.stack([np.ones(len(height)), upper], axis=1))
    cover, mirrored = seen[..., 0], 0.02 * picture.scene.lamps.sky * seen[..., 1] ** 2
    picture.image[:] = picture.image * (1 - 0.07 * cover[..., None]) + mirrored[..., None]
