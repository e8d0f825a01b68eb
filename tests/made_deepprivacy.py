"""What tests of DeepPrivacy need: keypoints of a face nobody photographed, made-up weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from anonbench.models import deepprivacy
from anonbench.training.export import write_half
from anonbench.types import Box, Face

CHANNELS = 4
FILL = {"MSGGenerator": "127.5", "DeepPrivacyV1": "128"}


def keypoints_of(box: Box) -> NDArray[np.float32]:
    """Return nose, eyes, ears and shoulders of an upright face that fills a box."""
    unit = [(0.5, 0.6), (0.7, 0.4), (0.3, 0.4), (1, 0.45), (0, 0.45), (1.7, 1.5), (-0.7, 1.5)]
    return (np.array(unit) * [box.width, box.height] + [box.left, box.top]).astype(np.float32)


def face_in(box: Box) -> Face:
    """Return a face that fills a box."""
    return Face(box, points=keypoints_of(box))


def filled(network: str, channels: int = CHANNELS, seed: int = 5) -> nn.Module:
    """Return a generator with random parameters."""
    torch.manual_seed(seed)
    made: nn.Module = getattr(deepprivacy, network)(channels=channels)
    with torch.no_grad():
        for name, value in made.named_parameters():
            if name.endswith("bias"):
                value.normal_(0, 0.3)
    return made.eval()


def write_made(path: Path, network: str = "MSGGenerator", /, **change: str) -> Path:
    """Write a file of weights as the project's training does."""
    says = {"architecture": "DeepPrivacy", "network": network, "channels": str(CHANNELS)}
    write_half(filled(network).state_dict(), path, says | {"fill": FILL[network]} | change)
    return path
