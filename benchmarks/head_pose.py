"""How well the face mesh's landmarks tell the pose of a head, on rendered faces of known pose.

``python benchmarks/head_pose.py [FOLDER]`` compares estimates with the labels of a rendered set, by
default the bundled one. With ``--fit`` it prints a reference head fitted to a set instead, as one
stands in ``anonbench.head_pose``: that one comes from 440 images of training subjects.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from clones import BUNDLED, need_faces
from faces_geometry import middle, true_points
from faces_look import FaceSetError, decode, read_encoded, read_labels, true_face
from numpy.typing import NDArray

from anonbench import detectors
from anonbench.head_pose import ANGLES, INDICES, head_pose
from anonbench.synthetic.scene import rotation

Floats = NDArray[np.float64]

MIRROR = {98: 327, 133: 362, 33: 263, 127: 356, 234: 454}
"""Landmarks of the subject's right side and those of the left; the others lie in the middle."""

ROUNDS = 20
"""Turns of places and scales in the fit; it has settled after five."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=BUNDLED, help="a rendered set")
    parser.add_argument("--images", type=int, default=840, help="at most so many, evenly spread")
    parser.add_argument("--fit", action="store_true", help="print a reference head instead")
    options = parser.parse_args(arguments)
    try:
        if options.folder == BUNDLED:
            need_faces()
        table = read_labels(options.folder)
        count = min(options.images, len(table))
        table = table.iloc[np.arange(count) * len(table) // count]
        points, found = landmarks(options.folder, table)
    except (FaceSetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    seen = table[found]
    poses = seen[list(ANGLES)].to_numpy(np.float64)
    print(f"{len(seen)} of {len(table)} faces found, {seen['subject'].nunique()} subjects")
    if options.fit:
        for index, place in zip(INDICES, fit(points, poses), strict=True):
            print(f"{index}: ({', '.join(f'{v:.3f}' for v in place + 0.0)}),")
    else:
        print(compare(head_pose(points), poses, seen["subject"].to_numpy()).to_string())
    return 0


def landmarks(folder: Path, table: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the landmarks (M, 468, 2) of the true faces, and in which of the N images they are."""
    mesh = detectors.get("mediapipe_mesh").build({})
    points, found = [], []
    for data, true in zip(read_encoded(folder, table), true_points(table), strict=True):
        face = true_face(mesh.detect(decode(data)), *middle(true))
        found.append(face is not None)
        if face is not None:
            points.append(face.points)
    return np.array(points), np.array(found)


def fit(points: NDArray[np.float32], poses: Floats) -> Floats:
    """Return the symmetric rigid head (K, 3) that best explains landmarks under known poses.

    Under weak perspective a landmark is scale times the first two rows of the rotation times its
    place, around the centroid: linear in the places with known scales, and the other way round, so
    that the two take turns.

    Parameters
    ----------
    points : ndarray of shape (N, 468, 2)
        Landmarks in pixels.
    poses : ndarray of shape (N, 3)
        True yaw, pitch and roll in degrees.
    """
    own = points[:, INDICES].astype(np.float64) * (1, -1)
    own -= own.mean(axis=1, keepdims=True)
    turns = np.stack([rotation(*pose)[:2] for pose in poses])
    scale = np.sqrt((own**2).sum(axis=(1, 2)))
    for _ in range(ROUNDS):
        design = (turns * scale[:, None, None]).reshape(-1, 3)
        seen = own.transpose(0, 2, 1).reshape(-1, len(INDICES))
        places = np.linalg.lstsq(design, seen, None)[0].T
        flat = np.einsum("nij,kj->nki", turns, places)
        scale = (own * flat).sum(axis=(1, 2)) / (flat**2).sum(axis=(1, 2))
    order = list(INDICES)
    other = {**MIRROR, **{left: right for right, left in MIRROR.items()}}
    mirrored = places[[order.index(other.get(k, k)) for k in order]] * (-1, 1, 1)
    places = (places + mirrored) / 2
    places -= places.mean(axis=0)
    return places / np.sqrt((places**2).sum(axis=1).mean())


def compare(estimates: Floats, poses: Floats, subjects: NDArray[np.str_]) -> pd.DataFrame:
    """Return by angle how estimates (N, 3) agree with true poses (N, 3).

    Columns: correlation; slope of the estimates over the truth; offset, the mean difference in
    degrees; error, the mean absolute difference without the offset; and change_error, that of the
    difference between any two images of one subject, which is free of what is his own.
    """
    differences = estimates - poses
    pairs = [
        differences[first] - differences[second]
        for name in np.unique(subjects)
        for own in [np.flatnonzero(subjects == name)]
        for k, first in enumerate(own)
        for second in own[k + 1 :]
    ]
    offset = differences.mean(axis=0)
    each = range(len(ANGLES))
    return pd.DataFrame({
        "correlation": [np.corrcoef(estimates[:, k], poses[:, k])[0, 1] for k in each],
        "slope": [np.polyfit(poses[:, k], estimates[:, k], 1)[0] for k in each],
        "offset": offset,
        "error": np.abs(differences - offset).mean(axis=0),
        "change_error": np.abs(pairs).mean(axis=0) if pairs else np.nan,
    }, index=list(ANGLES)).round(3)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
