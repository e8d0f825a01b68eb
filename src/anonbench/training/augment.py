"""Random changes to a batch of training crops."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from anonbench.training.settings import Augmentation

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
"""ImageNet's, by which DAN's input is normalised."""


def normalised(batch: Tensor) -> Tensor:
    """Return images (N, 3, height, width), 0..1, with ImageNet's mean and deviation taken out."""
    shape = (1, 3, 1, 1)
    mean = torch.tensor(MEAN, device=batch.device).view(shape)
    return (batch - mean) / torch.tensor(DEVIATION, device=batch.device).view(shape)


def centred(crops: Tensor, size: int) -> Tensor:
    """Return the middle of stored crops (N, width, width, 3) uint8 as (N, 3, size, size), 0..1."""
    begin = (crops.shape[1] - size) // 2
    middle = crops[:, begin : begin + size, begin : begin + size]
    return middle.permute(0, 3, 1, 2).float() / 255


def augmented(
    crops: Tensor, size: int, settings: Augmentation, draw: np.random.Generator
) -> Tensor:
    """Return crops turned, scaled, shifted, mirrored and recoloured at random.

    Parameters
    ----------
    crops : Tensor of shape (N, width, width, 3), uint8
        Stored crops, at least as wide as `size`; what lies beyond `size` is seen only by those that
        are turned or shifted.
    size : int
        Width of the result.
    settings : Augmentation
        What is done, and how strongly.
    draw : numpy.random.Generator
        Where all randomness comes from; the order of steps is fixed.

    Returns
    -------
    Tensor of shape (N, 3, size, size), float32, 0..1
    """
    images = crops.permute(0, 3, 1, 2).float() / 255
    n, width = len(images), images.shape[-1]
    theta = _transforms(n, settings, draw) * (size / width)
    grid = functional.affine_grid(theta.to(images.device), [n, 3, size, size], align_corners=False)
    images = functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=False
    )
    return _recoloured(images, settings.colour, draw).clamp(0, 1)


def _transforms(n: int, settings: Augmentation, draw: np.random.Generator) -> Tensor:
    """Return affine matrices (N, 2, 3) in units of half the result's width."""
    chosen = draw.random(n) < settings.geometry
    angle = np.radians(draw.uniform(-settings.rotation, settings.rotation, n)) * chosen
    scale = 1 + draw.uniform(-settings.scale, settings.scale, n) * chosen
    shift = draw.uniform(-2 * settings.shift, 2 * settings.shift, (n, 2)) * chosen[:, None]
    mirror = np.where(draw.random(n) < settings.flip, -1.0, 1.0)
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    rows = [
        np.stack([cosine * mirror, -sine, shift[:, 0]], axis=1),
        np.stack([sine * mirror, cosine, shift[:, 1]], axis=1),
    ]
    return torch.from_numpy(np.stack(rows, axis=1)).float()


def _recoloured(images: Tensor, amount: float, draw: np.random.Generator) -> Tensor:
    """Change brightness, contrast and saturation."""
    factors = draw.uniform(1 - amount, 1 + amount, (3, len(images), 1, 1, 1))
    bright, contrast, saturation = torch.from_numpy(factors).float().to(images.device)
    images = images * bright
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = mean + (images - mean) * contrast
    grey = images.mean(dim=1, keepdim=True)
    recoloured: Tensor = grey + (images - grey) * saturation
    return recoloured


def erased(images: Tensor, settings: Augmentation, draw: np.random.Generator) -> Tensor:
    """Set a random rectangle of some normalised images to the mean colour (Zhong et al. 2020).

    Its share of the image is uniform within `Augmentation.erased`, its ratio of sides log-uniform
    in 0.3..3.3, as torchvision's `RandomErasing`.
    """
    n, _, height, width = images.shape
    for k in np.flatnonzero(draw.random(n) < settings.erasing):
        area = draw.uniform(*settings.erased) * height * width
        ratio = math.exp(draw.uniform(math.log(0.3), math.log(3.3)))
        h = min(round(math.sqrt(area * ratio)), height)
        w = min(round(math.sqrt(area / ratio)), width)
        top, left = draw.integers(0, height - h + 1), draw.integers(0, width - w + 1)
        images[k, :, top : top + h, left : left + w] = 0
    return images
