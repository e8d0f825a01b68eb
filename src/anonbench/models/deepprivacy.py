"""DeepPrivacy (Hukkelås et al. 2019) as published: the paper's generator, and the recommended one.

Names and shapes of parameters are those of the official checkpoints of the code's second
generation; `official_weights` brings older checkpoints into them. Both networks draw what is
missing of a picture, told where seven points of head and shoulders are, and are deterministic
given ``z``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

SIZE = 128
"""Width and height of the pictures in pixels."""
KEYPOINTS = 7
"""Nose, left and right eye, left and right ear, left and right shoulder, in this order."""
NOISE = (32, 4, 4)
"""Shape of ``z``."""
SIDES = (4, 8, 16, 32, 64, 128)
"""Widths in pixels at which the networks work, from the middle outwards."""


class ScaledConv(nn.Conv2d):
    """A convolution whose weights are of variance 1 and scaled when used (Karras et al. 2018)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, gain: float) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)  # type: ignore[arg-type]
        self._scale = gain / (inputs * kernel**2) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, height, width) of (N, inputs, height, width)."""
        y: Tensor = self._conv_forward(x, self.weight * self._scale, self.bias)
        return y


class PixelNorm(nn.Module):
    """Brings the channels of every pixel to a mean square of 1."""

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape."""
        scale: Tensor = x.square().mean(dim=1, keepdim=True) + 1e-7
        return x * scale.rsqrt()


class ScaledLinear(nn.Linear):
    """A matrix that is scaled when used; checkpoints hold a second one that nothing uses."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        nn.init.normal_(self.weight)
        nn.init.zeros_(self.bias)
        self.linear = nn.Linear(inputs, outputs)
        self.linear.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs) of (N, inputs)."""
        return functional.linear(x, self.weight * self.in_features**-0.5, self.bias)


def _layers(widths: Iterable[int], kernel: int, gain: float) -> nn.Sequential:
    """Return convolutions, each with its bend and its norm."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [ScaledConv(inputs, outputs, kernel, gain), nn.LeakyReLU(0.2), PixelNorm()]
    return nn.Sequential(*layers)


class _Conv(nn.Module):
    """Convolutions under the name ``conv``."""

    def __init__(self, inputs: int, outputs: int, gain: float) -> None:
        super().__init__()
        self.conv = _layers((inputs, outputs), 1, gain)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        return y


class _Block(nn.Module):
    """Convolutions under the name ``layers``."""

    def __init__(self, widths: Iterable[int], gain: float, kernel: int = 3) -> None:
        super().__init__()
        self.layers = _layers(widths, kernel, gain)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y


class _Join(nn.Module):
    """Joins what was drawn so far with what the encoder saw at the same size."""

    def __init__(self, inputs: int, outputs: int, gain: float) -> None:
        super().__init__()
        self.conv = _Block((inputs, outputs), gain, kernel=1)

    def forward(self, *parts: Tensor) -> Tensor:
        y: Tensor = self.conv(torch.cat(parts, dim=1))
        return y


def keypoint_maps(keypoints: Tensor, side: int) -> Tensor:
    """Return maps (N, 7, side, side) that are 1 at a keypoint's pixel.

    Parameters
    ----------
    keypoints : Tensor of shape (N, 14)
        x and y of each keypoint, shares of the picture's width and height. A keypoint outside of
        [0, 1) has an empty map.
    side : int
        Width and height of the maps.
    """
    points = keypoints.view(-1, KEYPOINTS, 2)
    inside = ((points >= 0) & (points < 1)).all(dim=2)
    cells = (points.clamp(0, 1) * side).long().clamp(max=side - 1)
    maps = keypoints.new_zeros(len(points), KEYPOINTS, side * side)
    maps.scatter_(2, (cells[..., 1] * side + cells[..., 0])[..., None], inside[..., None].to(maps))
    return maps.view(-1, KEYPOINTS, side, side)


class DeepPrivacyV1(nn.Module):
    """The paper's generator: a U-Net that is shown keypoints as maps, at every size.

    Parameters
    ----------
    channels : int
        At 128 pixels; twice as many at 64, four times from 32 inwards. Published: 128 (the
        paper's "large"), 64.
    """

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        gain, most = 2**0.5, 4 * channels
        self.to_rgb = ScaledConv(channels, 3, 1, gain)
        self.encoder = nn.ModuleDict({"from_rgb": _Conv(3, channels, gain)})
        middle = _Conv(most + KEYPOINTS + NOISE[0], most, gain)
        self.decoder = nn.ModuleDict({"conv1x1": middle})
        seen = (most, most, most, most, most, 2 * channels)
        drawn = (most, most, most, most, 2 * channels, channels)
        for k in range(6):
            before = channels if k == 5 else seen[k + 1]
            self.encoder[f"basic_block{k}"] = _Block((before, seen[k], seen[k]), gain)
            if k:
                joined = drawn[k - 1] + seen[k] + KEYPOINTS
                self.decoder[f"skip_connection{k}"] = _Join(joined, drawn[k - 1], gain)
            before = drawn[max(k - 1, 0)]
            self.decoder[f"basic_block{k}"] = _Block((before, drawn[k], drawn[k]), gain)

    def forward(self, condition: Tensor, mask: Tensor, keypoints: Tensor, z: Tensor) -> Tensor:
        """Return pictures (N, 3, 128, 128), about -1 to 1, without the surroundings put back.

        Parameters
        ----------
        condition : Tensor of shape (N, 3, 128, 128)
            Picture in RGB, -1..1, with 0 in place of the face.
        mask : Tensor of shape (N, 1, 128, 128)
            Not looked at.
        keypoints : Tensor of shape (N, 14)
            See `keypoint_maps`.
        z : Tensor of shape (N, 32, 4, 4)
            Normal noise; zeros are the published default.
        """
        x, skips = self.encoder["from_rgb"](condition), {}
        for k in range(5, -1, -1):
            skips[k] = x = self.encoder[f"basic_block{k}"](x)
            if k:
                x = functional.avg_pool2d(x, 2)
        x = self.decoder["conv1x1"](torch.cat([x, keypoint_maps(keypoints, 4), z], dim=1))
        x = self.decoder["basic_block0"](x)
        for k in range(1, 6):
            maps = keypoint_maps(keypoints, SIDES[k])
            x = self.decoder[f"skip_connection{k}"](_doubled(x), skips[k], maps)
            x = self.decoder[f"basic_block{k}"](x)
        picture: Tensor = self.to_rgb(x)
        return picture


def _doubled(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")


class _PoseCode(nn.Module):
    """Keypoints as a map of 16 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.pose_preprocessor = nn.Sequential(
            nn.Identity(), ScaledLinear(2 * KEYPOINTS, 128), nn.LeakyReLU(0.2),
            ScaledLinear(128, 256), nn.LeakyReLU(0.2),
        )  # fmt: skip

    def forward(self, keypoints: Tensor) -> Tensor:
        code: Tensor = self.pose_preprocessor(2 * keypoints - 1)
        return code.view(-1, 16, 4, 4)


class MSGGenerator(nn.Module):
    """The recommended generator ``fdf128_rcnn512``: draws at every size, and adds up.

    Parameters
    ----------
    channels : int
        At 128 pixels; twice as many at 64, four times from 32 inwards. Published: 128, and 32.
    """

    def __init__(self, channels: int = 128) -> None:
        super().__init__()
        most = 4 * channels
        self.from_rgb = _layers((5, channels), 1, 1.0)
        self.encoder, self.decoder = nn.ModuleDict(), nn.ModuleDict({"pose_fcnn": _PoseCode()})
        inner = most + NOISE[0] + 16
        seen = (most, most, most, most, most, 2 * channels)
        drawn = (most, most, most, most, 2 * channels, channels)
        outputs = {}
        for k, side in enumerate(SIDES):
            before = channels if k == 5 else seen[k + 1]
            self.encoder[f"basic_block{side}"] = _Block((before, before, seen[k]), 1.0)
            if k:
                join = _Join(drawn[k - 1] + seen[k], drawn[k - 1], 1.0)
                self.decoder[f"skip_connection{side}"] = join
            before = drawn[k - 1] if k else inner
            self.decoder[f"basic_block{side}"] = _Block((before, before, drawn[k]), 1.0)
            outputs[str(side)] = ScaledConv(drawn[k], 3, 1, 1.0)
        self.rgb_convolutions = nn.ModuleDict(outputs)

    def forward(self, condition: Tensor, mask: Tensor, keypoints: Tensor, z: Tensor) -> Tensor:
        """Return pictures (N, 3, 128, 128), about -1 to 1: the surroundings, and what was drawn.

        Parameters
        ----------
        condition : Tensor of shape (N, 3, 128, 128)
            Picture in RGB, -1..1, with 0 in place of the face.
        mask : Tensor of shape (N, 1, 128, 128)
            1 where the picture is to stay, 0 where the face is to be drawn.
        keypoints : Tensor of shape (N, 14)
            x and y of each keypoint, shares of the picture's width and height.
        z : Tensor of shape (N, 32, 4, 4)
            Normal noise; zeros are the published default.
        """
        x, skips = self.from_rgb(torch.cat([condition, mask, 1 - mask], dim=1)), {}
        for side in reversed(SIDES):
            skips[side] = x = self.encoder[f"basic_block{side}"](x)
            if side > SIDES[0]:
                x = functional.avg_pool2d(x, 2)
        x = torch.cat([x, z, self.decoder["pose_fcnn"](keypoints)], dim=1)
        x = self.decoder["basic_block4"](x)
        drawn = self.rgb_convolutions["4"](x)
        for side in SIDES[1:]:
            x = self.decoder[f"skip_connection{side}"](_doubled(x), skips[side])
            x = self.decoder[f"basic_block{side}"](x)
            drawn = _doubled(drawn) + self.rgb_convolutions[str(side)](x)
        picture: Tensor = condition * mask + (1 - mask) * drawn / len(SIDES)
        return picture


def official_weights(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters, by the names of this module, of any published kind of checkpoint.

    Known are those of the code's second generation, as they are or with their older names, and
    those of its first (branch ``v1``), which become parameters of `DeepPrivacyV1`.

    Parameters
    ----------
    checkpoint : mapping
        As loaded: parameters by name, tensors or arrays, or with generators and optimisers around
        them.

    Raises
    ------
    ValueError
        The checkpoint was written in the middle of a transition of its progressive training, when
        the network was another.
    """
    state = checkpoint.get("running_average_generator", checkpoint)
    if "parameters" in state:
        if state.get("transition_value", 1.0) != 1.0:
            raise ValueError(
                f"transition_value is {state['transition_value']}: the checkpoint lies between "
                "two sizes of picture; one of a finished transition is needed"
            )
        state = state["parameters"]
    if "to_rgb_new.conv.weight" in state:
        return _renamed(state, _FIRST_GENERATION)
    several = any(key.startswith("rgb_convolutions.") for key in state)
    if several and any(key.startswith("decoder.basic_block0.") for key in state):
        return _renamed(state, _OLDER_NAMES)
    return dict(state)


_FIRST_GENERATION = (
    (r"(?:to|from)_rgb_old\..*", ""),
    (r"to_rgb_new\.", "to_rgb."),
    (r"from_rgb_new\.0\.", "encoder.from_rgb.conv.0."),
    (r"new_down\.0\.model\.(\d)\.0\.", r"encoder.basic_block5.layers.\g<1>."),
    (r"core_blocks_down\.0\.0\.model\.(\d)\.0\.", r"encoder.basic_block4.layers.\g<1>."),
    (r"core_blocks_down\.1\.1\.model\.(\d)\.0\.", r"encoder.basic_block3.layers.\g<1>."),
    (r"core_blocks_down\.2\.1\.model\.(\d)\.0\.", r"encoder.basic_block2.layers.\g<1>."),
    (r"core_blocks_down\.3\.1\.model\.(\d)\.0\.", r"encoder.basic_block1.layers.\g<1>."),
    (r"core_blocks_down\.4\.1\.(\d)\.0\.", r"encoder.basic_block0.layers.\g<1>."),
    (r"core_blocks_up\.0\.0\.0\.0\.", "decoder.conv1x1.conv.0."),
    (r"core_blocks_up\.0\.0\.1\.model\.(\d)\.0\.", r"decoder.basic_block0.layers.\g<1>."),
    (r"core_blocks_up\.(\d)\.0\.0\.", r"decoder.skip_connection\g<1>.conv.layers.0."),
    (
        r"core_blocks_up\.(\d)\.1\.model\.(\d)\.0\.",
        r"decoder.basic_block\g<1>.layers.\g<2>.",
    ),
    (r"new_up\.0\.0\.", "decoder.skip_connection5.conv.layers.0."),
    (r"new_up\.1\.model\.(\d)\.0\.", r"decoder.basic_block5.layers.\g<1>."),
)
"""What parameters of branch v1 are called here; nothing: they are dead weight."""

_OLDER_NAMES = (
    (r"decoder\.to_rgb\..*", ""),
    (r"encoder\.from_rgb\.conv\.", "from_rgb."),
    *(
        (rf"(encoder|decoder)\.(basic_block|skip_connection){k}\.", rf"\g<1>.\g<2>{side}.")
        for k, side in enumerate(SIDES)
    ),
)


def _renamed(state: Mapping[str, Any], names: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return parameters by new names: the first pattern that a name begins with decides."""
    found = {}
    for key, value in state.items():
        name = key
        for pattern, new in names:
            match = re.match(pattern, key)
            if match:
                name = match.expand(new) + key[match.end() :] if new else ""
                break
        if names is _FIRST_GENERATION and name:
            # There, biases have the shape of a picture, and the second convolution is counted 1.
            name = name.replace(".conv.weight", ".weight").replace(".layers.1.", ".layers.3.")
            value = value.flatten() if name.endswith(".bias") else value
        if name:
            found[name] = value
    return found
