"""The critic that DeepPrivacy is trained against, and its losses."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from anonbench.models.deepprivacy import KEYPOINTS, SIDES, ScaledConv, keypoint_maps

MOST = 16
"""No layer has more times the first one's channels."""


class Critic(nn.Module):
    """Tells how real a face looks in its surroundings, above its keypoints.

    Of the published critic's kind (scaled weights, means of 2 x 2 pixels, no norm), with one
    convolution a size instead of two.

    Parameters
    ----------
    channels : int
        Of the first layer.
    """

    def __init__(self, channels: int = 32) -> None:
        super().__init__()
        # A picture, the same without its face, and the keypoints' maps.
        widths = [6 + KEYPOINTS, *(channels * min(2**k, MOST) for k in range(len(SIDES)))]
        self.layers = nn.ModuleList(
            ScaledConv(inputs, outputs, 3, 2**0.5) for inputs, outputs in pairwise(widths)
        )
        self.score = ScaledConv(widths[-1] * SIDES[0] ** 2, 1, 1, 1.0)

    def forward(self, picture: Tensor, condition: Tensor, keypoints: Tensor) -> Tensor:
        """Return scores (N,), higher for real ones.

        Parameters
        ----------
        picture, condition : Tensor of shape (N, 3, 128, 128), -1..1
            With its face, true or drawn, and without.
        keypoints : Tensor of shape (N, 14)
            See `anonbench.models.deepprivacy.keypoint_maps`.
        """
        maps = keypoint_maps(keypoints, SIDES[-1]).to(picture.dtype)
        x = torch.cat([picture, condition, maps], dim=1)
        for k, layer in enumerate(self.layers):
            x = functional.leaky_relu(layer(functional.avg_pool2d(x, 2) if k else x), 0.2)
        score: Tensor = self.score(x.reshape(len(x), -1, 1, 1))
        return score.flatten()


def gradient_penalty(critic: nn.Module, mixed: Tensor, *rest: Tensor) -> Tensor:
    """Return the mean squared distance of a critic's gradients from length 1.

    Parameters
    ----------
    critic : Module
        Called as ``critic(mixed, *rest)``.
    mixed : Tensor of shape (N, ...)
        Where to look: between true and drawn pictures (Gulrajani et al. 2017, equation 3).
    rest : Tensor
        What else the critic is shown.
    """
    mixed = mixed.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(mixed, *rest).sum(), mixed, create_graph=True)
    lengths = (gradient.square().flatten(1).sum(dim=1) + 1e-12).sqrt()
    return (lengths - 1).square().mean()
