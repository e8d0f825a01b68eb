"""Features of faces by an expression network: what KID compares while a generator is trained."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from anonbench import weights
from anonbench.models.dan import DAN
from anonbench.training.augment import normalised

SEEN = 112
"""Width and height in pixels at which faces are looked at."""


class FaceFeatures:
    """A DAN without its heads.

    Parameters
    ----------
    name : str
        Its weights, of the registry.
    """

    def __init__(self, name: str) -> None:
        arrays = weights.arrays(name)
        self._network = DAN(len(arrays["fc.bias"]))
        self._network.load_state_dict({k: torch.from_numpy(np.array(v)) for k, v in arrays.items()})
        self._network.eval()

    @torch.inference_mode()
    def of(self, pictures: Tensor) -> NDArray[np.float32]:
        """Return features (N, 512) of pictures (N, 3, h, w) in RGB, 0..1, in ordinary memory."""
        seen = functional.interpolate(pictures, size=(SEEN, SEEN), mode="area")
        map_: Tensor = self._network(normalised(seen)).feature_map
        return map_.mean(dim=(2, 3)).numpy()
