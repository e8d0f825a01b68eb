"""Weights of MMDA: the subspaces, the people and classes that they were learnt from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._face_frame import POINTS, Frame
from anonbench.anonymisers._mmda_face import FaceCode
from anonbench.anonymisers._own_weights import Arrays, read, said
from anonbench.mmda import RESIDUAL, Subspaces
from anonbench.types import FloatArray
from anonbench.weights import WeightsError, file

ARCHITECTURE = "MMDA"
IDENTITY = "identity"
FIRST = "spread"


@dataclass(frozen=True)
class Known:
    """What a file of weights says of itself.

    Attributes
    ----------
    width, height : int
        Of the frame in pixels.
    weight : float
        What a pixel of shape counts, in grey levels of texture.
    people : int
        How many people are known.
    classes : dict of str to list of str
        Names of classes by attribute, in the order in which the modes were learnt.
    """

    width: int
    height: int
    weight: float
    people: int
    classes: dict[str, list[str]]


@dataclass(frozen=True)
class Model:
    """All that MMDA knows of faces.

    Attributes
    ----------
    code : FaceCode
        Between faces and vectors.
    subspaces : Subspaces
        Between vectors and coordinates by attribute, identity and the rest.
    people : ndarray of shape (P, M)
        Mean coordinates of identity of the people that it was learnt from.
    classes : dict of str to dict of str to ndarray of shape (M,)
        Mean coordinates of the classes of attributes, by attribute and class.
    """

    code: FaceCode
    subspaces: Subspaces
    people: FloatArray
    classes: dict[str, dict[str, FloatArray]]


def known(model: str) -> Known:
    """Return what a model's file says of itself; only its header is read.

    Raises
    ------
    WeightsError
        If it is missing or wrong, or no file of MMDA.
    """
    about = said(model)
    try:
        if about["architecture"] != ARCHITECTURE:
            raise ValueError(f"architecture {about['architecture']!r}")
        classes = json.loads(about["classes"])
        return Known(
            int(about["width"]), int(about["height"]), float(about["weight"]),
            int(about["people"]), {str(k): [str(v) for v in names] for k, names in classes.items()},
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{file(model)}: not what MMDA says of itself in a file of the project "
            f"({type(error).__name__}: {error}); name a model of MMDA as the option weights"
        ) from None


def loaded(model: str) -> Model:
    """Return what a model's verified file holds.

    Raises
    ------
    WeightsError
        If it is missing or wrong, or no file of MMDA, or its parts do not belong together.
    """
    about, found = known(model), read(model, FIRST, ARCHITECTURE)
    try:
        return _model(about, {k: v.astype(np.float32) for k, v in found.items()})
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{file(model)}: its parts do not belong together ({error})") from None


def _model(about: Known, found: Mapping[str, NDArray[np.float32]]) -> Model:
    points = found["points"].astype(np.float64)
    if points.shape != (POINTS, 2):
        raise ValueError(f"points of shape {points.shape}")
    code = FaceCode(Frame(about.width, about.height, points), about.weight)
    names = [*about.classes, IDENTITY, RESIDUAL]
    modes: dict[str, FloatArray] = {name: found[f"modes.{name}"] for name in names}
    subspaces = Subspaces(found["mean"], restored(found["spread"], found["steps"]), modes, {})
    size = 2 * POINTS + 3 * int(code.covered.sum())
    if subspaces.spread.shape[1] != size or subspaces.mean.shape != (size,):
        raise ValueError(f"spread of shape {subspaces.spread.shape}, for vectors of {size}")
    total = sum(len(directions) for directions in modes.values())
    if total != len(subspaces.spread):
        raise ValueError(f"{total} directions for {len(subspaces.spread)} components")
    people = found["people"]
    if people.shape != (about.people, len(modes[IDENTITY])):
        raise ValueError(f"people of shape {people.shape}")
    classes = {
        name: dict(zip(own, found[f"classes.{name}"], strict=True))
        for name, own in about.classes.items()
    }
    return Model(code, subspaces, people, classes)


def as_arrays(model: Model) -> Arrays:
    """Return what a file of weights holds, by name: axes in steps, the rest in single precision."""
    spread, steps = in_steps(model.subspaces.spread)
    arrays: Arrays = {
        "points": model.code.frame.points,
        "mean": model.subspaces.mean,
        "steps": steps,
        "people": model.people,
        **{f"modes.{k}": v for k, v in model.subspaces.modes.items()},
        **{f"classes.{k}": np.stack(list(v.values())) for k, v in model.classes.items()},
    }
    return {"spread": spread, **{k: v.astype(np.float32) for k, v in arrays.items()}}


def in_steps(spread: FloatArray) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return axes (C, D) in whole steps, -127 to 127, and the size of an axis' steps (C,).

    Half a step is 0.4 % of an axis' largest number: rounding errors of hundreds of axes add up to
    less than a grey level.
    """
    steps = (np.abs(spread).max(axis=1) / 127).astype(np.float32)
    return np.rint(spread / steps[:, None]).astype(np.int8), steps


def restored(spread: NDArray[np.generic], steps: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return axes (C, D) from their steps; see `in_steps`."""
    return spread.astype(np.float32) * steps[:, None]


def metadata(model: Model) -> dict[str, str]:
    """Return what a file of weights says of itself."""
    return {
        "architecture": ARCHITECTURE,
        "width": str(model.code.frame.width),
        "height": str(model.code.frame.height),
        "weight": repr(float(model.code.weight)),
        "people": str(len(model.people)),
        "classes": json.dumps({k: list(v) for k, v in model.classes.items()}),
    }
