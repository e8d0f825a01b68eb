"""Just enough of ONNX's file format to hand a network to ONNX Runtime.

The package ``onnx`` would do it, but needs a newer protobuf than MediaPipe allows. Field numbers
are those of ``onnx.proto`` (https://github.com/onnx/onnx, operator set 13); the encoding is
protobuf's: each field is a key (number and kind), then a number, or a length and so many bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 8
OPERATOR_SET = 13
TYPES = {"float32": 1, "uint8": 2, "int64": 7}
"""ONNX's numbers of element types, by NumPy's names."""
_INT, _TEXT, _INTS = 2, 3, 7


def _number(value: int) -> bytes:
    """Encode a number >= 0: seven bits a byte, lowest first, the top bit says that more follow."""
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _field(key: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _number(key << 3) + _number(value)
    content = value.encode() if isinstance(value, str) else value
    return _number(key << 3 | 2) + _number(len(content)) + content


def _fields(key: int, values: Sequence[int | str | bytes]) -> bytes:
    return b"".join(_field(key, v) for v in values)


def tensor(name: str, values: NDArray[np.generic]) -> bytes:
    """Return a constant (TensorProto) of type float32, uint8 or int64, any shape."""
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    return (
        _fields(1, values.shape)
        + _field(2, TYPES[values.dtype.name])
        + _field(8, name)
        + _field(9, little.tobytes())
    )


def node(
    operator: str, inputs: Sequence[str], output: str, **attributes: int | str | list[int]
) -> bytes:
    """Return one operation (NodeProto); attributes are words, numbers >= 0 or lists of them."""
    encoded = []
    for name, value in attributes.items():
        if isinstance(value, int):
            content = _field(3, value) + _field(20, _INT)
        elif isinstance(value, str):
            content = _field(4, value) + _field(20, _TEXT)
        else:
            content = _fields(8, value) + _field(20, _INTS)
        encoded.append(_field(1, name) + content)
    return _fields(1, inputs) + _field(2, output) + _field(4, operator) + _fields(5, encoded)


def value(name: str, dtype: str, shape: Sequence[int | str]) -> bytes:
    """Return the description of an input or output (ValueInfoProto); a str is a free dimension."""
    sizes = [_field(1 if isinstance(size, int) else 2, size) for size in shape]
    described = _field(1, TYPES[dtype]) + _field(2, _fields(1, sizes))
    return _field(1, name) + _field(2, _field(1, described))


def model(
    nodes: Sequence[bytes], tensors: Sequence[bytes], inputs: Sequence[bytes],
    outputs: Sequence[bytes],
) -> bytes:  # fmt: skip
    """Return a whole file (ModelProto): operations in the order in which they run, constants."""
    graph = (
        _fields(1, nodes)
        + _field(2, "graph")
        + _fields(5, tensors)
        + _fields(11, inputs)
        + _fields(12, outputs)
    )
    operators = _field(1, "") + _field(2, OPERATOR_SET)
    return _field(1, IR_VERSION) + _field(7, graph) + _field(8, operators)
