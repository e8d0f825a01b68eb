"""DSFD: its numbers by hand, since nobody may bring its weights along."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import made_keypoints
from anonbench import weights
from anonbench.detectors.dsfd import DsfdDetector, reduced
from anonbench.models import dsfd
from anonbench.models.dsfd import Dsfd, anchors, boxes_of, find_faces, max_in_out
from anonbench.weight_formats import read
from anonbench.weights import WeightsError

RATIO = math.sqrt(1.5)


def test_parameters_are_as_many_as_in_the_official_checkpoint() -> None:
    with torch.device("meta"):
        made = Dsfd()
    state = made.state_dict()
    assert len(state) == 1126
    assert sum(p.numel() for p in made.parameters()) == 120_058_406
    assert state["layer1.0.weight"].shape == (64, 3, 7, 7)
    assert state["layer3.0.35.conv3.weight"].shape == (1024, 256, 1, 1)
    assert state["cpm7.cpm1.weight"].shape == (256, 2048, 3, 3)
    assert [len(made.loc[k].conv4.bias) for k in range(6)] == [4, 8, 12, 12, 12, 12]
    assert [len(made.conf[k].conv4.bias) for k in range(6)] == [4, 6, 8, 8, 8, 8]


def test_largest_of_three_answers_counts() -> None:
    answers = torch.tensor([1.0, 5.0, 2.0, 3.0]).view(1, 4, 1, 1)
    assert max_in_out(answers, finest=True).flatten().tolist() == [5, 3]
    assert max_in_out(answers, finest=False).flatten().tolist() == [3, 5]


def test_boxes_stand_in_the_middle_of_their_cells() -> None:
    sizes = [(2, 3), (1, 2), (1, 1), (1, 1), (1, 1), (1, 1)]
    found = anchors(sizes, height=80, width=100)
    assert found.shape == (12, 4)
    # Row by row, cells of 4 pixels with boxes of 16 / 1.22 x 16 * 1.22 pixels.
    expected = [(x / 100, y / 80, 16 / RATIO / 100, 16 * RATIO / 80)
                for y in (2, 6) for x in (2, 6, 10)]  # fmt: skip
    torch.testing.assert_close(found[:6], torch.tensor(expected))
    torch.testing.assert_close(found[6], torch.tensor([0.04, 0.05, 0.32 / RATIO, 0.4 * RATIO]))
    # What is larger than the picture is cut to it.
    assert found[10].tolist() == pytest.approx([0.32, 0.4, 1, 1])
    assert found[11].tolist() == pytest.approx([0.64, 0.8, 1, 1])


def test_answers_move_boxes() -> None:
    box = torch.tensor([[0.5, 0.4, 0.2, 0.1]])
    still = boxes_of(torch.zeros(1, 4), box)
    torch.testing.assert_close(still, torch.tensor([[0.4, 0.35, 0.6, 0.45]]))
    # By half a box to the right, a whole one up; twice as wide, half as high.
    answer = torch.tensor([[5.0, -10.0, math.log(2) / 0.2, -math.log(2) / 0.2]])
    torch.testing.assert_close(boxes_of(answer, box), torch.tensor([[0.4, 0.275, 0.8, 0.325]]))


def test_coarse_maps_are_multiplied_in_at_the_size_of_finer_ones() -> None:
    coarse = torch.tensor([[0.0, 3.0]]).view(1, 1, 1, 2)
    found = dsfd._times(coarse, torch.full((1, 1, 1, 4), 2.0))
    torch.testing.assert_close(found.flatten(), torch.tensor([0.0, 2.0, 4.0, 6.0]))


def test_enhancement_sees_three_widths() -> None:
    module = dsfd.Enhance(1)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(0.0 if parameter.dim() == 1 else 1.0)
        spot = torch.zeros(1, 1, 15, 15)
        spot[0, 0, 7, 7] = 1
        seen = module(spot)[0] > 0
    assert seen.shape == (512, 15, 15)
    # Reach in a row: 1; 2 and 1; 2, 2 and 1.
    rows = [[6, 7, 8], [4, 5, 6, 7, 8, 9, 10], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]]
    for first, columns in zip((0, 256, 384), rows, strict=True):
        assert np.flatnonzero(seen[first, 7]).tolist() == columns


class Told(torch.nn.Module):
    """A network with one map that answers what it is told, and keeps what it was shown."""

    def __init__(self, logits: list[tuple[float, float]]) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.logits = torch.tensor(logits)[None]
        self.shown: list[torch.Tensor] = []

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, list[tuple[int, int]]]:
        self.shown.append(x)
        sizes = [(1, self.logits.shape[1]), *[(0, 0)] * 5]
        return torch.zeros(1, self.logits.shape[1], 4), self.logits, sizes


def test_faces_are_in_pixels_the_most_certain_of_overlapping_ones_and_sure() -> None:
    # Cells of 4 pixels and boxes 13.06 wide: neighbours overlap by 9.06 / 17.06 = 0.53, those two
    # apart by 5.06 / 21.06 = 0.24.
    logits = [(0.0, 1.0), (0.0, 2.0), (0.0, 0.5), (0.0, 1.5), (0.0, -1.0)]
    network = Told(logits)
    pixels = np.zeros((80, 100, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 200, 104
    found = find_faces(network, pixels, confidence=0.5, overlap=0.3)  # type: ignore[arg-type]
    chances = [1 / (1 + math.exp(-v)) for v in (2.0, 1.5)]
    np.testing.assert_allclose(found[:, 4], chances, rtol=1e-6)
    half, high = 8 / RATIO, 8 * RATIO
    expected = [[x - half, 2 - high, x + half, 2 + high] for x in (6, 14)]
    np.testing.assert_allclose(found[:, :4], expected, atol=1e-4)
    assert len(find_faces(network, pixels, 0.5, 0.6)) == 4  # type: ignore[arg-type]
    assert len(find_faces(network, pixels, 0.2, 0.6)) == 5  # type: ignore[arg-type]
    assert find_faces(network, pixels, 0.95, 0.3).shape == (0, 5)  # type: ignore[arg-type]
    # Blue, green, red, less the mean.
    assert network.shown[0].shape == (1, 3, 80, 100)
    assert network.shown[0][0, :, 0, 0].tolist() == [0, -117, 77]


def test_large_photos_are_reduced_and_boxes_brought_back(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Told([(0.0, 1.0)])
    monkeypatch.setattr(dsfd, "load", lambda *given: network)
    monkeypatch.setattr(weights, "arrays", lambda name: {})
    pixels = np.zeros((160, 200, 3), np.uint8)
    (face,) = DsfdDetector(longest=100).detect(pixels)
    assert network.shown[0].shape == (1, 3, 80, 100)
    half, high = 16 / RATIO, 16 * RATIO
    np.testing.assert_allclose(face.box, (4 - half, 4 - high, 4 + half, 4 + high), rtol=1e-5)
    assert face.score == pytest.approx(1 / (1 + math.exp(-1))) and face.points.shape == (0, 2)
    assert reduced(pixels, 200) is pixels and reduced(pixels[:1], 100).shape == (1, 100, 3)


@pytest.fixture(scope="module")
def blind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_keypoints.write_no_face(tmp_path_factory.mktemp("dsfd"))


def test_a_file_is_loaded_strictly(blind: Path) -> None:
    given = read(blind)
    made = dsfd.load(given, "some.pth")
    assert not made.training
    assert made.conf[0].conv4.bias.tolist() == [20, 20, 20, -20]
    with torch.inference_mode():
        offsets, logits, sizes = made(torch.zeros(1, 3, 70, 130))
    # Halved and rounded up, from 70 x 130, twice and then once more for each map.
    assert sizes == [(18, 33), (9, 17), (5, 9), (3, 5), (2, 3), (1, 2)]
    count = sum(rows * columns for rows, columns in sizes)
    assert offsets.shape == (1, count, 4) and logits.shape == (1, count, 2)
    assert (logits[0] == torch.tensor([20.0, -20.0])).all()
    assert len(anchors(sizes, 70, 130)) == count
    lacking = {name: values for name, values in given.items() if name != "smooth2.bias"}
    with pytest.raises(WeightsError, match=r"some\.pth: no weights of DSFD.*smooth2\.bias"):
        dsfd.load(lacking, "some.pth")
    broken = {**given, "smooth2.bias": np.full(512, np.inf, np.float32)}
    with pytest.raises(WeightsError, match=r"some\.pth: smooth2\.bias is not finite"):
        dsfd.load(broken, "some.pth")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"confidence": -0.1}, "confidence: -0.1"),
        ({"overlap": 2}, "overlap: 2"),
        ({"longest": 0}, "longest: 0"),
        ({"device": "tpu"}, "device: 'tpu'"),
    ],
)
def test_wrong_options_are_named(
    options: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(ValueError, match=message):
        DsfdDetector(**options)
