"""Weights of CLEANIR's networks, and what they say of themselves."""

from __future__ import annotations

from anonbench.anonymisers._own_weights import Arrays, read, said
from anonbench.weight_formats import below
from anonbench.weights import WeightsError, file

FIRST = "encoder.encoder_mean.weight"
"""The layer whose height is the length of the whole code."""


def networks(model: str) -> tuple[Arrays, Arrays, int]:
    """Return the verified weights of encoder and decoder by name, and the identity's length.

    The length says how many numbers of the half for who is seen, the first ones, were trained to
    carry that. Files that say nothing of it are taken for official ones: all.

    Raises
    ------
    WeightsError
        If they are missing, wrong or those of another network.
    """
    found, about = read(model, FIRST, "CLEANIR's networks"), said(model)
    half = found[FIRST].shape[0] // 2
    try:
        if about and about["architecture"] != "CLEANIR":
            raise ValueError(f"architecture {about['architecture']!r}")
        length = int(about["identity_length"]) if about else half
        if not 0 < length <= half:
            raise ValueError(f"identity_length {length}, outside of 1 to {half}")
    except (KeyError, ValueError) as error:
        raise WeightsError(
            f"{file(model)}: not what CLEANIR's networks say of themselves in a file of the project"
            f" ({type(error).__name__}: {error}); name a model of CLEANIR as the option weights"
        ) from None
    return below("encoder.", found), below("decoder.", found), length
