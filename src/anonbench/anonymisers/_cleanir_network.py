"""CLEANIR's encoder and decoder at work: in ONNX Runtime on the processor, in PyTorch on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._device import gpu_batches, on_gpu, reproducible
from anonbench.anonymisers._own_weights import Arrays
from anonbench.types import Pixels
from anonbench.weights import WeightsError

Floats = NDArray[np.float32]


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
            raise _foreign(source, str(error)) from None
        self._encoder, self._decoder = (session(file, threads=1) for file in files)

    def encode(self, crops: Sequence[Pixels]) -> tuple[Floats, Floats]:
        # One by one: a face does not depend on its neighbours.
        pictures = _scaled(crops)
        found = [
            self._encoder.run(None, {"pictures": pictures[k : k + 1]}) for k in range(len(pictures))
        ]
        means, spreads = zip(*found, strict=True)
        return np.concatenate(means), np.concatenate(spreads)

    def decode(self, codes: Floats) -> Floats:
        return _pictures(
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
            self._loaded(made, arrays, source)
            for made, arrays in ((Encoder(), encoder), (Decoder(), decoder))
        )

    def _loaded(self, made: Any, arrays: Arrays, source: str) -> Any:
        try:
            made.load_state_dict({k: self._torch.from_numpy(v) for k, v in arrays.items()})
        except RuntimeError as error:
            raise _foreign(source, str(error).splitlines()[-1].strip()) from None
        return made.eval().to(self._device)

    def encode(self, crops: Sequence[Pixels]) -> tuple[Floats, Floats]:
        pictures, found = _scaled(crops), []
        for rows, count in gpu_batches(len(pictures)):
            with self._torch.inference_mode():
                mean, spread = self._encoder(self._moved(pictures[rows]))
            found.append((mean.cpu().numpy()[:count], spread.cpu().numpy()[:count]))
        means, spreads = zip(*found, strict=True)
        return np.concatenate(means), np.concatenate(spreads)

    def decode(self, codes: Floats) -> Floats:
        drawn, half = [], codes.shape[1] // 2
        for rows, count in gpu_batches(len(codes)):
            x = self._moved(codes[rows])
            with self._torch.inference_mode():
                drawn.append(self._decoder(x[:, :half], x[:, half:]).cpu().numpy()[:count])
        return _pictures(drawn)

    def _moved(self, values: Floats) -> Any:
        return self._torch.from_numpy(values).to(self._device)


def _scaled(crops: Sequence[Pixels]) -> Floats:
    """Return pictures (N, 3, 64, 64), -1..1."""
    channels = np.stack(crops).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(channels, np.float32) / np.float32(127.5) - np.float32(1)


def _pictures(drawn: Sequence[Floats]) -> Floats:
    """Join batches (N, 3, 64, 64), -1..1: channels last, 0..1."""
    joined: Floats = (np.concatenate(drawn).transpose(0, 2, 3, 1) + np.float32(1)) / np.float32(2)
    return joined


def _foreign(source: str, problem: str) -> WeightsError:
    return WeightsError(f"{source}: no weights of CLEANIR's networks ({problem} is not right)")
