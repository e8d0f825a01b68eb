"""Drawn faces: cartoons that the project shades itself, so that a fresh clone has data to run on.

They are neither photographs nor rendered people. A picture is a 2-D relief (a height above the
picture plane, given by formulas), coloured by masks and lit by one lamp. Subjects differ in stable
traits; the views of one subject differ in light, position, background and expression. Results on
them show that the workflow runs; they say nothing about people.

Lengths are face coordinates, see :mod:`anonbench.drawn_layers`.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from anonbench import drawn_layers as layers
from anonbench.drawn_layers import Canvas, Traits, View
from anonbench.drawn_names import drawn_path, drawn_paths
from anonbench.io import atomic, encode_png
from anonbench.seeds import generator
from anonbench.types import Pixels

EXPRESSIONS = ("neutral", "happiness", "surprise", "sadness", "anger")
"""Expression of view 0, 1, 2, ...; from the start again when there are more views."""

_SKINS = np.array([[250, 216, 194], [240, 196, 166], [222, 172, 134], [196, 142, 106],
                   [168, 116, 86], [138, 94, 70]]) / 255.0  # fmt: skip
_HAIRS = np.array([[26, 21, 19], [58, 38, 24], [106, 66, 38], [140, 60, 30], [190, 150, 90],
                   [165, 162, 158]]) / 255.0  # fmt: skip
_IRISES = np.array([[64, 36, 18], [110, 72, 36], [64, 102, 140], [72, 98, 54]]) / 255.0
_HAIRCUTS = ("short", "long", "fringe", "receding")
_BEARDS = ("none", "none", "none", "moustache", "stubble", "full")
_FACE = {  # expression: smile, mouth opening, eye opening, brow raise, brow frown
    "neutral": (0.0, 0.0, 1.0, 0.0, 0.0),
    "happiness": (0.10, 0.035, 0.92, 0.01, 0.0),
    "surprise": (-0.01, 0.11, 1.25, 0.07, 0.0),
    "sadness": (-0.06, 0.0, 0.9, 0.0, -0.06),
    "anger": (-0.04, 0.0, 0.9, -0.02, 0.07),
}


def _traits(rng: np.random.Generator) -> Traits:
    u = rng.uniform
    skin = int(rng.integers(len(_SKINS)))
    haircut = str(rng.choice(_HAIRCUTS))
    return Traits(
        skin=_SKINS[skin] * u(0.95, 1.02),
        hair=_HAIRS[rng.integers(len(_HAIRS) if skin < 3 else 2)],
        iris=_IRISES[rng.integers(len(_IRISES) if skin < 3 else 2)],
        haircut=haircut,
        hair_volume=u(0.05, 0.22),
        parting=u(-0.35, 0.35),
        width=u(0.68, 0.86),
        chin=u(1.08, 1.34),
        jaw=u(1.8, 2.9),
        eye_x=u(0.30, 0.41),
        eye_width=u(0.14, 0.19),
        eye_open=u(0.068, 0.095),
        eye_tilt=u(-0.18, 0.14),
        lashes=u(0.0, 1.0),
        brow_y=u(-0.30, -0.21),
        brow_thick=u(0.022, 0.065),
        brow_arch=u(0.0, 0.10),
        nose_y=u(0.39, 0.55),
        nose_width=u(0.11, 0.21),
        mouth_y=u(0.74, 0.85),
        mouth_width=u(0.21, 0.35),
        lips=u(0.035, 0.10),
        lip_red=u(0.2, 1.0),
        lines=u(0.0, 1.0),
        beard="none" if haircut == "long" else str(rng.choice(_BEARDS)),
        glasses=bool(rng.random() < 0.2),
        mole=(u(-0.5, 0.5), u(0.15, 0.65)) if rng.random() < 0.5 else None,
    )


def _view(rng: np.random.Generator, expression: str) -> View:
    u = rng.uniform
    smile, gape, eyes, brow_raise, brow_frown = _FACE[expression]
    strength = u(0.85, 1.15)
    light = np.array([u(-0.45, 0.45), u(-0.6, -0.25), 1.0])
    return View(
        light=light / np.linalg.norm(light),
        ambient=u(0.36, 0.46),
        background=u(0.35, 0.72) + u(-0.12, 0.12, 3),
        shirt=u(0.15, 0.75) + u(-0.15, 0.15, 3),
        shift=(u(-0.12, 0.12), u(-0.08, 0.08)),
        scale=u(0.92, 1.06),
        angle=u(-0.07, 0.07),
        turn=u(-0.06, 0.06),
        smile=smile * strength,
        gape=gape * strength,
        eyes=eyes,
        brow_raise=brow_raise * strength,
        brow_frown=brow_frown * strength,
    )


def draw_face(subject: int, view: int, *, seed: int = 1, size: int = 192) -> Pixels:
    """Draw one view of one subject.

    Parameters
    ----------
    subject, view : int
        Numbers from 0. The view's expression is ``EXPRESSIONS[view % len(EXPRESSIONS)]``.
    seed : int
        Another seed draws other subjects.
    size : int
        Width and height in pixels, 32 or more.

    Returns
    -------
    numpy.ndarray
        RGB, (size, size, 3) uint8. It depends on the arguments only, not on what else is drawn.

    Raises
    ------
    ValueError
        If a number is negative or the picture too small to hold a face.
    """
    if min(subject, view, seed) < 0 or size < 32:
        raise ValueError(
            "subject, view and seed must be 0 or more and size 32 or more, "
            f"got {subject}, {view}, {seed} and {size}"
        )
    traits = _traits(generator(seed, "drawn", "subject", subject))
    look = _view(generator(seed, "drawn", "view", subject, view), _expression(view))
    c = Canvas(look, size)
    layers.draw_body(c, traits, look)
    face = layers.draw_head(c, traits)
    layers.draw_eyes(c, traits, look)
    layers.draw_nose(c, traits, look)
    layers.draw_mouth(c, traits, look)
    layers.draw_hair(c, traits, face)
    return c.finish(look, size)


def _expression(view: int) -> str:
    return EXPRESSIONS[view % len(EXPRESSIONS)]


def write_drawn_set(
    out: Path, *, subjects: int = 12, views: int = 4, size: int = 192, seed: int = 1
) -> None:
    """Write the pictures of :func:`drawn_paths` and ``labels.csv`` below a folder.

    Parameters
    ----------
    out : pathlib.Path
        Folder, made if missing. ``labels.csv`` has the columns path, subject, session (the view)
        and expression; gender, age and ethnicity mean nothing for a cartoon and are left out.
    subjects, views : int
        How many, 1 or more; two views or more give mated comparisons.
    size, seed : int
        See :func:`draw_face`.

    Raises
    ------
    ValueError
        If there is nothing to draw, or from :func:`draw_face`.
    """
    if min(subjects, views) < 1:
        raise ValueError(f"subjects and views must be 1 or more, got {subjects} and {views}")
    rows = [("path", "subject", "session", "expression")]
    for subject in range(subjects):
        for view in range(views):
            path = drawn_path(subject, view)
            with atomic(out / path) as partial:
                partial.write_bytes(encode_png(draw_face(subject, view, seed=seed, size=size)))
            rows.append((path, f"{subject:02d}", str(view), _expression(view)))
    with atomic(out / "labels.csv") as partial, partial.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


__all__ = ["EXPRESSIONS", "draw_face", "drawn_paths", "write_drawn_set"]
