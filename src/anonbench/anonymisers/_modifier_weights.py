"""Weights of networks that modify faces, and what they say of themselves."""

from __future__ import annotations

import re
from typing import NamedTuple

from anonbench.anonymisers._base import Strength
from anonbench.anonymisers._own_weights import Arrays, read, said
from anonbench.strengths import strength_label
from anonbench.weights import WeightsError, file

FIRST = {"Modifier": "model.1.weight", "SharedConvolutions": "layers.0.weight"}
"""A parameter that only the network has."""
OFFICIAL = {"Modifier": {"size": "256", "enlarged": "2.2"}}
"""What is known of files that say nothing of themselves."""
STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""What normalisation of old checkpoints holds, and nothing uses."""


class Weights(NamedTuple):
    """A network's weights.

    Attributes
    ----------
    arrays : dict
        By the names of its class.
    architecture : str
        A key of `FIRST`.
    size : int
        Width and height of a face in pixels.
    enlarged : float
        How many times the face's box it was shown.
    """

    arrays: Arrays
    architecture: str
    size: int
    enlarged: float

    @property
    def blocks(self) -> int:
        """Residual blocks of a modifier."""
        found = {m.group() for k in self.arrays if (m := re.match(r"model\.\d+\.conv_block", k))}
        return len(found)


def weights_of(model: str, architecture: str, strength: Strength) -> Weights:
    """Return a model's verified weights.

    Parameters
    ----------
    model : str
        Its name.
    architecture : str
        What it has to be: a key of `FIRST`.
    strength : int, float or None
        What it has to be trained for, if that is known.

    Raises
    ------
    WeightsError
        If they are missing, wrong, those of another network or of another strength.
    """
    found, about = read(model, FIRST[architecture], f"a {architecture}"), said(model)
    kept = {k: v for k, v in found.items() if not k.endswith(STATISTICS)}
    if not about:
        if architecture not in OFFICIAL:
            raise WeightsError(f"{file(model)}: says nothing of itself, so its size is not known")
        about = {"architecture": architecture, **OFFICIAL[architecture]}
    try:
        if about["architecture"] != architecture:
            raise ValueError(f"architecture {about['architecture']!r}")
        trained = about.get("strength")
        if strength is not None and trained != strength_label(strength):
            raise ValueError(f"strength {trained}, not {strength_label(strength)}")
        size, enlarged = int(about["size"]), float(about["enlarged"])
        if size < 16 or size % 4 or not 1 <= enlarged <= 10:
            raise ValueError(f"size {size}, enlarged {enlarged:g}")
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{file(model)}: not what a {architecture} says of itself in a file of the project "
            f"({type(error).__name__}: {error}); name another model as the option weights"
        ) from None
    return Weights(kept, architecture, size, enlarged)
