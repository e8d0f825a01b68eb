"""The networks of an adversarial training: the transform, who tells people apart, and the task."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from anonbench.expressions import EXPRESSIONS
from anonbench.models.narula import SharedConvolutions
from anonbench.models.plain_classifier import PlainClassifier
from anonbench.models.ren_modifier import Modifier
from anonbench.models.sphereface import SphereFace20
from anonbench.training.adversarial_losses import angular_logits, each, easing
from anonbench.training.adversarial_settings import AdversarialTraining


def transform(settings: AdversarialTraining) -> nn.Module:
    """Return the transform of a recipe with its first weights."""
    if settings.transform == "modifier":
        return Modifier(settings.channels, settings.blocks)
    return SharedConvolutions(settings.layers, settings.kernel, settings.channels)


class Classifier(Protocol):
    """Says whom pictures show."""

    network: nn.Module

    def losses(self, pictures: Tensor, people: Tensor, k: int) -> Tensor:
        """Return the loss of every picture (N, 3, h, w), -1..1, in round `k`: (N,)."""
        ...

    def found(self, pictures: Tensor) -> Tensor:
        """Return who is seen in pictures: (N,), int64."""
        ...


def classifier(network: nn.Module, settings: AdversarialTraining) -> Classifier:
    """Return what asks a network of `classifier_network` whom a picture shows."""
    kind = Spherical if settings.classifier == "sphereface" else Plain
    return kind(network, settings)


def classifier_network(settings: AdversarialTraining, people: int) -> nn.Module:
    """Return the network that tells people apart, with its first weights."""
    if settings.classifier == "plain":
        return PlainClassifier(people, settings.classifier_channels)
    network = SphereFace20(people, settings.classifier_channels, *settings.classifier_size)
    for name, parameter in network.named_parameters():
        if not name.startswith("conv"):
            continue
        if name.endswith(".bias"):
            nn.init.zeros_(parameter)
        elif name.endswith("_1.weight"):
            nn.init.xavier_normal_(parameter)
        else:
            # Pairs whose result is added to their input begin with next to nothing: there is no
            # normalisation that would keep twenty layers within bounds.
            nn.init.normal_(parameter, std=0.01)
    return network


def task_network(settings: AdversarialTraining) -> PlainClassifier:
    """Return the network that tells expressions, with its first weights."""
    return PlainClassifier(len(EXPRESSIONS), settings.task_channels)


def middle(pictures: Tensor, settings: AdversarialTraining) -> Tensor:
    """Return the part of pictures (N, 3, size, size) that classifiers see, in the size they do."""
    height, width = settings.classifier_size
    size = pictures.shape[-1]
    rows = round(settings.seen * size)
    columns = min(round(rows * width / height), size)
    top, left = (size - rows) // 2, (size - columns) // 2
    cut = pictures[:, :, top : top + rows, left : left + columns]
    return functional.interpolate(cut, (height, width), mode="bilinear", antialias=True)


class Spherical:
    """SphereFace-20 with its angular loss.

    Parameters
    ----------
    network : SphereFace20
        What is asked.
    settings : AdversarialTraining
        The recipe.
    """

    def __init__(self, network: nn.Module, settings: AdversarialTraining) -> None:
        self.network, self._settings = network, settings

    def losses(self, pictures: Tensor, people: Tensor, k: int) -> Tensor:
        """Return the loss of every picture: (N,)."""
        features, cosines = self._seen(pictures)
        eased = easing(*self._settings.easing, self._settings.easing_fall, k)
        return each(angular_logits(features, cosines, people, eased), people)

    def found(self, pictures: Tensor) -> Tensor:
        """Return who is seen: (N,)."""
        return self._seen(pictures)[1].argmax(dim=1)

    def _seen(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        # Blue, green and red, of which 1 is 128 of 255, as published.
        given = middle(pictures, self._settings).flip(1) * (127.5 / 128)
        features = self.network(given).float()
        with torch.autocast(pictures.device.type, enabled=False):
            return features, self.network.get_submodule("fc6")(features)


class Plain:
    """A small network with cross-entropy.

    Parameters
    ----------
    network : PlainClassifier
        What is asked.
    settings : AdversarialTraining
        The recipe.
    """

    def __init__(self, network: nn.Module, settings: AdversarialTraining) -> None:
        self.network, self._settings = network, settings

    def losses(self, pictures: Tensor, people: Tensor, k: int) -> Tensor:
        """Return the loss of every picture: (N,)."""
        return each(self._logits(pictures), people)

    def found(self, pictures: Tensor) -> Tensor:
        """Return who is seen: (N,)."""
        return self._logits(pictures).argmax(dim=1)

    def _logits(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.network(middle(pictures, self._settings)).float()
        return logits
