"""Random numbers keyed by content, so that no result depends on the order of work."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, *key: str | int | float) -> np.random.Generator:
    """Return the generator that belongs to a seed and a key.

    Parameters
    ----------
    seed : int
        The experiment's seed, not negative.
    *key : str, int or float
        What the numbers are for, e.g. data set, method, strength, image id. Text and numbers of
        the same spelling are the same key.

    Returns
    -------
    numpy.random.Generator
        The same for the same arguments, on every machine and in every order of calls.
    """
    # A length before each part keeps ("ab", "c") and ("a", "bc") apart.
    text = "".join(f"{len(part)}:{part}" for part in map(str, key))
    digest = hashlib.sha256(text.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16], "little")])
