"""Weights of CIAGAN's generator, and what they were trained to see."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anonbench import weights as registry
from anonbench.anonymisers._ciagan_landmarks import SCHEMES, groups_of
from anonbench.anonymisers._ciagan_view import SCALINGS
from anonbench.weight_formats import about
from anonbench.weights import WeightsError

Arrays = dict[str, NDArray[np.generic]]
FIRST = "encode_one_hot.0.weight"
"""The layer whose width is the length of the identity code."""


class Trained(NamedTuple):
    """What weights were trained to see.

    Attributes
    ----------
    landmarks : str
        A key of `SCHEMES`.
    groups : tuple of str
        Groups of landmarks that are drawn.
    scaling : str
        A key of `SCALINGS`.
    codes : int or None
        Identities 0 to `codes` - 1 were trained; None: all that fit.
    """

    landmarks: str
    groups: tuple[str, ...]
    scaling: str
    codes: int | None


PUBLISHED = Trained("dlib", SCHEMES["dlib"].shown, "published_training", None)
"""The official file says nothing of itself; on such views its code trains (docs/ciagan.md)."""


def trained(model: str) -> Trained:
    """Return what a model of the registry was trained to see; only its header is read.

    Raises
    ------
    WeightsError
        If its file is missing, wrong, or does not say so.
    """
    seen = registry.state(model)
    if seen.problem:
        raise WeightsError(seen.problem)
    if seen.path.suffix != ".safetensors":
        return PUBLISHED
    said = about(seen.path)
    try:
        if said["architecture"] != "CIAGAN":
            raise ValueError(f"architecture {said['architecture']!r}")
        groups = tuple(filter(None, said["groups"].split(",")))
        found = Trained(said["landmarks"], groups, said["scaling"], int(said["codes"]))
        groups_of(SCHEMES[found.landmarks], groups)
        SCALINGS[found.scaling]
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{seen.path}: not what CIAGAN's generator says of itself in a file of the project "
            f"({type(error).__name__}: {error}); name a model of CIAGAN as the option weights"
        ) from None
    return found


def arrays(model: str, codes: int | None) -> tuple[Arrays, int]:
    """Return a generator's verified weights by name, and how many identities may be used.

    Raises
    ------
    WeightsError
        If they are missing, wrong or those of another network.
    """
    found, file = registry.arrays(model), registry.file(model)
    if FIRST not in found:
        raise WeightsError(f"{file}: no weights of CIAGAN's generator, {FIRST} is not there")
    broken = [name for name, values in found.items() if not np.isfinite(values).all()]
    if broken:
        raise WeightsError(f"{file}: {broken[0]} is not finite")
    length = found[FIRST].shape[1]
    if codes is not None and not 0 < codes <= length:
        raise WeightsError(f"{file}: says {codes} identities, but has room for {length}")
    return found, codes or length
