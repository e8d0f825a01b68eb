"""Losses of a transform against a face classifier."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

MARGIN = 4
"""By which the angle to one's own direction is multiplied in SphereFace."""


def easing(first: float, last: float, fall: float, k: int) -> float:
    """Return how much of the plain softmax is left in round `k`, as SphereFace lets it fall."""
    return max(last, first / (1 + fall * k))


def angular_logits(features: Tensor, cosines: Tensor, people: Tensor, eased: float) -> Tensor:
    """Return logits in which people are farther from their own direction than they are.

    In place of the cosine of the angle to the own direction stands (Liu et al. 2017)

        psi = (-1)^j cos(4 angle) - 2 j, with j = floor(4 angle / pi),

    which falls from 1 at 0 to -7 at 180 degrees, mixed with `eased` parts of the cosine.

    Parameters
    ----------
    features : Tensor of shape (N, D)
        Of faces; their lengths scale the logits.
    cosines : Tensor of shape (N, people)
        To everybody's direction.
    people : Tensor of shape (N,), int64
        Who is seen.
    eased : float
        Parts of the cosine to one of psi.
    """
    own = cosines.gather(1, people[:, None])
    squared = own.square()
    quadrupled = 8 * squared * squared - 8 * squared + 1  # cos(4 angle)
    # What multiple of 45 degrees the angle has passed is a step: no gradient goes through it.
    step = (MARGIN * own.detach().clamp(-1, 1).arccos() / math.pi).floor()
    psi = (1 - 2 * (step % 2)) * quadrupled - 2 * step
    mixed = (eased * own + psi) / (1 + eased)
    lengths: Tensor = features.norm(dim=1, keepdim=True)
    return cosines.scatter(1, people[:, None], mixed) * lengths


def each(logits: Tensor, classes: Tensor) -> Tensor:
    """Return the cross-entropy of every face (N,)."""
    return functional.cross_entropy(logits, classes, reduction="none")


def fooling(losses: Tensor, people: int, bounded: bool) -> Tensor:
    """Return what a transform lowers to raise a classifier's losses (N,): minus their mean.

    With `bounded`, a face counts at most the loss of somebody who guesses.
    """
    if bounded:
        losses = losses.clamp(max=math.log(people))
    return -losses.mean()


def apart(modified: Tensor, faces: Tensor) -> Tensor:
    """Return the mean absolute difference of pictures, -1..1."""
    return torch.mean((modified - faces).abs())
