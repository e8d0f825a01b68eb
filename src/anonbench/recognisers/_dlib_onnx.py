"""dlib's network in ONNX Runtime: the fast way on a processor, and quick to start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonbench.onnx_graph import Graph, session
from anonbench.recognisers._dlib_network import DIMENSION, SIZE, Block, Convolution, Layers


class OnnxNetwork:
    """The network as a function of chips.

    Parameters
    ----------
    layers : Layers
        Its weights.
    threads : int
        Threads of ONNX Runtime.
    """

    def __init__(self, layers: Layers, threads: int) -> None:
        self._session = session(graph(layers), threads)

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return embeddings (N, 128) float32 of chips (N, 150, 150, 3) uint8."""
        embedded: NDArray[np.float32] = self._session.run(None, {"chips": chips})[0]
        return embedded


def graph(layers: Layers) -> bytes:
    """Return the network as an ONNX file, from ``chips`` (N, 150, 150, 3) to (N, 128)."""
    g = Graph()
    x = g.add("Transpose", ["chips"], perm=[0, 3, 1, 2])
    x = g.cast(x, "float32")
    x = _convolution(g, x, layers.stem, stride=2)
    # The maximum of ReLUs is the ReLU of the maximum, which has a quarter of the numbers.
    x = g.add("Relu", [g.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])])
    size = ((SIZE - 7) // 2 + 1 - 3) // 2 + 1
    for block in layers.blocks:
        x, size = _block(g, x, size, block)
    x = g.add("Flatten", [g.add("GlobalAveragePool", [x])])
    x = g.add("MatMul", [x, g.constant(layers.head)])
    return g.file([("chips", "uint8", ["n", SIZE, SIZE, 3])], [(x, "float32", ["n", DIMENSION])])


def _block(g: Graph, x: str, size: int, block: Block) -> tuple[str, int]:
    """Add a block that takes `size` x `size` points; return its output and the output's size."""
    outputs, inputs = block.first.kernel.shape[:2]
    if not block.down:
        y = g.add("Relu", [_convolution(g, x, block.first, padding=1)])
        y = _convolution(g, y, block.second, padding=1)
        return g.add("Relu", [g.add("Add", [y, x])]), size
    y = g.add("Relu", [_convolution(g, x, block.first, stride=2)])
    y = _convolution(g, y, block.second, padding=1)
    x = g.add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
    # dlib adds tensors of unequal size by padding the smaller with zeros at its end.
    convolved, pooled = (size - 3) // 2 + 1, size // 2
    size = max(convolved, pooled)
    x = _grow(g, x, outputs - inputs, size - pooled)
    y = _grow(g, y, 0, size - convolved)
    return g.add("Relu", [g.add("Add", [y, x])]), size


def _convolution(g: Graph, x: str, c: Convolution, stride: int = 1, padding: int = 0) -> str:
    return g.convolution(x, c.kernel, c.bias, stride=stride, padding=padding)


def _grow(g: Graph, x: str, channels: int, points: int) -> str:
    """Add zeros at the end of channels, rows and columns."""
    if not channels and not points:
        return x
    ends = np.array([0, 0, 0, 0, 0, channels, points, points], np.int64)
    return g.add("Pad", [x, g.constant(ends)])
