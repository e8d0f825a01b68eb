"""Crops through a network in ONNX Runtime, in batches of one size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from anonbench.expressions._base import Classified
from anonbench.onnx_graph import full_batches

BATCH = 16
"""Crops at a time: more are not faster on a processor."""


def classified(
    session: onnxruntime.InferenceSession,
    crops: Sequence[NDArray[np.uint8]],
    classes: int,
    features: int,
) -> Classified:
    """Run a network with the input ``crops`` and two outputs, probabilities and features.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
        The network.
    crops : sequence of ndarray
        N crops as it takes them, all of one shape.
    classes, features : int
        Lengths of its outputs.
    """
    probabilities = [np.zeros((0, classes), np.float32)]
    seen = [np.zeros((0, features), np.float32)]
    for batch, meant in full_batches(crops, BATCH):
        p, f = session.run(None, {"crops": batch})
        probabilities.append(p[:meant])
        seen.append(f[:meant])
    return Classified(np.concatenate(probabilities), np.concatenate(seen))
