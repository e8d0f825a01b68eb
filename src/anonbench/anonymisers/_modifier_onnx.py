"""Networks that modify faces as ONNX files, quick to start on a processor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anonbench.onnx_graph import Graph

Arrays = Mapping[str, NDArray[np.generic]]


def modifier(arrays: Arrays, size: int, blocks: int) -> bytes:
    """Return what `anonbench.models.ren_modifier.Modifier` computes as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Weights by its parameter names.
    size : int
        Width and height of a face in pixels.
    blocks : int
        Residual blocks.

    Returns
    -------
    bytes
        From ``faces`` (N, 3, size, size) float32, -1..1, to as many of the same shape.
    """
    net = _Network(arrays)
    x = net.layer("faces", "model.1", around=3)
    x = net.layer(net.layer(x, "model.4", stride=2), "model.7", stride=2)
    for k in range(10, 10 + blocks):
        y = net.layer(x, f"model.{k}.conv_block.1", around=1)
        y = net.layer(y, f"model.{k}.conv_block.5", around=1, bent=False)
        x = net.graph.add("Add", [x, y])
    x = net.layer(x, f"model.{10 + blocks}", enlarging=True)
    x = net.layer(x, f"model.{13 + blocks}", enlarging=True)
    out = net.graph.add("Tanh", [net.convolution(x, f"model.{17 + blocks}", around=3)])
    return net.file(out, size)


def convolutions(arrays: Arrays, size: int) -> bytes:
    """Return what `anonbench.models.narula.SharedConvolutions` computes; see `modifier`."""
    net = _Network(arrays)
    x, count = "faces", sum(name.endswith(".weight") for name in arrays)
    for k in range(count):
        x = net.graph.add("Relu", [x]) if k else x
        around = arrays[f"layers.{k}.weight"].shape[2] // 2
        x = net.convolution(x, f"layers.{k}", around=around)
    return net.file(net.graph.add("Tanh", [x]), size)


class _Network:
    """The graph and the arrays that go into it."""

    def __init__(self, arrays: Arrays) -> None:
        self.graph = Graph()
        self._arrays = arrays

    def convolution(self, x: str, name: str, *, stride: int = 1, around: int = 0) -> str:
        """Add a convolution; the picture is mirrored around itself, or 0 where it shrinks."""
        if around:
            edges = np.array([0, 0, around, around] * 2, np.int64)
            x = self.graph.add("Pad", [x, self.graph.constant(edges)], mode="reflect")
        padding = 0 if stride == 1 else 1
        return self.graph.convolution(x, *self._parts(name), stride=stride, padding=padding)

    def layer(
        self, x: str, name: str, *, stride: int = 1, around: int = 0, enlarging: bool = False,
        bent: bool = True,
    ) -> str:  # fmt: skip
        """Add a convolution, a normalisation of each channel by itself, and a rectifier."""
        kernel, bias = self._parts(name)
        if enlarging:
            parts = [x, self.graph.constant(kernel), self.graph.constant(bias)]
            x = self.graph.add("ConvTranspose", parts, strides=[2, 2], pads=[1] * 4,
                               output_padding=[1, 1])  # fmt: skip
        else:
            x = self.convolution(x, name, stride=stride, around=around)
        scale, offset = (self.graph.constant(v) for v in (np.ones_like(bias), np.zeros_like(bias)))
        x = self.graph.add("InstanceNormalization", [x, scale, offset])
        return self.graph.add("Relu", [x]) if bent else x

    def file(self, out: str, size: int) -> bytes:
        """Return the network as a file."""
        shape: list[int | str] = ["n", 3, size, size]
        return self.graph.file([("faces", "float32", shape)], [(out, "float32", shape)])

    def _parts(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a layer's kernel and bias."""
        kernel, bias = (np.ascontiguousarray(self._arrays[f"{name}.{part}"], np.float32)
                        for part in ("weight", "bias"))  # fmt: skip
        return kernel, bias
