"""CLEANIR's networks as ONNX files: what `anonbench.models.cleanir` computes in evaluation mode.

Quick to start on a processor. Batch normalisation is folded into what stands next to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._cleanir_crop import SIZE
from anonbench.onnx_graph import Graph

Arrays = Mapping[str, NDArray[np.generic]]
EPSILON, SLOPE = 1e-3, 0.2
STAGES = range(2, 6)
Resize = Literal["halved", "same", "doubled"]


def encoder(arrays: Arrays) -> bytes:
    """Return the encoder as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Weights by the parameter names of `anonbench.models.cleanir.Encoder`.

    Returns
    -------
    bytes
        From ``pictures`` (N, 3, 64, 64) float32, -1..1, to means and logarithms of variances,
        (N, 1024) float32 each.
    """
    net = _Network(arrays)
    x = net.bent(net.convolution("pictures", "stem", "halved", "stem_norm"))
    x = net.stages(x, "halved", "")
    x = net.graph.add("ReduceMean", [x], axes=[2, 3], keepdims=0)
    x = net.bent(net.linear(x, "dense"))
    outputs = [net.linear(x, f"encoder_{n}", "dense_norm") for n in ("mean", "sigma")]
    length = arrays["encoder_mean.weight"].shape[0]
    return net.graph.file(
        [("pictures", "float32", ["n", 3, SIZE, SIZE])],
        [(name, "float32", ["n", length]) for name in outputs],
    )


def decoder(arrays: Arrays) -> bytes:
    """Return the decoder as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Weights by the parameter names of `anonbench.models.cleanir.Decoder`.

    Returns
    -------
    bytes
        From ``codes`` (N, 1024) float32 to pictures (N, 3, 64, 64) float32, -1..1.
    """
    net = _Network(arrays)
    x = net.linear("codes", "dense")
    shape = net.graph.constant(np.array([-1, 512, 4, 4], np.int64))
    x = net.bent(net.graph.add("Reshape", [x, shape]))
    x = net.stages(x, "doubled", "_dec")
    picture = net.graph.add("Tanh", [net.convolution(x, "end", "same")])
    return net.graph.file(
        [("codes", "float32", ["n", arrays["dense.weight"].shape[1]])],
        [(picture, "float32", ["n", 3, SIZE, SIZE])],
    )


class _Network:
    """The graph and the arrays that go into it."""

    def __init__(self, arrays: Arrays) -> None:
        self.graph = Graph()
        self._arrays = arrays

    def stages(self, x: str, resize: Resize, suffix: str) -> str:
        """Add residual stages: one block that changes the picture's size, one that does not."""
        for k in STAGES:
            own = f"{k}conv{suffix}_branch"
            given = self.graph.doubled(x) if resize == "doubled" else x
            # Both branches see the doubled picture, so it is made once.
            change: Resize = "same" if resize == "doubled" else resize
            main = self._main(given, own, change)
            short = self.convolution(given, f"res{own}1", change, f"bn{own}1")
            x = self.bent(self._sum(main, short))
            x = self.bent(self._sum(self._main(x, f"{k}identity{suffix}_branch", "same"), x))
        return x

    def _main(self, x: str, name: str, change: Resize) -> str:
        x = self.bent(self.convolution(x, f"res{name}2a", change, f"bn{name}2a"))
        return self.bent(self.convolution(x, f"res{name}2b", "same", f"bn{name}2b"))

    def convolution(self, x: str, name: str, change: Resize, norm: str = "") -> str:
        """Add a convolution, padded as TensorFlow does, and a batch normalisation after it."""
        kernel, bias = self._array(f"{name}.weight"), self._array(f"{name}.bias")
        if norm:
            scale, offset = self._norm(norm)
            kernel, bias = kernel * scale[:, None, None, None], bias * scale + offset
        size = kernel.shape[2]
        if change == "halved":
            before = (size - 2) // 2
            around = [before, before, size - 2 - before, size - 2 - before]
            return self.graph.convolution(x, _single(kernel), _single(bias), stride=2,
                                          padding=around)  # fmt: skip
        return self.graph.convolution(x, _single(kernel), _single(bias), padding=size // 2)

    def linear(self, x: str, name: str, norm: str = "") -> str:
        """Add a fully connected layer, and a batch normalisation before it."""
        matrix, bias = self._array(f"{name}.weight"), self._array(f"{name}.bias")
        if norm:
            scale, offset = self._norm(norm)
            matrix, bias = matrix * scale, bias + matrix @ offset
        product = self.graph.add("MatMul", [x, self.graph.constant(_single(matrix.T))])
        return self._sum(product, self.graph.constant(_single(bias)))

    def bent(self, x: str) -> str:
        """Add a leaky rectifier."""
        return self.graph.leaky(x, SLOPE)

    def _norm(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return what a batch normalisation multiplies by and then adds."""
        mean, variance = self._array(f"{name}.running_mean"), self._array(f"{name}.running_var")
        scale = self._array(f"{name}.weight") / np.sqrt(variance + EPSILON)
        return scale, self._array(f"{name}.bias") - mean * scale

    def _sum(self, x: str, y: str) -> str:
        return self.graph.add("Add", [x, y])

    def _array(self, name: str) -> NDArray[np.float64]:
        return np.asarray(self._arrays[name], np.float64)


def _single(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
