"""dlib's network in ONNX Runtime: the fast way on a processor, and quick to start."""

from __future__ import annotations

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from anonbench.recognisers import _onnx
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
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait for the next batch leave their core to other jobs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            graph(layers), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return embeddings (N, 128) float32 of chips (N, 150, 150, 3) uint8."""
        embedded: NDArray[np.float32] = self._session.run(None, {"chips": chips})[0]
        return embedded


def graph(layers: Layers) -> bytes:
    """Return the network as an ONNX file, from ``chips`` (N, 150, 150, 3) to (N, 128)."""
    g = _Graph()
    x = g.add("Transpose", ["chips"], perm=[0, 3, 1, 2])
    x = g.add("Cast", [x], to=_onnx.TYPES["float32"])
    x = g.convolution(x, layers.stem, stride=2)
    # The maximum of ReLUs is the ReLU of the maximum, which has a quarter of the numbers.
    x = g.add("Relu", [g.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])])
    size = ((SIZE - 7) // 2 + 1 - 3) // 2 + 1
    for block in layers.blocks:
        x, size = _block(g, x, size, block)
    x = g.add("Flatten", [g.add("GlobalAveragePool", [x])])
    x = g.add("MatMul", [x, g.constant(layers.head)])
    return _onnx.model(
        g.nodes,
        g.tensors,
        [_onnx.value("chips", "uint8", ["n", SIZE, SIZE, 3])],
        [_onnx.value(x, "float32", ["n", DIMENSION])],
    )


def _block(g: _Graph, x: str, size: int, block: Block) -> tuple[str, int]:
    """Add a block that takes `size` x `size` points; return its output and the output's size."""
    outputs, inputs = block.first.kernel.shape[:2]
    if not block.down:
        y = g.add("Relu", [g.convolution(x, block.first, padding=1)])
        y = g.convolution(y, block.second, padding=1)
        return g.add("Relu", [g.add("Add", [y, x])]), size
    y = g.add("Relu", [g.convolution(x, block.first, stride=2)])
    y = g.convolution(y, block.second, padding=1)
    x = g.add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
    # dlib adds tensors of unequal size by padding the smaller with zeros at its end.
    convolved, pooled = (size - 3) // 2 + 1, size // 2
    size = max(convolved, pooled)
    x = g.grow(x, outputs - inputs, size - pooled)
    y = g.grow(y, 0, size - convolved)
    return g.add("Relu", [g.add("Add", [y, x])]), size


class _Graph:
    """Operations and constants, named by number."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.tensors: list[bytes] = []

    def add(self, operator: str, inputs: list[str], **attributes: int | list[int]) -> str:
        """Add an operation and return the name of its output."""
        name = f"x{len(self.nodes)}"
        self.nodes.append(_onnx.node(operator, inputs, name, **attributes))
        return name

    def constant(self, values: NDArray[np.generic]) -> str:
        name = f"w{len(self.tensors)}"
        self.tensors.append(_onnx.tensor(name, values))
        return name

    def convolution(self, x: str, c: Convolution, stride: int = 1, padding: int = 0) -> str:
        weights = [self.constant(c.kernel), self.constant(c.bias)]
        return self.add("Conv", [x, *weights], strides=[stride] * 2, pads=[padding] * 4)

    def grow(self, x: str, channels: int, points: int) -> str:
        """Add zeros at the end of channels, rows and columns."""
        if not channels and not points:
            return x
        ends = np.array([0, 0, 0, 0, 0, channels, points, points], np.int64)
        return self.add("Pad", [x, self.constant(ends)])
