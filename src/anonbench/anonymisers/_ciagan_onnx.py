"""CIAGAN's generator as an ONNX file: what `anonbench.models.ciagan` computes in evaluation mode.

Quick to start on a processor. Spectral norms, which no longer change, are folded into kernels.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anonbench.onnx_graph import Graph

Arrays = Mapping[str, NDArray[np.generic]]
SIZE = 128
ENCODER = range(5)
LINEAR = range(0, 14, 2)
"""Fully connected layers among those of the identity code."""


def graph(arrays: Arrays, skips: bool = False) -> bytes:
    """Return the generator as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Weights by the parameter names of `anonbench.models.ciagan.Generator`.
    skips : bool
        Whether it has the connections of a U-Net.

    Returns
    -------
    bytes
        From ``views`` (N, 6, 128, 128) float32, 0..1, and ``codes`` (N,) int64, the identities, to
        pictures (N, 3, 128, 128) float32, not clamped.
    """
    net = _Network(arrays)
    x, seen = "views", []
    for k in ENCODER:
        x = net.norm(net.down(x, f"conv{k}"), f"in{k}_e")
        seen.append(x)
    joined = net.graph.add("Concat", [x, net.identity("codes")], axis=1)
    x = net.norm(net.convolution(joined, "embed.0"), "embed.1")
    for k in range(1, 5):
        x = net.residual(x, f"res{k}")
    for k in reversed(ENCODER):
        x = net.norm(net.up(x, f"deconv{k}"), f"in{k}_d")
        if skips and k:
            x = net.graph.add("Add", [x, seen[k - 1]])
    picture = net.last(x)
    return net.graph.file(
        [("views", "float32", ["n", 6, SIZE, SIZE]), ("codes", "int64", ["n"])],
        [(picture, "float32", ["n", 3, SIZE, SIZE])],
    )


class _Network:
    """The graph and the arrays that go into it."""

    def __init__(self, arrays: Arrays) -> None:
        self.graph = Graph()
        self._arrays = arrays

    def down(self, x: str, name: str) -> str:
        """Add a residual block that halves the picture."""
        right = self.convolution(self._relu(x), f"{name}.conv_r1")
        right = self.convolution(self._relu(right), f"{name}.conv_r2")
        # A convolution of 1 x 1 and a mean over places can change places; this is a quarter of it.
        left = self.convolution(self._halved(x), f"{name}.conv_l")
        return self._sum(self._halved(right), left)

    def up(self, x: str, name: str) -> str:
        """Add a residual block that doubles the picture."""
        right = self.graph.doubled(self._relu(self.norm(x, f"{name}.norm_r1")))
        right = self.norm(self.convolution(right, f"{name}.conv_r1"), f"{name}.norm_r2")
        right = self.convolution(self._relu(right), f"{name}.conv_r2")
        return self._sum(right, self.graph.doubled(self.convolution(x, f"{name}.conv_l")))

    def residual(self, x: str, name: str) -> str:
        """Add a residual block that keeps the picture's size."""
        y = self._relu(self.norm(self.convolution(x, f"{name}.conv1"), f"{name}.in1"))
        return self._sum(self.norm(self.convolution(y, f"{name}.conv2"), f"{name}.in2"), x)

    def identity(self, codes: str) -> str:
        """Add the way from an identity's number to its map (N, 256, 4, 4)."""
        # The product of a code that is 1 in one place with a matrix is a column of the matrix.
        table = self._constant(self._array("encode_one_hot.0.weight").T)
        x = self.graph.add("Gather", [table, codes], axis=0)
        x = self._bent(self._sum(x, self._constant(self._array("encode_one_hot.0.bias"))))
        for k in LINEAR[1:]:
            kernel = self._constant(self._array(f"encode_one_hot.{k}.weight").T)
            product = self.graph.add("MatMul", [x, kernel])
            bias = self._constant(self._array(f"encode_one_hot.{k}.bias"))
            x = self._bent(self._sum(product, bias))
        shape = self.graph.constant(np.array([-1, 32, 4, 4], np.int64))
        x = self.graph.add("Reshape", [x, shape])
        for k in (0, 3, 6):
            x = self.norm(self._bent(self.convolution(x, f"encode_noise.{k}")),
                          f"encode_noise.{k + 2}")  # fmt: skip
        return x

    def last(self, x: str) -> str:
        """Add the last convolution: no spectral norm, and zeros around the picture."""
        kernel, bias = (self._array(f"conv_end.0.{n}") for n in ("weight", "bias"))
        return self.graph.convolution(x, _single(kernel), _single(bias), padding=1)

    def convolution(self, x: str, name: str) -> str:
        """Add a convolution with spectral norm of the picture mirrored beyond its edges."""
        kernel = self._array(f"{name}.conv2d.weight_orig")
        u, v = (self._array(f"{name}.conv2d.weight_{n}") for n in "uv")
        kernel = kernel / (u @ kernel.reshape(len(kernel), -1) @ v)
        if margin := kernel.shape[2] // 2:
            pads = self.graph.constant(np.array([0, 0, margin, margin] * 2, np.int64))
            x = self.graph.add("Pad", [x, pads], mode="reflect")
        bias = self._array(f"{name}.conv2d.bias")
        return self.graph.convolution(x, _single(kernel), _single(bias))

    def norm(self, x: str, name: str) -> str:
        """Add an instance normalisation; its epsilon is ONNX's default, as it is PyTorch's."""
        scale, offset = (self._constant(self._array(f"{name}.{n}")) for n in ("weight", "bias"))
        return self.graph.add("InstanceNormalization", [x, scale, offset])

    def _bent(self, x: str) -> str:
        return self.graph.leaky(x, 0.2)

    def _relu(self, x: str) -> str:
        return self.graph.add("Relu", [x])

    def _sum(self, x: str, y: str) -> str:
        return self.graph.add("Add", [x, y])

    def _halved(self, x: str) -> str:
        return self.graph.add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])

    def _array(self, name: str) -> NDArray[np.float64]:
        return np.asarray(self._arrays[name], np.float64)

    def _constant(self, values: NDArray[np.float64]) -> str:
        return self.graph.constant(_single(values))


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
