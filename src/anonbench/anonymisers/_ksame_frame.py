"""The frame in which k-Same averages faces: that of a whole data set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anonbench.anonymisers._face_frame import Frame, Points, checked, mean_shape
from anonbench.anonymisers._prepared import Member

LONGEST = 256
"""The longer side of the frame in pixels, at most: faces of large photos are averaged smaller."""


def landmarks(member: Member) -> Points:
    """Return the 68 landmarks of a member's face, or raise as `checked` does."""
    return checked(member.face.points)


def frame_of(members: Sequence[Member]) -> Frame:
    """Return the frame of a data set: the mean photo's size, and mean landmarks.

    Parameters
    ----------
    members : sequence of Member
        At least one; all with landmarks that `landmarks` accepts.
    """
    sizes = np.array([(m.width, m.height) for m in members], np.float64)
    size = np.median(sizes, axis=0)
    size *= min(1.0, LONGEST / size.max())
    width, height = (max(1, round(v)) for v in size)
    scales = (np.array([width, height]) / sizes).min(axis=1)
    middle = np.array([width, height]) / 2
    shapes = np.stack([
        (landmarks(m) - own / 2) * scale + middle
        for m, own, scale in zip(members, sizes, scales, strict=True)
    ])  # fmt: skip
    return Frame(width, height, mean_shape(shapes))
