"""Which faces of an image to anonymise, and which part of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers import Region
from anonbench.types import Box, Face

Part = Literal["face", "eyes", "eyes_glasses"]
"""What of a face to anonymise."""
Policy = Literal["largest", "central", "all"]
"""Which faces of an image to anonymise."""

UPPER = 0.6
"""Share of a face's height, from its top, in which Haar hits are taken for eyes: below it the eye
cascades mostly find nostrils and corners of the mouth."""

COVERAGE = 0.4
"""Share of the subject's box that a face's box has to cover to be the same face.

Measured on 100 photographs between Haar, HOG, MTCNN and the mesh: boxes of one face cover each
other by at least 0.46 in 99 of 100 cases, neighbouring faces by at most 0.15. Of the subject's box
and not of the smaller one: a false hit on a mouth lies wholly in the face without covering it."""

MINIMUM_EYE_DISTANCE = 0.35
"""Least distance between the eyes to reckon with, in widths of the face's box: seen from the side
the eyes come together, but do not get smaller."""


@dataclass(frozen=True)
class Padding:
    """How far a box around the eyes reaches beyond the landmarks, in distances between the eyes."""

    x: float
    y: float


PADDING = {"eyes": Padding(0.2, 0.3), "eyes_glasses": Padding(0.4, 0.45)}
"""Eyes: lids and lashes, up to about the brows. With glasses: the frame as well."""
HALF_EYE = Padding(0.24, 0.08)
"""Half the size of an eye: 30 x 10 mm at 63 mm between the pupils. Added where only the centres
are known."""

_MESH_EYES = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466),
)
EYE_POINTS: dict[str, tuple[int, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    "dlib_hog": (68, (tuple(range(36, 42)), tuple(range(42, 48)))),
    "mediapipe_keypoints": (7, ((2,), (1,))),
    "mediapipe_mesh": (468, _MESH_EYES),
    "mtcnn": (5, ((0,), (1,))),
    "torchvision_keypoints": (7, ((2,), (1,))),
}
"""Landmarks of either eye by detector, after the number of landmarks that it gives."""


@dataclass(frozen=True)
class NoRegion:
    """A face without the part asked for.

    Attributes
    ----------
    detail : str
        Why, for the ledger.
    """

    detail: str


def choose_faces(faces: Sequence[Face], policy: Policy, width: int, height: int) -> list[int]:
    """Return the indices of the faces to anonymise; empty only where there are no faces.

    Parameters
    ----------
    faces : sequence of Face
        All faces of an image.
    policy : {"largest", "central", "all"}
        The largest box by area, the box whose centre is nearest to the image's, or all; of equals
        the first.
    width, height : int
        Size of the image in pixels.
    """
    if not faces or policy == "all":
        return list(range(len(faces)))
    if policy == "largest":
        return [int(np.argmax([f.box.area for f in faces]))]
    if policy == "central":
        offsets = np.array([f.box.centre for f in faces]) - (width / 2, height / 2)
        return [int(np.argmin(np.hypot(*offsets.T)))]
    raise ValueError(f"unknown policy {policy!r}: largest, central or all")


def covers(face: Face, subject: Box) -> bool:
    """Tell whether a face is the subject's, i.e. covers enough of his box (see `COVERAGE`)."""
    return subject.area > 0 and face.box.intersection(subject) >= COVERAGE * subject.area


def regions_for(
    faces: Sequence[Face], region: Part, detector: str, width: int, height: int
) -> list[Region | NoRegion]:
    """Return what to change of every face.

    Parameters
    ----------
    faces : sequence of Face
        The faces to anonymise.
    region : {"face", "eyes", "eyes_glasses"}
        The whole box of the face, or one box around both eyes; the latter from the respective Haar
        cascade, or with less or more room around the eyes' landmarks.
    detector : str
        Who found the faces: decides where the eyes are among the landmarks.
    width, height : int
        Size of the image in pixels.

    Returns
    -------
    list of Region or NoRegion
        One per face, in order. Regions lie inside the image and hold at least one pixel.
    """
    return [_region_for(face, region, detector, width, height) for face in faces]


def _region_for(
    face: Face, part: Part, detector: str, width: int, height: int
) -> Region | NoRegion:
    if not np.isfinite(face.box).all():
        return NoRegion(f"{detector}: the box of the face is not finite")
    box: Box | NoRegion
    if part == "face":
        box = face.box
    elif part not in PADDING:
        raise ValueError(f"unknown region {part!r}: face, eyes or eyes_glasses")
    elif detector == "haar":
        box = eyes_from_boxes(face, face.eyes if part == "eyes" else face.eyes_glasses)
    else:
        box = eyes_from_points(face, detector, PADDING[part])
    if isinstance(box, NoRegion):
        return box
    left, top, right, bottom = box.clip(width, height)
    if left >= right or top >= bottom:
        return NoRegion(f"{detector}: the {part} lie outside of the image")
    return Region(left, top, right, bottom, face)


def eyes_from_boxes(face: Face, eyes: Sequence[Box]) -> Box | NoRegion:
    """Return one box around both eyes from single eye boxes.

    Parameters
    ----------
    face : Face
        The face.
    eyes : sequence of Box
        Hits of an eye cascade; those with centres below `UPPER` of the face's height do not count.

    Returns
    -------
    Box or NoRegion
        The envelope of all eyes. Where all of them lie on one side of the face, so that one eye
        was not found, it is widened to the whole width of the face.
    """
    limit = face.box.top + UPPER * face.box.height
    upper = [e for e in eyes if np.isfinite(e).all() and e.area > 0 and e.centre[1] <= limit]
    if not upper:
        return NoRegion("haar: no eyes in the face")
    left, top, right, bottom = _envelope(np.array(upper).reshape(-1, 2))
    sides = {e.centre[0] < face.box.centre[0] for e in upper}
    if len(upper) == 1 or len(sides) == 1:
        left, right = min(left, face.box.left), max(right, face.box.right)
    return Box(left, top, right, bottom)


def eyes_from_points(face: Face, detector: str, padding: Padding) -> Box | NoRegion:
    """Return one box around both eyes from landmarks.

    Parameters
    ----------
    face : Face
        The face; its points are those of `detector`.
    detector : str
        A key of `EYE_POINTS`.
    padding : Padding
        Room around the landmarks.
    """
    if detector not in EYE_POINTS:
        return NoRegion(f"{detector}: does not say where the eyes are")
    count, eyes = EYE_POINTS[detector]
    if len(face.points) < count:
        return NoRegion(f"{detector}: {len(face.points)} landmarks instead of {count}")
    contours = [face.points[list(eye)].astype(np.float64) for eye in eyes]
    points = np.concatenate(contours)
    if not np.isfinite(points).all():
        return NoRegion(f"{detector}: landmarks of the eyes are not finite")
    between = np.hypot(*(contours[0].mean(axis=0) - contours[1].mean(axis=0)))
    unit = max(float(between), MINIMUM_EYE_DISTANCE * face.box.width)
    half = HALF_EYE if len(points) == 2 else Padding(0, 0)
    x, y = unit * (padding.x + half.x), unit * (padding.y + half.y)
    left, top, right, bottom = _envelope(points)
    return Box(left - x, top - y, right + x, bottom + y)


def _envelope(points: NDArray[np.float64]) -> Box:
    """Return the smallest box around points (N, 2)."""
    return Box(*map(float, (*points.min(axis=0), *points.max(axis=0))))
