"""How much of a crop CIAGAN sees, and at what size: the published scalings and a sharper one."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonbench.anonymisers._ciagan_frame import HEIGHT, WIDTH

SIZE = 128
"""Width and height of what the network sees, in pixels."""
SQUASHED = 144
"""Width and height to which the published code brings a crop before it cuts out the middle."""


class Sides(NamedTuple):
    """How far a view reaches from the middle of the crop, in halves of the crop's size."""

    left: float
    top: float
    right: float
    bottom: float


class Scaling(NamedTuple):
    """A view of crops.

    Attributes
    ----------
    sides : Sides
        The view's edges.
    squashed : bool
        Whether the crop is brought to 144 x 144 pixels first, as published.
    grows : bool
        Whether the view is widened where the hole would not fit into it.
    """

    sides: Sides
    squashed: bool
    grows: bool = False


_TEST, _TRAINING = 128 / SQUASHED, 90 / SQUASHED
SCALINGS = {
    "published_test": Scaling(Sides(_TEST, _TEST, _TEST, _TEST), squashed=True),
    "published_training": Scaling(Sides(_TRAINING, _TRAINING, _TRAINING, _TRAINING), squashed=True),
    "sharp": Scaling(Sides(0.7, 0.5, 0.7, 0.85), squashed=False, grows=True),
}
"""The published code tests on 128 of 144 pixels, but trains on 72 to 108, so that faces are seen
1.4 times as large, with many a chin outside. `sharp` shows them as large, holds the whole hole, and
does without the detour by 144 pixels."""
ROOM = 0.03
"""What a view that grows leaves around the hole."""


def grown(sides: Sides, corners: NDArray[np.generic], room: float = ROOM) -> Sides:
    """Return a view that holds the hole's corners (K, 2), pixels of the crop, with some room."""
    middle = np.array([WIDTH / 2, HEIGHT / 2])
    low, high = corners.min(axis=0), corners.max(axis=0)
    reach = [*(middle - low) / middle, *(high - middle) / middle]
    return Sides(*(max(side, float(r) + room) for side, r in zip(sides, reach, strict=True)))


def view(picture: NDArray[np.uint8], sides: Sides, squashed: bool) -> NDArray[np.uint8]:
    """Return what the network sees of a crop, landmarks or mask.

    Parameters
    ----------
    picture : ndarray of shape (218, 178, 3) or (218, 178), uint8
        A crop, or what is drawn on it.
    sides : Sides
        The view's edges.
    squashed : bool
        See `Scaling`.

    Returns
    -------
    ndarray of shape (128, 128, 3) or (128, 128), uint8
        Resampled with Lanczos' window, as published; the ratio of sides is not kept.
    """
    image = Image.fromarray(picture)
    size = (SIZE, SIZE)
    if not squashed:
        return np.asarray(image.resize(size, Image.Resampling.LANCZOS, _box(sides, *image.size)))
    image = image.resize((SQUASHED, SQUASHED), Image.Resampling.LANCZOS)
    left, top, right, bottom = map(round, _box(sides, SQUASHED, SQUASHED))
    # The published code cuts whole pixels.
    cut = image.crop((left, top, right, bottom))
    return np.asarray(cut.resize(size, Image.Resampling.LANCZOS))


def _box(sides: Sides, width: int, height: int) -> tuple[float, float, float, float]:
    x, y = width / 2, height / 2
    return (
        x * (1 - sides.left), y * (1 - sides.top), x * (1 + sides.right), y * (1 + sides.bottom),
    )  # fmt: skip


def hole(mask: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where the network is to draw: where a mask (..., 128, 128) is darker than 0.8."""
    return mask < 0.8 * 255


def network_input(landmarks: Any, faces: Any, holes: Any) -> NDArray[np.float32]:
    """Return the generator's input (N, 6, 128, 128), 0..1: landmarks, then faces with their hole.

    Parameters
    ----------
    landmarks, faces : array-like of shape (N, 128, 128, 3), uint8
        Views of the drawn landmarks and of the crop.
    holes : array-like of shape (N, 128, 128), bool
        Where the face is taken out.
    """
    shown = np.asarray(faces) * ~np.asarray(holes)[..., None]
    both = np.concatenate([np.asarray(landmarks), shown], axis=-1)
    return np.ascontiguousarray(both.transpose(0, 3, 1, 2), np.float32) / np.float32(255)
