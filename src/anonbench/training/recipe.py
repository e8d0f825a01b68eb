"""What a training run is made of: who is held out, who is drawn, how fast it learns."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from anonbench.seeds import generator
from anonbench.training.settings import Training

Indices = NDArray[np.int64]


def held_out(subjects: Sequence[str], share: float, seed: int) -> NDArray[np.bool_]:
    """Return which samples are for validation: all of a subject, or none.

    Parameters
    ----------
    subjects : sequence of str, N
        Subject of each sample.
    share : float
        Probability that a subject is held out, 0..1.
    seed : int
        Of the experiment.

    Returns
    -------
    ndarray of shape (N,), bool
    """
    chosen = {s: generator(seed, "held out", s).random() < share for s in set(subjects)}
    return np.array([chosen[s] for s in subjects], bool)


def order(labels: Indices, settings: Training, seed: int, epoch: int) -> Indices:
    """Return the samples of an epoch in the order in which they are shown.

    Parameters
    ----------
    labels : ndarray of shape (N,), int64
        Class of each training sample.

    Returns
    -------
    ndarray of shape (M,), int64
        M is N, cut to whole batches. With `balance` ``sampler``, classes are equally likely and
        samples may come twice.
    """
    draw = generator(seed, "training order", settings.name, epoch)
    n = len(labels)
    if settings.balance == "sampler":
        share = 1.0 / np.bincount(labels)[labels]
        shown = draw.choice(n, n, p=share / share.sum())
    else:
        shown = draw.permutation(n)
    return shown[: max(n // settings.batch, 1) * settings.batch]


def class_weights(labels: Indices, classes: int, settings: Training) -> torch.Tensor | None:
    """Return the weight of each class in the cross-entropy, 1 on average over samples, or none."""
    if settings.balance != "weights":
        return None
    counts = np.bincount(labels, minlength=classes)
    weights = np.where(
        counts > 0, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 0
    )
    return torch.from_numpy(weights).float()


def rate_at(settings: Training, progress: float) -> float:
    """Return the learning rate after `progress` epochs, 0..epochs."""
    if settings.schedule == "step":
        return settings.rate * 0.1 ** (int(progress) // 10)
    if settings.schedule == "exponential":
        return settings.rate * 0.6 ** int(progress)
    rise = min(1.0, settings.epochs / 2)
    if progress < rise:
        return settings.rate * max(progress, 0.01) / rise
    done = (progress - rise) / max(settings.epochs - rise, 1e-9)
    return settings.rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def optimiser(parameters: Sequence[nn.Parameter], settings: Training) -> torch.optim.Optimizer:
    """Return the optimiser of the settings."""
    if settings.optimiser == "adam":
        return torch.optim.Adam(parameters, settings.rate, weight_decay=settings.decay)
    return torch.optim.SGD(parameters, settings.rate, momentum=0.9, weight_decay=settings.decay)
