"""Mini-Xception, trained on FER2013: a second opinion that has seen other data than DAN."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from anonbench import weights as registry
from anonbench.expressions._base import Classified, ExpressionPlugin, Info
from anonbench.expressions._batches import classified
from anonbench.expressions._crops import Crops
from anonbench.expressions._mini_xception_onnx import FEATURES, SIZE, check, graph
from anonbench.onnx_graph import session
from anonbench.types import Pixels


class MiniXception(Crops):
    """The network of Arriaga et al. (2017): 64 x 64 grey values, seven classes.

    Its features are 128 numbers: the mean over the picture of what its last convolution sees.

    Parameters
    ----------
    threads : int
        Threads of the network.
    weights : str
        A model of `anonbench.weights`, in Keras's file format.
    crop : str
        ``landmarks``, ``box`` or ``image``.
    padding : float
        Surroundings that an aligned crop shows, as a share of its width on each side. Of ``box``
        and paddings from 0 to 0.4, 0.4 had the highest accuracy on clear photographs
        (docs/weights.md).

    Raises
    ------
    anonbench.weights.WeightsError
        If the weights are missing or are not those of this network.
    """

    def __init__(
        self, threads: int = 1, weights: str = "mini_xception", crop: str = "landmarks",
        padding: float = 0.4,
    ) -> None:  # fmt: skip
        super().__init__(SIZE, crop, padding)
        self.classes = registry.model(weights).classes
        arrays = registry.arrays(weights)
        check(arrays, len(self.classes), registry.file(weights))
        self._session = session(graph(arrays), threads)

    def classify(self, crops: Sequence[Pixels]) -> Classified:
        """Classify crops (64, 64, 3) uint8 RGB."""
        grey = [cv2.cvtColor(np.ascontiguousarray(c), cv2.COLOR_RGB2GRAY) for c in crops]
        return classified(self._session, grey, len(self.classes), FEATURES)


PLUGIN = ExpressionPlugin(
    Info("mini-Xception", "Arriaga et al. 2017, trained on FER2013"),
    MiniXception,
    "mini_xception",
)
