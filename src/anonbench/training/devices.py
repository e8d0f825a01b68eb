"""Where training runs, and in which precision."""

from __future__ import annotations

import torch


def device(name: str) -> torch.device:
    """Return the device of a setting: ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    ValueError
        If CUDA is asked for and not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ValueError("the device is set to cuda, but PyTorch finds no CUDA device here")
    return torch.device(name)


def autocast(where: torch.device, precision: str) -> torch.autocast:
    """Return the context in which networks run: mixed for ``bf16``, plain for ``float32``."""
    return torch.autocast(where.type, torch.bfloat16, enabled=precision == "bf16")
