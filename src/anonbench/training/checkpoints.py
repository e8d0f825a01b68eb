"""Checkpoints: a training that was interrupted goes on, one that has changed starts anew."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from anonbench.io import atomic
from anonbench.progress import LOGGER

TRAINING = "training"
"""Key of what a checkpoint belongs to."""


def read_checkpoint(path: Path, training: str, where: torch.device) -> dict[str, Any] | None:
    """Return the state of a training; None if there is none of this one.

    Parameters
    ----------
    path : Path
        The checkpoint.
    training : str
        All that the training depends on: data, settings, seed.
    where : torch.device
        Where its tensors go.
    """
    if not path.is_file():
        return None
    state: dict[str, Any] = torch.load(path, map_location=where, weights_only=True)
    if state[TRAINING] != training:
        LOGGER.info("%s belongs to another training: starting anew", path.name)
        return None
    return state


def write_checkpoint(path: Path, training: str, state: Mapping[str, Any]) -> None:
    """Write the state of a training; see `read_checkpoint`."""
    with atomic(path) as partial:
        torch.save({TRAINING: training, **state}, partial)
