"""What tests of CLEANIR need: networks and files that nobody trained."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor, nn

from anonbench.models.cleanir import HALF, Decoder, Encoder
from anonbench.training.export import write_half

SAYS = {"architecture": "CLEANIR", "identity_length": "128", "recogniser": "dlib"}
AUTOMATIC = {
    "stem": "conv2d_1", "stem_norm": "batch_normalization_1", "dense": "dense_1",
    "dense_norm": "batch_normalization_2", "end": "conv2d_7",
}  # fmt: skip
"""Layers whose names Keras counts up."""


def filled(network: nn.Module, seed: int) -> nn.Module:
    """Fill a network with numbers that keep what it computes within bounds."""
    draw = torch.manual_seed(seed)
    for name, value in network.state_dict().items():
        if value.dim() > 1:
            value.normal_(0, (1 / value[0].numel()) ** 0.5, generator=draw)
        elif name.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=draw)
        elif value.dim():
            value.uniform_(-0.2, 0.2, generator=draw).add_(float(name.endswith("weight")))
    return network.eval()


def state() -> dict[str, Tensor]:
    """Return parameters of both networks, as training writes them."""
    parts = {"encoder": filled(Encoder(), 1), "decoder": filled(Decoder(), 2)}
    # What has length 1 is to be seen next to 512 numbers that have none.
    parts["decoder"].get_submodule("dense").weight.data[:, :HALF] *= 20
    return {f"{p}.{k}": v for p, network in parts.items() for k, v in network.state_dict().items()}


def write_made(path: Path, **change: str) -> Path:
    """Write a file of weights as the project's training does."""
    write_half(state(), path, SAYS | change)
    return path


def save_as_keras(network: nn.Module, path: Path, whole: bool) -> None:
    """Write a file as Keras 2 does: layers twice in the path, axes in TensorFlow's order."""
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if whole else file
        for name, module in network.named_modules():
            layer = AUTOMATIC.get(name, name)
            norm = isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
            leaves = {"weight": "gamma" if norm else "kernel", "bias": "beta" if norm else "bias",
                      "running_mean": "moving_mean", "running_var": "moving_variance"}  # fmt: skip
            for own, leaf in leaves.items():
                value = getattr(module, own, None)
                if value is None:
                    continue
                array = value.detach().numpy()
                if isinstance(network, Decoder) and name == "dense":
                    channels_first = array.reshape(512, 4, 4, *array.shape[1:])
                    array = np.moveaxis(channels_first, 0, 2).reshape(array.shape)
                array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
                root[f"{layer}/{layer}/{leaf}:0"] = array
        if whole:
            file["optimizer_weights/training/Adam/dense_1/kernel:0"] = np.zeros((2, 2))
