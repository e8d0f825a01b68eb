"""Where keypoints of a body can be, seen from its face; and where they usually are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonbench.types import Box, FloatArray

KEYPOINTS = 7
"""Nose, left and right eye, left and right ear, left and right shoulder, in this order."""
BESIDE, BELOW = 1.2, 0.5
"""Usual shoulders: widths of the face beside its middle, heights of it below the chin."""
SAME_NOSE = 0.5
"""Farthest from the face's nose that a body's own may lie, in heights of the face."""
WIDEST, LOWEST, HIGHEST = 5.0, 2.5, 0.2
"""Farthest apart that shoulders may lie, in widths of the face, and how far below the nose their
middle may be, and has to be at least, in its heights."""
ASIDE = 1.5
"""Farthest beside the nose that their middle may be, in widths of the face."""


class Head(NamedTuple):
    """Where the parts of a face that looks into the camera are in a detector's box.

    Attributes
    ----------
    nose : float
        How far below the box's upper edge the tip of the nose is, in its heights.
    eye, ear : tuple of float
        How far beside the box's middle one is, in its widths, and how far below its upper edge, in
        its heights.
    """

    nose: float
    eye: tuple[float, float]
    ear: tuple[float, float]


_WIDER = Head(0.615, (0.23, 0.385), (0.505, 0.475))
USUAL_HEADS = {
    "dlib_hog": Head(0.58, (0.205, 0.29), (0.455, 0.40)),
    "haar": Head(0.64, (0.18, 0.39), (0.39, 0.485)),
    "mediapipe_mesh": Head(0.58, (0.225, 0.325), (0.49, 0.42)),
    "mtcnn": _WIDER,
    "dsfd": _WIDER,
}
"""By detector, since their boxes reach from and to different places.

Medians over the benchmark's rendered faces (840; MTCNN: every sixth), left and right averaged,
against `mediapipe_keypoints`. DSFD was not measured: it has learnt the same boxes, those of WIDER
FACE, as MTCNN. Heads are turned there, so that places of single faces spread around
them, as standard deviations, by 0.02 to 0.18 widths (most at the nose) and 0.02 to 0.07 heights."""


def usual_keypoints(box: Box, detector: str) -> NDArray[np.float32]:
    """Return the keypoints (7, 2) of somebody upright who faces the camera.

    Parameters
    ----------
    box : Box
        The face.
    detector : str
        Who found it: one of `USUAL_HEADS`.
    """
    head, middle = USUAL_HEADS[detector], box.centre[0]
    places = [(middle, box.top + head.nose * box.height)]
    for beside, below in (head.eye, head.ear):
        reach, y = beside * box.width, box.top + below * box.height
        places += [(middle + reach, y), (middle - reach, y)]
    return np.concatenate([np.array(places, np.float32), usual_shoulders(box)])


def usual_shoulders(box: Box) -> NDArray[np.float32]:
    """Return left and right shoulder (2, 2) of somebody upright who faces the camera.

    The left is the person's own, to the right of the picture.
    """
    x, y = box.centre[0], box.bottom + BELOW * box.height
    reach = BESIDE * box.width
    return np.array([(x + reach, y), (x - reach, y)], np.float32)


def plausible(found: FloatArray, nose: FloatArray, box: Box) -> bool:
    """Tell whether a body's nose and shoulders can be those of a face.

    Parameters
    ----------
    found : ndarray of shape (3, 2)
        Nose, left and right shoulder of the body, in pixels of the photo.
    nose : ndarray of shape (2,)
        The face's.
    box : Box
        Where the face is.
    """
    if not np.isfinite(found).all() or box.area <= 0:
        return False
    if np.hypot(*(found[0] - nose)) > SAME_NOSE * box.height:
        return False
    across, down = found[1:].mean(axis=0) - nose
    return bool(
        np.ptp(found[1:, 0]) <= WIDEST * box.width
        and abs(across) <= ASIDE * box.width
        and HIGHEST * box.height <= down <= LOWEST * box.height
    )
