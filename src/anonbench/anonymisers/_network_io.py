"""What networks that draw faces have in common: their weights put in, pictures in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._own_weights import Arrays
from anonbench.types import Pixels
from anonbench.weights import WeightsError

Floats = NDArray[np.float32]


def scaled(crops: Sequence[Pixels]) -> Floats:
    """Return pictures (N, 3, height, width), -1..1, of crops (height, width, 3), uint8."""
    channels = np.stack(crops).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(channels, np.float32) / np.float32(127.5) - np.float32(1)


def channels_last(drawn: Sequence[Floats]) -> Floats:
    """Join batches (N, 3, height, width) to pictures (N, height, width, 3)."""
    joined: Floats = np.concatenate(drawn).transpose(0, 2, 3, 1)
    return joined


def pictures(drawn: Sequence[Floats]) -> Floats:
    """Join batches (N, 3, height, width), -1..1, to pictures (N, height, width, 3), 0..1."""
    joined: Floats = (channels_last(drawn) + np.float32(1)) / np.float32(2)
    return joined


def foreign(source: str, kind: str, problem: str) -> WeightsError:
    """Return the error that weights are not those of a network.

    Parameters
    ----------
    source : str
        Where they come from.
    kind : str
        The network, as in "no weights of ...".
    problem : str
        Which parameter is not right.
    """
    return WeightsError(f"{source}: no weights of {kind} ({problem} is not right)")


def filled(network: Any, arrays: Arrays, source: str, kind: str) -> Any:
    """Return a PyTorch network with weights in it, in evaluation.

    Raises
    ------
    WeightsError
        If they are not its own; see `foreign` for `source` and `kind`.
    """
    import torch

    try:
        network.load_state_dict({k: torch.from_numpy(v) for k, v in arrays.items()})
    except RuntimeError as error:
        raise foreign(source, kind, str(error).splitlines()[-1].strip()) from None
    return network.eval()
