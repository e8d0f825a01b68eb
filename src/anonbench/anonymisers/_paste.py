"""Faces out of a photo, and drawn faces into it.

Every pixel that will be replaced is painted over, and blends rest on the painted photo: so none of
the face gets into the result but by way of what the network is shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._window import Window
from anonbench.types import FloatArray, Pixels

REACH = 4
"""Pixels around a face that Poisson blending looks at; OpenCV itself takes 3 off the edge."""


class Place(Protocol):
    """Where a drawn face goes in a photo."""

    @property
    def window(self) -> Window:
        """The smallest one around all that is replaced."""
        ...

    @property
    def replaced(self) -> NDArray[np.bool_]:
        """Which pixels of the window are replaced."""
        ...

    @property
    def width(self) -> int:
        """The face's width in pixels of the photo."""
        ...


class SeenPlace(Place, Protocol):
    """One that a network was shown, and drew."""

    def in_view(self, x: float, y: float) -> tuple[float, float]:
        """Return a place of the photo in the drawn picture.

        Both count from the outer edge of the first pixel.
        """
        ...


def painted_over(pixels: Pixels, places: Sequence[Place]) -> Pixels:
    """Return a photo in which the colours around each face go on into it.

    Every pixel to be replaced gets the colour of the nearest one that is not.

    Raises
    ------
    DegenerateFaceError
        If the faces leave nothing of the photo around them.
    """
    painted = pixels.copy()
    hidden = np.zeros(pixels.shape[:2], np.uint8)
    for place in places:
        hidden[place.window.area][place.replaced] = 1
    around = _around([place.window for place in places]).wider(1, pixels.shape)
    inner = np.ascontiguousarray(hidden[around.area])
    if inner.all():
        raise DegenerateFaceError("the face fills the whole photo")
    labels = cv2.distanceTransformWithLabels(
        inner, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    clear = inner == 0
    colours = np.zeros((labels.max() + 1, 3), np.uint8)
    colours[labels[clear]] = pixels[around.area][clear]
    painted[around.area] = colours[labels]
    return painted


def _around(windows: Sequence[Window]) -> Window:
    lefts, tops, rights, bottoms = zip(*windows, strict=True)
    return Window(min(lefts), min(tops), max(rights), max(bottoms))


def paste(photo: Pixels, drawn: FloatArray, place: SeenPlace, blend: str, feather: float) -> None:
    """Put a drawn face into a photo that was painted over, in place.

    Parameters
    ----------
    photo : ndarray of shape (height, width, 3), uint8
        What `painted_over` returned, perhaps with other faces in it already. No pixel outside of
        the face's outline changes.
    drawn : ndarray of shape (rows, columns, 3)
        What the network drew, 0..1; clamped.
    place : SeenPlace
        Where the face lies.
    blend : str
        ``none``: a hard edge. ``feather``: towards the edge the face fades into the colours that
        surround it. ``poisson``: its shades are shifted until they meet those around (Perez et al.
        2003, by OpenCV's `seamlessClone`).
    feather : float
        Width of the fading rim, as a share of the face's width.
    """
    joined(photo, _enlarged(drawn, place), place, blend, feather)


def joined(photo: Pixels, fresh: Pixels, place: Place, blend: str, feather: float) -> None:
    """Put a face that has the photo's resolution already into it; see `paste`.

    Parameters
    ----------
    photo : ndarray of shape (height, width, 3), uint8
        Painted over; changed in place, where `place.replaced` says so.
    fresh : ndarray of the window's shape and 3 channels, uint8
        The new face.
    place : Place
        Where it goes.
    blend : str
        ``none``, ``feather`` or ``poisson``.
    feather : float
        Width of the fading rim, as a share of the face's width.
    """
    view = photo[place.window.area]
    if blend == "feather":
        rim = feather * place.width
        share = np.minimum(1, _depth(place, rim, photo.shape) / (rim + 1))[..., None]
        fresh = np.rint(share * fresh + (1 - share) * view).astype(np.uint8)
    elif blend == "poisson":
        fresh = _cloned(photo, fresh, place)
    view[place.replaced] = fresh[place.replaced]


def _enlarged(drawn: FloatArray, place: SeenPlace) -> Pixels:
    """Return what was drawn at the photo's resolution, for all pixels of the window."""
    picture = Image.fromarray(np.rint(np.clip(drawn, 0, 1) * 255).astype(np.uint8))
    left, top, right, bottom = place.window
    box = (*place.in_view(left, top), *place.in_view(right, bottom))
    # Pillow's kernel grows with the scale, so it is right for larger and for smaller faces.
    resized = picture.resize((right - left, bottom - top), Image.Resampling.LANCZOS, box)
    return np.asarray(resized)


def _at_edge(window: Window, shape: tuple[int, ...]) -> tuple[bool, bool, bool, bool]:
    """Tell at which sides a window ends with the photo: top, bottom, left, right."""
    return (
        window.top == 0, window.bottom == shape[0], window.left == 0, window.right == shape[1],
    )  # fmt: skip


def _depth(place: Place, rim: float, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Return how far pixels lie from the edge of the face, at most somewhat more than the rim.

    A face that the photo's edge cuts off goes on beyond it.
    """
    far = math.ceil(rim) + 2
    top, bottom, left, right = (far * end for end in _at_edge(place.window, shape))
    mask = place.replaced.astype(np.uint8)
    mask = cv2.copyMakeBorder(mask, top, bottom, left, right, cv2.BORDER_REPLICATE)
    mask = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
    depth = cv2.distanceTransform(mask, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    height, width = place.replaced.shape
    inner: NDArray[np.float32] = depth[top + 1 :][:height, left + 1 : left + 1 + width]
    return inner


def _cloned(photo: Pixels, fresh: Pixels, place: Place) -> Pixels:
    """Return the face with its shades shifted to meet what is around it."""
    wide = place.window.wider(REACH, photo.shape)
    top, left = place.window.top - wide.top, place.window.left - wide.left
    height, width = place.replaced.shape
    inner = np.s_[top : top + height, left : left + width]
    around = np.ascontiguousarray(photo[wide.area])
    source, mask = around.copy(), np.zeros(around.shape[:2], np.uint8)
    source[inner][place.replaced] = fresh[place.replaced]
    mask[inner][place.replaced] = 255
    ends = _at_edge(wide, photo.shape)
    around, source, mask = (_extended(m, ends) for m in (around, source, mask))
    # OpenCV works on the rectangle of the mask. Two corners, which it takes off again, widen it.
    mask[0, 0] = mask[-1, -1] = 255
    middle = mask.shape[1] // 2, mask.shape[0] // 2
    cloned = cv2.seamlessClone(source, around, mask, middle, cv2.NORMAL_CLONE)
    top, left = top + REACH * ends[0], left + REACH * ends[2]
    return np.asarray(cloned[top : top + height, left : left + width], np.uint8)


def _extended(picture: Pixels, ends: Sequence[bool]) -> Pixels:
    """Return a picture that goes on where it ends with the photo."""
    top, bottom, left, right = (REACH * end for end in ends)
    wide = cv2.copyMakeBorder(picture, top, bottom, left, right, cv2.BORDER_REPLICATE)
    return np.asarray(wide, np.uint8)
