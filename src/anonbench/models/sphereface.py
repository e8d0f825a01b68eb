"""SphereFace-20, the face recogniser of Liu et al. (2017): "SphereFace", CVPR.

Ren, Lee and Ryoo (2018) learn to anonymise against it.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

HEIGHT, WIDTH = 112, 96
"""Size of the aligned face in pixels; values are (BGR - 127.5) / 128."""
FEATURES = 512
SUBJECTS = 10_574
"""People of CASIA-WebFace that the official network tells apart."""
CHANNELS = 64
"""Of the first stage; each further one has twice as many."""
LAYERS = (3, 5, 9, 3)
"""Convolutions of each stage: one that halves the size, then pairs added to their input."""


class SphereFace20(nn.Module):
    """Twenty layers, PReLU, no normalisation.

    Names and shapes of parameters are those of the official checkpoints.

    Parameters
    ----------
    subjects : int
        People that the last layer tells apart. Only training needs it: `forward` stops before.
    channels : int
        Of the first stage; the official network has 64.
    height, width : int
        Size of a face in pixels, multiples of 16; the official network sees 112 x 96.
    """

    def __init__(
        self, subjects: int = SUBJECTS, channels: int = CHANNELS, height: int = HEIGHT,
        width: int = WIDTH,
    ) -> None:  # fmt: skip
        super().__init__()
        widths = (3, *(channels * 2**k for k in range(len(LAYERS))))
        for stage, (before, after) in enumerate(pairwise(widths), start=1):
            for layer in range(1, LAYERS[stage - 1] + 1):
                given, stride = (before, 2) if layer == 1 else (after, 1)
                conv = nn.Conv2d(given, after, 3, stride, 1)
                self.add_module(f"conv{stage}_{layer}", conv)
                self.add_module(f"relu{stage}_{layer}", nn.PReLU(after))
        self.fc5 = nn.Linear(widths[-1] * (height // 16) * (width // 16), FEATURES)
        self.fc6 = AngularWeights(FEATURES, subjects)

    def forward(self, faces: Tensor) -> Tensor:
        """Return the features of faces.

        Parameters
        ----------
        faces : Tensor of shape (N, 3, height, width)
            Blue, green, red, about -1..1.

        Returns
        -------
        Tensor of shape (N, 512)
            Compared by the angle between them.
        """
        found = faces
        for stage, layers in enumerate(LAYERS, start=1):
            found = self._layer(found, stage, 1)
            for layer in range(2, layers, 2):
                inner = self._layer(found, stage, layer)
                found = found + self._layer(inner, stage, layer + 1)
        features: Tensor = self.fc5(found.flatten(1))
        return features

    def _layer(self, given: Tensor, stage: int, layer: int) -> Tensor:
        conv = self.get_submodule(f"conv{stage}_{layer}")
        result: Tensor = self.get_submodule(f"relu{stage}_{layer}")(conv(given))
        return result


class AngularWeights(nn.Module):
    """Directions of people in the space of features, a column each.

    Parameters
    ----------
    features, people : int
        Length of a direction, and how many there are.
    """

    def __init__(self, features: int, people: int) -> None:
        super().__init__()
        # Directions: only their angles count.
        drawn = torch.empty(features, people).uniform_(-1, 1)
        self.weight = nn.Parameter(nn.functional.normalize(drawn, dim=0))

    def forward(self, features: Tensor) -> Tensor:
        """Return the cosines (N, people) between features (N, features) and the directions."""
        unit = nn.functional.normalize(features, dim=1)
        cosines: Tensor = unit @ nn.functional.normalize(self.weight, dim=0)
        return cosines.clamp(-1, 1)
