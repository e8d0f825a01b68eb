"""From images to embeddings: two attackers look at every image of a method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench import recognisers
from anonbench.io import Embeddings, write_embeddings
from anonbench.ledger import Status
from anonbench.recognisers import Recogniser
from anonbench.types import Pixels
from anonbench.views import Views

QUEUE = 64
"""Face chips embedded at a time: enough to keep a network busy, 4 MB."""


def embed_files(
    *,
    archive: Path | str,
    ledger: Path | str,
    subjects: Path | str,
    detections: Path | str,
    recogniser: str,
    options: Mapping[str, Any],
    policies: Sequence[str],
    threads: int,
    out: Path | str,
    part: str | None = None,
) -> None:
    """Embed all images of a method and write the embeddings.

    Parameters
    ----------
    archive, ledger, subjects, detections, policies, part
        See `anonbench.views.Views`; `detections` are those of the attacker's detector, and a
        failure is a failure to acquire.
    recogniser : str
        A name of `anonbench.recognisers`.
    options : mapping
        Its options.
    threads : int
        For the recogniser.
    out : path
        Embeddings, see `anonbench.io.Embeddings`.
    """
    plugin = recognisers.get(recogniser)
    views = Views(archive, ledger, subjects, detections, policies, part)
    model = plugin.build(options, threads)
    status = np.full(views.shape, str(Status.MISSING), "<U16")
    chips = _Chips(model, np.full((*views.shape, plugin.info.dimension), np.nan, np.float32))
    for view in views.look(model.landmarks, "embed"):
        status[view.place] = view.status
        if view.pixels is not None and view.points is not None:
            chips.add(model.align(view.pixels, view.points), view.place)
    chips.flush()
    content = Embeddings(views.image_ids, views.strengths, views.policies, chips.embeddings, status)
    write_embeddings(content, out)


class _Chips:
    """The embeddings to fill and the chips that wait for the network."""

    def __init__(self, model: Recogniser, embeddings: NDArray[np.float32]) -> None:
        self.embeddings = embeddings
        self._model = model
        self._chips: list[Pixels] = []
        self._places: list[tuple[int, int, int]] = []

    def add(self, chip: Pixels, place: tuple[int, int, int]) -> None:
        """Let a chip wait, and embed the waiting ones when there are enough."""
        self._chips.append(chip)
        self._places.append(place)
        if len(self._chips) == QUEUE:
            self.flush()

    def flush(self) -> None:
        """Embed the waiting chips."""
        if self._chips:
            rows = self._model.embed(self._chips)
            for place, row in zip(self._places, rows, strict=True):
                self.embeddings[place] = row
        self._chips, self._places = [], []
