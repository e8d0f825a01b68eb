"""dlib's face recognition ResNet, run in PyTorch: the numbers of ``face_recognition``, faster."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from anonbench.dlib_files import weight_file
from anonbench.recognisers._base import Info, RecogniserPlugin
from anonbench.recognisers._dlib_alignment import DlibAlignment
from anonbench.recognisers._dlib_network import load
from anonbench.types import Pixels

BATCH = 32
WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"


class DlibRecogniser(DlibAlignment):
    """The embedder behind ``face_recognition``: 128 numbers, Euclidean distance.

    Parameters
    ----------
    threads : int
        Threads of PyTorch.
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(self, threads: int = 1, device: str = "cpu") -> None:
        super().__init__()
        torch.set_num_threads(threads)
        self._device = device
        self._network = load(weight_file(WEIGHTS)).to(device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.inference_mode()
    def embed(self, chips: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings (N, 128) of chips (150, 150, 3)."""
        parts = [self._embed(chips[k : k + BATCH]) for k in range(0, len(chips), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, 128), np.float32)

    def _embed(self, chips: Sequence[Pixels]) -> NDArray[np.float32]:
        # The last bits depend on the size of a batch; batches of one size make an embedding depend
        # on its chip alone.
        full = [*chips, *[chips[-1]] * (BATCH - len(chips))]
        batch = torch.from_numpy(np.stack(full)).to(self._device).permute(0, 3, 1, 2).float()
        embedded = self._network(batch.contiguous(memory_format=torch.channels_last))
        result: NDArray[np.float32] = embedded[: len(chips)].cpu().numpy()
        return result


PLUGIN = RecogniserPlugin(
    Info("dlib ResNet", "King 2017, as in the package face_recognition", 128, (WEIGHTS,)),
    DlibRecogniser,
)
