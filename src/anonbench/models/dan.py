"""DAN, the expression network of Wen et al. (2021), "Distract your attention"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet18

from anonbench.models.dan_size import size_of

FEATURES = 512
"""Channels of the feature map, and length of a head's vector."""


class Output(NamedTuple):
    """What `DAN` returns.

    Attributes
    ----------
    logits : Tensor of shape (N, classes)
    feature_map : Tensor of shape (N, 512, height / 32, width / 32)
    heads : Tensor of shape (N, heads, 512)
        Each head's vector, after the log-softmax over heads.
    """

    logits: Tensor
    feature_map: Tensor
    heads: Tensor


class DAN(nn.Module):
    """ResNet-18, and attention heads that each look at a place of their own.

    Names and shapes of parameters are those of the official checkpoints.

    Parameters
    ----------
    classes : int
        Number of classes.
    heads : int
        Number of attention heads.
    """

    def __init__(self, classes: int = 7, heads: int = 4) -> None:
        super().__init__()
        # The official class loads a network trained on faces here. Ours never fetches anything.
        self.features = nn.Sequential(*list(resnet18(weights=None).children())[:-2])
        self.num_head = heads
        for k in range(heads):
            self.add_module(f"cat_head{k}", CrossAttentionHead())
        self.fc = nn.Linear(FEATURES, classes)
        self.bn = nn.BatchNorm1d(classes)

    def forward(self, images: Tensor) -> Output:
        """Classify images (N, 3, height, width), normalised with ImageNet's mean and deviation."""
        x = self.features(images)
        heads = torch.stack(
            [self.get_submodule(f"cat_head{k}")(x) for k in range(self.num_head)], dim=1
        )
        if self.num_head > 1:
            heads = functional.log_softmax(heads, dim=1)
        return Output(self.bn(self.fc(heads.sum(dim=1))), x, heads)


class CrossAttentionHead(nn.Module):
    """Attention to places, then to channels."""

    def __init__(self) -> None:
        super().__init__()
        self.sa = SpatialAttention()
        self.ca = ChannelAttention()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")
                assert module.bias is not None
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.001)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the vectors (N, 512) of a feature map (N, 512, height, width)."""
        vector: Tensor = self.ca(self.sa(x))
        return vector


class SpatialAttention(nn.Module):
    """Weighs the places of a feature map."""

    def __init__(self) -> None:
        super().__init__()
        half = FEATURES // 2
        self.conv1x1 = _convolution(FEATURES, half, (1, 1))
        self.conv_3x3 = _convolution(half, FEATURES, (3, 3))
        self.conv_1x3 = _convolution(half, FEATURES, (1, 3))
        self.conv_3x1 = _convolution(half, FEATURES, (3, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the map (N, 512, height, width) with its places weighed."""
        y = self.conv1x1(x)
        y = functional.relu(self.conv_3x3(y) + self.conv_1x3(y) + self.conv_3x1(y))
        return x * y.sum(dim=1, keepdim=True)


class ChannelAttention(nn.Module):
    """Weighs the channels of a feature map, averaged over places."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.Sequential(
            nn.Linear(FEATURES, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, FEATURES),
            nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return vectors (N, 512)."""
        vector = x.mean(dim=(2, 3))
        weighed: Tensor = vector * self.attention(vector)
        return weighed


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2)
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=padding), nn.BatchNorm2d(outputs)
    )


def dan_of(arrays: Mapping[str, NDArray[np.generic]]) -> DAN:
    """Return the network that holds given weights, in evaluation mode.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By parameter name, as `anonbench.weights.arrays` reads them. Classes and heads follow from
        their shapes.

    Raises
    ------
    ValueError
        If they are not those of a DAN.
    """
    classes, heads = size_of(arrays)
    network = DAN(classes, heads)
    try:
        network.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in arrays.items()})
    except RuntimeError as error:
        raise ValueError(f"these are not the weights of a DAN: {error}") from None
    return network.eval()
