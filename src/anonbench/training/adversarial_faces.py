"""Faces that a transform is trained on: who learns from which, and batches of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from anonbench.expressions import EXPRESSIONS
from anonbench.seeds import generator
from anonbench.training.adversarial_settings import AdversarialTraining, room
from anonbench.training.held_out import Indices, evenly, split


class Batch(NamedTuple):
    """Some faces.

    Attributes
    ----------
    pictures : Tensor of shape (N, 3, size, size)
        RGB, -1..1.
    people : Tensor of shape (N,), int64
        Whose they are: places among the sorted subjects that are trained on; -1 for others.
    expressions : Tensor of shape (N,), int64
        Places in `anonbench.expressions.EXPRESSIONS`.
    """

    pictures: Tensor
    people: Tensor
    expressions: Tensor

    def to(self, where: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(*(part.to(where) for part in self))


class Faces:
    """The faces, and three kinds of rows: to learn from, held back, and of subjects held out.

    Parameters
    ----------
    crops : ndarray of shape (N, width, width, 3), uint8
        As `adversarial_crop_files` wrote them.
    labels : DataFrame
        Their subjects and expressions.
    settings : AdversarialTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Key of what batches are drawn for. Who is held out or back does not depend on it, so that
        trainings can be compared, and one can begin with the networks of another.

    Raises
    ------
    ValueError
        If a subject has no picture left to learn from.
    """

    def __init__(
        self, crops: NDArray[np.uint8], labels: pd.DataFrame, settings: AdversarialTraining,
        seed: int, name: str,
    ) -> None:  # fmt: skip
        self._crops, self._settings, self._seed, self._name = crops, settings, seed, name
        self.subjects = labels["subject"].astype(str).to_numpy()
        draw = generator(seed, "adversarial subjects")
        known, self.held_out = split(self.subjects, settings.validation, draw)
        everybody, whose = np.unique(self.subjects[known], return_inverse=True)
        self.people = np.full(len(labels), -1, np.int64)
        self.people[known] = whose
        self.count = len(everybody)
        self.held_back = self._held_back(everybody)
        self.rows: Indices = np.setdiff1d(known, self.held_back)
        if len(np.unique(self.people[self.rows])) < self.count:
            raise ValueError(
                f"held_back: {settings.held_back} pictures of each subject leave some without any "
                "to learn from"
            )
        places = {expression: k for k, expression in enumerate(EXPRESSIONS)}
        self.expressions = labels["expression"].map(places).to_numpy(np.int64)

    def _held_back(self, everybody: NDArray[np.str_]) -> Indices:
        """Return some pictures of everybody who is trained on."""
        chosen = []
        for k, subject in enumerate(everybody):
            draw = generator(self._seed, "held back", subject)
            own = np.flatnonzero(self.people == k)
            chosen.append(draw.permutation(own)[: self._settings.held_back])
        return np.sort(np.concatenate(chosen))

    def batch(self, k: int, size: int, what: str = "batch") -> Batch:
        """Return faces of a round, moved and mirrored at random."""
        settings = self._settings
        draw = generator(self._seed, f"adversarial {what}", self._name, k)
        rows = draw.choice(self.rows, size)
        moves = draw.integers(-settings.shift, settings.shift + 1, (size, 2))
        mirrored = draw.random(size) < settings.flip
        cut = [self._cut(r, *move) for r, move in zip(rows, moves, strict=True)]
        pictures = np.array(cut, np.uint8).reshape(size, settings.size, settings.size, 3)
        pictures[mirrored] = pictures[mirrored, :, ::-1]
        return self._of(rows, pictures)

    def shown(self, rows: Indices) -> Batch:
        """Return faces as the anonymiser sees them."""
        return self._of(rows, np.stack([self._cut(r, 0, 0) for r in rows]))

    def looked_at(self, most: int) -> Indices:
        """Return evenly spaced faces of held-out subjects, or held back where there are none."""
        return evenly(self.held_out if len(self.held_out) else self.held_back, most)

    def _cut(self, row: int, down: int, right: int) -> NDArray[np.uint8]:
        size = self._settings.size
        top, left = room(size) + down, room(size) + right
        return np.asarray(self._crops[row, top : top + size, left : left + size])

    def _of(self, rows: Indices, pictures: NDArray[np.uint8]) -> Batch:
        scaled = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
        people, expressions = (torch.from_numpy(v[rows]) for v in (self.people, self.expressions))
        return Batch(scaled.contiguous(), people, expressions)
