"""The ONNX files that ONNX Runtime is given: their encoding, and what they compute."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from anonbench import onnx_format
from anonbench.onnx_graph import Graph, session


def run(g: Graph, output: str, x: NDArray[np.generic]) -> NDArray[np.float32]:
    shape: list[int | str] = ["n", *x.shape[1:]]
    free: list[int | str] = [f"d{k}" for k in range(x.ndim)]
    file = g.file([("x", x.dtype.name, shape)], [(output, "float32", free)])
    result: NDArray[np.float32] = session(file, threads=1).run(None, {"x": x})[0]
    return result


def test_encoding_by_hand() -> None:
    # Field 1 is the number 300, seven bits a byte, lowest first; field 2 holds two bytes.
    assert onnx_format._field(1, 300) == b"\x08\xac\x02"
    assert onnx_format._field(2, "ab") == b"\x12\x02ab"
    # dims 2; data type 1; name w; raw data 1.0 and -2.0.
    expected = b"\x08\x02" + b"\x10\x01" + b"\x42\x01w" + b"\x4a\x08\0\0\x80\x3f\0\0\0\xc0"
    assert onnx_format.tensor("w", np.array([1, -2], np.float32)) == expected


def test_a_graph_is_run() -> None:
    g = Graph()
    total = g.add("Add", ["x", g.constant(np.array([[10, 20, 30]], np.float32))])
    output = g.add("Transpose", [total], perm=[1, 0])
    y = run(g, output, np.array([[1, 2, 3], [4, 5, 6]], np.float32))
    np.testing.assert_array_equal(y, [[11, 14], [22, 25], [33, 36]])


def test_convolution_with_groups_stride_and_uneven_padding() -> None:
    # Each channel has its own filter: the sum of a 2 x 2 window, and twice that less 1. One zero
    # below and to the right, so windows begin at 0 and 2.
    g = Graph()
    kernel = np.stack([np.ones((1, 2, 2)), np.full((1, 2, 2), 2)]).astype(np.float32)
    bias = np.array([0, -1], np.float32)
    output = g.convolution(
        g.cast("x", "float32"), kernel, bias, stride=2, padding=(0, 0, 1, 1), groups=2
    )
    picture = np.arange(1, 10, dtype=np.uint8).reshape(1, 1, 3, 3).repeat(2, axis=1)
    sums = np.array([[12, 9], [15, 9]])
    np.testing.assert_array_equal(run(g, output, picture), [[sums, 2 * sums - 1]])


def test_convolution_without_bias() -> None:
    g = Graph()
    output = g.convolution("x", np.full((1, 1, 1, 1), 3, np.float32))
    x = np.array([[[[1, -2]]]], np.float32)
    np.testing.assert_array_equal(run(g, output, x), 3 * x)


def test_element_types_that_are_not_known_are_refused() -> None:
    with pytest.raises(KeyError, match="float64"):
        Graph().constant(np.zeros(1))
