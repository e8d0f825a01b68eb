"""Which of several faces is the one that lies in a box."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anonbench.types import Box, Face

MINIMUM_IOU = 0.3
"""A face found in an anonymised image is the subject's if it overlaps his box at least so much.

The boxes of Haar, HOG, MTCNN and the mesh around one face overlap by 0.4 to 0.8."""

DETECTED_IOU = 0.5
"""A face counts as still found if a detection overlaps the detector's own box on the original
at least so much (the usual bound of detection benchmarks)."""


def match(faces: Sequence[Face], subject: Box, least: float = MINIMUM_IOU) -> int | None:
    """Return the index of the face that overlaps the subject's box best; None if none does.

    `least` is the smallest intersection over union that counts, 0..1.
    """
    overlaps = [f.box.iou(subject) for f in faces]
    if not overlaps or max(overlaps) < least:
        return None
    return int(np.argmax(overlaps))
