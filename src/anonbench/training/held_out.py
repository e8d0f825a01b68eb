"""Subjects that a training of a generator holds out, and the faces that its curves look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


def split(
    subjects: NDArray[np.generic], share: float, draw: np.random.Generator
) -> tuple[Indices, Indices]:
    """Return the rows to train on, and those of a share of the subjects that are held out."""
    everyone = np.unique(subjects)
    held = draw.permutation(everyone)[: round(share * len(everyone))]
    out = np.isin(subjects, held)
    return np.flatnonzero(~out), np.flatnonzero(out)


def evenly(rows: Indices, most: int) -> Indices:
    """Return at most so many rows, evenly spaced."""
    chosen: Indices = rows[np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)]
    return chosen
