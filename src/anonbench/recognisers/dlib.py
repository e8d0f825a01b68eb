"""dlib's face recognition ResNet, run in batches: the numbers of ``face_recognition``, faster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anonbench.dlib_files import weight_file
from anonbench.recognisers._base import Info, RecogniserPlugin
from anonbench.recognisers._dlib_alignment import DlibAlignment
from anonbench.recognisers._dlib_network import DIMENSION, Layers, load
from anonbench.types import Pixels

BATCH = 16
"""Chips at a time: more are not faster on a processor."""
WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"
CHOICES = {"device": ("cpu", "cuda"), "precision": ("float32", "bf16")}


class DlibRecogniser(DlibAlignment):
    """The embedder behind ``face_recognition``: 128 numbers, Euclidean distance.

    Parameters
    ----------
    threads : int
        Threads of the network.
    device : str
        ``cpu`` or ``cuda``.
    precision : str
        ``float32`` agrees with dlib to 1e-5 in every coordinate. ``bf16`` takes half the time
        where the processor has instructions for it, and was off by up to 0.007.

    Raises
    ------
    ValueError
        For another device or precision, or if there is no such device.
    """

    def __init__(self, threads: int = 1, device: str = "cpu", precision: str = "float32") -> None:
        for option, given in (("device", device), ("precision", precision)):
            if given not in CHOICES[option]:
                known = " or ".join(CHOICES[option])
                raise ValueError(f"{option}: {given!r} is not known, must be {known}")
        super().__init__()
        self._network = _network(load(weight_file(WEIGHTS)), threads, device, precision)

    def embed(self, chips: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings (N, 128) of chips (150, 150, 3); equal chips cost as much as one."""
        contents = [chip.tobytes() for chip in chips]
        distinct = dict(zip(contents, chips, strict=True))
        rows = dict(zip(distinct, self._rows(list(distinct.values())), strict=True))
        return np.array([rows[c] for c in contents], np.float32).reshape(-1, DIMENSION)

    def _rows(self, chips: Sequence[Pixels]) -> Iterator[NDArray[np.float32]]:
        for start in range(0, len(chips), BATCH):
            part = chips[start : start + BATCH]
            # The last bits depend on the size of a batch; batches of one size make an embedding
            # depend on its chip alone.
            full = [*part, *[part[-1]] * (BATCH - len(part))]
            yield from self._network(np.stack(full))[: len(part)]


def _network(
    layers: Layers, threads: int, device: str, precision: str
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    # ONNX Runtime is a little faster than PyTorch on a processor, and starts two seconds sooner.
    if (device, precision) == ("cpu", "float32"):
        from anonbench.recognisers._dlib_onnx import OnnxNetwork

        return OnnxNetwork(layers, threads)
    from anonbench.recognisers._dlib_torch import TorchNetwork

    return TorchNetwork(layers, threads, device, precision)


PLUGIN = RecogniserPlugin(
    Info("dlib ResNet", "King 2017, as in the package face_recognition", 128, (WEIGHTS,)),
    DlibRecogniser,
)
