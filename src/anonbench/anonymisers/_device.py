"""Where networks work: on the processor, or in PyTorch on a GPU."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

DEVICES = ("auto", "cpu", "cuda")
GPU_BATCH = 16
"""Faces at a time on a GPU, filled up: last bits depend on the size of a batch."""


def on_gpu(device: str) -> bool:
    """Tell whether to work on a GPU.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.

    Raises
    ------
    ValueError
        If the device is ``cuda`` and PyTorch finds none.
    """
    if device == "cpu":
        return False
    import torch

    found = torch.cuda.is_available()
    if device == "cuda" and not found:
        raise ValueError("device: cuda, but PyTorch finds no GPU here; device: cpu works")
    return found


def reproducible() -> None:
    """Make PyTorch compute the same on a GPU each time, and in single precision."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


def gpu_batches(count: int) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Return the rows of batches of one size, filled up with the last, and how many are meant."""
    for start in range(0, count, GPU_BATCH):
        rows = np.arange(start, start + GPU_BATCH).clip(max=count - 1)
        yield rows, min(GPU_BATCH, count - start)
