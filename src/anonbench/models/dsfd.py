"""DSFD (Li et al. 2019) on a ResNet-152, for inference, with the names of the official checkpoint.

Six maps of features, each cell of which tells of one box: whether it is a face, and how it has to
be moved. Only the second shot of the two is computed, as in the official inference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models import resnet152
from torchvision.ops import nms

from anonbench.models.strict_loading import load_strictly
from anonbench.types import Pixels

WIDTHS = (256, 512, 1024, 2048, 512, 256)
"""Channels of the six maps, finest first."""
STEPS = (4, 8, 16, 32, 64, 128)
"""Pixels from cell to cell."""
SIDES = (16, 32, 64, 128, 256, 512)
"""Geometric mean of width and height of a cell's box, in pixels."""
ASPECT = 1.5
"""Its height by its width."""
MOVE, GROW = 0.1, 0.2
"""What a unit of the network's answer moves a box by, and the logarithm of its size."""
MEAN = (123.0, 117.0, 104.0)
"""Red, green and blue that are taken off."""


class Enhance(nn.Module):
    """Features seen over three widths of view, side by side: 512 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cpm1 = nn.Conv2d(channels, 256, 3, padding=1)
        self.cpm2 = nn.Conv2d(channels, 256, 3, padding=2, dilation=2)
        self.cpm3 = nn.Conv2d(256, 128, 3, padding=1)
        self.cpm4 = nn.Conv2d(256, 128, 3, padding=2, dilation=2)
        self.cpm5 = nn.Conv2d(128, 128, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, 512, height, width)."""
        wide = self.cpm2(x).relu()
        wider = self.cpm4(wide).relu()
        seen = [self.cpm1(x).relu(), self.cpm3(wide).relu(), self.cpm5(wider).relu()]
        return torch.cat(seen, dim=1)


class Head(nn.Module):
    """Three convolutions and an answer for each cell."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(512, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv3 = nn.Conv2d(256, 256, 3, padding=1)
        self.conv4 = nn.Conv2d(256, answers, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (B, answers, height, width)."""
        for layer in (self.conv1, self.conv2, self.conv3):
            x = layer(x).relu()
        answer: Tensor = self.conv4(x)
        return answer


class Dsfd(nn.Module):
    """The network; see `boxes_of` for what its answers mean."""

    def __init__(self) -> None:
        super().__init__()
        trunk = resnet152(weights=None)
        self.layer1 = nn.Sequential(trunk.conv1, trunk.bn1, trunk.relu, trunk.maxpool, trunk.layer1)
        self.layer2 = nn.Sequential(trunk.layer2)
        self.layer3 = nn.Sequential(trunk.layer3)
        self.layer4 = nn.Sequential(trunk.layer4)
        self.layer5 = _halving(2048, 512, 512)
        self.layer6 = _halving(512, 128, 256)
        self.latlayer3 = nn.Conv2d(2048, 1024, 1)
        self.latlayer2 = nn.Conv2d(1024, 512, 1)
        self.latlayer1 = nn.Conv2d(512, 256, 1)
        self.smooth3 = nn.Conv2d(1024, 1024, 1)
        self.smooth2 = nn.Conv2d(512, 512, 1)
        self.smooth1 = nn.Conv2d(256, 256, 1)
        self.cpm3_3, self.cpm4_3, self.cpm5_3, self.cpm7, self.cpm6_2, self.cpm7_2 = (
            Enhance(width) for width in WIDTHS
        )
        # Training asks for up to three boxes a cell; inference for the first.
        self.loc = nn.ModuleList(Head(4 * count) for count in (1, 2, 3, 3, 3, 3))
        self.conf = nn.ModuleList(Head(2 + 2 * count) for count in (1, 2, 3, 3, 3, 3))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, list[tuple[int, int]]]:
        """Look at pictures.

        Parameters
        ----------
        x : Tensor of shape (B, 3, height, width)
            Blue, green, red, 0..255, less `MEAN`.

        Returns
        -------
        offsets, logits : Tensor of shape (B, N, 4) and (B, N, 2)
            For the N cells of all maps, row by row; no face and face.
        sizes : list of tuple of int
            Height and width of the maps.
        """
        first = self.layer1(x)
        second = self.layer2(first)
        third = self.layer3(second)
        fourth = self.layer4(third)
        fifth = self.layer5(fourth)
        sixth = self.layer6(fifth)
        third = _times(self.latlayer3(fourth), self.smooth3(third))
        second = _times(self.latlayer2(third), self.smooth2(second))
        first = _times(self.latlayer1(second), self.smooth1(first))
        maps = [
            self.cpm3_3(first), self.cpm4_3(second), self.cpm5_3(third), self.cpm7(fourth),
            self.cpm6_2(fifth), self.cpm7_2(sixth),
        ]  # fmt: skip
        offsets = [_cells(head(m)[:, :4]) for m, head in zip(maps, self.loc, strict=True)]
        logits = [
            _cells(max_in_out(head(m)[:, :4], finest=k == 0))
            for k, (m, head) in enumerate(zip(maps, self.conf, strict=True))
        ]
        sizes = [(m.shape[2], m.shape[3]) for m in maps]
        return torch.cat(offsets, dim=1), torch.cat(logits, dim=1), sizes


def _halving(given: int, inner: int, out: int) -> nn.Sequential:
    """Return layers that halve width and height."""
    return nn.Sequential(
        nn.Conv2d(given, inner, 1), nn.BatchNorm2d(inner), nn.ReLU(inplace=True),
        nn.Conv2d(inner, out, 3, stride=2, padding=1), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
    )  # fmt: skip


def _times(coarse: Tensor, fine: Tensor) -> Tensor:
    """Return the product of two maps, at the size of the finer one."""
    size = fine.shape[2:]
    return fine * functional.interpolate(coarse, size=size, mode="bilinear", align_corners=True)


def _cells(answers: Tensor) -> Tensor:
    """Bring (B, C, height, width) to (B, height * width, C)."""
    return answers.permute(0, 2, 3, 1).flatten(1, 2)


def max_in_out(answers: Tensor, finest: bool) -> Tensor:
    """Return no face and face (B, 2, height, width) of four answers.

    The finest map has three answers for no face and one for a face, since nearly all of its boxes
    are none; the others have one for no face, which comes last, and three for a face.
    """
    most, last = answers[:, :3].amax(dim=1), answers[:, 3]
    return torch.stack((most, last) if finest else (last, most), dim=1)


def anchors(sizes: Sequence[tuple[int, int]], height: int, width: int) -> Tensor:
    """Return the boxes of all cells before they are moved.

    Parameters
    ----------
    sizes : sequence of tuple of int
        Height and width of the six maps.
    height, width : int
        The picture's, in pixels.

    Returns
    -------
    Tensor of shape (N, 4)
        Middle (x, y), width and height, as shares of the picture's, cut to 0..1.
    """
    found = []
    for (rows, columns), step, side in zip(sizes, STEPS, SIDES, strict=True):
        y, x = torch.meshgrid(
            (torch.arange(rows) + 0.5) * step / height,
            (torch.arange(columns) + 0.5) * step / width,
            indexing="ij",
        )
        wide = torch.full_like(x, side / math.sqrt(ASPECT) / width)
        high = torch.full_like(x, side * math.sqrt(ASPECT) / height)
        found.append(torch.stack((x, y, wide, high), dim=-1).reshape(-1, 4))
    return torch.cat(found).clamp(0, 1)


def boxes_of(offsets: Tensor, boxes: Tensor) -> Tensor:
    """Return moved boxes (N, 4): left, top, right, bottom.

    Parameters
    ----------
    offsets : Tensor of shape (N, 4)
        The network's answers: moves in units of a tenth of a box, logarithms of sizes in fifths.
    boxes : Tensor of shape (N, 4)
        As `anchors` returns them.
    """
    middle = boxes[:, :2] + offsets[:, :2] * MOVE * boxes[:, 2:]
    half = boxes[:, 2:] * torch.exp(offsets[:, 2:] * GROW) / 2
    return torch.cat((middle - half, middle + half), dim=1)


def load(arrays: Mapping[str, NDArray[np.generic]], source: str) -> Dsfd:
    """Return the network with weights, all of which it must know and have.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By the names of ``WIDERFace_DSFD_RES152.pth``.
    source : str
        What an error calls them.

    Raises
    ------
    WeightsError
        If they are those of another network, or not finite.
    """
    with torch.device("meta"):
        made = Dsfd()
    load_strictly(made, arrays, source, "DSFD with ResNet-152", assign=True)
    return made.eval()


def find_faces(made: Dsfd, pixels: Pixels, confidence: float, overlap: float) -> Tensor:
    """Return the faces of a photo.

    Parameters
    ----------
    made : Dsfd
        The network.
    pixels : ndarray of shape (height, width, 3), uint8
        The photo, RGB.
    confidence : float
        Least probability of a face, 0..1.
    overlap : float
        Of two boxes whose intersection over union is more, the less certain one goes, 0..1.

    Returns
    -------
    Tensor of shape (N, 5)
        Left, top, right, bottom in pixels and probability, most certain first.
    """
    height, width = pixels.shape[:2]
    device = next(made.parameters()).device
    centred = (pixels.astype(np.float32) - np.array(MEAN, np.float32))[:, :, ::-1]
    given = torch.from_numpy(np.ascontiguousarray(centred.transpose(2, 0, 1)))[None].to(device)
    with torch.inference_mode():
        offsets, logits, sizes = made(given)
        scores = logits[0].softmax(dim=-1)[:, 1].cpu()
        boxes = boxes_of(offsets[0].cpu(), anchors(sizes, height, width))
    likely = scores >= confidence
    scores, boxes = scores[likely], boxes[likely] * torch.tensor([width, height, width, height])
    kept = nms(boxes, scores, overlap)
    return torch.cat((boxes[kept], scores[kept, None]), dim=1)
