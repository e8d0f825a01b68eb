"""Weights as a file to publish: safetensors, half precision where that is safe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from anonbench.training.arrays import write_arrays


def write_half(state: Mapping[str, Tensor], path: Path | str, metadata: Mapping[str, str]) -> None:
    """Write parameters, kernels and matrices in half precision.

    Vectors (biases, statistics of batch normalisation) stay in single precision: they are few, and
    variances leave the range of half precision.

    Parameters
    ----------
    state : mapping of str to Tensor
        Parameters by name.
    path : path
        To write; the same parameters give the same bytes.
    metadata : mapping of str to str
        What the file says of itself; see `anonbench.training.arrays.write_arrays`.

    Raises
    ------
    ValueError
        If a parameter is not finite, or not in half precision.
    """
    arrays = {}
    for name, value in state.items():
        half = value.is_floating_point() and value.dim() > 1
        stored = value.detach().cpu().to(torch.float16 if half else value.dtype).contiguous()
        if not torch.isfinite(stored.float()).all():
            raise ValueError(f"{name}: not finite in half precision")
        arrays[name] = stored.numpy()
    write_arrays(arrays, path, metadata)
