"""MMDA's subspaces out of faces of known gender, ancestry, age and identity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench.anonymisers._face_frame import Frame, as_pixels
from anonbench.anonymisers._mmda_face import FaceCode
from anonbench.anonymisers._mmda_weights import (
    IDENTITY,
    Model,
    as_arrays,
    in_steps,
    metadata,
    restored,
)
from anonbench.anonymisers.mmda import nearest_mean
from anonbench.io import atomic, encode_png, read_table, write_table
from anonbench.mmda import Subspaces, class_means, learnt, nearest_class
from anonbench.progress import LOGGER
from anonbench.seeds import generator
from anonbench.training.arrays import write_arrays
from anonbench.training.held_out import evenly, split
from anonbench.training.mmda_settings import MmdaTraining
from anonbench.types import FloatArray, Pixels

ROWS = 8
"""Faces on the sample sheet, at most."""

Labels = dict[str, NDArray[np.generic]]


def train_mmda_files(
    *,
    textures: Path | str,
    shapes: Path | str,
    labels: Path | str,
    settings: MmdaTraining,
    seed: int,
    weights: Path | str,
    directions: Path | str,
    quality: Path | str,
    samples: Path | str,
) -> None:
    """Learn the subspaces.

    Parameters
    ----------
    textures, shapes, labels : path
        As `mmda_faces` wrote them.
    settings : MmdaTraining
        The recipe.
    seed : int
        Of the experiment: it draws the subjects that are held out.
    weights : path
        To write: ``.safetensors``, the axes in whole steps.
    directions : path
        To write: share of variance between the classes, by mode and direction, ``.csv``.
    quality : path
        To write: how well faces that were learnt from and faces that were held out are coded, and
        taken for what they are, ``.csv``.
    samples : path
        To write: held-out faces, the same as coded, with identities averaged over more and more
        people, and of the other gender, ``.png``.

    Raises
    ------
    ValueError
        If a label is missing, or there is one class only.
    """
    faces = Faces.read(textures, shapes, labels, settings)
    shown, held = split(
        faces.labels[IDENTITY], settings.validation, generator(seed, "mmda subjects")
    )
    model = learnt_model(faces, shown, settings)
    write_arrays(as_arrays(model), weights, metadata(model))
    write_table(_directions(model.subspaces), directions)
    parts = {"learnt from": shown, "held out": held}
    tables = [_quality(model, faces, rows, part) for part, rows in parts.items() if len(rows)]
    write_table(pd.concat(tables, ignore_index=True), quality)
    chosen = evenly(held if len(held) else shown, ROWS)
    with atomic(samples) as partial:
        partial.write_bytes(encode_png(_sheet(model, faces, chosen)))


@dataclass(frozen=True)
class Faces:
    """Faces to learn from.

    Attributes
    ----------
    textures : ndarray of shape (N, height, width, 3), uint8
        Warped to the mean shape.
    shapes : ndarray of shape (N, 68, 2), float64
        Where their landmarks are in the frame.
    labels : dict of str to ndarray of shape (N,)
        Gender, ancestry, age class and identity: in this order subspaces are taken.
    code : FaceCode
        Between faces and vectors; shape as heavy as its variance makes it.
    """

    textures: NDArray[np.uint8]
    shapes: NDArray[np.float64]
    labels: Labels
    code: FaceCode

    @classmethod
    def read(
        cls, textures: Path | str, shapes: Path | str, labels: Path | str, settings: MmdaTraining
    ) -> Faces:
        """Read what `mmda_faces` wrote."""
        pictures: NDArray[np.uint8] = np.load(textures, mmap_mode="r")
        points, *_ = found = np.load(shapes)
        frame = Frame(pictures.shape[2], pictures.shape[1], points)
        classes = _classes(read_table(labels), settings.ages, str(labels))
        return cls(pictures, np.asarray(found[1:]), classes, FaceCode(frame, 1.0))

    def vectors(self, rows: NDArray[np.int64]) -> FloatArray:
        """Return the vectors (M, D), float32, of some faces."""
        first = self.code.vector(self.textures[rows[0]], self.shapes[rows[0]])
        found = np.empty((len(rows), len(first)), np.float32)
        for vector, row in zip(found, rows, strict=True):
            vector[:] = self.code.vector(self.textures[row], self.shapes[row])
        return found


def learnt_model(faces: Faces, rows: NDArray[np.int64], settings: MmdaTraining) -> Model:
    """Return what is learnt from some of the faces."""
    vectors = faces.vectors(rows)
    size = faces.shapes[0].size
    variances = vectors.var(axis=0, dtype=np.float64)
    weight = float(np.sqrt(variances[size:].sum() / max(variances[:size].sum(), 1e-9)))
    vectors[:, :size] *= weight
    labels = {name: classes[rows] for name, classes in faces.labels.items()}
    found = learnt(
        vectors, labels, components=settings.components, least={IDENTITY: settings.identity}
    )
    for name, directions in found.modes.items():
        LOGGER.info("%s: %d of %d directions", name, len(directions), len(found.spread))
    if not len(found.modes[IDENTITY]):
        raise ValueError(f"no direction differs between people by {settings.identity}: lower it")
    # As they will be read: coordinates of people and classes belong to the rounded axes.
    found = replace(found, spread=restored(*in_steps(found.spread)))
    vectors += found.mean
    own = found.taken_apart(vectors)
    classes = {}
    for name in labels:
        if name != IDENTITY:
            names, means = class_means(own[name], labels[name])
            classes[name] = {str(n): m for n, m in zip(names, means, strict=True)}
    people = class_means(own[IDENTITY], labels[IDENTITY])[1].astype(np.float32)
    return Model(replace(faces.code, weight=weight), found, people, classes)


def age_names(begins: Sequence[int]) -> list[str]:
    """Return what classes of age are called, from the years at which all but the first begin."""
    between = [f"{a}_to_{b - 1}" for a, b in pairwise(begins)]
    return [f"under_{begins[0]}", *between, f"from_{begins[-1]}"]


def _classes(table: pd.DataFrame, begins: Sequence[int], path: str) -> Labels:
    """Return the classes of all faces by mode, in the order in which subspaces are taken."""
    for name in ("subject", "gender", "ethnicity", "age"):
        missing = table[name].isna() | (table[name].astype(str) == "")
        if missing.any():
            raise ValueError(f"{path}: {int(missing.sum())} of {len(table)} faces have no {name}")
    ages = np.searchsorted(sorted(begins), table["age"].astype(float).to_numpy(), side="right")
    return {
        "gender": table["gender"].to_numpy(str),
        "ancestry": table["ethnicity"].to_numpy(str),
        "age": np.array(age_names(sorted(begins)))[ages],
        IDENTITY: table["subject"].to_numpy(str),
    }


def _directions(subspaces: Subspaces) -> pd.DataFrame:
    rows = [
        {"mode": name, "direction": k, "share": float(share)}
        for name, shares in subspaces.shares.items()
        for k, share in enumerate(shares)
    ]
    return pd.DataFrame(rows)


def _quality(model: Model, faces: Faces, rows: NDArray[np.int64], part: str) -> pd.DataFrame:
    """Return how far coded faces are from their own, and how many are taken for what they are."""
    vectors = replace(faces, code=model.code).vectors(rows)
    own = model.subspaces.taken_apart(vectors)
    off = (model.subspaces.together(own) - vectors)[:, faces.shapes[0].size :]
    values = {"faces": len(rows), "texture_rms": float(np.sqrt((off**2).mean()))}
    for name, classes in model.classes.items():
        told = nearest_class(own[name], classes)
        values[f"{name}_right"] = float((told == faces.labels[name][rows]).mean())
    return pd.DataFrame({"part": part, "measure": list(values), "value": list(values.values())})


def _sheet(model: Model, faces: Faces, rows: NDArray[np.int64]) -> Pixels:
    """Return faces in rows: as they were, as coded, averaged, and of the other gender."""
    lines = []
    for row in rows:
        vector = model.code.vector(faces.textures[row], faces.shapes[row])
        own = model.subspaces.taken_apart(vector)
        people = sorted({min(k, len(model.people)) for k in (1, 10, 100, len(model.people))})
        means = [nearest_mean(own[IDENTITY], model.people, k) for k in people]
        others = [c for n, c in model.classes["gender"].items() if n != faces.labels["gender"][row]]
        drawn = [
            own,
            *({**own, IDENTITY: mean} for mean in means),
            *({**own, "gender": other} for other in others),
        ]
        made = [model.subspaces.together(d) for d in drawn]
        lines.append(np.concatenate([as_pixels(model.code.face(v)[0]) for v in (vector, *made)], 1))
    return np.ascontiguousarray(np.concatenate(lines))
