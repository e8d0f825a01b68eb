"""Networks that modify faces at work: in ONNX Runtime on the processor, in PyTorch on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from anonbench.anonymisers._device import gpu_batches, on_gpu, reproducible
from anonbench.anonymisers._modifier_weights import Weights
from anonbench.anonymisers._network_io import Floats, filled, foreign, pictures, scaled
from anonbench.types import Pixels


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
            raise foreign(source, f"a {weights.architecture}", str(error)) from None
        self._session = session(file, threads=1)

    def modify(self, crops: Sequence[Pixels]) -> Floats:
        # One by one: a face does not depend on its neighbours.
        faces = scaled(crops)
        return pictures(
            [self._session.run(None, {"faces": faces[k : k + 1]})[0] for k in range(len(faces))]
        )


class _TorchNetwork:
    def __init__(self, weights: Weights, source: str, device: str = "cuda") -> None:
        import torch

        reproducible()
        self._torch: Any = torch
        self._device = torch.device(device)
        kind = f"a {weights.architecture}"
        self._network = filled(_built(weights), weights.arrays, source, kind).to(self._device)

    def modify(self, crops: Sequence[Pixels]) -> Floats:
        faces, made = scaled(crops), []
        for rows, count in gpu_batches(len(faces)):
            part = self._torch.from_numpy(faces[rows]).to(self._device)
            with self._torch.inference_mode():
                made.append(self._network(part).cpu().numpy()[:count])
        return pictures(made)


def _built(weights: Weights) -> Any:
    from anonbench.anonymisers._modifier_weights import FIRST
    from anonbench.models.narula import SharedConvolutions
    from anonbench.models.ren_modifier import Modifier

    first = weights.arrays[FIRST[weights.architecture]].shape
    if weights.architecture == "Modifier":
        return Modifier(first[0], weights.blocks)
    layers = sum(name.endswith(".weight") for name in weights.arrays)
    return SharedConvolutions(layers, first[2], first[0])
