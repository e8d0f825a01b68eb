"""Weights as a file to publish: safetensors, half precision where that is safe."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from anonbench.io import atomic


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
        What the file says of itself: one entry ``anonbench`` of its metadata, as JSON, since
        several would be written in an order of their own each time.

    Raises
    ------
    ValueError
        If a parameter is not finite, or not in half precision.
    """
    tensors = {}
    for name, value in state.items():
        half = value.is_floating_point() and value.dim() > 1
        stored = value.detach().cpu().to(torch.float16 if half else value.dtype).contiguous()
        if not torch.isfinite(stored.float()).all():
            raise ValueError(f"{name}: not finite in half precision")
        tensors[name] = stored
    with atomic(path) as partial:
        about = json.dumps(dict(metadata), sort_keys=True)
        save_file(tensors, partial, {"anonbench": about})
        # The library makes it readable to its owner alone.
        partial.chmod(0o644)
