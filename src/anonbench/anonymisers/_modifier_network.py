"""Networks that modify faces at work: in ONNX Runtime on the processor, in PyTorch on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._device import gpu_batches, on_gpu, reproducible
from anonbench.anonymisers._modifier_weights import Weights
from anonbench.types import Pixels
from anonbench.weights import WeightsError

Floats = NDArray[np.float32]


class Network(Protocol):
    """Modifies faces; what becomes of one does not depend on the others."""

    def modify(self, crops: Sequence[Pixels]) -> Floats:
        """Return pictures (N, size, size, 3), 0..1, of crops (size, size, 3), uint8."""
        ...


def network(weights: Weights, device: str, source: str) -> Network:
    """Return the network of some weights, ready to work.

    Parameters
    ----------
    weights : Weights
        Its weights.
    device : str
        See `anonbench.anonymisers._device.on_gpu`.
    source : str
        Where the weights come from, for messages.

    Raises
    ------
    WeightsError
        If they are not those of the network.
    ValueError
        If the device is ``cuda`` and PyTorch finds none.
    """
    if on_gpu(device):
        return _TorchNetwork(weights, source)
    return _OnnxNetwork(weights, source)


class _OnnxNetwork:
    def __init__(self, weights: Weights, source: str) -> None:
        # Takes a while to import; whoever only asks for the method's name does not wait.
        from anonbench.anonymisers import _modifier_onnx
        from anonbench.onnx_graph import session

        try:
            if weights.architecture == "Modifier":
                file = _modifier_onnx.modifier(weights.arrays, weights.size, weights.blocks)
            else:
                file = _modifier_onnx.convolutions(weights.arrays, weights.size)
        except KeyError as error:
            raise _foreign(weights, source, str(error)) from None
        self._session = session(file, threads=1)

    def modify(self, crops: Sequence[Pixels]) -> Floats:
        # One by one: a face does not depend on its neighbours.
        faces = _scaled(crops)
        return _pictures(
            [self._session.run(None, {"faces": faces[k : k + 1]})[0] for k in range(len(faces))]
        )


class _TorchNetwork:
    def __init__(self, weights: Weights, source: str, device: str = "cuda") -> None:
        import torch

        reproducible()
        self._torch: Any = torch
        self._device = torch.device(device)
        made = _built(weights)
        try:
            made.load_state_dict({k: torch.from_numpy(v) for k, v in weights.arrays.items()})
        except RuntimeError as error:
            problem = str(error).splitlines()[-1].strip()
            raise _foreign(weights, source, problem) from None
        self._network = made.eval().to(self._device)

    def modify(self, crops: Sequence[Pixels]) -> Floats:
        faces, made = _scaled(crops), []
        for rows, count in gpu_batches(len(faces)):
            part = self._torch.from_numpy(faces[rows]).to(self._device)
            with self._torch.inference_mode():
                made.append(self._network(part).cpu().numpy()[:count])
        return _pictures(made)


def _built(weights: Weights) -> Any:
    from anonbench.anonymisers._modifier_weights import FIRST
    from anonbench.models.narula import SharedConvolutions
    from anonbench.models.ren_modifier import Modifier

    first = weights.arrays[FIRST[weights.architecture]].shape
    if weights.architecture == "Modifier":
        return Modifier(first[0], weights.blocks)
    layers = sum(name.endswith(".weight") for name in weights.arrays)
    return SharedConvolutions(layers, first[2], first[0])


def _scaled(crops: Sequence[Pixels]) -> Floats:
    """Return faces (N, 3, size, size), -1..1."""
    channels = np.stack(crops).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(channels, np.float32) / np.float32(127.5) - np.float32(1)


def _pictures(made: Sequence[Floats]) -> Floats:
    """Join batches (N, 3, size, size), -1..1: channels last, 0..1."""
    joined: Floats = (np.concatenate(made).transpose(0, 2, 3, 1) + np.float32(1)) / np.float32(2)
    return joined


def _foreign(weights: Weights, source: str, problem: str) -> WeightsError:
    kind = weights.architecture
    return WeightsError(f"{source}: no weights of a {kind} ({problem} is not right)")
