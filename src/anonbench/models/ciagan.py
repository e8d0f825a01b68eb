"""CIAGAN (Maximov et al. 2020) as published: generator, critic and identity network.

Names and shapes of parameters are those of the official checkpoints. They hold spectral norms in
PyTorch's older form (`torch.nn.utils.spectral_norm`), with vectors ``weight_u`` and ``weight_v``.
In evaluation mode these stay as they are, and the same input gives the same output.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import spectral_norm

IDENTITIES = 1200
"""Identities of the published generator, and length of the identity network's output."""
SIZE = 128
"""Width and height of the pictures in pixels."""


def _as_it_is(operation: Callable[..., Tensor], x: Tensor, *rest: Any, **more: Any) -> Tensor:
    """Return ``operation(x, ...)`` in the precision of `x`.

    Mixed precision would widen the input of all that is no convolution, at a sixth of the time.
    """
    with torch.autocast(x.device.type, enabled=False):
        return operation(x, *rest, **more)


class ConvLayer(nn.Module):
    """A convolution with spectral norm that sees the picture mirrored beyond its edges."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv2d = spectral_norm(nn.Conv2d(inputs, outputs, kernel))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, height, width) of (N, inputs, height, width)."""
        y: Tensor = self.conv2d(_as_it_is(self.reflection_pad, x))
        return y


class Down(nn.Module):
    """A residual block that halves the picture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_r1 = ConvLayer(inputs, outputs, 3)
        self.conv_r2 = ConvLayer(outputs, outputs, 3)
        self.conv_l = ConvLayer(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, height / 2, width / 2)."""
        right = self.conv_r2(functional.relu(self.conv_r1(functional.relu(x))))
        # As published, but for the order: means first, a quarter of the pixels is left to weigh.
        left: Tensor = self.conv_l(_halved(x))
        return _halved(right) + left


class Up(nn.Module):
    """A residual block that doubles the picture."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.norm_r1 = nn.InstanceNorm2d(inputs, affine=True)
        self.conv_r1 = ConvLayer(inputs, outputs, 3)
        self.norm_r2 = nn.InstanceNorm2d(outputs, affine=True)
        self.conv_r2 = ConvLayer(outputs, outputs, 3)
        self.conv_l = ConvLayer(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, 2 height, 2 width)."""
        right = self.conv_r1(_doubled(functional.relu(_as_it_is(self.norm_r1, x))))
        right = functional.relu(_as_it_is(self.norm_r2, right))
        # As published, but for the order, as in `Down`.
        both: Tensor = self.conv_r2(right) + _doubled(self.conv_l(x))
        return both


def _halved(x: Tensor) -> Tensor:
    return _as_it_is(functional.avg_pool2d, x, 2)


def _doubled(x: Tensor) -> Tensor:
    return _as_it_is(functional.interpolate, x, scale_factor=2, mode="nearest")


class Residual(nn.Module):
    """A residual block that keeps the picture's size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = ConvLayer(channels, channels, 3)
        self.in1 = nn.InstanceNorm2d(channels, affine=True)
        self.conv2 = ConvLayer(channels, channels, 3)
        self.in2 = nn.InstanceNorm2d(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        y = functional.relu(_as_it_is(self.in1, self.conv1(x)))
        return _as_it_is(self.in2, self.conv2(y)) + x


class Generator(nn.Module):
    """Draws a face of an identity onto landmarks, into a picture without its face.

    Parameters
    ----------
    input_channels : int
        Channels of the landmark drawing and of the picture together.
    identities : int
        Length of the code that says who is to be seen.
    skips : bool
        Whether what the encoder saw is added at every size to what the decoder draws, so that
        landmarks need not pass through 4 x 4 places. The published generator, though its code
        calls it a U-Net, has no such connections; parameters are the same.
    """

    def __init__(
        self, input_channels: int = 6, identities: int = IDENTITIES, skips: bool = False
    ) -> None:
        super().__init__()
        self._skips = skips
        widths = (input_channels, 32, 64, 128, 256, 256)
        for k in range(5):
            self.add_module(f"conv{k}", Down(widths[k], widths[k + 1]))
            self.add_module(f"in{k}_e", nn.InstanceNorm2d(widths[k + 1], affine=True))
        self.embed = nn.Sequential(ConvLayer(512, 256, 3), nn.InstanceNorm2d(256, affine=True))
        for k in range(1, 5):
            self.add_module(f"res{k}", Residual(256))
        widths = (16, 32, 64, 128, 256, 256)
        for k in range(4, -1, -1):
            self.add_module(f"deconv{k}", Up(widths[k + 1], widths[k]))
            self.add_module(f"in{k}_d", nn.InstanceNorm2d(widths[k], affine=True))
        self.conv_end = nn.Sequential(nn.Conv2d(16, 3, 3, padding=1))
        self.encode_one_hot = _identity_code(identities)
        self.encode_noise = _identity_map()
        self.apply(_published_start)

    def forward(self, x: Tensor, one_hot: Tensor | None = None) -> Tensor:
        """Return pictures (N, 3, 128, 128), not clamped to 0..1.

        Parameters
        ----------
        x : Tensor of shape (N, 6, 128, 128)
            Landmarks drawn in RGB, then the picture with zeros in place of the face; both 0..1.
        one_hot : Tensor of shape (N, identities), optional
            Who is to be seen; without it the face is of nobody in particular.
        """
        seen = []
        for k in range(5):
            x = _as_it_is(self.get_submodule(f"in{k}_e"), self._part(f"conv{k}", x))
            seen.append(x)
        if one_hot is not None:
            code = self.encode_one_hot(one_hot).view(-1, 32, 4, 4)
            x = self.embed(torch.cat([x, self.encode_noise(code)], dim=1))
        for k in range(1, 5):
            x = self._part(f"res{k}", x)
        for k in range(4, -1, -1):
            x = _as_it_is(self.get_submodule(f"in{k}_d"), self._part(f"deconv{k}", x))
            if self._skips and k:
                x = x + seen[k - 1]
        picture: Tensor = self.conv_end(x)
        return picture

    def _part(self, name: str, x: Tensor) -> Tensor:
        y: Tensor = self.get_submodule(name)(x)
        return y


def _identity_code(identities: int) -> nn.Sequential:
    widths = (identities, 256, 256, 256, 256, 512, 512, 512)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers)


def _identity_map() -> nn.Sequential:
    widths = (32, 64, 128, 256)
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [
            ConvLayer(inputs, outputs, 3), nn.LeakyReLU(0.2),
            nn.InstanceNorm2d(outputs, affine=True),
        ]  # fmt: skip
    return nn.Sequential(*layers)


def _published_start(module: nn.Module) -> None:
    """Set the first weights of a convolution as the authors do, where spectral norm keeps them."""
    if isinstance(module, nn.Conv2d):
        weight = getattr(module, "weight_orig", module.weight)
        nn.init.xavier_normal_(weight)
        if module.bias is not None:
            nn.init.constant_(module.bias, 0.01)


class Discriminator(nn.Module):
    """The critic: tells how real a picture with its landmarks looks.

    Parameters
    ----------
    input_channels : int
        Channels of the picture and of the landmark drawing together.
    size : {128, 64}
        Width and height of the pictures; the published critic for 64 pixels has a block less.
    width : int
        Channels of the first block; published: 64. Half as many cost a quarter.
    """

    def __init__(self, input_channels: int = 6, size: int = SIZE, width: int = 64) -> None:
        super().__init__()
        widths = (input_channels, *(width * k for k in (1, 2, 4, 8, 8)))
        widths = widths[: 5 if size == SIZE // 2 else 6]
        self._blocks = len(widths) - 1
        for k in range(self._blocks):
            self.add_module(f"conv{k + 1}", Down(widths[k], widths[k + 1]))
        self.dense0 = nn.Linear(8 * width * 4 * 4, 1024)
        self.dense1 = nn.Linear(1024, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (N, 1) of pictures, then landmarks, (N, 6, size, size)."""
        return self.judged(x)[0]

    def judged(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the scores, and what each block made of the pictures."""
        inner = []
        for k in range(self._blocks):
            x = self.get_submodule(f"conv{k + 1}")(x)
            inner.append(x)
        x = functional.leaky_relu(self.dense0(x.flatten(1)), 0.2)
        # The published critic bends its output, too.
        return functional.leaky_relu(self.dense1(x), 0.2), inner


class SiameseNetwork(nn.Module):
    """The identity network: pictures of one person lie near each other.

    Parameters
    ----------
    outputs : int
        Length of an embedding.
    """

    def __init__(self, outputs: int = IDENTITIES) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        widths = (64, 64, 128, 256, 512)
        for k in range(4):
            first = BasicBlock(widths[k], widths[k + 1], 1 if k == 0 else 2)
            self.add_module(
                f"layer{k + 1}", nn.Sequential(first, BasicBlock(widths[k + 1], widths[k + 1], 1))
            )
        self.linear1 = nn.Linear(512, 1024)
        self.linear2 = nn.Linear(1024, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return embeddings (N, outputs), of no particular length, of pictures (N, 3, h, w)."""
        x = functional.relu(self.bn1(self.conv1(x)))
        for k in range(4):
            x = self.get_submodule(f"layer{k + 1}")(x)
        embedded: Tensor = self.linear2(functional.relu(self.linear1(x.mean(dim=(2, 3)))))
        return embedded


class BasicBlock(nn.Module):
    """The residual block of ResNet-18 for small pictures."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, height / stride, width / stride)."""
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        return functional.relu(y + self.shortcut(x))
