"""How CIAGAN's scalings show faces: how large, and how many whole.

``python benchmarks/ciagan_scalings.py results/detect/faces`` reads the detections of a run, by
dlib and by MediaPipe, and prints a table: the share of faces whose hole lies in the view as a
whole, and the hole's median width and height there, in the network's 128 pixels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._ciagan_frame import DegenerateFaceError, frame_of, in_crop, outline
from anonbench.anonymisers._ciagan_landmarks import SCHEMES, Scheme
from anonbench.anonymisers._ciagan_view import SCALINGS, SIZE, Scaling, grown, in_crop_of_view
from anonbench.detect import read_faces
from anonbench.region_finder import read_subjects
from anonbench.regions import covers


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="detections of one data set in a run's results")
    options = parser.parse_args(arguments)
    print("| landmarks | scaling | faces | hole inside | width | height |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for name, scheme in SCHEMES.items():
        holes = outlines(options.folder, scheme)
        for label, scaling in SCALINGS.items():
            inside, size = seen(holes, scaling)
            wide, high = np.median(size, axis=0)
            print(
                f"| {name} | {label} | {len(holes)} | {100 * inside.mean():.1f} % | {wide:.0f} px "
                f"| {high:.0f} px |"
            )
    return 0


def outlines(folder: Path, scheme: Scheme) -> list[NDArray[np.float64]]:
    """Return the hole's corners of every subject's face that has a frame, in pixels of the crop."""
    boxes = read_subjects(folder / "subjects.parquet")
    found = []
    for image_id, faces in read_faces(folder / f"{scheme.detector}.parquet").items():
        box = boxes[image_id]
        for face in [f for f in faces if box is not None and covers(f, box)][:1]:
            points = face.points.astype(np.int64)
            try:
                frame = frame_of(points, scheme)
            except DegenerateFaceError:
                continue
            found.append(outline(in_crop(points, frame), scheme).astype(np.float64))
    return found


def seen(
    holes: Sequence[NDArray[np.float64]], scaling: Scaling
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return which holes lie inside the view, and their width and height (N, 2) there."""
    inside, size = [], []
    for corners in holes:
        sides = grown(scaling.sides, corners) if scaling.grows else scaling.sides
        matrix = in_crop_of_view(sides)
        places = (corners - matrix[:, 2]) / np.diag(matrix)
        inside.append(bool((places >= 0).all() and (places <= SIZE).all()))
        size.append(np.ptp(places, axis=0))
    return np.array(inside), np.array(size)


if __name__ == "__main__":
    sys.exit(main())
