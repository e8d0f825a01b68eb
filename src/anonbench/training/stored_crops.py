"""Faces cut out of a data set, in a file to map into memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from anonbench.io import atomic


@contextmanager
def stored_crops(
    path: Path | str, count: int, height: int, width: int
) -> Iterator[np.memmap[Any, np.dtype[np.uint8]]]:
    """Give an array of shape (count, height, width, 3), uint8, to fill; then it is a ``.npy``."""
    with atomic(path) as partial:
        stored: np.memmap[Any, np.dtype[np.uint8]] = open_memmap(  # type: ignore[no-untyped-call]
            partial, "w+", np.uint8, (count, height, width, 3)
        )
        yield stored
        stored.flush()
