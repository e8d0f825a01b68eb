"""What tests of proxies need: face meshes, and a gallery of flat colours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonbench.anonymisers._proxy_gallery import MOVING, Gallery, Look, as_arrays, metadata
from anonbench.anonymisers._proxy_place import OUTLINE
from anonbench.head_pose import REFERENCE
from anonbench.training.arrays import write_arrays
from anonbench.types import Box

PEOPLE, SIDE = 100, 40
LIPS = (13, 14)
"""Middle of the inner lips: they open along the one axis of expression."""


def mesh_in(box: Box, turned: float = 0.0, opened: float = 0.0) -> NDArray[np.float32]:
    """Return 468 landmarks of a face that fills a box.

    Rigid ones are those of the reference head, turned by so many degrees; the outline is an
    ellipse, lips are opened by a share of the face's height.
    """
    draw = np.random.default_rng(5)
    unit = draw.uniform(-0.3, 0.3, (468, 2))
    angle = np.deg2rad(turned)
    for k, (x, y, z) in REFERENCE.items():
        unit[k] = 0.33 * (x * np.cos(angle) + z * np.sin(angle)), -0.33 * y
    ring = np.linspace(0, 2 * np.pi, len(OUTLINE), endpoint=False)
    ends = [k for k in OUTLINE if k not in REFERENCE]
    places = 0.49 * np.stack([np.cos(ring), np.sin(ring)], axis=1)
    unit[ends] = places[: len(ends)]
    unit[list(LIPS)] = [[0, 0.25 - opened / 2], [0, 0.25 + opened / 2]]
    size = np.array([box.width - 1, box.height - 1])
    return ((unit + 0.5) * size + [box.left, box.top]).astype(np.float32)


def gallery(people: int = PEOPLE) -> Gallery:
    """Return people in one colour each, with lips closed and opened."""
    box = Box(0, 0, SIDE, SIDE)
    mean = mesh_in(box).astype(np.float64)
    axes = np.zeros((1, len(MOVING), 2))
    for k, sign in zip(LIPS, (-1, 1), strict=True):
        axes[0, np.flatnonzero(k == MOVING)[0], 1] = sign
    look = Look(mean, axes.reshape(1, -1))
    points = [mesh_in(box, opened=o).astype(np.float64) for o in (0.0, 0.2)] * people
    colours = np.random.default_rng(2).integers(30, 226, (people, 3))
    return Gallery(
        look, np.stack([look.of(p) for p in points]), np.repeat(np.arange(people), 2),
        np.stack(points), tuple(_jpeg(colours[n // 2], n % 2) for n in range(2 * people)),
    )  # fmt: skip


def _jpeg(colour: NDArray[np.int64], opened: int) -> bytes:
    """Return a picture of one colour, a little lighter for opened lips."""
    content = io.BytesIO()
    pixels = np.full((SIDE, SIDE, 3), colour + 20 * opened, np.uint8)
    Image.fromarray(pixels).save(content, "JPEG", quality=100, subsampling=0)
    return content.getvalue()


def write_made(path: Path, **change: str) -> Path:
    """Write a gallery as the project's training does."""
    made = gallery()
    write_arrays(as_arrays(made), path, metadata(made) | change)
    return path
