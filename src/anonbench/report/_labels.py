"""Where to write names in a crowded chart: beside their marks, on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_RINGS = (1.5, 4.0, 8.0, 14.0, 21.0, 30.0, 42.0)
"""Gaps in points between a mark and its name that are tried, near ones first."""
_ANGLES = np.arange(16) * (np.pi / 8)
_SWEEPS = 4
_OUTSIDE, _OVERLAP, _ON_MARK, _ON_LINE, _FAR = 1e6, 400.0, 120.0, 2.5, 1.0
LEADER = 9.0
"""A name farther from its mark than this many points gets a line to it."""


@dataclass(frozen=True)
class Label:
    """A text to place, in points (1/72 inch).

    Attributes
    ----------
    size : (width, height)
    anchors : sequence of (x, y, radius)
        Marks any one of which it may stand beside.
    optional : bool
        Left out rather than written over something.
    """

    size: tuple[float, float]
    anchors: Sequence[tuple[float, float, float]]
    optional: bool = False


@dataclass(frozen=True)
class Spot:
    """Lower left corner of a text, and the mark that it names."""

    x: float
    y: float
    anchor: int
    gap: float


def place(
    labels: Sequence[Label],
    marks: Sequence[tuple[float, float, float]],
    lines: Sequence[tuple[float, float, float, float]],
    frame: tuple[float, float, float, float],
) -> list[Spot | None]:
    """Find a place for every label: off other labels, marks and lines, and near its mark.

    Parameters
    ----------
    labels : sequence of Label
        Those that matter most first.
    marks : sequence of (x, y, radius)
        Discs to keep clear.
    lines : sequence of (x0, y0, x1, y1)
        Lines to keep off where possible.
    frame : (x0, y0, x1, y1)
        What no label may leave.

    Returns
    -------
    list of Spot or None
        None for optional labels without a free place. The same input gives the same places.
    """
    discs = np.array(marks, np.float64).reshape(-1, 3)
    dots = _dotted(lines)
    spots: list[Spot | None] = [None] * len(labels)
    tried = [_candidates(label) for label in labels]
    fixed = [_fixed_cost(boxes, spots_, discs, dots, frame) for boxes, spots_ in tried]
    chosen: dict[int, Array] = {}
    for _ in range(_SWEEPS):
        for k, (boxes, own) in enumerate(tried):
            others = [box for other, box in chosen.items() if other != k]
            cost = fixed[k] + _OVERLAP * _overlaps(boxes, others)
            best = int(cost.argmin())
            if labels[k].optional and cost[best] >= _ON_MARK:
                chosen.pop(k, None)
                spots[k] = None
            else:
                chosen[k], spots[k] = boxes[best], own[best]
    return spots


def _candidates(label: Label) -> tuple[Array, list[Spot]]:
    """Return boxes (C, 4) as x0, y0, x1, y1, and the spots that they stand for."""
    width, height = label.size
    found, spots = [], []
    for anchor, (x, y, radius) in enumerate(label.anchors):
        for gap in _RINGS:
            for angle in _ANGLES:
                # The box touches the circle around the mark where the angle points.
                across, up = np.cos(angle), np.sin(angle)
                cx = x + across * (radius + gap) + _sign(across) * width / 2
                cy = y + up * (radius + gap) + _sign(up) * height / 2
                found.append((cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2))
                spots.append(Spot(found[-1][0], found[-1][1], anchor, gap))
    return np.array(found), spots


def _sign(value: float) -> float:
    return 0.0 if abs(value) < 1e-9 else float(np.sign(value))


def _dotted(lines: Sequence[tuple[float, float, float, float]]) -> Array:
    """Return points (N, 2) along lines, 2 points apart."""
    parts = [np.zeros((0, 2))]
    for x0, y0, x1, y1 in lines:
        n = max(2, int(np.hypot(x1 - x0, y1 - y0) / 2))
        parts.append(np.column_stack([np.linspace(x0, x1, n), np.linspace(y0, y1, n)]))
    return np.concatenate(parts)


def _fixed_cost(
    boxes: Array, spots: Sequence[Spot], discs: Array, dots: Array, frame: tuple[float, ...]
) -> Array:
    """Return what each box (C, 4) costs before other labels are looked at."""
    x0, y0, x1, y1 = boxes.T
    cost = _FAR * np.array([s.gap for s in spots])
    cost += _OUTSIDE * ((x0 < frame[0]) | (y0 < frame[1]) | (x1 > frame[2]) | (y1 > frame[3]))
    near_x = np.clip(discs[:, 0], x0[:, None], x1[:, None])
    near_y = np.clip(discs[:, 1], y0[:, None], y1[:, None])
    hit = np.hypot(near_x - discs[:, 0], near_y - discs[:, 1]) < discs[:, 2] + 0.5
    cost += _ON_MARK * hit.sum(axis=1)
    inside = (dots[:, 0] > x0[:, None]) & (dots[:, 0] < x1[:, None])
    inside &= (dots[:, 1] > y0[:, None]) & (dots[:, 1] < y1[:, None])
    result: Array = cost + _ON_LINE * inside.sum(axis=1)
    return result


def _overlaps(boxes: Array, others: Sequence[Any]) -> Array:
    """Return how many other boxes each box (C, 4) overlaps, a point of space included."""
    count = np.zeros(len(boxes))
    for x0, y0, x1, y1 in others:
        apart = (boxes[:, 0] > x1 + 1) | (boxes[:, 2] < x0 - 1)
        apart |= (boxes[:, 1] > y1 + 0.5) | (boxes[:, 3] < y0 - 0.5)
        count += ~apart
    return count
