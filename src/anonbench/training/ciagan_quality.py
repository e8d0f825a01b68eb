"""How good the faces are that a generator draws while it is trained: sample sheets and KID."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from anonbench.metrics.feature_distance import kid
from anonbench.models.ciagan import Generator
from anonbench.seeds import generator
from anonbench.training.ciagan_batches import Batch, Pairs
from anonbench.training.ciagan_settings import CiaganTraining
from anonbench.training.face_features import FaceFeatures
from anonbench.training.held_out import evenly
from anonbench.training.sheets import write_sheet

IMAGES = 256
"""At most so many pictures are looked at for KID; FID would need more than it has features."""
AT_ONCE = 32
ROWS, CODES = 6, 5
"""Pictures on a sample sheet, and codes that are drawn onto each."""


class Quality:
    """Measures a generator on pictures of held-out subjects, or of all where none is held out.

    Parameters
    ----------
    settings : CiaganTraining
        The recipe; `quality` names the network whose features are compared.
    pairs : Pairs
        Where the pictures come from.
    seed : int
        Of the experiment: which codes are drawn.
    """

    def __init__(self, settings: CiaganTraining, pairs: Pairs, seed: int) -> None:
        self._pairs, self._seed = pairs, seed
        self._features = FaceFeatures(settings.quality) if settings.quality else None
        self._true: NDArray[np.float32] | None = None

    def measure(self, drawer: Generator, where: torch.device) -> dict[str, float]:
        """Return the KID between true pictures and the same with drawn faces, or nothing."""
        if self._features is None:
            return {}
        rows = shown_rows(self._pairs, IMAGES)
        draw = generator(self._seed, "ciagan quality")
        codes = torch.from_numpy(draw.integers(self._pairs.codes, size=len(rows)))
        true, drawn = [], []
        for start in range(0, len(rows), AT_ONCE):
            batch = self._pairs.shown(rows[start : start + AT_ONCE])
            part = codes[start : start + AT_ONCE]
            drawn.append(self._features.of(pasted(drawer, batch, part, where)))
            if self._true is None:
                true.append(self._features.of(batch.picture))
        self._true = np.concatenate(true) if self._true is None else self._true
        found = np.concatenate(drawn)
        return {"kid": kid(self._true, found, generator(self._seed, "ciagan kid"))}


def shown_rows(pairs: Pairs, most: int) -> NDArray[np.int64]:
    """Return evenly spaced pictures of held-out subjects, or of all where none is held out."""
    return evenly(pairs.validation if len(pairs.validation) else np.arange(pairs.size), most)


@torch.inference_mode()
def pasted(drawer: Generator, batch: Batch, codes: Tensor, where: torch.device) -> Tensor:
    """Return pictures (N, 3, 128, 128), 0..1, with drawn faces of the codes in their holes."""
    training = drawer.training
    drawer.eval()
    length = drawer.encode_one_hot[0].in_features
    code = functional.one_hot(codes, int(length)).float()  # type: ignore[arg-type]
    raw = drawer(batch.shown.to(where), code.to(where)).cpu().clamp(0, 1)
    drawer.train(training)
    return batch.pasted(raw)


def sheet(drawer: Generator, pairs: Pairs, path: Path | str) -> None:
    """Write a sample sheet: pictures, what the network is shown, and a few codes drawn onto each.

    Parameters
    ----------
    drawer : Generator
        The network, on any device.
    pairs : Pairs
        Where the pictures come from.
    path : path
        ``.png`` to write.
    """
    where = next(drawer.parameters()).device
    batch = pairs.shown(shown_rows(pairs, ROWS))
    columns = [batch.picture, torch.where(batch.hole > 0, batch.landmarks, batch.picture)]
    for code in np.linspace(0, pairs.codes - 1, CODES).astype(int):
        codes = torch.full((len(batch.code),), int(code))
        columns.append(pasted(drawer, batch, codes, where))
    write_sheet(columns, path)
