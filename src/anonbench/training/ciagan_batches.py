"""Batches for CIAGAN: who is drawn onto whom, and what the networks see of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anonbench.anonymisers._ciagan_frame import (
    draw_features,
    draw_landmarks,
    draw_mask,
    outline,
)
from anonbench.anonymisers._ciagan_landmarks import SCHEMES, Scheme, groups_of
from anonbench.anonymisers._ciagan_view import SCALINGS, Sides, grown, hole, view
from anonbench.io import read_table
from anonbench.seeds import generator
from anonbench.training.ciagan_settings import CiaganTraining
from anonbench.types import Pixels

Indices = NDArray[np.int64]
FEATURES, FEATURE_WIDTH = ("mouth", "eyes", "brows"), 15
"""What `CiaganTraining.features` is about, drawn or not, and the width of its lines, in pixels of
the crop."""


@dataclass(frozen=True)
class Faces:
    """Crops with the landmarks of one scheme, as `ciagan_crops` wrote them.

    Attributes
    ----------
    scheme : Scheme
        Whose landmarks.
    crops : ndarray of shape (N, 218, 178, 3), uint8
        May be mapped from a file.
    points : ndarray of shape (N, K, 2), int32
        In pixels of the crop.
    subjects : sequence of str, N
        Who is to be seen.
    """

    scheme: Scheme
    crops: NDArray[np.uint8]
    points: NDArray[np.int32]
    subjects: Sequence[str]


class Batch(NamedTuple):
    """Pairs of pictures, N: the first keeps all but who it shows, the second says whom to draw.

    Attributes
    ----------
    landmarks, picture : Tensor of shape (N, 3, 128, 128), 0..1
        Of the first.
    hole : Tensor of shape (N, 1, 128, 128), 0 or 1
        1 where the face of the first is taken out.
    features : Tensor of shape (N, 1, 128, 128), 0 or 1
        1 where mouth, eyes and brows of the first are; 0 everywhere unless they count for more.
    other : Tensor of shape (N, 3, 128, 128), 0..1
        The second's picture.
    code : Tensor of shape (N,), int64
        The second's code.
    same : Tensor of shape (N,), 0 or 1
        Whether both show one subject.
    """

    landmarks: Tensor
    picture: Tensor
    hole: Tensor
    features: Tensor
    other: Tensor
    code: Tensor
    same: Tensor

    @property
    def shown(self) -> Tensor:
        """What the generator is shown, (N, 6, 128, 128): landmarks, and pictures with holes."""
        return torch.cat([self.landmarks, self.picture * (1 - self.hole)], dim=1)

    def pasted(self, drawn: Tensor) -> Tensor:
        """Return the pictures with what was drawn, (N, 3, 128, 128), in their holes."""
        return self.picture * (1 - self.hole) + drawn * self.hole

    def to(self, where: torch.device) -> Batch:
        """Return the batch on a device."""
        return Batch(*(part.to(where) for part in self))


class Pairs:
    """Draws pairs of pictures, with the changes that make them many.

    Parameters
    ----------
    faces : sequence of Faces
        One a scheme.
    settings : CiaganTraining
        The recipe.
    seed : int
        Of the experiment.
    name : str
        Of the training, for the random numbers.

    Raises
    ------
    ValueError
        If too few subjects are there.
    """

    def __init__(
        self, faces: Sequence[Faces], settings: CiaganTraining, seed: int, name: str
    ) -> None:
        self.faces, self.settings = faces, settings
        self._seed, self._name = seed, name
        everybody = sorted({s for part in faces for s in part.subjects})
        # By subject and not by training, so that all trainings of an experiment agree.
        luck = {s: generator(seed, "ciagan subjects", s).random() for s in everybody}
        in_order = sorted(everybody, key=lambda s: (luck[s], s))
        out = round(settings.validation * len(everybody))
        self.held_out, trained = in_order[:out], in_order[out:]
        self.codes = settings.codes or len(trained)
        if self.codes > min(len(trained), settings.identities) or self.codes < 2:
            raise ValueError(
                f"training_ciagan.{name}: {self.codes} codes for {len(trained)} subjects to train "
                f"on and codes of length {settings.identities}: set codes or identities"
            )
        self.code = {s: k for k, s in enumerate(trained[: self.codes])}
        self._rows = [(f, n) for f, part in enumerate(faces) for n in range(len(part.subjects))]
        names = [faces[f].subjects[n] for f, n in self._rows]
        kept = set(trained)
        self._trained = np.flatnonzero([s in kept for s in names])
        self.coded = np.flatnonzero([s in self.code for s in names])
        self.validation = np.flatnonzero([s in set(self.held_out) for s in names])
        self.size = len(names)
        self._names = np.array(names)
        self._own = {s: np.flatnonzero(self._names == s) for s in self.code}

    def batch(self, round_: int, part: str, same_only: bool = False) -> Batch:
        """Return the batch of a round for one of the networks.

        As published, about half of the pairs are of one subject, and the others of two drawn
        independently.
        """
        draw = generator(self._seed, "ciagan pairs", self._name, round_, part)
        n = self.settings.batch
        same = np.ones(n, bool) if same_only else draw.random(n) < self.settings.same
        first = np.where(same, draw.choice(self.coded, n), draw.choice(self._trained, n))
        # Subjects rather than pictures are drawn, so that all codes are shown equally often.
        whom = draw.choice(list(self.code), n)
        second = [
            draw.choice(self._own[self._names[a] if s else w])
            for a, s, w in zip(first, same, whom, strict=True)
        ]
        return self._views(first, np.array(second), draw)

    def shown(self, rows: Indices) -> Batch:
        """Return pictures as they are, by the scaling without random changes; codes are 0."""
        return self._views(rows, rows, None)

    def _views(self, first: Indices, second: Indices, draw: np.random.Generator | None) -> Batch:
        firsts = [self._view(row, draw) for row in first]
        others = [self._view(row, draw)[1] for row in second]
        names, whose = self._names[first], self._names[second]
        return Batch(
            _pictures([v[0] for v in firsts]),
            _pictures([v[1] for v in firsts]),
            _mask([v[2] for v in firsts]),
            _mask([v[3] for v in firsts]),
            _pictures(others),
            torch.tensor([self.code.get(s, 0) for s in whose]),
            torch.from_numpy((names == whose).astype(np.float32)),
        )

    def _view(
        self, row: np.int64, draw: np.random.Generator | None
    ) -> tuple[Pixels, Pixels, NDArray[np.bool_], NDArray[np.bool_]]:
        """Return landmarks, picture, hole and features as the network sees them."""
        settings = self.settings
        part, n = self._rows[row]
        faces = self.faces[part]
        scaling = SCALINGS[settings.scaling]
        sides = scaling.sides
        groups = groups_of(faces.scheme, settings.groups or None)
        mirrored = False
        if draw is not None:
            moved = np.array(sides) + draw.uniform(-settings.shift, settings.shift, 4)
            edges = moved if scaling.grows else draw.uniform(*settings.reach, 4)
            sides = Sides(*map(float, edges))
            lost = draw.random(len(groups)) < settings.dropout
            groups = tuple(g for g, gone in zip(groups, lost, strict=True) if _stays(g, gone))
            mirrored = bool(draw.random() < settings.flip)
        points = faces.points[n].astype(np.int64)
        if scaling.grows:
            sides = grown(sides, outline(points, faces.scheme))
        drawn = draw_landmarks(points, groups, faces.scheme)
        weighed = FEATURES if settings.features else ()
        features = draw_features(points, weighed, FEATURE_WIDTH, faces.scheme)
        pictures = [drawn, faces.crops[n], draw_mask(points, faces.scheme), features]
        seen = [view(np.ascontiguousarray(p), sides, scaling.squashed) for p in pictures]
        if mirrored:
            seen = [np.ascontiguousarray(p[:, ::-1]) for p in seen]
        return seen[0], seen[1], hole(seen[2]), seen[3] > 127


def _stays(group: str, gone: bool) -> bool:
    return group == "contour" or not gone


def _pictures(views: Sequence[Pixels]) -> Tensor:
    return torch.from_numpy(np.stack(views)).permute(0, 3, 1, 2).float() / 255


def _mask(views: Sequence[NDArray[np.bool_]]) -> Tensor:
    return torch.from_numpy(np.stack(views)[:, None].astype(np.float32))


def read_faces_to_train_on(
    landmarks: str, crops: Path | str, points: Path | str, labels: Path | str
) -> Faces:
    """Return the faces of files that `ciagan_crops` wrote."""
    subjects = list(read_table(labels)["subject"].astype(str))
    return Faces(SCHEMES[landmarks], np.load(crops, mmap_mode="r"), np.load(points), subjects)
