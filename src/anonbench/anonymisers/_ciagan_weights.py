"""Weights of CIAGAN's generator, and what they were trained to see."""

from __future__ import annotations

from typing import NamedTuple

from anonbench import weights as registry
from anonbench.anonymisers._ciagan_landmarks import SCHEMES, groups_of
from anonbench.anonymisers._ciagan_view import SCALINGS
from anonbench.anonymisers._own_weights import Arrays, read, said
from anonbench.weights import WeightsError

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
    skips : bool
        Whether the generator has the connections of a U-Net.
    """

    landmarks: str
    groups: tuple[str, ...]
    scaling: str
    codes: int | None
    skips: bool = False


PUBLISHED = Trained("dlib", SCHEMES["dlib"].shown, "published_training", None)
"""The official file says nothing of itself; on such views its code trains (docs/ciagan.md)."""


def trained(model: str) -> Trained:
    """Return what a model of the registry was trained to see; only its header is read.

    Raises
    ------
    WeightsError
        If its file is missing, wrong, or does not say so.
    """
    about = said(model)
    if not about and registry.file(model).suffix != ".safetensors":
        return PUBLISHED
    try:
        if about["architecture"] != "CIAGAN":
            raise ValueError(f"architecture {about['architecture']!r}")
        groups = tuple(filter(None, about["groups"].split(",")))
        found = Trained(
            about["landmarks"], groups, about["scaling"], int(about["codes"]),
            about.get("skips", "false") == "true",
        )  # fmt: skip
        groups_of(SCHEMES[found.landmarks], groups)
        SCALINGS[found.scaling]
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{registry.file(model)}: not what CIAGAN's generator says of itself in a file of the "
            f"project ({type(error).__name__}: {error}); name a model of CIAGAN as the option "
            "weights"
        ) from None
    return found


def arrays(model: str, codes: int | None) -> tuple[Arrays, int]:
    """Return a generator's verified weights by name, and how many identities may be used.

    Raises
    ------
    WeightsError
        If they are missing, wrong or those of another network.
    """
    found = read(model, FIRST, "CIAGAN's generator")
    length = found[FIRST].shape[1]
    if codes is not None and not 0 < codes <= length:
        raise WeightsError(
            f"{registry.file(model)}: says {codes} identities, but has room for {length}"
        )
    return found, codes or length
