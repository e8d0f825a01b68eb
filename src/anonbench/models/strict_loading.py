"""Weights into a network that must know and get all of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from anonbench.weight_models import WeightsError


def load_strictly(
    network: torch.nn.Module,
    arrays: Mapping[str, NDArray[np.generic]],
    source: str,
    whose: str,
    assign: bool = False,
) -> None:
    """Give a network its weights.

    Parameters
    ----------
    network : Module
        Is changed.
    arrays : mapping of str to ndarray
        By the names of its parameters and buffers.
    source : str
        What an error calls them.
    whose : str
        What an error calls the network.
    assign : bool
        Whether they become its parameters, instead of being copied into those it has.

    Raises
    ------
    WeightsError
        If they are those of another network, or not finite.
    """
    broken = [name for name, values in arrays.items() if not np.isfinite(values).all()]
    if broken:
        raise WeightsError(f"{source}: {broken[0]} is not finite; take another copy of the file")
    given = {name: torch.from_numpy(values) for name, values in arrays.items()}
    try:
        network.load_state_dict(given, assign=assign)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]]
        raise WeightsError(f"{source}: no weights of {whose} ({' '.join(lines)[:200]})") from None
