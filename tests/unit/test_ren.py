"""The networks of Ren et al. (2018): golden features, names of parameters, what a layer does."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from anonbench.models.ren_modifier import Modifier, ResidualBlock
from anonbench.models.sphereface import AngularWeights, SphereFace20

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"


def test_official_features_are_reproduced(formula: ModuleType) -> None:
    expected = np.load(GOLDEN / "sphere20a.npz")["features"]
    network = formula.fill(SphereFace20(), 0.5)
    with torch.inference_mode():
        found = network(formula.check_input("sphere20a", (2, 3, 112, 96), 0, -1, 1)).numpy()
    assert found.shape == expected.shape == (2, 512)
    assert np.abs(found - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("name", "make", "keys", "parameters"),
    [("sphere20a", SphereFace20, 63, 28_084_544), ("ren_modifier", Modifier, 48, 11_378_179)],
)
def test_parameters_are_named_as_in_official_checkpoints(
    name: str, make: type[torch.nn.Module], keys: int, parameters: int, formula: ModuleType
) -> None:
    listed = (GOLDEN / "keys" / f"{name}.txt").read_text().splitlines()
    with torch.device("meta"):
        network = make()
    own = [f"{k} {tuple(v.shape)}" for k, v in network.state_dict().items()]
    assert own == [line.strip() for line in listed]
    assert len(own) == keys
    assert sum(p.numel() for p in network.parameters()) == parameters


def test_sphereface_features_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(1)
    network = SphereFace20(subjects=3).eval()
    faces = torch.rand(2, 3, 112, 96) * 2 - 1
    with torch.inference_mode():
        together, alone = network(faces), network(faces[1:])
    assert torch.allclose(together[1], alone[0], atol=1e-5)
    assert not torch.allclose(together[0], together[1])


def test_cosines_by_hand() -> None:
    layer = AngularWeights(2, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[2.0, 0.0, -3.0], [0.0, 5.0, 0.0]]))
        cosines = layer(torch.tensor([[3.0, 4.0]]))
    assert torch.allclose(cosines, torch.tensor([[0.6, 0.8, -0.6]]))


def test_modified_faces_are_faces_in_size_and_range() -> None:
    torch.manual_seed(1)
    network = Modifier(channels=4).eval()
    faces = torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.inference_mode():
        together, alone = network(faces), network(faces[1:])
    assert together.shape == faces.shape
    assert together.abs().max() < 1
    assert torch.allclose(together[1], alone[0], atol=1e-5)


def test_a_block_without_weights_changes_nothing() -> None:
    block = ResidualBlock(2)
    for parameter in block.parameters():
        torch.nn.init.zeros_(parameter)
    given = torch.rand(1, 2, 5, 5)
    assert torch.equal(block(given), given)
