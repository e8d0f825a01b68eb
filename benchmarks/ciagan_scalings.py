"""How CIAGAN's scalings show faces: how large, and how many whole.

``python benchmarks/ciagan_scalings.py results/detect/faces`` reads the detections of a run, by
dlib and by MediaPipe, and prints a table: the share of faces whose hole lies in the view as it
is; the share whose view, widened where the hole does not fit, is one that the published code trains
on (every edge 36 to 54 of 72 pixels from the middle); and the hole's median width and height in
it, in the network's 128 pixels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._ciagan_frame import (
    HEIGHT,
    WIDTH,
    frame_of,
    in_crop,
    outline,
)
from anonbench.anonymisers._ciagan_landmarks import SCHEMES, Scheme
from anonbench.anonymisers._ciagan_view import SCALINGS, SIZE, Scaling, grown
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.region_finder import read_subject_faces

PUBLISHED = (0.5, 0.75)
"""Range of the edges of views in the published training, in halves of the crop's size."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="detections of one data set in a run's results")
    options = parser.parse_args(arguments)
    print("| landmarks | scaling | faces | hole inside | as trained on | width | height |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for name, scheme in SCHEMES.items():
        holes = outlines(options.folder, scheme)
        for label, scaling in SCALINGS.items() if holes else ():
            inside, trained, size = seen(holes, scaling)
            wide, high = np.median(size, axis=0)
            print(
                f"| {name} | {label} | {len(holes)} | {100 * inside.mean():.1f} % "
                f"| {100 * trained.mean():.1f} % | {wide:.0f} px | {high:.0f} px |"
            )
    return 0


def outlines(folder: Path, scheme: Scheme) -> list[NDArray[np.float64]]:
    """Return the hole's corners of every subject's face that has a frame, in pixels of the crop."""
    located = folder / "subjects.parquet"
    found = []
    for face in read_subject_faces(folder / f"{scheme.detector}.parquet", located).values():
        points = face.points.astype(np.int64)
        try:
            frame = frame_of(points, scheme)
        except DegenerateFaceError:
            continue
        found.append(outline(in_crop(points, frame), scheme).astype(np.float64))
    return found


def seen(
    holes: Sequence[NDArray[np.float64]], scaling: Scaling
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float64]]:
    """Return which holes fit, which widened views are published ones, and the holes' sizes."""
    inside, trained, size = [], [], []
    for corners in holes:
        sides = grown(scaling.sides, corners)
        inside.append(grown(scaling.sides, corners, room=0) == scaling.sides)
        trained.append(all(PUBLISHED[0] <= side <= PUBLISHED[1] for side in sides))
        shown = np.array([sides.left + sides.right, sides.top + sides.bottom]) * (WIDTH, HEIGHT) / 2
        size.append(SIZE * np.ptp(corners, axis=0) / shown)
    return np.array(inside), np.array(trained), np.array(size)


if __name__ == "__main__":
    sys.exit(main())
