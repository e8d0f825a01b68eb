"""Which landmarks of a face CIAGAN is shown, for each detector of landmarks that it can rest on.

dlib's 68 points are drawn as published. MediaPipe's 468 (Brant 2022, experiment 3) are drawn by the
lines that MediaPipe itself names (`mediapipe.python.solutions.face_mesh_connections`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anonbench.registry import unknown_name

Segments = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Scheme:
    """The points of one detector.

    Attributes
    ----------
    detector : str
        Its name among `anonbench.detectors`.
    points : int
        How many it finds in a face.
    inner_eyes : (int, int)
        Inner eye corners, of the subject's right eye and of the left.
    jaw : tuple of int
        The outline from one temple under the chin to the other, the subject's right one first.
    brow_tops : (int, int)
        Points on the brows up to whose height the face is drawn anew.
    groups : dict of str to segments
        Lines between points by part of the face.
    shown : tuple of str
        The groups that are drawn unless others are asked for.
    """

    detector: str
    points: int
    inner_eyes: tuple[int, int]
    jaw: tuple[int, ...]
    brow_tops: tuple[int, int]
    groups: dict[str, Segments]
    shown: tuple[str, ...]


def _chain(*points: int, closed: bool = False) -> Segments:
    ends = [*points[1:], points[0]] if closed else points[1:]
    return tuple(zip(points, ends, strict=False))


DLIB = Scheme(
    detector="dlib_hog",
    points=68,
    inner_eyes=(39, 42),
    jaw=tuple(range(17)),
    brow_tops=(19, 24),
    groups={
        "contour": _chain(*range(17)),
        "nose": _chain(*range(27, 31)),
        "mouth": _chain(*range(60, 68), closed=True),
        "eyes": _chain(*range(36, 42), closed=True) + _chain(*range(42, 48), closed=True),
        "brows": _chain(*range(17, 22)) + _chain(*range(22, 27)),
    },
    shown=("contour", "nose", "mouth"),
)
"""As published; eyes and brows are not."""

_LOWER_OVAL = (
    127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152,
    377, 400, 378, 379, 365, 397, 288, 361, 323, 454, 356,
)  # fmt: skip
_UPPER_OVAL = (389, 251, 284, 332, 297, 338, 10, 109, 67, 103, 54, 21, 162)

MEDIAPIPE = Scheme(
    detector="mediapipe_mesh",
    points=468,
    inner_eyes=(133, 362),
    jaw=_LOWER_OVAL,
    brow_tops=(105, 334),
    groups={
        "contour": _chain(*_LOWER_OVAL, *_UPPER_OVAL, closed=True),
        "nose": _chain(168, 6, 197, 195, 5, 4, 1, 19, 94, 2)
        + _chain(98, 97, 2, 326, 327, 294, 278, 344, 440, 275, 4, 45, 220, 115, 48, 64, 98),
        "mouth": _chain(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
        + _chain(61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
        + _chain(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
        + _chain(78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
        "eyes": _chain(33, 7, 163, 144, 145, 153, 154, 155, 133)
        + _chain(33, 246, 161, 160, 159, 158, 157, 173, 133)
        + _chain(263, 249, 390, 373, 374, 380, 381, 382, 362)
        + _chain(263, 466, 388, 387, 386, 385, 384, 398, 362),
        "brows": _chain(46, 53, 52, 65, 55)
        + _chain(70, 63, 105, 66, 107)
        + _chain(276, 283, 282, 295, 285)
        + _chain(300, 293, 334, 296, 336),
    },
    shown=("contour", "nose", "mouth", "eyes", "brows"),
)

SCHEMES = {"dlib": DLIB, "mediapipe": MEDIAPIPE}
"""By the name that settings use."""


def groups_of(scheme: Scheme, names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the groups to draw, in the scheme's order: those named, or for None what it shows.

    Raises
    ------
    UnknownNameError
        For a group that does not exist.
    """
    if names is None:
        return scheme.shown
    for name in names:
        if name not in scheme.groups:
            raise unknown_name("landmark group", name, scheme.groups)
    return tuple(g for g in scheme.groups if g in names)
