"""What tests of MMDA need: faces that nobody has, and subspaces learnt from them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from anonbench.anonymisers._mmda_face import FaceCode, frame_for
from anonbench.anonymisers._mmda_weights import Model, as_arrays, metadata
from anonbench.training.arrays import write_arrays
from anonbench.training.mmda_settings import MmdaTraining
from anonbench.training.train_mmda import Faces, learnt_model
from anonbench.types import Box
from made_ciagan import landmarks_in

PEOPLE, EACH, WIDTH = 104, 2, 32


def faces(seed: int = 0) -> Faces:
    """Return faces of a few people, each with a shape and colours of its own, in a few pictures."""
    draw = np.random.default_rng(seed)
    points = landmarks_in(Box(30, 20, 190, 180)).astype(np.float64)
    frame = frame_for([points], WIDTH)
    who = np.repeat(np.arange(PEOPLE), EACH)
    looks = draw.normal(0, 1, (PEOPLE, 5, 5, 3))
    labels = {
        "gender": np.where(who % 2, "male", "female"),
        "ancestry": np.array(["african", "asian", "caucasian"])[who // 2 % 3],
        "age": np.where(who // 6 % 2, "from_40", "under_40"),
        "identity": np.array([f"s{k:02d}" for k in who]),
    }
    for k in range(PEOPLE):
        # So that attributes are there to be seen.
        looks[k, 0] += 2 * (k % 2)
        looks[k, 1] += 2 * (k // 2 % 3)
        looks[k, 2] += 2 * (k // 6 % 2)
    pictures = looks[who] + draw.normal(0, 1.5, (len(who), 5, 5, 3))
    size = frame.width, frame.height
    textures = np.stack([
        np.clip(128 + 15 * cv2.resize(p, size, interpolation=cv2.INTER_CUBIC), 0, 255)
        for p in pictures
    ]).astype(np.uint8)  # fmt: skip
    own = draw.normal(0, 0.5, (PEOPLE, 68, 2))[who] + draw.normal(0, 0.3, (len(who), 68, 2))
    return Faces(textures, frame.points + own, labels, FaceCode(frame, 1.0))


def settings(**more: object) -> MmdaTraining:
    return MmdaTraining(
        **{"dataset": "toy", "width": WIDTH, "components": 40, "identity": 0.8, **more}
    )


def model(**more: object) -> Model:
    """Return what is learnt from the faces."""
    made = faces()
    return learnt_model(made, np.arange(len(made.textures)), settings(**more))


def write_made(path: Path, **change: str) -> Path:
    """Write a file of weights as the project's training does."""
    made = model()
    write_arrays(as_arrays(made), path, metadata(made) | change)
    return path
