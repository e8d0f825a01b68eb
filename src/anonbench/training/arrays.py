"""Arrays as a file: safetensors that may say of itself what it holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from anonbench.io import atomic


def write_arrays(
    arrays: Mapping[str, NDArray[np.generic]],
    path: Path | str,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write arrays as they are; the same ones give the same bytes.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        By name.
    path : path
        ``.safetensors`` to write.
    metadata : mapping of str to str, optional
        What the file says of itself, as `anonbench.weight_formats.about` reads it: one entry
        ``anonbench`` of its metadata, as JSON, since several would be written in an order of their
        own each time.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name}: not finite")
    stored = {name: np.asarray(values, order="C") for name, values in arrays.items()}
    about = None
    if metadata is not None:
        about = {"anonbench": json.dumps(dict(metadata), sort_keys=True)}
    with atomic(path) as partial:
        save_file(stored, partial, about)
        # The library makes it readable to its owner alone.
        partial.chmod(0o644)
