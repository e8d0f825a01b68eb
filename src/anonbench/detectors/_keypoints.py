"""Where keypoints of a body can be, seen from its face; and where they usually are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonbench.types import Box, FloatArray

BESIDE, BELOW = 1.2, 0.5
"""Usual shoulders: widths of the face beside its middle, heights of it below the chin."""
SAME_NOSE = 0.5
"""Farthest from the face's nose that a body's own may lie, in heights of the face."""
WIDEST, LOWEST, HIGHEST = 5.0, 2.5, 0.2
"""Farthest apart that shoulders may lie, in widths of the face, and how far below the nose their
middle may be, and has to be at least, in its heights."""
ASIDE = 1.5
"""Farthest beside the nose that their middle may be, in widths of the face."""


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
