"""A network that draws the landmarks of a picture: tells whether a drawn face has those it should.

It learns on true pictures, beside a generator, and is thrown away with the critic.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SEEN = 64
"""Width and height in pixels at which it looks and draws."""
WIDTHS = (24, 48, 96, 96)


class LandmarkReader(nn.Module):
    """A small U-Net from a picture to the lines between its landmarks."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            _block(inputs, outputs) for inputs, outputs in zip((3, *WIDTHS), WIDTHS, strict=False)
        )
        self.up = nn.ModuleList(
            _block(below + beside, beside)
            for below, beside in zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        )
        self.end = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits (N, 1, 64, 64) of lines in pictures (N, 3, 128, 128), 0..1."""
        x = functional.interpolate(pictures, size=(SEEN, SEEN), mode="area") - 0.5
        beside = []
        for k, block in enumerate(self.down):
            x = block(functional.avg_pool2d(x, 2) if k else x)
            beside.append(x)
        for block, seen in zip(self.up, beside[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0), seen], dim=1))
        logits: Tensor = self.end(x)
        return logits


def _block(inputs: int, outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for k in (inputs, outputs):
        layers += [nn.Conv2d(k, outputs, 3, padding=1), nn.GroupNorm(8, outputs), nn.ReLU()]
    return nn.Sequential(*layers)


def lines(landmarks: Tensor) -> Tensor:
    """Return where lines are, (N, 1, 64, 64), 0..1, of blue ones on white, (N, 3, 128, 128).

    They are made wider than drawn, to be met by chance at first.
    """
    return functional.max_pool2d(1 - landmarks[:, :1], 4, stride=2, padding=1)


def reading_loss(logits: Tensor, landmarks: Tensor) -> Tensor:
    """Return the cross-entropy of what is read, and of the lines that there are."""
    return functional.binary_cross_entropy_with_logits(logits, lines(landmarks).clamp(0, 1))


def unlikeness(drawn: Tensor, true: Tensor, where: Tensor) -> Tensor:
    """Return how far what is read in two pictures differs, on three scales.

    The mean squared difference of probabilities, by the mean square that is read in the second: 0
    for the same lines, about 2 for others.

    Parameters
    ----------
    drawn, true : Tensor of shape (N, 1, 64, 64)
        Logits.
    where : Tensor of shape (N, 1, 128, 128), 0 or 1
        What counts.
    """
    counted = functional.max_pool2d(where, 2)
    first, second = drawn.sigmoid() * counted, true.detach().sigmoid() * counted
    total = first.new_zeros(())
    for scale in (1, 2, 4):
        a, b = (functional.avg_pool2d(p, scale) for p in (first, second))
        total = total + (a - b).square().mean() / b.square().mean().clamp_min(1e-4)
    return total / 3
