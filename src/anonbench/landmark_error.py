"""How far the landmarks of a face have moved: normalised mean error on the 468-point face mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

POINTS = 468
"""Landmarks of a face."""

OUTER_CORNERS = (33, 263)
"""Outer corners of the subject's right and left eye: their distance is the unit."""

FAILURE = 0.10
"""A larger error counts as a face whose landmarks were not found (the usual bound: Sagonas et al.,
300 Faces in-the-Wild, 2013)."""

GROUPS: dict[str, tuple[int, ...]] = {
    "eyes": (
        7, 33, 133, 144, 145, 153, 154, 155, 157, 158, 159, 160, 161, 163, 173, 246,
        249, 263, 362, 373, 374, 380, 381, 382, 384, 385, 386, 387, 388, 390, 398, 466,
    ),
    "brows": (
        46, 52, 53, 55, 63, 65, 66, 70, 105, 107,
        276, 282, 283, 285, 293, 295, 296, 300, 334, 336,
    ),
    "nose": (
        1, 2, 4, 5, 6, 19, 45, 48, 64, 94, 97, 98, 115, 168, 195, 197, 220, 275, 278, 294, 326,
        327, 344, 440,
    ),
    "mouth": (
        0, 13, 14, 17, 37, 39, 40, 61, 78, 80, 81, 82, 84, 87, 88, 91, 95, 146, 178, 181, 185, 191,
        267, 269, 270, 291, 308, 310, 311, 312, 314, 317, 318, 321, 324, 375, 402, 405, 409, 415,
    ),
    "contour": (
        10, 21, 54, 58, 67, 93, 103, 109, 127, 132, 136, 148, 149, 150, 152, 162, 172, 176, 234,
        251, 284, 288, 297, 323, 332, 338, 356, 361, 365, 377, 378, 379, 389, 397, 400, 454,
    ),
}  # fmt: skip
"""Landmarks of a part of the face, as MediaPipe's own connections number them: lids, brows, ridge
and wings of the nose, lips, outline. Expressions move eyes, brows and mouth."""

ERRORS = ("nme", *(f"nme_{group}" for group in GROUPS))
"""What `landmark_errors` returns."""

_MEMBERS = np.zeros((POINTS, len(ERRORS)))
_MEMBERS[:, 0] = 1 / POINTS
for _k, _indices in enumerate(GROUPS.values(), 1):
    _MEMBERS[list(_indices), _k] = 1 / len(_indices)


def landmark_errors(before: NDArray[Any], after: NDArray[Any]) -> dict[str, float]:
    """Compare the landmarks of a face with those that the same detector found before.

    Parameters
    ----------
    before, after : ndarray of shape (468, 2)
        Landmarks (x, y) in pixels, on the original and on the result.

    Returns
    -------
    dict of str to float
        ``nme``: mean Euclidean distance of all landmarks, in units of the distance of the outer
        corners of the eyes on the original (Sagonas et al. 2013); ``nme_GROUP``: of the landmarks
        of `GROUPS` alone, in the same unit. NaN where the corners coincide.

    Raises
    ------
    ValueError
        If there are not 468 landmarks on both sides.
    """
    if before.shape != (POINTS, 2) or after.shape != (POINTS, 2):
        raise ValueError(
            f"landmarks are {before.shape} and {after.shape}, expected {(POINTS, 2)} twice: "
            "both tables must come from the detector mediapipe_mesh"
        )
    old, new = before.astype(np.float64), after.astype(np.float64)
    right, left = old[list(OUTER_CORNERS)]
    unit = float(np.hypot(*(left - right)))
    moved = np.hypot(*(new - old).T)
    means = moved @ _MEMBERS / unit if unit > 0 else np.full(len(ERRORS), np.nan)
    return dict(zip(ERRORS, means.tolist(), strict=True))


def landmark_score(error: NDArray[Any]) -> Array:
    """Return the area under each image's cumulative error curve up to `FAILURE`, 0..1.

    An image with error e counts from e on, so its curve is 1 from e to the bound and covers
    1 - e / bound of it; the mean over images is the area under the curve of all of them. An error
    of NaN, as of an image without landmarks, covers nothing.
    """
    covered = 1 - np.asarray(error, np.float64) / FAILURE
    return np.where(np.isnan(covered), 0.0, np.clip(covered, 0.0, 1.0))
