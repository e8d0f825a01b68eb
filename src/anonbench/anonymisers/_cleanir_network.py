"""CLEANIR's encoder and decoder at work: in ONNX Runtime on the processor, in PyTorch on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from anonbench.anonymisers._device import gpu_batches, on_gpu, reproducible
from anonbench.anonymisers._network_io import Floats, filled, foreign, pictures, scaled
from anonbench.anonymisers._own_weights import Arrays
from anonbench.types import Pixels

KIND = "CLEANIR's networks"


class Network(Protocol):
    """Makes codes of faces and faces of codes; what becomes of one does not depend on others."""

    def encode(self, crops: Sequence[Pixels]) -> tuple[Floats, Floats]:
        """Return means of codes, and logarithms of their variances, (N, 1024) each.

        Parameters
        ----------
        crops : sequence of ndarray of shape (64, 64, 3), uint8
            Faces.
        """
        ...

    def decode(self, codes: Floats) -> Floats:
        """Return pictures (N, 64, 64, 3), 0..1, of codes (N, 1024)."""
        ...


def network(encoder: Arrays, decoder: Arrays, device: str, source: str) -> Network:
    """Return the networks of some weights, ready to work.

    Parameters
    ----------
    encoder, decoder : dict
        Weights by name.
    device : str
        See `anonbench.anonymisers._device.on_gpu`.
    source : str
        Where the weights come from, for messages.

    Raises
    ------
    WeightsError
        If they are not those of the networks.
    ValueError
        If the device is ``cuda`` and PyTorch finds none.
    """
    kind = _TorchNetwork if on_gpu(device) else _OnnxNetwork
    return kind(encoder, decoder, source)


class _OnnxNetwork:
    def __init__(self, encoder: Arrays, decoder: Arrays, source: str) -> None:
        # Takes a while to import; whoever only asks for the method's name does not wait.
        from anonbench.anonymisers import _cleanir_onnx
        from anonbench.onnx_graph import session

        try:
            files = _cleanir_onnx.encoder(encoder), _cleanir_onnx.decoder(decoder)
        except KeyError as error:
            raise foreign(source, KIND, str(error)) from None
        self._encoder, self._decoder = (session(file, threads=1) for file in files)

    def encode(self, crops: Sequence[Pixels]) -> tuple[Floats, Floats]:
        # One by one: a face does not depend on its neighbours.
        faces = scaled(crops)
        found = [self._encoder.run(None, {"pictures": faces[k : k + 1]}) for k in range(len(faces))]
        means, spreads = zip(*found, strict=True)
        return np.concatenate(means), np.concatenate(spreads)

    def decode(self, codes: Floats) -> Floats:
        return pictures(
            [self._decoder.run(None, {"codes": codes[k : k + 1]})[0] for k in range(len(codes))]
        )


class _TorchNetwork:
    def __init__(self, encoder: Arrays, decoder: Arrays, source: str, device: str = "cuda") -> None:
        import torch

        from anonbench.models.cleanir import Decoder, Encoder

        reproducible()
        self._torch: Any = torch
        self._device = torch.device(device)
        self._encoder, self._decoder = (
            filled(made, arrays, source, KIND).to(self._device)
            for made, arrays in ((Encoder(), encoder), (Decoder(), decoder))
        )

    def encode(self, crops: Sequence[Pixels]) -> tuple[Floats, Floats]:
        faces, found = scaled(crops), []
        for rows, count in gpu_batches(len(faces)):
            with self._torch.inference_mode():
                mean, spread = self._encoder(self._moved(faces[rows]))
            found.append((mean.cpu().numpy()[:count], spread.cpu().numpy()[:count]))
        means, spreads = zip(*found, strict=True)
        return np.concatenate(means), np.concatenate(spreads)

    def decode(self, codes: Floats) -> Floats:
        drawn, half = [], codes.shape[1] // 2
        for rows, count in gpu_batches(len(codes)):
            x = self._moved(codes[rows])
            with self._torch.inference_mode():
                drawn.append(self._decoder(x[:, :half], x[:, half:]).cpu().numpy()[:count])
        return pictures(drawn)

    def _moved(self, values: Floats) -> Any:
        return self._torch.from_numpy(values).to(self._device)
