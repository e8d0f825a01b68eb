"""DAN: the network's own weights, trained on rendered faces, or the official ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anonbench import weights as registry
from anonbench.expressions._base import Classified, ExpressionPlugin, Info
from anonbench.expressions._batches import classified
from anonbench.expressions._crops import Crops
from anonbench.expressions._dan_onnx import FEATURES, graph
from anonbench.models.dan_size import size_of
from anonbench.onnx_graph import session
from anonbench.types import Pixels


class Dan(Crops):
    """The network of Wen et al. (2021): attention heads on a ResNet-18.

    Its features are 512 numbers: the mean over the picture of the backbone's feature map.

    Parameters
    ----------
    threads : int
        Threads of the network.
    weights : str
        A model of `anonbench.weights`; it says the order of classes and the size of the input.
    crop : str
        ``landmarks``, ``box`` or ``image``.
    padding : float
        Surroundings that an aligned crop shows, as a share of its width on each side.

    Raises
    ------
    anonbench.weights.WeightsError
        If the weights are missing or are not those of this network.
    """

    def __init__(
        self, threads: int = 1, weights: str = "dan_rendered", crop: str = "landmarks",
        padding: float = 0.35,
    ) -> None:  # fmt: skip
        model = registry.model(weights)
        if not model.classes:
            raise registry.WeightsError(
                f"{weights}: nothing says in which order its classes are; name a model of "
                "`anonbench weights list`"
            )
        super().__init__(model.input.size, crop, padding)
        self.classes = model.classes
        arrays = registry.arrays(weights)
        heads = check(arrays, len(model.classes), str(registry.file(weights)))
        given = model.input
        self._session = session(
            graph(arrays, heads, given.size, given.mean, given.deviation), threads
        )

    def classify(self, crops: Sequence[Pixels]) -> Classified:
        """Classify crops (size, size, 3) uint8 RGB."""
        return classified(self._session, crops, len(self.classes), FEATURES)


def check(arrays: Mapping[str, NDArray[np.generic]], classes: int, source: str) -> int:
    """Return the number of heads of a DAN's weights.

    Raises
    ------
    anonbench.weights.WeightsError
        If they are those of another network, or of another number of classes.
    """
    needed = (
        "features.0.weight", "cat_head0.sa.conv1x1.0.weight", "fc.weight", "fc.bias",
        "bn.running_var",
    )  # fmt: skip
    lacking = [name for name in needed if name not in arrays]
    if lacking:
        raise registry.WeightsError(f"{source}: no weights of a DAN, {lacking[0]} is not there")
    found, heads = size_of(arrays)
    if found != classes:
        raise registry.WeightsError(f"{source}: {found} classes, but the model has {classes}")
    broken = [name for name, values in arrays.items() if not np.isfinite(values).all()]
    if broken:
        raise registry.WeightsError(f"{source}: {broken[0]} is not finite")
    return heads


PLUGIN = ExpressionPlugin(Info("DAN", "Wen et al. 2021"), Dan, "dan_rendered")
