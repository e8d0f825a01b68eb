"""Batches for DeepPrivacy: pictures with a hole, and where the face's keypoints are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from anonbench.anonymisers._deepprivacy_frame import cut, frame_of, hole, keypoints_in
from anonbench.anonymisers._deepprivacy_weights import FILL
from anonbench.models.deepprivacy import NOISE
from anonbench.seeds import generator
from anonbench.training.deepprivacy_settings import DeepPrivacyTraining
from anonbench.training.held_out import Indices, evenly, split
from anonbench.types import Box

MIRRORED = [0, 2, 1, 4, 3, 6, 5]
"""Keypoints of a mirror image: what was left is right. The published code leaves them."""


class Batch(NamedTuple):
    """Faces, N, as a network sees them.

    Attributes
    ----------
    picture : Tensor of shape (N, 3, 128, 128), -1..1
        RGB.
    mask : Tensor of shape (N, 1, 128, 128), 0 or 1
        0 in the face's box.
    keypoints : Tensor of shape (N, 14), 0..1
        Shares of the picture's width and height.
    z : Tensor of shape (N, 32, 4, 4)
        Normal noise.
    fill : float
        What is shown in the box, -1..1.
    """

    picture: Tensor
    mask: Tensor
    keypoints: Tensor
    z: Tensor
    fill: float

    @property
    def condition(self) -> Tensor:
        """The pictures without their faces."""
        return self.picture * self.mask + self.fill * (1 - self.mask)

    def pasted(self, drawn: Tensor) -> Tensor:
        """Return the pictures with what was drawn in the boxes."""
        return self.picture * self.mask + drawn * (1 - self.mask)

    def to(self, where: torch.device) -> Batch:
        """Return the batch on a device."""
        tensors = (self.picture, self.mask, self.keypoints, self.z)
        picture, mask, keypoints, z = (part.to(where) for part in tensors)
        return Batch(picture, mask, keypoints, z, self.fill)


class Faces:
    """The faces to train on.

    Parameters
    ----------
    crops : ndarray of shape (N, 160, 160, 3), uint8
        May be mapped from a file.
    places : ndarray of shape (N, 9, 2), float32
        Corners of boxes and keypoints, see `anonbench.training.deepprivacy_crops`.
    labels : DataFrame
        Their subjects.
    settings : DeepPrivacyTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Of the training.
    """

    def __init__(
        self, crops: NDArray[np.uint8], places: NDArray[np.float32], labels: pd.DataFrame,
        settings: DeepPrivacyTraining, seed: int, name: str,
    ) -> None:  # fmt: skip
        self._crops, self._places, self._settings = crops, places, settings
        self._seed, self._name = seed, name
        subjects, draw = labels["subject"].to_numpy(), generator(seed, "deepprivacy subjects", name)
        self._rows, self.validation = split(subjects, settings.validation, draw)
        self._fill = FILL[settings.network] / 127.5 - 1

    def batch(self, k: int) -> Batch:
        """Return the batch of a round."""
        draw = generator(self._seed, "deepprivacy batch", self._name, k)
        rows = draw.choice(self._rows, self._settings.batch)
        return self._batch([self._view(row, draw) for row in rows], draw)

    def shown(self, rows: Indices) -> Batch:
        """Return pictures as the anonymiser sees them; `z` is drawn by their place."""
        draw = generator(self._seed, "deepprivacy shown", self._name)
        return self._batch([self._view(row, None) for row in rows], draw)

    def looked_at(self, most: int) -> Indices:
        """Return evenly spaced faces of held-out subjects, or of all where none is held out."""
        return evenly(self.validation if len(self.validation) else self._rows, most)

    def _batch(
        self, views: list[tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]],
        draw: np.random.Generator,
    ) -> Batch:  # fmt: skip
        pictures, holes, keypoints = (np.stack(part) for part in zip(*views, strict=True))
        z = draw.standard_normal((len(views), *NOISE), np.float32)
        return Batch(
            torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1,
            torch.from_numpy(~holes[:, None]).float(),
            torch.from_numpy(keypoints), torch.from_numpy(z), self._fill,
        )  # fmt: skip

    def _view(
        self, row: np.int64, draw: np.random.Generator | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.float32]]:
        crop, places = np.asarray(self._crops[row]), self._places[row].astype(np.float64)
        corners, points = places[:2], places[2:]
        if draw is not None:
            moves = draw.uniform(-self._settings.jitter, self._settings.jitter, (2, 2))
            corners = corners + moves * (corners[1] - corners[0])
            if draw.random() < self._settings.flip:
                crop = np.ascontiguousarray(crop[:, ::-1])
                width = crop.shape[1]
                corners = np.array(
                    [(width - corners[1, 0], corners[0, 1]), (width - corners[0, 0], corners[1, 1])]
                )
                points = np.stack([width - points[:, 0], points[:, 1]], axis=1)[MIRRORED]
        frame = frame_of(Box(*map(float, corners.ravel())), crop.shape[1], crop.shape[0])
        return cut(crop, frame), hole(frame), keypoints_in(frame, points)
