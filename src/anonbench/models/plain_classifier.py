"""A small network that classifies faces: Narula's heads, and the task that a modifier learns with.

Sizes of the published heads are not known; these are ours.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional

FEATURES = 256
"""Length of what is made of a face."""
GRID = 4
"""Places, from left to right and from top to bottom, that are still told apart in the end."""
DROPPED = 0.3
"""Share of the features that are left out at random while it learns."""


class PlainClassifier(nn.Module):
    """Four convolutions with batch normalisation, and two linear layers.

    Parameters
    ----------
    classes : int
        What it tells apart.
    channels : int
        Of the first convolution; the last has four times as many.
    """

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        widths = (3, channels, 2 * channels, 4 * channels, 4 * channels)
        self.layers = nn.Sequential(
            *(layer for pair in pairwise(widths) for layer in _halving(*pair))
        )
        self.features = nn.Linear(widths[-1] * GRID**2, FEATURES)
        self.out = nn.Linear(FEATURES, classes)

    def forward(self, faces: Tensor) -> Tensor:
        """Return logits (N, classes) of faces (N, 3, height, width), about -1..1."""
        x = functional.adaptive_avg_pool2d(self.layers(faces), GRID).flatten(1)
        x = functional.dropout(functional.relu(self.features(x)), DROPPED, self.training)
        logits: Tensor = self.out(x)
        return logits


def _halving(given: int, made: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(given, made, 3, 2, 1, bias=False), nn.BatchNorm2d(made), nn.ReLU(),
    )  # fmt: skip
