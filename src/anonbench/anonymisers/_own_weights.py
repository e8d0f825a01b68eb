"""Files of weights as networks that draw faces need them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anonbench import weights as registry
from anonbench.weight_formats import about
from anonbench.weights import WeightsError

Arrays = dict[str, NDArray[np.generic]]


def said(model: str) -> dict[str, str]:
    """Return what a model's file says of itself; only its header is read.

    Empty if it says nothing: only safetensors files of the project do.

    Raises
    ------
    WeightsError
        If it is missing or wrong.
    """
    seen = registry.state(model)
    if seen.problem:
        raise WeightsError(seen.problem)
    return about(seen.path) if seen.path.suffix == ".safetensors" else {}


def read(model: str, first: str, network: str) -> Arrays:
    """Return a model's verified weights by name.

    Parameters
    ----------
    model : str
        Its name.
    first : str
        A parameter that has to be there.
    network : str
        Whose they should be, for messages.

    Raises
    ------
    WeightsError
        If they are missing, wrong, those of another network, or not finite.
    """
    found, file = registry.arrays(model), registry.file(model)
    if first not in found:
        raise WeightsError(f"{file}: no weights of {network}, {first} is not there")
    check_finite(found, str(file))
    return found


def check_finite(found: Arrays, file: str) -> None:
    """Raise WeightsError that names the first array with a number that is not finite."""
    broken = [name for name, values in found.items() if not np.isfinite(values).all()]
    if broken:
        raise WeightsError(f"{file}: {broken[0]} is not finite")
