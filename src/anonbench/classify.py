"""From images to expressions: a network classifies the subject's face wherever it is seen."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench import expressions
from anonbench.classifications import Classifications, feature_policy, write_classifications
from anonbench.expressions import EXPRESSIONS, ExpressionNetwork
from anonbench.ledger import Status
from anonbench.types import Pixels
from anonbench.views import Views

BATCH = 64
"""Crops classified at a time: enough to keep a network busy, 10 MB at 224 pixels."""

REMEMBERED = 4096
"""Answers that are kept for crops that come again: an image's own at other strengths and policies
are near, and black ones never grow old. Bounded, whatever the size of the data set."""

Place = tuple[int, int, int]
Answer = tuple[NDArray[np.float32], NDArray[np.float16]]


def classify_files(
    *,
    archive: Path | str,
    ledger: Path | str,
    subjects: Path | str,
    detections: Path | str,
    network: str,
    options: Mapping[str, Any],
    policies: Sequence[str],
    threads: int,
    out: Path | str,
    part: str | None = None,
) -> None:
    """Classify all images of a method and write the answers.

    Parameters
    ----------
    archive, ledger, subjects, detections, policies, part
        See `anonbench.views.Views`; `detections` are those of the network's detector.
    network : str
        A name of `anonbench.expressions`.
    options : mapping
        Its options.
    threads : int
        For the network.
    out : path
        Answers, see `anonbench.classifications.Classifications`.

    Raises
    ------
    anonbench.weights.WeightsError
        If the network's weights are missing or not what they should be.
    ValueError
        For an unknown network or option, or if the network breaks its contract.
    """
    views = Views(archive, ledger, subjects, detections, policies, part)
    model = expressions.get(network).build(options, threads)
    unknown = sorted(set(model.classes) - {*EXPRESSIONS, "contempt"})
    if unknown or len(set(model.classes)) != len(model.classes):
        raise ValueError(f"{network}: classes {model.classes} are repeated or unknown")
    answers = _Answers(model, views.shape, views.policies.index(feature_policy(views.policies)))
    status = np.full(views.shape, str(Status.MISSING), "<U16")
    for view in views.look(model.landmarks, "classify", model.whole_image):
        status[view.place] = view.status
        if view.pixels is not None:
            answers.add(model.crop(view.pixels, view.box, view.points), view.place)
    answers.flush()
    content = Classifications(
        views.image_ids, views.strengths, views.policies, tuple(model.classes),
        answers.probabilities, status, answers.features,
    )  # fmt: skip
    write_classifications(content, out)


class _Answers:
    """The arrays to fill, the crops that wait for the network, and answers to crops seen lately."""

    def __init__(self, model: ExpressionNetwork, shape: Place, feature_index: int) -> None:
        n_strengths, _, n_images = shape
        self.probabilities = np.full((*shape, len(model.classes)), np.nan, np.float32)
        # As wide as the network's first answer.
        self.features = np.full((n_strengths, n_images, 0), np.nan, np.float16)
        self._feature_index = feature_index
        self._model = model
        self._crops: list[Pixels] = []
        self._waiting: dict[bytes, list[Place]] = {}
        self._known: OrderedDict[bytes, Answer] = OrderedDict()

    def add(self, crop: Pixels, place: Place) -> None:
        """Classify a crop, later; equal crops are classified once."""
        key = blake2b(repr(crop.shape).encode() + crop.tobytes(), digest_size=16).digest()
        if key in self._known:
            self._known.move_to_end(key)
            self._fill(place, self._known[key])
        elif key in self._waiting:
            self._waiting[key].append(place)
        else:
            self._waiting[key] = [place]
            self._crops.append(crop)
        if len(self._crops) == BATCH:
            self.flush()

    def flush(self) -> None:
        """Classify the waiting crops."""
        if self._crops:
            found = self._model.classify(self._crops)
            _check(found.probabilities, found.features)
            rows = zip(found.probabilities, found.features.astype(np.float16), strict=True)
            for (key, places), answer in zip(self._waiting.items(), rows, strict=True):
                self._known[key] = answer
                for place in places:
                    self._fill(place, answer)
        self._crops, self._waiting = [], {}
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _fill(self, place: Place, answer: Answer) -> None:
        self.probabilities[place] = answer[0]
        strength, policy, image = place
        if policy != self._feature_index:
            return
        if not self.features.shape[2]:
            shape = (*self.features.shape[:2], answer[1].size)
            self.features = np.full(shape, np.nan, np.float16)
        self.features[strength, image] = answer[1]


def _check(probabilities: NDArray[np.float32], features: NDArray[np.float32]) -> None:
    """Raise ValueError for what is no probability, or too large for half precision."""
    sums = probabilities.sum(axis=1)
    if not (np.all(probabilities >= 0) and np.allclose(sums, 1.0, atol=1e-3)):
        raise ValueError("the network's answers are no probabilities: its weights are broken")
    if not np.all(np.abs(features) <= np.finfo(np.float16).max):
        raise ValueError("the network's features are not finite in half precision")
