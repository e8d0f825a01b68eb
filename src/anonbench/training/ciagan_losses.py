"""Losses of CIAGAN: the published ones, and those of recipes that go beyond."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def adversarial(scores: Tensor, real: bool) -> Tensor:
    """Return the least-squares loss of scores (Mao et al. 2017): 1 is real, 0 is drawn."""
    return (scores - float(real)).square().mean()


def told_apart(fake: Tensor, real: Tensor) -> Tensor:
    """Return what a critic lowers to tell drawn pictures from real ones, by its scores of both."""
    return adversarial(fake, False) + adversarial(real, True)


def contrastive(first: Tensor, second: Tensor, same: Tensor, margin: float) -> Tensor:
    """Return the contrastive loss of pairs of embeddings (Hadsell et al. 2006).

    Half the squared distance for the same subject, half the squared shortfall from the margin
    otherwise, on average over the pairs.

    Parameters
    ----------
    first, second : Tensor of shape (N, D)
        Embeddings.
    same : Tensor of shape (N,), 0 or 1
        Whether the two are of one subject.
    margin : float
        Distance that suffices between subjects.
    """
    squared = (first - second).square().sum(dim=1)
    short = functional.relu(margin - (squared + 1e-9).sqrt()).square()
    return 0.5 * (same * squared + (1 - same) * short).mean()


def difference(drawn: Tensor, true: Tensor, where: Tensor) -> Tensor:
    """Return the mean absolute difference of pictures (N, 3, h, w) where a mask (N, 1, h, w) is 1.

    0 where the mask is empty.
    """
    return ((drawn - true).abs() * where).sum() / (where.sum() * drawn.shape[1]).clamp_min(1)


def pyramid_difference(drawn: Tensor, true: Tensor, where: Tensor, levels: int) -> Tensor:
    """Return the `difference` level by level of a Laplacian pyramid, summed over the levels.

    A face is mostly smooth: its edges weigh little in a difference of pixels, but as much as its
    shades where each level has its own mean (Bojanowski et al. 2018, Lap1). One level is the
    difference of pixels.

    Parameters
    ----------
    drawn, true : Tensor of shape (N, 3, h, w)
        Pictures; h and w can be halved ``levels - 1`` times.
    where : Tensor of shape (N, 1, h, w)
        How much each place counts; 0: not at all.
    levels : int
        At least 1.
    """
    left, area = (drawn - true) * where, where.sum() * drawn.shape[1]
    total = left.new_zeros(())
    for _ in range(levels - 1):
        coarse = functional.avg_pool2d(left, 2)
        fine = left - functional.interpolate(coarse, scale_factor=2, mode="bilinear")
        total = total + fine.abs().sum() / area.clamp_min(1)
        left, area = coarse, area / 4
    return total + left.abs().sum() / area.clamp_min(1)


def matching(drawn: Sequence[Tensor], true: Sequence[Tensor], same: Tensor) -> Tensor:
    """Return the mean absolute difference of the critic's features, over pairs of one subject.

    Parameters
    ----------
    drawn, true : sequence of Tensor of shape (N, ...)
        What each block of the critic made of the drawn and of the true pictures.
    same : Tensor of shape (N,), 0 or 1
        Which pairs are of one subject, so that the true picture is known.
    """
    each = [(a - b.detach()).abs().flatten(1).mean(dim=1) for a, b in zip(drawn, true, strict=True)]
    return (torch.stack(each).mean(dim=0) * same).sum() / same.sum().clamp_min(1)


def squared_gradient(scores: Tensor, pictures: Tensor) -> Tensor:
    """Return the squared gradient of the critic at true pictures (R1 of Mescheder et al. 2018)."""
    (gradient,) = torch.autograd.grad(scores.sum(), pictures, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()
