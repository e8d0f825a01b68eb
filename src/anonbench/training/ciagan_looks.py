"""What subjects look like to CIAGAN's training: their faces as small pictures, on average."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from anonbench.training.ciagan_batches import Pairs

SIZE = 32
"""Width and height in pixels to which faces are brought."""
COMPONENTS = 64
"""Most numbers by which a subject's look is told."""
AT_ONCE = 64
"""Pictures held at a time."""


def cut_faces(pictures: Tensor, hole: Tensor, size: int = SIZE) -> Tensor:
    """Return the rectangles around holes, brought to one size.

    Parameters
    ----------
    pictures : Tensor of shape (N, C, h, w)
        Pictures; gradients pass.
    hole : Tensor of shape (N, 1, h, w), 0 or 1
        Where the faces are. Where there is none, the whole picture is taken.
    size : int
        Width and height of what is returned.

    Returns
    -------
    Tensor of shape (N, C, size, size)
        Faces, of linearly interpolated pixels.
    """
    x = _edges(hole.amax(dim=2)[:, 0])
    y = _edges(hole.amax(dim=3)[:, 0])
    low, top = torch.stack([x[0], y[0]], 1), torch.stack([x[1], y[1]], 1)
    affine = torch.cat([torch.diag_embed((top - low) / 2), ((top + low) / 2)[:, :, None]], dim=2)
    # Twice as fine first: holes are up to 100 pixels wide, and samples are not to skip any.
    grid = functional.affine_grid(affine, [len(hole), 1, 2 * size, 2 * size], align_corners=False)
    return functional.avg_pool2d(functional.grid_sample(pictures, grid, align_corners=False), 2)


def _edges(there: Tensor) -> tuple[Tensor, Tensor]:
    """Return where what is 1 in (N, width) begins and ends, as -1..1."""
    width = there.shape[1]
    place = torch.arange(width, device=there.device)
    first = torch.where(there > 0, place, width).amin(dim=1)
    last = torch.where(there > 0, place, -1).amax(dim=1) + 1
    empty = last == 0
    first, last = torch.where(empty, 0, first), torch.where(empty, width, last)
    return 2 * first / width - 1, 2 * last / width - 1


def mean_faces(pairs: Pairs) -> Tensor:
    """Return the mean face of each subject with a code, by code: (codes, 3, 32, 32), 0..1."""
    total, pictures = torch.zeros(pairs.codes, 3, SIZE, SIZE), torch.zeros(pairs.codes)
    for start in range(0, len(pairs.coded), AT_ONCE):
        batch = pairs.shown(pairs.coded[start : start + AT_ONCE])
        total.index_add_(0, batch.code, cut_faces(batch.picture, batch.hole))
        pictures += torch.bincount(batch.code, minlength=pairs.codes)
    return total / pictures[:, None, None, None]


def components(means: Tensor) -> NDArray[np.float32]:
    """Return what tells mean faces apart: principal components (Turk and Pentland 1991).

    Parameters
    ----------
    means : Tensor of shape (codes, 3, 32, 32)
        As `mean_faces` returns them.

    Returns
    -------
    ndarray of shape (codes, K)
        At most `COMPONENTS`, uncorrelated, of mean 0 and variance 1.
    """
    flat = means.flatten(1).numpy().astype(np.float64)
    left, sizes, _ = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    kept = min(COMPONENTS, int((sizes > sizes[0] * 1e-6).sum()))
    return np.asarray(left[:, :kept] * len(flat) ** 0.5, np.float32)
