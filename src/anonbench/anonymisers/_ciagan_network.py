"""CIAGAN's generator at work: in ONNX Runtime on the processor, in PyTorch on a GPU."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._device import gpu_batches, on_gpu, reproducible
from anonbench.anonymisers._network_io import channels_last, filled, foreign
from anonbench.anonymisers._own_weights import Arrays

KIND = "CIAGAN's generator"


class Network(Protocol):
    """Draws faces."""

    def draw(self, views: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return pictures (N, 128, 128, 3), not clamped to 0..1.

        What becomes of a view does not depend on the others.

        Parameters
        ----------
        views : ndarray of shape (N, 6, 128, 128)
            What `anonbench.anonymisers._ciagan_view.network_input` returns.
        codes : ndarray of shape (N,)
            Who is to be seen.
        """
        ...


def network(arrays: Arrays, device: str, source: str, skips: bool = False) -> Network:
    """Return the generator of some weights, ready to work.

    Parameters
    ----------
    arrays : dict
        Weights by name.
    device : str
        ``cpu``, ``cuda``, or ``auto``: a GPU where there is one.
    source : str
        Where the weights come from, for messages.
    skips : bool
        Whether it has the connections of a U-Net.

    Raises
    ------
    WeightsError
        If they are not those of the generator.
    ValueError
        If the device is ``cuda`` and PyTorch finds none.
    """
    if on_gpu(device):
        return _TorchNetwork(arrays, "cuda", source, skips)
    return _OnnxNetwork(arrays, source, skips)


class _OnnxNetwork:
    def __init__(self, arrays: Arrays, source: str, skips: bool = False) -> None:
        # Takes a while to import; whoever only asks for the method's name does not wait.
        from anonbench.anonymisers._ciagan_onnx import graph
        from anonbench.onnx_graph import session

        try:
            file = graph(arrays, skips)
        except KeyError as error:
            raise foreign(source, KIND, str(error)) from None
        self._session = session(file, threads=1)

    def draw(self, views: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        # One by one: more at a time are no faster, and a face does not depend on its neighbours.
        drawn = [
            self._session.run(None, {"views": views[k : k + 1], "codes": codes[k : k + 1]})[0]
            for k in range(len(views))
        ]
        return channels_last(drawn)


class _TorchNetwork:
    def __init__(self, arrays: Arrays, device: str, source: str, skips: bool = False) -> None:
        import torch

        from anonbench.anonymisers._ciagan_weights import FIRST
        from anonbench.models.ciagan import Generator

        reproducible()
        self._torch: Any = torch
        self._device = torch.device(device)
        self._length = arrays[FIRST].shape[1]
        made = Generator(identities=self._length, skips=skips)
        self._network = filled(made, arrays, source, KIND).to(self._device)

    def draw(self, views: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        drawn = [self._batch(views[r], codes[r])[:n] for r, n in gpu_batches(len(views))]
        return channels_last(drawn)

    def _batch(self, views: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        torch = self._torch
        x = torch.from_numpy(views).to(self._device)
        code = torch.from_numpy(codes).to(self._device)
        with torch.inference_mode():
            one_hot = torch.nn.functional.one_hot(code, self._length).float()
            drawn: NDArray[np.float32] = self._network(x, one_hot).cpu().numpy()
        return drawn
