"""dlib's face embedding network: its layers, read from dlib's own file.

The network is ``anet_type`` of dlib's ``dnn_face_recognition_ex.cpp`` (King, 2017): a ResNet of 29
convolutions, 150 x 150 RGB in, 128 numbers out. Reading the file takes 0.05 s, less than checking
and reading a converted copy would save; so there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SIZE = 150
DIMENSION = 128
MEAN = (122.782, 117.001, 104.298)
SCALE = 256.0
STAGES = ((32, 3, False), (64, 3, True), (128, 2, True), (256, 2, True), (256, 0, True))
"""Per stage: channels, plain residual blocks, and whether a down-sampling block comes first."""


class WeightError(RuntimeError):
    """A weight file that is not what it should be."""


@dataclass(frozen=True)
class Convolution:
    """Filters (outputs, inputs, rows, columns) and biases (outputs,), float32."""

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]


@dataclass(frozen=True)
class Block:
    """Two 3 x 3 convolutions and a shortcut around them; `down` halves the size."""

    first: Convolution
    second: Convolution
    down: bool


@dataclass(frozen=True)
class Layers:
    """The network, with its affine layers and the scaling of pixels folded into convolutions.

    Attributes
    ----------
    stem : Convolution
        7 x 7, stride 2; takes RGB 0..255. A maximum over 3 x 3, stride 2, and a ReLU follow.
    blocks : tuple of Block
        In order.
    head : ndarray, shape (256, 128), float32
        Multiplied from the right with the mean over rows and columns. No length is normalised.
    """

    stem: Convolution
    blocks: tuple[Block, ...]
    head: NDArray[np.float32]


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


def load(path: Path) -> Layers:
    """Read the network from dlib's weight file.

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
    shapes = [(32, 3, 7, 7), *(s for i, o, _ in _plan() for s in ((o, i, 3, 3), (o, o, 3, 3)))]
    if len(tensors) != 2 * len(shapes) + 1:
        raise WeightError(
            f"{path}: {len(tensors)} tensors, expected {2 * len(shapes) + 1}; the file is damaged "
            "or another model: reinstall face_recognition_models 0.3.0"
        )
    folded = [
        _fold(weights.ravel(), affine.ravel(), shape, path.name)
        for weights, affine, shape in zip(tensors[0:-1:2], tensors[1:-1:2], shapes, strict=True)
    ]
    blocks = zip(folded[1::2], folded[2::2], (down for _, _, down in _plan()), strict=True)
    return Layers(
        _on_pixels(folded[0]),
        tuple(Block(*parts) for parts in blocks),
        tensors[-1].reshape(256, DIMENSION),
    )


def _plan() -> Iterator[tuple[int, int, bool]]:
    """Yield input channels, output channels and `down` of each block."""
    channels = STAGES[0][0]
    for outputs, plain, down in STAGES:
        if down:
            yield channels, outputs, True
            channels = outputs
        for _ in range(plain):
            yield channels, channels, False


def _fold(
    weights: NDArray[np.float32],
    affine: NDArray[np.float32],
    shape: tuple[int, int, int, int],
    name: str,
) -> Convolution:
    """Return the convolution gamma * (w x + b) + beta."""
    outputs, count = shape[0], int(np.prod(shape))
    if weights.size != count + outputs or affine.size != 2 * outputs:
        raise WeightError(f"{name}: a layer of {weights.size} numbers where {count + outputs} fit")
    gamma, beta = affine[:outputs], affine[outputs:]
    kernel = weights[:count].reshape(shape) * gamma[:, None, None, None]
    return Convolution(kernel, weights[count:] * gamma + beta)


def _on_pixels(stem: Convolution) -> Convolution:
    """Return the convolution that takes pixels as they are instead of (pixel - mean) / scale.

    This is exact because the stem has no padding.
    """
    kernel = stem.kernel.astype(np.float64) / SCALE
    shift = np.einsum("oirc,i->o", kernel, np.array(MEAN))
    return Convolution(kernel.astype(np.float32), (stem.bias - shift).astype(np.float32))
