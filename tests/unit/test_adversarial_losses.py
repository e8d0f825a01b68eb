"""Losses of a transform against a face classifier: by hand, and where their gradients point."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from anonbench.models.sphereface import AngularWeights
from anonbench.training.adversarial_losses import angular_logits, apart, each, easing, fooling


def at(degrees: float) -> Tensor:
    return torch.tensor([[math.cos(math.radians(degrees)), 0.25]])


def psi(degrees: float) -> float:
    """Return what stands for the cosine to the own direction, without any of the cosine in it."""
    return float(angular_logits(torch.ones(1, 1), at(degrees), torch.tensor([0]), 0.0)[0, 0])


def test_easing_falls_as_in_spherefaces_recipe() -> None:
    assert easing(1500, 5, 0.1, 0) == 1500
    assert easing(1500, 5, 0.1, 10) == 750
    assert easing(1500, 5, 0.1, 100_000) == 5


@pytest.mark.parametrize(
    ("degrees", "expected"),
    # cos of 4 times the angle, with every 45 degrees turned over and 2 less.
    [(0, 1), (15, 0.5), (30, -0.5), (60, -1.5), (80, -2.76604),
     (100, -3.23396), (180, -7)],
)  # fmt: skip
def test_own_direction_by_hand(degrees: float, expected: float) -> None:
    assert psi(degrees) == pytest.approx(expected, abs=1e-4)


def test_own_direction_only_falls_and_does_so_without_a_jump() -> None:
    values = [psi(d) for d in range(181)]
    steps = [a - b for a, b in pairwise(values)]
    assert min(steps) > -1e-4 and max(steps) < 0.08


def test_others_keep_their_cosine_and_lengths_scale_all() -> None:
    cosines = torch.tensor([[0.5, -0.2, 0.9], [0.1, 0.3, 0.2]])
    features = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    logits = angular_logits(features, cosines, torch.tensor([2, 0]), 1e9)
    # With very much of the plain softmax left, it is the plain softmax.
    assert torch.allclose(logits, cosines * torch.tensor([[5.0], [2.0]]), atol=1e-5)
    strict = angular_logits(features, cosines, torch.tensor([2, 0]), 0.0)
    assert torch.allclose(strict[0, :2], logits[0, :2]) and torch.allclose(
        strict[1, 1:], logits[1, 1:]
    )
    assert strict[0, 2] < logits[0, 2] and strict[1, 0] < logits[1, 0]


def test_mixture_by_hand() -> None:
    found = angular_logits(torch.ones(1, 1), at(60), torch.tensor([0]), 3.0)[0, 0]
    assert float(found) == pytest.approx((3 * 0.5 - 1.5) / 4, abs=1e-5)


@pytest.mark.parametrize("eased", [0.0, 5.0, 1000.0])
def test_gradient_turns_features_towards_their_own_direction(eased: float) -> None:
    torch.manual_seed(0)
    layer = AngularWeights(8, 5)
    features = torch.randn(6, 8, requires_grad=True)
    people = torch.arange(6) % 5
    each(angular_logits(features, layer(features), people, eased), people).mean().backward()
    with torch.no_grad():
        moved = features - 0.05 * features.grad
        own = (torch.arange(6), people)
        assert (layer(moved)[own] > layer(features)[own]).all()


def test_gradient_by_differences() -> None:
    torch.manual_seed(1)
    features = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    weights = nn.functional.normalize(torch.randn(4, 3, dtype=torch.float64), dim=0)

    def loss(given: Tensor) -> Tensor:
        cosines = nn.functional.normalize(given, dim=1) @ weights
        people = torch.tensor([0, 2, 1])
        return each(angular_logits(given, cosines, people, 5.0), people).mean()

    assert torch.autograd.gradcheck(loss, (features,))


def test_fooling_is_the_classifiers_loss_turned_over() -> None:
    losses = torch.tensor([1.0, 2.0, 6.0], requires_grad=True)
    assert float(fooling(losses, 10, bounded=False)) == pytest.approx(-3)
    bounded = fooling(losses, 10, bounded=True)
    assert float(bounded) == pytest.approx(-(1 + 2 + math.log(10)) / 3)
    bounded.backward()
    # A face that is as unlikely as a guess pulls no more; the others pull their loss up.
    assert losses.grad.tolist() == pytest.approx([-1 / 3, -1 / 3, 0])


def test_apart_by_hand() -> None:
    faces = torch.zeros(1, 3, 2, 2)
    modified = faces.clone()
    modified[0, 0] = torch.tensor([[1.0, -1.0], [0.5, 0.0]])
    assert float(apart(modified, faces)) == pytest.approx(2.5 / 12)
    assert float(apart(faces, modified)) == pytest.approx(2.5 / 12)
