"""Mini-Xception as an ONNX network, from the arrays of the Keras file.

The network is ``mini_XCEPTION`` of https://github.com/oarriaga/face_classification (Arriaga et al.
2017, Fig. 4): two convolutions; four modules of two separable convolutions beside a shortcut; a
convolution to the classes, whose mean over the picture goes into a softmax. Its layers are numbered
in the order in which Keras made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbench.onnx_graph import Graph
from anonbench.weight_models import WeightsError

Arrays = Mapping[str, NDArray[np.generic]]

SIZE = 64
STEM = 8
MODULES = (16, 32, 64, 128)
FEATURES = MODULES[-1]
EPSILON = 1e-3
"""What Keras adds to variances unless told otherwise; so it is in the file's configuration."""
BATCH_NORMALISATION = ("gamma", "beta", "moving_mean", "moving_variance")


def shapes(classes: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every array of the network by ``LAYER.WEIGHT``, in Keras's order."""
    known: dict[str, tuple[int, ...]] = {
        "conv2d_1.kernel": (3, 3, 1, STEM), "conv2d_2.kernel": (3, 3, STEM, STEM),
        "conv2d_7.kernel": (3, 3, FEATURES, classes), "conv2d_7.bias": (classes,),
    }  # fmt: skip
    normalised = {1: STEM, 2: STEM}
    for k, (inputs, outputs) in enumerate(zip((STEM, *MODULES), MODULES, strict=False)):
        known[f"conv2d_{k + 3}.kernel"] = (1, 1, inputs, outputs)
        for n, channels in ((2 * k + 1, inputs), (2 * k + 2, outputs)):
            known[f"separable_conv2d_{n}.depthwise_kernel"] = (3, 3, channels, 1)
            known[f"separable_conv2d_{n}.pointwise_kernel"] = (1, 1, channels, outputs)
        normalised |= dict.fromkeys(range(3 * k + 3, 3 * k + 6), outputs)
    for n, channels in normalised.items():
        known |= {f"batch_normalization_{n}.{w}": (channels,) for w in BATCH_NORMALISATION}
    return known


def check(arrays: Arrays, classes: int, path: Path) -> None:
    """Check that the arrays of a file are those of the network.

    Raises
    ------
    WeightsError
        If one is missing, too many or of another shape, or holds what is no number.
    """
    known = shapes(classes)
    wrong = [
        f"{name} is {arrays[name].shape if name in arrays else 'missing'}, expected {shape}"
        for name, shape in known.items()
        if name not in arrays or arrays[name].shape != shape
    ]
    wrong += [f"{name} is not of this network" for name in sorted(set(arrays) - set(known))]
    wrong += [f"{name} is not finite" for name in sorted(arrays) if not np.isfinite(
        np.asarray(arrays[name], np.float64)).all()]  # fmt: skip
    if wrong:
        raise WeightsError(
            f"{path}: not mini-Xception for {classes} classes: {'; '.join(wrong[:3])}"
        )


def graph(arrays: Arrays) -> bytes:
    """Return the network as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Arrays with the names and shapes of `shapes`.

    Returns
    -------
    bytes
        From ``crops`` (N, 64, 64) uint8 to probabilities (N, classes) and features (N, 128), the
        mean over the picture of what the last convolution sees.
    """
    net = _Network(arrays)
    g = net.graph
    x = g.add("Unsqueeze", ["crops", g.constant(np.array([1], np.int64))])
    # Grey values 0..255 become -1..1.
    x = g.add("Mul", [g.cast(x, "float32"), net.number(2 / 255)])
    x = g.add("Sub", [x, net.number(1)])
    x = g.add("Relu", [net.normalised(x, "conv2d_1", 1)])
    x = g.add("Relu", [net.normalised(x, "conv2d_2", 2)])
    size = SIZE - 4
    for k in range(len(MODULES)):
        x = net.module(x, k, size)
        size = -(-size // 2)
    features = g.add("Flatten", [g.add("GlobalAveragePool", [x])])
    kernel = _to_onnx(net.array("conv2d_7.kernel"))
    x = g.convolution(x, kernel, net.array("conv2d_7.bias"), padding=1)
    x = g.add("Flatten", [g.add("GlobalAveragePool", [x])])
    probabilities = g.add("Softmax", [x], axis=1)
    return g.file(
        [("crops", "uint8", ["n", SIZE, SIZE])],
        [(probabilities, "float32", ["n", len(kernel)]), (features, "float32", ["n", FEATURES])],
    )


class _Network:
    """The graph and the arrays that go into it."""

    def __init__(self, arrays: Arrays) -> None:
        self.graph = Graph()
        self._arrays = arrays

    def array(self, name: str) -> NDArray[np.float32]:
        return np.asarray(self._arrays[name], np.float32)

    def number(self, value: float) -> str:
        return self.graph.constant(np.array(value, np.float32))

    def normalised(self, x: str, layer: str, norm: int, stride: int = 1) -> str:
        """Add a convolution with its batch normalisation folded in."""
        weight = "kernel" if layer.startswith("conv") else "pointwise_kernel"
        gamma, beta, mean, variance = (
            np.asarray(self._arrays[f"batch_normalization_{norm}.{w}"], np.float64)
            for w in BATCH_NORMALISATION
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        kernel = _to_onnx(self._arrays[f"{layer}.{weight}"]) * scale[:, None, None, None]
        bias = (beta - mean * scale).astype(np.float32)
        return self.graph.convolution(x, kernel.astype(np.float32), bias, stride=stride)

    def separable(self, x: str, n: int, norm: int) -> str:
        """Add a separable convolution: each channel by itself, then all at every point."""
        # Keras: rows, columns, channels, 1. ONNX: channels, 1, rows, columns.
        kernel = self.array(f"separable_conv2d_{n}.depthwise_kernel").transpose(2, 3, 0, 1)
        x = self.graph.convolution(x, kernel, padding=1, groups=len(kernel))
        return self.normalised(x, f"separable_conv2d_{n}", norm)

    def module(self, x: str, k: int, size: int) -> str:
        """Add module `k`, which halves pictures of `size` x `size` points."""
        g = self.graph
        shortcut = self.normalised(x, f"conv2d_{k + 3}", 3 * k + 3, stride=2)
        x = g.add("Relu", [self.separable(x, 2 * k + 1, 3 * k + 4)])
        x = self.separable(x, 2 * k + 2, 3 * k + 5)
        # TensorFlow's "same": as much padding as is needed, the odd one below and to the right.
        total = 1 if size % 2 == 0 else 2
        before, after = total // 2, total - total // 2
        x = g.add(
            "MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[before] * 2 + [after] * 2
        )
        return g.add("Add", [x, shortcut])


def _to_onnx(kernel: NDArray[np.generic]) -> NDArray[np.float32]:
    """Turn rows, columns, inputs, outputs into outputs, inputs, rows, columns."""
    return np.asarray(kernel, np.float32).transpose(3, 2, 0, 1)
