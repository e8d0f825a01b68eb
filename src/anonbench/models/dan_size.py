"""How large a DAN is, told from its weights; without PyTorch, which few need for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def size_of(arrays: Mapping[str, NDArray[np.generic]]) -> tuple[int, int]:
    """Return the number of classes and of heads of a DAN's weights.

    Raises
    ------
    ValueError
        If they are not those of a DAN.
    """
    heads = {key.split(".")[0] for key in arrays if key.startswith("cat_head")}
    if not heads or "fc.weight" not in arrays:
        raise ValueError("these are not the weights of a DAN: no fc.weight, or no cat_head0")
    return int(arrays["fc.weight"].shape[0]), len(heads)
