"""First weights for CIAGAN's codes: under PyTorch's, as published, codes hardly differ."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from anonbench.models.ciagan import Generator


def make_codes_differ(drawer: Generator, looks: NDArray[np.float32] | None = None) -> None:
    """Give the layers of codes weights that keep variances, and a code one of 1 in the first.

    Parameters
    ----------
    drawer : Generator
        Its `encode_one_hot` is changed.
    looks : ndarray of shape (codes, components), optional
        Uncorrelated, of variance 1: mixed at random, they are what a code is in the first layer, so
        that like looks have like codes. Without them, and for codes beyond, it is luck.
    """
    first, *others = (m for m in drawer.encode_one_hot if isinstance(m, nn.Linear))
    nn.init.normal_(first.weight)
    for layer in others:
        nn.init.kaiming_normal_(layer.weight, a=0.2)
    for layer in (first, *others):
        nn.init.zeros_(layer.bias)
    if looks is not None:
        codes, components = looks.shape
        mixed = torch.randn(len(first.weight), components) / components**0.5
        with torch.no_grad():
            first.weight[:, :codes] = mixed @ torch.from_numpy(looks).T
