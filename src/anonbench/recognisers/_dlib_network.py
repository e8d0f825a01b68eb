"""dlib's face embedding network, read from its own file and run in PyTorch.

The network is ``anet_type`` of dlib's ``dnn_face_recognition_ex.cpp`` (King, 2017): a ResNet of 29
convolutions, 150 x 150 RGB in, 128 numbers out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

MEAN = (122.782, 117.001, 104.298)
SCALE = 256.0
STAGES = ((32, 3, False), (64, 3, True), (128, 2, True), (256, 2, True), (256, 0, True))
"""Per stage: channels, plain residual blocks, and whether a down-sampling block comes first."""


class WeightError(RuntimeError):
    """A weight file that is not what it should be."""


def read_tensors(data: bytes) -> list[NDArray[np.float32]]:
    """Find all tensors in a serialised dlib network, in file order.

    dlib writes an integer as a control byte (low four bits: number of bytes that follow; top bit:
    sign) and little-endian bytes. A tensor is the integer 2 (its version), four integers (samples,
    channels, rows, columns), and raw float32.

    Parameters
    ----------
    data : bytes
        The file's content.

    Returns
    -------
    list of ndarray
        Four-dimensional float32 arrays.
    """
    tensors = []
    place = data.find(b"\x01\x02")
    while place >= 0:
        shape, start = _shape(data, place + 2)
        # All weights are stored flat; small "tensors" are chance patterns in the header.
        size = int(np.prod(shape)) * 4 if shape[2:] == (1, 1) else 0
        if 128 <= size <= len(data) - start:
            values = np.frombuffer(data, "<f4", size // 4, start)
            tensors.append(values.reshape(shape).astype(np.float32))
            place = start + size - 1
        place = data.find(b"\x01\x02", place + 1)
    return tensors


def _shape(data: bytes, place: int) -> tuple[tuple[int, ...], int]:
    """Read four positive integers at `place`; an empty shape where there are none."""
    shape = []
    for _ in range(4):
        if place >= len(data):
            return (), place
        length = data[place] & 0x0F
        if data[place] & 0xF0 or not 1 <= length <= 4:
            return (), place
        shape.append(int.from_bytes(data[place + 1 : place + 1 + length], "little"))
        place += 1 + length
    return (tuple(shape), place) if all(shape) else ((), place)


class _Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut; `down` halves the size."""

    def __init__(self, inputs: int, outputs: int, down: bool) -> None:
        super().__init__()
        self.down = down
        stride, padding = (2, 0) if down else (1, 1)
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(functional.relu(self.first(x)))
        if self.down:
            x = functional.avg_pool2d(x, 2, 2)
            # dlib adds tensors of unequal size by padding the smaller with zeros at its end.
            channels, rows, columns = (
                max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True)
            )
            x, y = _grow(x, channels, rows, columns), _grow(y, channels, rows, columns)
        return functional.relu(x + y)


def _grow(x: Tensor, channels: int, rows: int, columns: int) -> Tensor:
    missing = (0, columns - x.shape[3], 0, rows - x.shape[2], 0, channels - x.shape[1])
    return functional.pad(x, missing) if any(missing) else x


class DlibResNet(nn.Module):
    """The network with its affine layers folded into the convolutions.

    Input: (N, 3, 150, 150) float32, RGB 0..255. Output: (N, 128) float32, not normalised.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1))
        self.stem = nn.Conv2d(3, 32, 7, 2)
        blocks: list[_Block] = []
        channels = 32
        for outputs, plain, down in STAGES:
            if down:
                blocks.append(_Block(channels, outputs, True))
                channels = outputs
            blocks.extend(_Block(channels, channels, False) for _ in range(plain))
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(256, 128, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Embed a batch of face chips."""
        mean: Tensor = self.mean  # type: ignore[assignment]
        x = functional.relu(self.stem((x - mean) / SCALE))
        x = self.blocks(functional.max_pool2d(x, 3, 2))
        embedded: Tensor = self.head(x.mean(dim=(2, 3)))
        return embedded

    def convolutions(self) -> list[nn.Conv2d]:
        """All convolutions from input to output."""
        return [m for m in self.modules() if isinstance(m, nn.Conv2d)]


def load(path: Path) -> DlibResNet:
    """Build the network from dlib's weight file.

    Parameters
    ----------
    path : Path
        ``dlib_face_recognition_resnet_model_v1.dat``.

    Raises
    ------
    WeightError
        If the file does not hold this network.
    """
    tensors = read_tensors(path.read_bytes())
    network = DlibResNet()
    layers = network.convolutions()
    if len(tensors) != 2 * len(layers) + 1:
        raise WeightError(
            f"{path}: {len(tensors)} tensors, expected {2 * len(layers) + 1}; the file is damaged "
            "or another model: reinstall face_recognition_models 0.3.0"
        )
    # The file may list layers from output to input; the product with the embedding comes last.
    with torch.no_grad():
        for layer, weights, affine in zip(layers, tensors[0:-1:2], tensors[1:-1:2], strict=True):
            _fold(layer, weights.ravel(), affine.ravel(), path.name)
        network.head.weight.copy_(torch.from_numpy(tensors[-1].reshape(256, 128).T.copy()))
    return network.eval()


def _fold(
    layer: nn.Conv2d, weights: NDArray[np.float32], affine: NDArray[np.float32], name: str
) -> None:
    """Set a convolution to gamma * (w x + b) + beta."""
    outputs, count = layer.out_channels, layer.weight.numel()
    if weights.size != count + outputs or affine.size != 2 * outputs:
        raise WeightError(f"{name}: a layer of {weights.size} numbers where {count + outputs} fit")
    gamma, beta = affine[:outputs], affine[outputs:]
    kernel = weights[:count].reshape(layer.weight.shape) * gamma[:, None, None, None]
    layer.weight.copy_(torch.from_numpy(kernel))
    assert layer.bias is not None
    layer.bias.copy_(torch.from_numpy(weights[count:] * gamma + beta))
