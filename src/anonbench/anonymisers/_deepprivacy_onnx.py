"""DeepPrivacy's generators as ONNX files: what `anonbench.models.deepprivacy` computes.

Quick to start on a processor. Scales of kernels are multiplied in.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anonbench.onnx_graph import Graph

Arrays = Mapping[str, NDArray[np.generic]]
SIDES = (4, 8, 16, 32, 64, 128)
"""Widths in pixels at which the networks work, from the middle outwards."""
SIZE = SIDES[-1]


def msg_generator(arrays: Arrays) -> bytes:
    """Return `MSGGenerator` as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Weights by the parameter names of `anonbench.models.deepprivacy.MSGGenerator`.

    Returns
    -------
    bytes
        From ``condition`` (N, 3, 128, 128), ``mask`` (N, 1, 128, 128), ``keypoints`` (N, 14) and
        ``z`` (N, 32, 4, 4), all float32, to pictures (N, 3, 128, 128) float32.
    """
    net = _Network(arrays, gain=1.0)
    add = net.graph.add
    hidden = add("Sub", [net.constant(np.ones(1)), "mask"])
    x = net.layers(net.joined("condition", "mask", hidden), "from_rgb", (0,))
    skips = {}
    for side in reversed(SIDES):
        skips[side] = x = net.layers(x, f"encoder.basic_block{side}.layers", (0, 3))
        x = net.halved(x) if side > SIDES[0] else x
    x = net.joined(x, "z", net.pose("keypoints"))
    x = net.layers(x, "decoder.basic_block4.layers", (0, 3))
    drawn = net.convolution(x, "rgb_convolutions.4")
    for side in SIDES[1:]:
        x = net.joined(net.doubled(x), skips[side])
        x = net.layers(x, f"decoder.skip_connection{side}.conv.layers", (0,))
        x = net.layers(x, f"decoder.basic_block{side}.layers", (0, 3))
        fresh = net.convolution(x, f"rgb_convolutions.{side}")
        drawn = add("Add", [net.doubled(drawn), fresh])
    drawn = add("Mul", [drawn, net.constant(np.full(1, 1 / len(SIDES)))])
    kept, fresh = add("Mul", ["condition", "mask"]), add("Mul", [hidden, drawn])
    return net.file(add("Add", [kept, fresh]), [("mask", 1, SIZE, SIZE), ("keypoints", 14)])


def v1_generator(arrays: Arrays) -> bytes:
    """Return `DeepPrivacyV1` as an ONNX file.

    Parameters
    ----------
    arrays : mapping
        Weights by the parameter names of `anonbench.models.deepprivacy.DeepPrivacyV1`.

    Returns
    -------
    bytes
        From ``condition`` (N, 3, 128, 128), ``maps`` (N, 7, 128, 128), what `keypoint_maps`
        returns, and ``z`` (N, 32, 4, 4), all float32, to pictures (N, 3, 128, 128) float32.
    """
    net = _Network(arrays, gain=2**0.5)
    maps = {SIZE: "maps"}
    for side in reversed(SIDES[:-1]):
        # A pixel's place among half as many is half of its own, the fraction cut off.
        maps[side] = net.halved(maps[2 * side], "MaxPool")
    x, skips = net.layers("condition", "encoder.from_rgb.conv", (0,)), {}
    for k in range(5, -1, -1):
        skips[k] = x = net.layers(x, f"encoder.basic_block{k}.layers", (0, 3))
        x = net.halved(x) if k else x
    x = net.layers(net.joined(x, maps[4], "z"), "decoder.conv1x1.conv", (0,))
    x = net.layers(x, "decoder.basic_block0.layers", (0, 3))
    for k in range(1, 6):
        x = net.joined(net.doubled(x), skips[k], maps[SIDES[k]])
        x = net.layers(x, f"decoder.skip_connection{k}.conv.layers", (0,))
        x = net.layers(x, f"decoder.basic_block{k}.layers", (0, 3))
    return net.file(net.convolution(x, "to_rgb"), [("maps", 7, SIZE, SIZE)])


def keypoint_maps(keypoints: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return maps (N, 7, 128, 128) that are 1 at a keypoint's pixel.

    Parameters
    ----------
    keypoints : ndarray of shape (N, 14)
        Shares of width and height; one outside of [0, 1) has an empty map.
    """
    points = keypoints.reshape(len(keypoints), -1, 2)
    maps = np.zeros((*points.shape[:2], SIZE, SIZE), np.float32)
    n, k = np.nonzero(((points >= 0) & (points < 1)).all(axis=2))
    cells = (points[n, k] * SIZE).astype(np.int64)
    maps[n, k, cells[:, 1], cells[:, 0]] = 1
    return maps


class _Network:
    """The graph and the arrays that go into it."""

    def __init__(self, arrays: Arrays, gain: float) -> None:
        self.graph = Graph()
        self._arrays = arrays
        self._gain = gain
        self._slope = self.constant(np.full((1, 1, 1), 0.2))
        self._least = self.constant(np.full(1, 1e-7))

    def layers(self, x: str, name: str, numbers: tuple[int, ...]) -> str:
        """Add convolutions, each with its bend and its norm."""
        for k in numbers:
            x = self.convolution(x, f"{name}.{k}")
            x = self.graph.add("PRelu", [x, self._slope])
            square = self.graph.add("Mul", [x, x])
            mean = self.graph.add("ReduceMean", [square], axes=[1], keepdims=1)
            length = self.graph.add("Sqrt", [self.graph.add("Add", [mean, self._least])])
            x = self.graph.add("Div", [x, length])
        return x

    def convolution(self, x: str, name: str) -> str:
        """Add a convolution whose kernel is scaled."""
        kernel = self._array(f"{name}.weight")
        kernel = kernel * self._gain / np.prod(kernel.shape[1:]) ** 0.5
        bias = self._array(f"{name}.bias").astype(np.float32)
        padding = kernel.shape[2] // 2
        return self.graph.convolution(x, kernel.astype(np.float32), bias, padding=padding)

    def pose(self, keypoints: str) -> str:
        """Add the way from keypoints to their map (N, 16, 4, 4)."""
        x = keypoints
        for k in (1, 3):
            name = f"decoder.pose_fcnn.pose_preprocessor.{k}"
            kernel, bias = (self._array(f"{name}.{part}") for part in ("weight", "bias"))
            kernel = kernel / kernel.shape[1] ** 0.5
            if k == 1:  # takes keypoints of -1 to 1
                kernel, bias = 2 * kernel, bias - kernel.sum(axis=1)
            x = self.graph.add("MatMul", [x, self.constant(np.ascontiguousarray(kernel.T))])
            x = self.graph.add("Add", [x, self.constant(bias)])
            x = self.graph.add("PRelu", [x, self.constant(np.full(1, 0.2))])
        return self.graph.add("Reshape", [x, self.graph.constant(np.array([-1, 16, 4, 4]))])

    def joined(self, *parts: str) -> str:
        """Add a concatenation of channels."""
        return self.graph.add("Concat", parts, axis=1)

    def halved(self, x: str, how: str = "AveragePool") -> str:
        """Add a picture of half the size."""
        return self.graph.add(how, [x], kernel_shape=[2, 2], strides=[2, 2])

    def doubled(self, x: str) -> str:
        """Add a picture of twice the size."""
        scales = self.graph.constant(np.array([1, 1, 2, 2], np.float32))
        return self.graph.add(
            "Resize", [x, "", scales], mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip

    def constant(self, values: NDArray[np.float64]) -> str:
        """Add an array in single precision."""
        return self.graph.constant(values.astype(np.float32))

    def file(self, picture: str, inputs: list[tuple[str | int, ...]]) -> bytes:
        """Return the file, with further inputs by name and shape."""
        both = [("condition", 3, SIZE, SIZE), *inputs, ("z", 32, 4, 4)]
        taken = [(str(name), "float32", ["n", *shape]) for name, *shape in both]
        return self.graph.file(taken, [(picture, "float32", ["n", 3, SIZE, SIZE])])

    def _array(self, name: str) -> NDArray[np.float64]:
        return np.asarray(self._arrays[name], np.float64)
