"""Networks for inference, on the processor or on a GPU."""

from __future__ import annotations

from typing import TypeVar

import torch

Network = TypeVar("Network", bound=torch.nn.Module)


def placed(network: Network, device: str) -> Network:
    """Return a network on ``cpu`` or ``cuda``, no longer to be trained.

    Raises
    ------
    ValueError
        If the device is ``cuda`` and PyTorch finds none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device: cuda, but PyTorch finds no GPU here; device: cpu works")
    return network.eval().requires_grad_(False).to(device)
