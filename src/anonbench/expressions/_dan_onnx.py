"""DAN as an ONNX file: what `anonbench.models.dan` computes, quick to start on a processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anonbench.onnx_graph import Graph

Arrays = Mapping[str, NDArray[np.generic]]
FEATURES = 512
EPSILON = 1e-5
"""What PyTorch's batch normalisation adds to variances."""


def graph(
    arrays: Arrays, heads: int, size: int, mean: Sequence[float], deviation: Sequence[float]
) -> bytes:
    """Return the network as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Weights by the parameter names of `anonbench.models.dan.DAN`.
    heads : int
        Attention heads.
    size : int
        Width and height of the input in pixels.
    mean, deviation : sequence of float
        Taken out of each channel, whose values are 0 to 1.

    Returns
    -------
    bytes
        From ``crops`` (N, size, size, 3) uint8 RGB to probabilities (N, classes) and features
        (N, 512), the mean over the picture of the backbone's feature map.
    """
    net = _Network(arrays)
    g = net.graph
    x = g.cast(g.add("Transpose", ["crops"], perm=[0, 3, 1, 2]), "float32")
    # Not folded into the first kernel: the zeros around a picture are zeros after this.
    x = g.add("Sub", [x, net.channels(255 * np.asarray(mean, np.float64))])
    x = g.add("Div", [x, net.channels(255 * np.asarray(deviation, np.float64))])
    x = net.backbone(x)
    features = net.pooled(x)
    vectors = [net.head(x, f"cat_head{k}") for k in range(heads)]
    if heads > 1:
        one = g.constant(np.array([1], np.int64))
        stacked = g.add("Concat", [g.add("Unsqueeze", [v, one]) for v in vectors], axis=1)
        total = g.add("ReduceSum", [g.add("LogSoftmax", [stacked], axis=1), one], keepdims=0)
    else:
        total = vectors[0]
    probabilities = g.add("Softmax", [net.linear(total, "fc", "bn")], axis=1)
    classes = len(arrays["fc.bias"])
    return g.file(
        [("crops", "uint8", ["n", size, size, 3])],
        [(probabilities, "float32", ["n", classes]), (features, "float32", ["n", FEATURES])],
    )


class _Network:
    """The graph and the arrays that go into it; batch normalisations are folded into kernels."""

    def __init__(self, arrays: Arrays) -> None:
        self.graph = Graph()
        self._arrays = arrays

    def channels(self, values: NDArray[np.float64]) -> str:
        """Add a number for each channel of a picture."""
        return self.graph.constant(values.astype(np.float32).reshape(1, -1, 1, 1))

    def backbone(self, x: str) -> str:
        """Add ResNet-18 without its last layers."""
        x = self.graph.add("Relu", [self._convolution(x, "features.0", "features.1", 2, 3)])
        x = self.graph.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
        for layer in range(4, 8):
            for block in range(2):
                x = self._block(x, f"features.{layer}.{block}", 2 if layer > 4 and not block else 1)
        return x

    def _block(self, x: str, name: str, stride: int) -> str:
        y = self._convolution(x, f"{name}.conv1", f"{name}.bn1", stride, 1)
        y = self._convolution(self.graph.add("Relu", [y]), f"{name}.conv2", f"{name}.bn2", 1, 1)
        if f"{name}.downsample.0.weight" in self._arrays:
            x = self._convolution(x, f"{name}.downsample.0", f"{name}.downsample.1", stride, 0)
        return self.graph.add("Relu", [self.graph.add("Add", [y, x])])

    def head(self, x: str, name: str) -> str:
        """Add an attention head; its vector is (N, 512)."""
        g = self.graph
        y = self._attention(x, f"{name}.sa.conv1x1")
        three = [self._attention(y, f"{name}.sa.conv_{k}") for k in ("3x3", "1x3", "3x1")]
        y = g.add("Relu", [g.add("Add", [g.add("Add", three[:2]), three[2]])])
        places = g.add("ReduceSum", [y, g.constant(np.array([1], np.int64))])
        vector = self.pooled(g.add("Mul", [x, places]))
        y = g.add("Relu", [self.linear(vector, f"{name}.ca.attention.0", f"{name}.ca.attention.1")])
        return g.add("Mul", [vector, g.add("Sigmoid", [self.linear(y, f"{name}.ca.attention.3")])])

    def _attention(self, x: str, name: str) -> str:
        rows, columns = self._arrays[f"{name}.0.weight"].shape[2:]
        pads = [rows // 2, columns // 2] * 2
        return self._convolution(x, f"{name}.0", f"{name}.1", 1, pads)

    def pooled(self, x: str) -> str:
        """Add the mean over places, (N, channels)."""
        return self.graph.add("Flatten", [self.graph.add("GlobalAveragePool", [x])])

    def linear(self, x: str, name: str, norm: str = "") -> str:
        """Add a fully connected layer, and the batch normalisation that follows it."""
        kernel, bias = self._array(f"{name}.weight"), self._array(f"{name}.bias")
        if norm:
            scale, offset = self._normalisation(norm)
            kernel, bias = kernel * scale[:, None], bias * scale + offset
        product = self.graph.add("MatMul", [x, self._constant(kernel.T)])
        return self.graph.add("Add", [product, self._constant(bias)])

    def _convolution(
        self, x: str, name: str, norm: str, stride: int, padding: int | Sequence[int]
    ) -> str:
        scale, offset = self._normalisation(norm)
        kernel = self._array(f"{name}.weight") * scale[:, None, None, None]
        bias = self._array(f"{name}.bias") if f"{name}.bias" in self._arrays else 0.0
        return self.graph.convolution(
            x, kernel.astype(np.float32), (bias * scale + offset).astype(np.float32),
            stride=stride, padding=padding,
        )  # fmt: skip

    def _normalisation(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return scale and offset of a batch normalisation."""
        scale = self._array(f"{name}.weight") / np.sqrt(
            self._array(f"{name}.running_var") + EPSILON
        )
        return scale, self._array(f"{name}.bias") - self._array(f"{name}.running_mean") * scale

    def _array(self, name: str) -> NDArray[np.float64]:
        return np.asarray(self._arrays[name], np.float64)

    def _constant(self, values: NDArray[np.float64]) -> str:
        return self.graph.constant(np.ascontiguousarray(values, np.float32))
