"""DeepPrivacy's generators at work: in ONNX Runtime on the processor, in PyTorch on a GPU."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from anonbench.anonymisers._deepprivacy_weights import MSG, Generator
from anonbench.anonymisers._device import gpu_batches, on_gpu, reproducible
from anonbench.anonymisers._network_io import Floats, filled, foreign, pictures


class Inputs(NamedTuple):
    """What a generator is shown of faces, N, all float32.

    Attributes
    ----------
    condition : ndarray of shape (N, 3, 128, 128)
        Pictures, -1..1, without their faces.
    mask : ndarray of shape (N, 1, 128, 128)
        0 in place of the faces, 1 elsewhere.
    keypoints : ndarray of shape (N, 14)
        Shares of width and height.
    z : ndarray of shape (N, 32, 4, 4)
        Noise.
    """

    condition: Floats
    mask: Floats
    keypoints: Floats
    z: Floats

    def rows(self, chosen: Any) -> Inputs:
        """Return some of the faces."""
        return Inputs(*(part[chosen] for part in self))


class Network(Protocol):
    """Draws faces; what becomes of one does not depend on the others."""

    def draw(self, inputs: Inputs) -> Floats:
        """Return pictures (N, 128, 128, 3), not clamped to 0..1."""
        ...


def network(weights: Generator, device: str, source: str) -> Network:
    """Return the generator of some weights, ready to work.

    Parameters
    ----------
    weights : Generator
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
    def __init__(self, weights: Generator, source: str) -> None:
        # Takes a while to import; whoever only asks for the method's name does not wait.
        from anonbench.anonymisers import _deepprivacy_onnx
        from anonbench.onnx_graph import session

        self._several = weights.network == MSG
        self._maps = _deepprivacy_onnx.keypoint_maps
        made = _deepprivacy_onnx.msg_generator if self._several else _deepprivacy_onnx.v1_generator
        try:
            file = made(weights.arrays)
        except KeyError as error:
            raise foreign(source, weights.network, str(error)) from None
        self._session = session(file, threads=1)

    def draw(self, inputs: Inputs) -> Floats:
        # One by one: a face does not depend on its neighbours.
        count = len(inputs.condition)
        return pictures([self._one(inputs.rows(slice(k, k + 1))) for k in range(count)])

    def _one(self, face: Inputs) -> Floats:
        taken = {"condition": face.condition, "z": face.z}
        if self._several:
            taken |= {"mask": face.mask, "keypoints": face.keypoints}
        else:
            taken["maps"] = self._maps(face.keypoints)
        drawn: Floats = self._session.run(None, taken)[0]
        return drawn


class _TorchNetwork:
    def __init__(self, weights: Generator, source: str, device: str = "cuda") -> None:
        import torch

        from anonbench.models import deepprivacy

        reproducible()
        self._torch: Any = torch
        self._device = torch.device(device)
        made = getattr(deepprivacy, weights.network)(channels=weights.channels)
        self._network = filled(made, weights.arrays, source, weights.network).to(self._device)

    def draw(self, inputs: Inputs) -> Floats:
        drawn = []
        for rows, count in gpu_batches(len(inputs.condition)):
            part = [self._torch.from_numpy(a).to(self._device) for a in inputs.rows(rows)]
            with self._torch.inference_mode():
                drawn.append(self._network(*part).cpu().numpy()[:count])
        return pictures(drawn)
