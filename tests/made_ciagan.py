"""What tests of CIAGAN need: 68 landmarks of a face that was never photographed, made-up weights.

Found by name, since pytest puts the folder of ``tests/conftest.py`` on the path.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbench.types import Box, Face


def landmarks_in(box: Box) -> NDArray[np.float32]:
    """Return 68 landmarks of an upright face that fills a box, in dlib's order."""
    turn = np.linspace(np.pi, 0, 17)
    jaw = np.stack([0.5 + 0.48 * np.cos(turn), 0.35 + 0.62 * np.sin(turn)], axis=1)
    rise = np.linspace(0, np.pi, 5)
    brow = np.stack([np.linspace(0.12, 0.42, 5), 0.22 - 0.05 * np.sin(rise)], axis=1)
    bridge = np.stack([np.full(4, 0.5), np.linspace(0.33, 0.55, 4)], axis=1)
    nostrils = np.stack([np.linspace(0.4, 0.6, 5), np.full(5, 0.62)], axis=1)
    parts = [
        jaw, brow, [1, 0] + [-1, 1] * brow[::-1], bridge, nostrils, _ring(0.3, 0.35, 0.07, 0.03, 6),
        _ring(0.7, 0.35, 0.07, 0.03, 6), _ring(0.5, 0.78, 0.16, 0.06, 12),
        _ring(0.5, 0.78, 0.12, 0.03, 8),
    ]  # fmt: skip
    unit = np.concatenate(parts)
    placed = unit * [box.width - 1, box.height - 1] + [box.left, box.top]
    return np.rint(placed).astype(np.float32)


def _ring(x: float, y: float, across: float, down: float, count: int) -> NDArray[np.float64]:
    """Return points on an ellipse, clockwise from the left."""
    turn = np.pi + 2 * np.pi * np.arange(count) / count
    return np.stack([x + across * np.cos(turn), y + down * np.sin(turn)], axis=1)


def face_in(box: Box) -> Face:
    """Return a face that fills a box."""
    return Face(box, points=landmarks_in(box))


def write_official(folder: Path) -> Path:
    """Write weights of a generator with random parameters as the official file is called."""
    import torch

    from anonbench.models.ciagan import Generator

    torch.manual_seed(3)
    path = folder / "modelG.pth"
    torch.save(Generator().state_dict(), path)
    return path
