"""What tests of networks that modify faces need: weights that nobody trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from anonbench.models.narula import SharedConvolutions
from anonbench.models.ren_modifier import Modifier
from anonbench.training.export import write_half

SIZE = 32
SAYS = {"size": str(SIZE), "enlarged": "2.2", "strength": "10"}


def made(architecture: str = "Modifier", seed: int = 1) -> nn.Module:
    """Return a small network, the same for the same seed."""
    torch.manual_seed(seed)
    network = Modifier(4, 2) if architecture == "Modifier" else SharedConvolutions(2, 3, 4)
    # So that what comes out is as far from grey as a face is.
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(2)
    return network.eval()


def write_made(path: Path, architecture: str = "Modifier", seed: int = 1, **change: str) -> Path:
    """Write a file of weights as the project's training does."""
    says = {"architecture": architecture, **SAYS, **change}
    write_half(made(architecture, seed).state_dict(), path, says)
    return path


def write_official(path: Path) -> Path:
    """Write a checkpoint as the official one: with statistics that nothing uses."""
    state = dict(made().state_dict())
    channels = {"model.2": 4, "model.10.conv_block.2": 16}
    for name, count in channels.items():
        state |= {
            f"{name}.running_mean": torch.zeros(count),
            f"{name}.running_var": torch.ones(count),
        }
    torch.save({"netG": state, "epoch": 12}, path)
    return path
