"""A subject in a pose: every surface and strand where the picture finds it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from anonbench.synthetic.assets import fit
from anonbench.synthetic.expressions import Expression
from anonbench.synthetic.hair import Hair
from anonbench.synthetic.head import Head
from anonbench.synthetic.meshes import triangulate, vertex_normals
from anonbench.synthetic.scene import Scene, rotation, turned
from anonbench.synthetic.shape import apply_targets
from anonbench.synthetic.structures import Floats, Indices
from anonbench.synthetic.subject import Subject
from anonbench.synthetic.traits import ANCESTRIES

_NECKLINE = 5.72  # decimetres, on the base mesh
_CLOTH = 0.035  # its thickness
_PIVOT = np.array([0.0, -0.95, -0.75])  # from between the eyes to where the head turns


@dataclass(frozen=True)
class Surface:
    """A mesh in the picture: positions and unit normals (n, 3) in decimetres, triangles (m, 3)."""

    vertices: Floats
    normals: Floats
    triangles: Indices


@dataclass(frozen=True)
class Strands:
    """Hair in the picture: guides (g, points, 3), outward normals likewise, strands of each."""

    guides: Floats
    outward: Floats
    strands: Floats
    tint: Floats


@dataclass(frozen=True)
class Figure:
    """A posed subject.

    Attributes
    ----------
    body : ndarray of float64, shape (body vertices, 3)
        The body's vertices before smoothing: what casts the shadows.
    skin, teeth, lashes : Surface
        Parts of the head.
    eyes : tuple of Surface
        Left and right eyeball.
    eye_places : ndarray of float64, shape (n, 3)
        Places of an eyeball's vertices on the unit sphere, gaze along +z.
    frame, lenses : Surface or None
        Spectacles.
    growths : tuple of Strands
        Hair, beard.
    eye_centres, pupils : ndarray of float64, shape (2, 3)
        Centres of the left and the right eyeball, and where a forward gaze leaves them.
    mouth_centre : ndarray of float64, shape (3,)
        Centre of the lips.
    """

    body: Floats
    skin: Surface
    teeth: Surface
    lashes: Surface
    eyes: tuple[Surface, Surface]
    eye_places: Floats
    frame: Surface | None
    lenses: Surface | None
    growths: tuple[Strands, ...]
    eye_centres: Floats
    pupils: Floats
    mouth_centre: Floats


def neckline(subject: Subject) -> float:
    """Height of the clothes' upper edge at the sides of the neck, on the base mesh, in dm."""
    return _NECKLINE + subject.traits.neckline


def pose(head: Head, subject: Subject, expression: Expression, scene: Scene) -> Figure:
    """Put a subject, with an expression, into a scene."""
    face = _express(head, subject, expression)
    move = _Pose(face, head, scene)
    body = move.body(face, head.assets.head_weight)
    skin = _skin(head, subject, body)
    balls = [_ball(body[index]) for index in head.eyes]
    eyes = tuple(_eye(*ball, scene) for ball in balls)
    centres, radii = np.stack([centre for centre, _ in balls]), [radius for _, radius in balls]
    glasses = subject.glasses
    growths = [growth for growth in (subject.hair, subject.beard) if growth is not None]
    lips = head.lips[:, None]
    lashes = head.assets.proxies[f"eyelashes0{subject.traits.seed % 4 + 1}"]
    frame = lenses = None
    if glasses is not None:
        frame = _surface(move.head(glasses.frame), glasses.frame_triangles)
        lenses = _surface(move.head(glasses.lenses), glasses.lens_triangles)
    return Figure(
        body=body,
        skin=skin,
        teeth=_surface(fit(head.teeth, body), _triangles(head, "teeth_base")),
        lashes=_surface(
            fit(lashes, body), _triangles(head, f"eyelashes0{subject.traits.seed % 4 + 1}")
        ),
        eyes=(eyes[0], eyes[1]),
        eye_places=eyeball()[0],
        frame=frame,
        lenses=lenses,
        growths=tuple(_strands(growth, skin, scene) for growth in growths),
        eye_centres=centres,
        pupils=centres + np.outer(radii, scene.head[:, 2]),
        mouth_centre=(skin.vertices * lips).sum(axis=0) / lips.sum(),
    )


@lru_cache(maxsize=1)
def eyeball(rows: int = 28) -> tuple[Floats, Indices]:
    """Return the unit sphere with its pole at +z: vertices (n, 3) and triangles (m, 3)."""
    polar, around = np.meshgrid(
        np.linspace(0, np.pi, rows), np.linspace(0, 2 * np.pi, 2 * rows), indexing="ij"
    )
    places = np.stack(
        [np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1
    ).reshape(-1, 3)
    number = np.arange(len(places), dtype=np.int32).reshape(rows, 2 * rows)
    a, b, c, d = number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]
    triangles = np.concatenate([np.stack([a, b, d], axis=-1), np.stack([d, b, c], axis=-1)])
    return places, triangles.reshape(-1, 3)


class _Pose:
    """Where points of the head and of the body go."""

    def __init__(self, face: Floats, head: Head, scene: Scene) -> None:
        middle = np.mean([face[index].mean(axis=0) for index in head.eyes], axis=0)
        self._pivot = middle + _PIVOT
        self._head, self._body = scene.head, scene.body

    def head(self, points: Floats) -> Floats:
        """Points that are fixed to the skull."""
        out: Floats = turned(points - self._pivot, self._head) + self._pivot
        return out

    def body(self, points: Floats, head_weight: Floats) -> Floats:
        """Vertices of the body, which follow the head by their weight."""
        trunk = turned(points - self._pivot, self._body) + self._pivot
        share = head_weight[:, None]
        out: Floats = (1 - share) * trunk + share * self.head(points)
        return out


def _express(head: Head, subject: Subject, expression: Expression) -> Floats:
    weights = {
        f"expression/units/{ancestry}/{unit}": share * weight
        for unit, weight in expression.units.items()
        for ancestry, share in zip(ANCESTRIES, subject.traits.ancestries, strict=True)
    }
    return apply_targets(subject.vertices, head.assets.targets, weights)


def _skin(head: Head, subject: Subject, body: Floats) -> Surface:
    """Return the smooth head, pushed out below the neckline to make clothes."""
    smooth = head.refine @ body
    normals = vertex_normals(smooth, head.triangles)
    line = neckline(subject) - 0.3 * np.exp(-((head.rest[:, 0] / 0.45) ** 2)) * (
        head.rest[:, 2] > 0.2
    )
    cloth = np.clip((line - head.rest[:, 1]) / 0.04, 0, 1)
    return _surface(smooth + _CLOTH * cloth[:, None] * normals, head.triangles)


def _ball(vertices: Floats) -> tuple[Floats, float]:
    """Centre and radius of an eyeball, a little smaller than the base mesh's helper."""
    centre = vertices.mean(axis=0)
    return centre, 0.985 * float(np.linalg.norm(vertices - centre, axis=1).max())


def _eye(centre: Floats, radius: float, scene: Scene) -> Surface:
    """Turn an eyeball to where the subject looks; the cornea bulges by 3.5 % of the radius."""
    places, triangles = eyeball()
    edge = np.cos(np.deg2rad(33))
    bulge = 1 + 0.035 * np.clip((places[:, 2:] - edge) / (1 - edge), 0, 1)
    turn = scene.head @ rotation(scene.gaze[0], -scene.gaze[1], 0)
    return _surface(turned(places * bulge * radius, turn) + centre, triangles)


def _surface(vertices: Floats, triangles: Indices) -> Surface:
    return Surface(vertices, vertex_normals(vertices, triangles), triangles)


def _triangles(head: Head, name: str) -> Indices:
    return triangulate(head.assets.proxies[name].mesh.faces)


def _strands(hair: Hair, skin: Surface, scene: Scene) -> Strands:
    """Hair on the posed skin: roots move with the skin, offsets turn with the head."""
    corners = skin.triangles[hair.triangle]
    root = (skin.vertices[corners] * hair.weights[..., None]).sum(axis=1)
    return Strands(
        guides=turned(hair.guides, scene.head) + root[:, None],
        outward=turned(hair.outward, scene.head),
        strands=turned(hair.strands, scene.head) + root[:, None, None],
        tint=hair.tint,
    )
