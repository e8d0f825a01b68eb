"""How a head is turned, from the 468 landmarks of the face mesh.

Landmarks that expressions hardly move are compared with a rigid reference head. The camera is taken
for a weak perspective one: the affine map that fits best has a closed form, as has the rotation
next to it. Angles are those of the data card of the rendered faces.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ANGLES = ("yaw", "pitch", "roll")
"""In degrees, 0 facing the camera: turned to the subject's left, nodding down, tilted to the
subject's right."""

REFERENCE: dict[int, tuple[float, float, float]] = {
    10: (0.0, 1.176, 0.128), 151: (0.0, 0.874, 0.215),
    9: (0.0, 0.572, 0.262), 8: (0.0, 0.403, 0.247),
    168: (0.0, 0.248, 0.243), 6: (0.0, 0.083, 0.338),
    197: (0.0, -0.062, 0.432), 195: (0.0, -0.196, 0.519),
    5: (0.0, -0.34, 0.613), 4: (0.0, -0.514, 0.68),
    1: (0.0, -0.642, 0.651), 2: (0.0, -0.754, 0.406),
    98: (-0.323, -0.703, 0.223), 327: (0.323, -0.703, 0.223),
    133: (-0.329, 0.141, -0.043), 362: (0.329, 0.141, -0.043),
    33: (-0.863, 0.182, -0.215), 263: (0.863, 0.182, -0.215),
    127: (-1.325, 0.114, -1.132), 356: (1.325, 0.114, -1.132),
    234: (-1.307, -0.158, -1.199), 454: (1.307, -0.158, -1.199),
}  # fmt: skip
"""Rigid head: forehead, ridge and base of the nose, corners of the eyes, temples; no brow, lid, lip
or jaw. Landmark to place: x to the subject's left, y up, z to the front, around the centroid, in
units of the root mean square distance from it. Fitted to rendered training subjects, whose true
poses are known, by ``benchmarks/head_pose.py --fit``."""

INDICES = np.array(list(REFERENCE))
"""Landmarks of the reference."""

_PLACES = np.array(list(REFERENCE.values()))
# The least-squares affine map of a face is one product with this.
_SOLVE = np.linalg.pinv(_PLACES - _PLACES.mean(axis=0))


def head_pose(points: NDArray[Any]) -> Array:
    """Return yaw, pitch and roll of faces in degrees.

    Parameters
    ----------
    points : ndarray of shape (..., 468, 2)
        Landmarks (x, y) of the face mesh in pixels, y downwards.

    Returns
    -------
    ndarray of shape (..., 3), float64
        Yaw and roll in -180..180, pitch in -90..90; for a head rolled by r, then pitched by p, then
        turned by a, exactly r, p and a under weak perspective. NaN where all landmarks coincide.
    """
    own = np.asarray(points, np.float64)[..., INDICES, :] * (1, -1)
    own = own - own.mean(axis=-2, keepdims=True)
    affine = np.swapaxes(_SOLVE @ own, -1, -2)
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    across, up = np.moveaxis(left @ right, -2, 0)
    front = np.cross(across, up)
    angles = np.stack(
        [
            np.arctan2(across[..., 2], front[..., 2]),
            np.arcsin(np.clip(-up[..., 2], -1, 1)),
            np.arctan2(up[..., 0], up[..., 1]),
        ],
        axis=-1,
    )
    degenerate = ~own.any(axis=(-1, -2))
    angles[degenerate] = np.nan
    degrees: Array = np.rad2deg(angles)
    return degrees


def pose_errors(before: NDArray[Any], after: NDArray[Any]) -> dict[str, float]:
    """Return the absolute differences ``yaw_error``, ``pitch_error``, ``roll_error`` in degrees.

    Parameters
    ----------
    before, after : ndarray of shape (3,)
        As `head_pose` returns them. Whatever the reference gets wrong about a face it gets wrong
        twice, so that it largely cancels. Differences are 0..180.
    """
    difference = np.abs((after - before + 180) % 360 - 180)
    return {f"{name}_error": float(d) for name, d in zip(ANGLES, difference, strict=True)}
