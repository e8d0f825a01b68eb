"""DeepPrivacy: golden outputs of the official networks, and all kinds of their checkpoints."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from anonbench.models.deepprivacy import (
    SIDES,
    DeepPrivacyV1,
    MSGGenerator,
    keypoint_maps,
    official_weights,
)

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
V1, MSG = "deepprivacy_v1", "deepprivacy_fdf128_rcnn512"
NETWORKS = {V1: (DeepPrivacyV1, 46_924_931), MSG: (MSGGenerator, 47_387_586)}


def listed(name: str) -> dict[str, tuple[int, ...]]:
    """Return the entries of an official checkpoint with their shapes."""
    lines = (GOLDEN / "keys" / f"{name}.txt").read_text().splitlines()
    found = {}
    for line in lines:
        key, shape = line.split(" ", 1)
        found[key] = tuple(int(n) for n in re.findall(r"\d+", shape))
    return found


def inputs(formula: ModuleType, name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    mask = torch.ones(2, 1, 128, 128)
    mask[0, :, 40:100, 30:90] = mask[1, :, 20:110, 25:100] = 0
    condition = formula.check_input(f"{name}.condition", (2, 3, 128, 128), 0, -1, 1) * mask
    keypoints = formula.check_input(f"{name}.keypoints", (2, 14), 0, 0.05, 0.95)
    keypoints[0, 13] = 1.0
    return condition, mask, keypoints, formula.check_input(f"{name}.z", (2, 32, 4, 4), 0, -1.5, 1.5)


@pytest.mark.parametrize("name", NETWORKS)
def test_official_names_and_outputs(name: str, formula: ModuleType) -> None:
    network, parameters = NETWORKS[name]
    made: nn.Module = formula.fill(network(), None)
    assert sum(p.numel() for p in made.parameters()) == parameters
    assert {k: tuple(v.shape) for k, v in made.state_dict().items()} == listed(name)
    with torch.inference_mode():
        found = made(*inputs(formula, name)).numpy()
    expected = np.load(GOLDEN / f"{name}.npz")["out"]
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


def test_smaller_networks_are_alike() -> None:
    mask = torch.ones(1, 1, 128, 128)
    mask[..., 40:90, 40:90] = 0
    rest = (mask, torch.full((1, 14), 0.5), torch.zeros(1, 32, 4, 4))
    picture = torch.rand(1, 3, 128, 128, generator=torch.manual_seed(1))
    small: dict[str, nn.Module] = {V1: DeepPrivacyV1(8), MSG: MSGGenerator(8)}
    for name, made in small.items():
        shapes = {k: len(v.shape) for k, v in made.state_dict().items()}
        if GOLDEN.is_dir():
            assert shapes == {k: len(v) for k, v in listed(name).items()}
        out = made(picture * mask, *rest)
        assert out.shape == picture.shape and torch.isfinite(out).all()
    kept = mask.expand_as(out) == 1
    assert torch.equal(out[kept], picture[kept]), "the recommended network keeps the surroundings"


def test_published_small_network_has_its_size() -> None:
    # fdf128_retinanet128, less what differs by its five instead of seven keypoints.
    assert sum(p.numel() for p in MSGGenerator(32).parameters()) == pytest.approx(3.17e6, rel=0.01)


def test_keypoints_are_pixels() -> None:
    points = torch.full((1, 14), 0.5)
    points[0, :8] = torch.tensor([0.0, 0.0, 0.26, 0.99, 1.0, 0.5, 0.5, -0.01])
    maps = keypoint_maps(points, 4)
    assert maps.shape == (1, 7, 4, 4)
    places = [(y, x) for y, x in (m.nonzero().tolist()[0] for m in maps[0, [0, 1, 4]])]
    assert places == [(0, 0), (3, 1), (2, 2)], "row is y, column is x"
    assert maps[0, 2:4].sum() == 0, "outside of [0, 1) there is none"
    assert maps.sum() == 5


# Checkpoints


def test_first_generation_becomes_the_papers_network() -> None:
    if not GOLDEN.is_dir():
        pytest.skip("the names of official checkpoints are not here (../shared/golden)")
    old = {k: torch.rand(s) for k, s in listed("deepprivacy_v1_branch_checkpoint").items()}
    state = {"transition_step": 5, "transition_value": 1.0, "parameters": old}
    found = official_weights({"running_average_generator": state, "G": {}, "global_step": 1})
    made = DeepPrivacyV1()
    made.load_state_dict(found)
    own = made.state_dict()
    # By the names that stand beside each other in the description of the two generations.
    assert torch.equal(own["to_rgb.weight"], old["to_rgb_new.conv.weight"])
    assert torch.equal(own["encoder.from_rgb.conv.0.bias"], old["from_rgb_new.0.bias"].flatten())
    for new, former in (
        ("encoder.basic_block5.layers.3", "new_down.0.model.1.0"),
        ("encoder.basic_block4.layers.0", "core_blocks_down.0.0.model.0.0"),
        ("encoder.basic_block1.layers.3", "core_blocks_down.3.1.model.1.0"),
        ("encoder.basic_block0.layers.3", "core_blocks_down.4.1.1.0"),
        ("decoder.conv1x1.conv.0", "core_blocks_up.0.0.0.0"),
        ("decoder.basic_block0.layers.0", "core_blocks_up.0.0.1.model.0.0"),
        ("decoder.skip_connection3.conv.layers.0", "core_blocks_up.3.0.0"),
        ("decoder.basic_block4.layers.3", "core_blocks_up.4.1.model.1.0"),
        ("decoder.skip_connection5.conv.layers.0", "new_up.0.0"),
        ("decoder.basic_block5.layers.0", "new_up.1.model.0.0"),
    ):
        assert torch.equal(own[f"{new}.weight"], old[f"{former}.conv.weight"]), new
        assert torch.equal(own[f"{new}.bias"], old[f"{former}.bias"].flatten()), new
    assert len(found) == 64


def test_a_checkpoint_between_two_sizes_is_refused() -> None:
    with pytest.raises(ValueError, match=r"transition_value is 0\.5"):
        official_weights({"transition_value": 0.5, "parameters": {}})


def test_older_names_of_the_recommended_network() -> None:
    new = MSGGenerator(8).state_dict()
    old = {}
    for key, value in new.items():
        former = key.replace("from_rgb.0", "encoder.from_rgb.conv.0")
        for k, side in enumerate(SIDES):
            former = re.sub(rf"(basic_block|skip_connection){side}\.", rf"\g<1>old{k}.", former)
        old[former.replace("old", "")] = value
    old["decoder.to_rgb.weight"] = torch.zeros(3, 8, 1, 1)
    for given in (old, {"running_average_generator": {"parameters": old}}, new):
        found = official_weights(given)
        assert found.keys() == new.keys()
        assert all(torch.equal(found[k], new[k]) for k in new)


def test_names_of_today_stay_as_they_are() -> None:
    state = DeepPrivacyV1(8).state_dict()
    assert official_weights({"running_average_generator": state}).keys() == state.keys()
