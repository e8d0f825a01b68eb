"""Networks as ONNX files, put together operation by operation, and ONNX Runtime to run them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from anonbench import onnx_format


class Graph:
    """Operations and constants, named by number."""

    def __init__(self) -> None:
        self._nodes: list[bytes] = []
        self._tensors: list[bytes] = []

    def add(self, operator: str, inputs: Sequence[str], **attributes: int | str | list[int]) -> str:
        """Add an operation of ONNX's operator set 13 and return the name of its only output.

        Attributes are words, numbers >= 0 or lists of them; an input "" is left out.
        """
        name = f"x{len(self._nodes)}"
        self._nodes.append(onnx_format.node(operator, inputs, name, **attributes))
        return name

    def constant(self, values: NDArray[np.generic]) -> str:
        """Add an array of float32, uint8 or int64 and return its name."""
        name = f"w{len(self._tensors)}"
        self._tensors.append(onnx_format.tensor(name, values))
        return name

    def cast(self, x: str, dtype: str) -> str:
        """Add a change of type to ``float32``, ``uint8`` or ``int64``."""
        return self.add("Cast", [x], to=onnx_format.TYPES[dtype])

    def convolution(
        self, x: str, kernel: NDArray[np.float32], bias: NDArray[np.float32] | None = None, *,
        stride: int = 1, padding: int | Sequence[int] = 0, groups: int = 1,
    ) -> str:  # fmt: skip
        """Add a two-dimensional convolution.

        Parameters
        ----------
        kernel : ndarray of shape (outputs, inputs / groups, rows, columns), float32
            Filters.
        bias : ndarray of shape (outputs,), float32, optional
            Added to the result.
        padding : int or four ints
            Zeros around the picture: top, left, bottom, right.
        """
        weights = [self.constant(w) for w in (kernel, bias) if w is not None]
        pads = [padding] * 4 if isinstance(padding, int) else list(padding)
        return self.add("Conv", [x, *weights], strides=[stride] * 2, pads=pads, group=groups)

    def doubled(self, x: str) -> str:
        """Add a doubling of the picture's size, each pixel becoming four."""
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        return self.add(
            "Resize", [x, "", scales], mode="nearest", nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )  # fmt: skip

    def leaky(self, x: str, slope: float) -> str:
        """Add a rectifier that lets a share, below 1, of what is negative through."""
        return self.add(
            "Max", [x, self.add("Mul", [x, self.constant(np.array(slope, np.float32))])]
        )

    def file(
        self,
        inputs: Sequence[tuple[str, str, Sequence[int | str]]],
        outputs: Sequence[tuple[str, str, Sequence[int | str]]],
    ) -> bytes:
        """Return the network as an ONNX file.

        Parameters
        ----------
        inputs, outputs : sequence of (name, dtype, shape)
            A str in a shape is a free dimension, such as ``n`` for the batch.
        """
        return onnx_format.model(
            self._nodes,
            self._tensors,
            [onnx_format.value(*described) for described in inputs],
            [onnx_format.value(*described) for described in outputs],
        )


def session(file: bytes, threads: int) -> onnxruntime.InferenceSession:
    """Return an ONNX Runtime session on the processor with so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Threads that wait for the next batch leave their core to other jobs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def full_batches(
    items: Sequence[NDArray[np.uint8]], size: int
) -> Iterator[tuple[NDArray[np.uint8], int]]:
    """Stack items into batches of one size, and say how many of each are meant.

    The last is filled up with its last item. The last bits of a network's output depend on the size
    of a batch; batches of one size make a result depend on its item alone.
    """
    for start in range(0, len(items), size):
        part = items[start : start + size]
        yield np.stack([*part, *[part[-1]] * (size - len(part))]), len(part)
