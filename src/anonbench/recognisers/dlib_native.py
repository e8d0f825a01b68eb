"""dlib's face recognition ResNet, run by dlib itself: the reference for `dlib`, and slow."""

from __future__ import annotations

from collections.abc import Sequence

import dlib
import numpy as np
from numpy.typing import NDArray

from anonbench.dlib_files import weight_file
from anonbench.recognisers._base import Info, RecogniserPlugin
from anonbench.recognisers._dlib_alignment import DlibAlignment
from anonbench.types import Pixels

WEIGHTS = "dlib_face_recognition_resnet_model_v1.dat"


class DlibNativeRecogniser(DlibAlignment):
    """The embedder behind ``face_recognition``, one chip at a time.

    Parameters
    ----------
    threads : int
        Ignored: dlib uses one thread a call.
    """

    def __init__(self, threads: int = 1) -> None:
        super().__init__()
        self._encoder = dlib.face_recognition_model_v1(str(weight_file(WEIGHTS)))

    def embed(self, chips: Sequence[Pixels]) -> NDArray[np.float32]:
        """Return embeddings (N, 128) of chips (150, 150, 3)."""
        rows = [self._encoder.compute_face_descriptor(c) for c in chips]
        return np.array(rows, np.float32).reshape(-1, 128)


PLUGIN = RecogniserPlugin(
    Info("dlib ResNet (native)", "King 2017, as in the package face_recognition", 128, (WEIGHTS,)),
    DlibNativeRecogniser,
)
