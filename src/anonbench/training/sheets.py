"""Sample sheets: what a generator makes of a few pictures, to look at while it is trained."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anonbench.io import atomic, encode_png


def write_sheet(columns: Sequence[Tensor], path: Path | str) -> None:
    """Write pictures side by side.

    Parameters
    ----------
    columns : sequence of Tensor of shape (N, 3, h, w)
        RGB, 0..1: a row for every picture.
    path : path
        ``.png`` to write.
    """
    grid: Any = torch.cat([torch.cat(list(column), dim=1) for column in columns], dim=2)
    pixels = (grid.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with atomic(path) as partial:
        partial.write_bytes(encode_png(np.ascontiguousarray(pixels)))
