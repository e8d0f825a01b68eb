"""CIAGAN: golden outputs of the official networks and of the published data preparation."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from anonbench.anonymisers._ciagan_frame import (
    HEIGHT,
    WIDTH,
    Frame,
    crop,
    draw_landmarks,
    draw_mask,
    frame_of,
    in_crop,
)
from anonbench.anonymisers._ciagan_landmarks import DLIB, MEDIAPIPE
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.models.ciagan import Discriminator, Generator, SiameseNetwork

SHARED = Path(__file__).parents[3] / "shared"
GOLDEN = SHARED / "golden"
NETWORKS = {
    "ciagan_generator_128": (Generator, 11_801_123, 248),
    "ciagan_discriminator_128": (Discriminator, 18_233_409, 64),
    "ciagan_siamese": (SiameseNetwork, 12_924_144, 124),
}


def near(found: torch.Tensor, file: str, name: str = "out") -> None:
    expected = np.load(GOLDEN / f"{file}.npz")[name]
    assert found.shape == expected.shape
    assert np.abs(found.numpy() - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("name", NETWORKS)
def test_size(name: str) -> None:
    network, parameters, entries = NETWORKS[name]
    made: nn.Module = network()
    assert sum(p.numel() for p in made.parameters()) == parameters
    assert len(made.state_dict()) == entries


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_are_named_as_in_official_checkpoints(name: str, formula: ModuleType) -> None:
    made: nn.Module = NETWORKS[name][0]()
    listed = (GOLDEN / "keys" / f"{name}.txt").read_text().splitlines()
    own = [f"{k} {tuple(v.shape)}" for k, v in made.state_dict().items()]
    assert own == [line.strip() for line in listed]


def test_generator_reproduces_official_outputs(formula: ModuleType) -> None:
    network = formula.fill(Generator(), 1.0)
    names = ("ciagan.landmark", "ciagan.masked")
    x = torch.cat([formula.check_input(n, (2, 3, 128, 128), 0) for n in names], dim=1)
    one_hot = torch.zeros(2, 1200)
    one_hot[0, 5] = one_hot[1, 1199] = 1
    with torch.inference_mode():
        found = network(x, one_hot)
        near(found, "ciagan_generator_128")
        near(network(x), "ciagan_generator_128", "out_no_identity")
        assert torch.equal(found, network(x, one_hot)), "evaluation mode is not deterministic"


def test_critic_reproduces_official_outputs(formula: ModuleType) -> None:
    network = formula.fill(Discriminator(), 1.0)
    with torch.inference_mode():
        near(
            network(formula.check_input("ciagan.critic", (2, 6, 128, 128), 0)),
            "ciagan_discriminator_128",
        )


def test_identity_network_reproduces_official_outputs(formula: ModuleType) -> None:
    network = formula.fill(SiameseNetwork(), 0.7)
    with torch.inference_mode():
        near(network(formula.check_input("ciagan.siamese", (2, 3, 128, 128), 0)), "ciagan_siamese")


@pytest.mark.parametrize("k", range(4))
def test_preparation_is_the_published_one(k: int) -> None:
    if not GOLDEN.is_dir():
        pytest.skip("the golden data preparation is not here (../shared/golden)")
    golden = np.load(GOLDEN / "ciagan_preparation.npz")
    file = SHARED / "photos/lfw100" / str(golden[f"{k}_image"])
    if not file.is_file():
        pytest.skip("the photographs of the golden data preparation are not here")
    pixels = cv2.imread(str(file))
    points = golden[f"{k}_points"]
    frame = frame_of(points)
    own = in_crop(points, frame)
    assert (crop(pixels, frame) == golden[f"{k}_crop_bgr"]).all()
    assert (draw_landmarks(own) == golden[f"{k}_landmarks_rgb"]).all()
    assert (draw_mask(own) == golden[f"{k}_mask"]).all()


def face(distance: int, x: int = 100, y: int = 90) -> np.ndarray:
    """Return 68 points of which only the inner eye corners matter."""
    points = np.zeros((68, 2), np.int64)
    points[39], points[42] = (x - distance // 2, y), (x - distance // 2 + distance, y)
    return points


def test_frame_by_hand() -> None:
    # Half the height 5 * 20, half the width 100 * 178 / 218 = 81.65, cut off.
    assert frame_of(face(20)) == Frame(100 - 81, 90 - 100, 162, 200)


@pytest.mark.parametrize("distance", [0, 1, -20])
def test_a_face_without_a_frame_is_an_error(distance: int) -> None:
    with pytest.raises(DegenerateFaceError, match="inner eye corners"):
        frame_of(face(distance))


def test_the_edge_goes_on_beyond_the_picture() -> None:
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[:, 0], pixels[:, -1] = 50, 200
    found = crop(pixels, Frame(-200, 0, 178, 218))
    assert found.shape == (HEIGHT, WIDTH, 3) and (found == 50).all()
    assert (crop(pixels, Frame(150, -300, 178, 218)) == 200).all()


def test_groups_are_drawn_where_their_points_are() -> None:
    points = np.stack([np.arange(68) * 2 + 10, np.full(68, 100)], axis=1)
    for group, segments in DLIB.groups.items():
        drawn = (draw_landmarks(points, [group]) == (0, 0, 255)).all(axis=2)
        columns = np.flatnonzero(drawn.any(axis=0))
        used = sorted({k for segment in segments for k in segment})
        assert columns.min() == points[used[0], 0] and columns.max() == points[used[-1], 0]
    assert (draw_landmarks(points, []) == 255).all()
    assert (draw_landmarks(points) == draw_landmarks(points, DLIB.shown)).all()
    with pytest.raises(ValueError, match="unknown landmark group 'ears'"):
        draw_landmarks(points, ["ears"])


@pytest.mark.parametrize(
    ("group", "constants"),
    [
        ("contour", ["FACEMESH_FACE_OVAL"]),
        ("nose", ["FACEMESH_NOSE"]),
        ("mouth", ["FACEMESH_LIPS"]),
        ("eyes", ["FACEMESH_LEFT_EYE", "FACEMESH_RIGHT_EYE"]),
        ("brows", ["FACEMESH_LEFT_EYEBROW", "FACEMESH_RIGHT_EYEBROW"]),
    ],
)
def test_lines_of_the_mesh_are_those_of_mediapipe(group: str, constants: list[str]) -> None:
    from mediapipe.python.solutions import face_mesh_connections

    theirs = {frozenset(s) for name in constants for s in getattr(face_mesh_connections, name)}
    assert {frozenset(s) for s in MEDIAPIPE.groups[group]} == theirs


def test_inner_eye_corners_of_the_mesh_are_ends_of_its_eyes() -> None:
    ends = {k for segment in MEDIAPIPE.groups["eyes"] for k in segment}
    assert set(MEDIAPIPE.inner_eyes) < ends
