"""CLEANIR (Cho et al. 2020): a variational autoencoder whose code has a half for who is seen.

Layers have the names of the published Keras files, and compute what Keras computes: padding of
strided convolutions to the right and bottom, its constants of batch normalisation. `keras_weights`
reads such files.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

HALF = 512
"""Length of either half of the code."""
SLOPE = 0.2


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


def _bent(x: Tensor) -> Tensor:
    return functional.leaky_relu(x, SLOPE)


class _StridedConv(nn.Conv2d):
    """A convolution of stride 2 that pads as TensorFlow does: what is odd goes right and down."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, stride=2)
        before = (kernel - 2) // 2
        self._around = (before, kernel - 2 - before) * 2

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(functional.pad(x, self._around))


class _UpConv(nn.Conv2d):
    """A convolution of the picture doubled in size."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(functional.interpolate(x, scale_factor=2, mode="nearest"))


class _Stages(nn.Module):
    """Residual stages: one block that changes the picture's size, one that does not, and so on."""

    def __init__(self, widths: tuple[int, ...], resize: type[nn.Conv2d], suffix: str) -> None:
        super().__init__()
        self._names = []
        for k in range(1, len(widths)):
            inputs, outputs = widths[k - 1 : k + 1]
            for kind, first in (("conv", inputs), ("identity", outputs)):
                name = f"{k + 1}{kind}{suffix}_branch"
                self._names.append((name, kind == "conv"))
                change = resize if kind == "conv" else _same
                self.add_module(f"res{name}2a", change(first, outputs, 3))
                self.add_module(f"res{name}2b", _same(outputs, outputs, 3))
                if kind == "conv":
                    self.add_module(f"res{name}1", change(first, outputs, 3))
                for branch in ("2a", "2b", "1")[: 3 if kind == "conv" else 2]:
                    self.add_module(f"bn{name}{branch}", _norm(outputs))

    def stages(self, x: Tensor) -> Tensor:
        """Return what the last stage made of (N, widths[0], h, w)."""
        for name, resized in self._names:
            main = _bent(self._branch(f"{name}2b", _bent(self._branch(f"{name}2a", x))))
            x = _bent(main + (self._branch(f"{name}1", x) if resized else x))
        return x

    def _branch(self, name: str, x: Tensor) -> Tensor:
        y: Tensor = self.get_submodule(f"bn{name}")(self.get_submodule(f"res{name}")(x))
        return y


def _same(inputs: int, outputs: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)


class Encoder(_Stages):
    """Makes a code of a picture."""

    def __init__(self) -> None:
        super().__init__((64, 64, 128, 192, 256), _StridedConv, "")
        self.stem = _StridedConv(3, 64, 7)
        self.stem_norm = nn.BatchNorm2d(64, eps=1e-3, momentum=0.2)
        self.dense = nn.Linear(256, 1024)
        self.dense_norm = nn.BatchNorm1d(1024, eps=1e-3, momentum=0.2)
        self.encoder_mean = nn.Linear(1024, 2 * HALF)
        self.encoder_sigma = nn.Linear(1024, 2 * HALF)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and logarithm of the variance of codes, (N, 1024) each.

        Parameters
        ----------
        pictures : Tensor of shape (N, 3, 64, 64)
            RGB, -1..1.
        """
        x = self.stages(_bent(self.stem_norm(self.stem(pictures))))
        # Keras' average over 3 x 3 with stride 2 of a 2 x 2 map leaves out what is padded.
        x = self.dense_norm(_bent(self.dense(x.mean(dim=(2, 3)))))
        return self.encoder_mean(x), self.encoder_sigma(x)


class Decoder(_Stages):
    """Makes a picture of a code."""

    def __init__(self) -> None:
        super().__init__((512, 256, 128, 64, 32), _UpConv, "_dec")
        self.dense = nn.Linear(2 * HALF, 512 * 4 * 4)
        self.end = _same(32, 3, 7)

    def forward(self, identity: Tensor, attributes: Tensor) -> Tensor:
        """Return pictures (N, 3, 64, 64) in RGB, -1..1.

        Parameters
        ----------
        identity, attributes : Tensor of shape (N, 512)
            The halves of a code, see `halves`.
        """
        x = self.dense(torch.cat([identity, attributes], dim=1)).view(-1, 512, 4, 4)
        picture: Tensor = torch.tanh(self.end(self.stages(_bent(x))))
        return picture


def halves(codes: Tensor) -> tuple[Tensor, Tensor]:
    """Return the half of codes (N, 1024) for who is seen, of length 1, and that for all else."""
    return functional.normalize(codes[:, :HALF], dim=1), codes[:, HALF:]


def rotated(identity: Tensor, towards: Tensor, degrees: float) -> Tensor:
    """Return identities turned by an angle in the plane that they and another direction span.

    As published, the direction at right angles is not brought to length 1 again: at 90 degrees the
    result is as long as what of `towards` is at right angles.

    Parameters
    ----------
    identity : Tensor of shape (N, 512)
        Of length 1.
    towards : Tensor of shape (N, 512)
        Of length 1.
    degrees : float
        0 to 180.
    """
    across = towards - (identity * towards).sum(dim=1, keepdim=True) * identity
    angle = math.radians(degrees)
    return math.cos(angle) * identity + math.sin(angle) * across


# Keras

_LEAVES = {
    "kernel": "weight", "bias": "bias", "gamma": "weight", "beta": "bias",
    "moving_mean": "running_mean", "moving_variance": "running_var",
}  # fmt: skip


def keras_weights(path: Path | str, network: Encoder | Decoder) -> dict[str, Tensor]:
    """Read the parameters of an encoder or a decoder from a Keras file.

    The file's configuration is not looked at: it holds Python bytecode. Layers are found by name;
    those whose names Keras counts up (``dense_1``) by their shape.

    Parameters
    ----------
    path : path
        ``.h5``, of a whole model or of its weights.
    network : Encoder or Decoder
        Whose parameters to look for.

    Raises
    ------
    ValueError
        A layer is missing, has another shape, or could be one of several.
    """
    layers = _keras_layers(path)
    state = dict(network.state_dict())
    for name, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        own.update((k, b) for k, b in module.named_buffers(recurse=False) if b.dim())
        if not own:
            continue
        shapes = {leaf: tuple(value.shape) for leaf, value in own.items()}
        found = layers.pop(name, None) or _by_shape(layers, shapes, path, name)
        if {k: v.shape for k, v in found.items()} != shapes:
            there = {k: v.shape for k, v in found.items()}
            raise ValueError(f"{path}: layer {name} has {there}, not {shapes}")
        state |= {f"{name}.{k}": torch.from_numpy(v.copy()) for k, v in found.items()}
    if isinstance(network, Decoder):
        # Keras reshapes to rows, columns, channels; here channels come first.
        for leaf in ("dense.weight", "dense.bias"):
            rows = state[leaf].unflatten(0, (4, 4, 512)).movedim(2, 0)
            state[leaf] = rows.flatten(0, 2).contiguous()
    return state


def _keras_layers(path: Path | str) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Return the arrays of every layer of a file, with axes in PyTorch's order."""
    layers: dict[str, dict[str, NDArray[np.float32]]] = {}

    def note(place: str, item: Any) -> None:
        *_, layer, leaf = f"/{place}".split("/")
        leaf = leaf.split(":")[0]
        if isinstance(item, h5py.Dataset) and leaf in _LEAVES:
            array = np.asarray(item, np.float32)
            if array.ndim == 4:
                array = array.transpose(3, 2, 0, 1)
            layers.setdefault(layer, {})[_LEAVES[leaf]] = array.T if array.ndim == 2 else array

    try:
        with h5py.File(path, "r") as file:
            # Next to the weights of a whole model are its optimiser's, under the same names.
            file.get("model_weights", file).visititems(note)
    except OSError as error:
        raise ValueError(f"{path}: no Keras file ({error})") from None
    return layers


def _by_shape(
    layers: dict[str, dict[str, NDArray[np.float32]]],
    shapes: Mapping[str, tuple[int, ...]],
    path: Path | str,
    name: str,
) -> dict[str, NDArray[np.float32]]:
    alike = [
        key
        for key, arrays in layers.items()
        if not key.startswith(("res", "bn", "encoder_"))
        and {k: v.shape for k, v in arrays.items()} == shapes
    ]
    if len(alike) != 1:
        raise ValueError(
            f"{path}: {'several layers' if alike else 'no layer'} could be {name} with {shapes}"
        )
    return layers.pop(alike[0])
