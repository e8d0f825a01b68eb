"""The keypoint R-CNN, and whose keypoints a face gets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.models.detection import (
    KeypointRCNN_ResNet50_FPN_Weights,
    keypointrcnn_resnet50_fpn,
)
from torchvision.ops.misc import FrozenBatchNorm2d

import made_keypoints
from anonbench import weights
from anonbench.detector_needs import NEEDS, parts_of, weights_of
from anonbench.detectors import torchvision_keypoints
from anonbench.detectors._keypoints import USUAL_HEADS, usual_keypoints, usual_shoulders
from anonbench.detectors.torchvision_keypoints import TorchvisionKeypointsDetector, match
from anonbench.models import keypoint_rcnn
from anonbench.types import Box, Face, Pixels
from anonbench.weights import WeightsError

ROOT = Path(__file__).parents[2]
LEFT, RIGHT = Box(0, 0, 40, 50), Box(100, 0, 140, 50)
"""Two faces."""


def person(box: Box, **moved: tuple[float, float]) -> list[tuple[float, float]]:
    """Return seven keypoints of a face in a box, one or more of them elsewhere."""
    x, y = box.centre
    named = {
        "nose": (x, y), "left_eye": (x + 8, y - 8), "right_eye": (x - 8, y - 8),
        "left_ear": (x + 25, y), "right_ear": (x - 25, y),
        "left_shoulder": (x + 40, y + 50), "right_shoulder": (x - 40, y + 50), **moved,
    }  # fmt: skip
    return list(named.values())


def people(*found: list[tuple[float, float]]) -> NDArray[np.float32]:
    return np.array(found, np.float32).reshape(-1, 7, 2)


# Who belongs to a face


def test_each_face_gets_who_looks_out_of_it() -> None:
    assert match([LEFT, RIGHT], people(person(RIGHT), person(LEFT))) == [1, 0]
    assert match([], people(person(LEFT))) == []
    assert match([LEFT], people()) == [None]


def test_the_more_certain_person_comes_first_and_belongs_to_one_face_only() -> None:
    both = people(person(LEFT), person(LEFT))
    assert match([LEFT], both) == [0]
    assert match([LEFT, LEFT, LEFT], both) == [0, 1, None]


def test_who_was_passed_over_is_free_for_a_later_face() -> None:
    found = people(person(RIGHT), person(LEFT))
    assert match([LEFT, LEFT, RIGHT], found) == [1, None, 0]


@pytest.mark.parametrize("part", ["nose", "left_eye", "right_eye"])
@pytest.mark.parametrize("place", [(20.0, -0.5), (20.0, 50.5), (-0.5, 20.0), (40.5, 20.0)])
def test_nose_and_both_eyes_have_to_be_in_the_box(part: str, place: tuple[float, float]) -> None:
    assert match([LEFT], people(person(LEFT, **{part: place}))) == [None]
    assert match([LEFT], people(person(LEFT, left_ear=place, right_shoulder=place))) == [0]


def test_edges_belong_to_the_box() -> None:
    found = people(person(LEFT, nose=(0, 0), left_eye=(40, 50), right_eye=(0, 50)))
    assert match([LEFT], found) == [0]


# Where keypoints usually are


def test_usual_keypoints_of_a_box_of_mtcnn() -> None:
    # The middle is x = 130. Nose 0.615 of 80 below 100; eyes 0.23 of 60 beside, 0.385 of 80 below;
    # ears 0.505 of 60 beside, 0.475 of 80 below; shoulders as everywhere.
    box = Box(100, 100, 160, 180)
    expected = [
        (130, 149.2), (143.8, 130.8), (116.2, 130.8), (160.3, 138), (99.7, 138), (202, 220),
        (58, 220),
    ]  # fmt: skip
    found = usual_keypoints(box, "mtcnn")
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found.shape == (7, 2) and found.dtype == np.float32
    np.testing.assert_array_equal(found[5:], usual_shoulders(box))


@pytest.mark.parametrize("name", USUAL_HEADS)
def test_usual_heads_are_heads(name: str) -> None:
    nose, left_eye, right_eye, left_ear, right_ear = usual_keypoints(Box(0, 0, 1, 1), name)[:5]
    assert 0 < left_eye[1] < left_ear[1] < nose[1] < 1, "eyes above ears above the nose"
    assert right_ear[0] < right_eye[0] < nose[0] == 0.5 < left_eye[0] < left_ear[0]
    # Adults have about 63 mm between their pupils and 140 mm between their ears: 0.45.
    assert 0.4 < (left_eye - right_eye)[0] / (left_ear - right_ear)[0] < 0.5


# The detector, with made-up faces and persons


class Network(torch.nn.Module):
    """Answers what it is told to, and keeps what it was shown."""

    def __init__(self, scores: list[float], keypoints: NDArray[np.float32]) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        self.shown: list[torch.Tensor] = []
        whole = np.zeros((len(scores), 17, 3), np.float32)
        whole[:, : keypoints.shape[1], :2] = keypoints
        whole[:, :, 2] = 1
        self.answer = {"scores": torch.tensor(scores), "keypoints": torch.from_numpy(whole)}

    def forward(self, images: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        self.shown += images
        return [self.answer]


def detector(
    monkeypatch: pytest.MonkeyPatch, found: list[Face], scores: list[float],
    keypoints: NDArray[np.float32], **options: Any,
) -> tuple[TorchvisionKeypointsDetector, Network]:  # fmt: skip
    """Return a detector that is told of faces and persons, and the network in it."""
    network = Network(scores, keypoints)
    monkeypatch.setattr(keypoint_rcnn, "load", lambda *given: network)
    monkeypatch.setattr(weights, "arrays", lambda name: {})
    finder = SimpleNamespace(detect=lambda pixels: found)
    plugin = SimpleNamespace(
        info=SimpleNamespace(boxes_only={"eyes": False}), build=lambda given: finder
    )
    monkeypatch.setattr(torchvision_keypoints.detectors, "get", lambda name: plugin)
    return TorchvisionKeypointsDetector(**options), network


def picture() -> Pixels:
    return np.arange(100 * 200 * 3, dtype=np.uint8).reshape(100, 200, 3)


def test_faces_keep_box_score_and_order_and_get_keypoints(monkeypatch: pytest.MonkeyPatch) -> None:
    faces = [Face(RIGHT, 0.9, np.zeros((5, 2), np.float32)), Face(LEFT, 0.7)]
    found = people(person(LEFT), person(RIGHT))
    made, network = detector(monkeypatch, faces, [0.9, 0.2], found)
    right, left = made.detect(picture())
    assert (right.box, right.score, left.box, left.score) == (RIGHT, 0.9, LEFT, 0.7)
    np.testing.assert_array_equal(right.points, found[1])
    np.testing.assert_array_equal(left.points, found[0])
    assert right.points.dtype == np.float32
    (shown,) = network.shown
    assert shown.dtype == torch.float32 and shown.shape == (3, 100, 200)
    np.testing.assert_allclose(shown[1].numpy(), picture()[:, :, 1] / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("score", "confidence", "taken"), [(0.19, 0.2, False), (0.21, 0.2, True), (0.21, 0.3, False)]
)
def test_uncertain_persons_are_none_and_the_face_gets_usual_keypoints(
    monkeypatch: pytest.MonkeyPatch, score: float, confidence: float, taken: bool
) -> None:
    found = people(person(LEFT))
    given = [Face(LEFT, points=np.zeros((68, 2), np.float32))]
    made, _ = detector(monkeypatch, given, [score], found, confidence=confidence, faces="dlib_hog")
    (face,) = made.detect(picture())
    expected = found[0] if taken else usual_keypoints(LEFT, "dlib_hog")
    np.testing.assert_array_equal(face.points, expected)


def test_no_face_is_left_without_keypoints(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = people(person(LEFT, left_ear=(np.nan, 3.0)))
    made, _ = detector(monkeypatch, [Face(LEFT), Face(RIGHT)], [1.0], broken)
    for face in made.detect(picture()):
        np.testing.assert_array_equal(face.points, usual_keypoints(face.box, "mtcnn"))


def test_without_a_face_the_network_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    made, network = detector(monkeypatch, [], [1.0], people(person(LEFT)))
    assert made.detect(picture()) == [] and network.shown == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"faces": "mtcn"}, "faces: unknown detector of faces 'mtcn'; did you mean 'mtcnn'"),
        ({"faces": "torchvision_keypoints"}, "faces: unknown"),
        ({"confidence": 1.1}, "confidence: 1.1"),
        ({"size": 0}, "size: 0"),
        ({"device": "tpu"}, "device: 'tpu'"),
    ],
)
def test_wrong_options_are_named_before_anything_is_loaded(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(ValueError, match=message):
        TorchvisionKeypointsDetector(**options)


def test_torch_is_not_imported_before_a_detector_is_made() -> None:
    code = (
        "import sys; from anonbench import detectors\n"
        "detectors.get('torchvision_keypoints')\n"
        "assert not {'torch', 'torchvision', 'facenet_pytorch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, check=True)


# What it needs


def test_needs_are_its_weights_and_who_finds_faces() -> None:
    name = "torchvision_keypoints"
    assert weights_of(name, {}) == ("keypointrcnn_coco",)
    assert weights_of(name, {"weights": "mine.pth"}) == ("mine.pth",)
    assert parts_of(name, {}) == (name, "mtcnn")
    assert parts_of(name, {"faces": "haar"}) == (name, "haar")
    assert parts_of("haar", {}) == ("haar",) and weights_of("haar", {}) == ()
    # One that takes itself for its helper ends in an error of the plug-in, not in a loop here.
    assert parts_of(name, {"faces": name}) == (name,)
    assert set(NEEDS) <= set(torchvision_keypoints.detectors.names())
    assert weights_of(name, {"faces": "dsfd"}) == ("keypointrcnn_coco", "dsfd_widerface")
    given = {"faces": "dsfd", "face_options": {"weights": "mine.pth"}}
    assert weights_of(name, given) == ("keypointrcnn_coco", "mine.pth")


# The network


@pytest.fixture(scope="module")
def state() -> dict[str, NDArray[np.generic]]:
    """Random weights by name, of which each differs from what a new network has."""
    torch.manual_seed(5)
    found = keypoint_rcnn.network().state_dict()
    return {name: values.numpy() + np.float32(0.25) for name, values in found.items()}


def test_names_and_number_of_parameters_are_torchvisions(
    state: dict[str, NDArray[np.generic]],
) -> None:
    with torch.device("meta"):
        official = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)
    expected = {
        name: tuple(values.shape)
        for name, values in official.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    assert {name: values.shape for name, values in state.items()} == expected
    with torch.device("meta"):
        count = sum(p.numel() for p in keypoint_rcnn.network().parameters())
    assert count == KeypointRCNN_ResNet50_FPN_Weights.COCO_V1.meta["num_params"]


def test_weights_load_strictly_also_by_their_older_names(
    state: dict[str, NDArray[np.generic]],
) -> None:
    older = {}
    for name, values in state.items():
        if name.startswith("backbone.fpn."):
            name = name.replace(".0.weight", ".weight").replace(".0.bias", ".bias")
        older[name.replace("rpn.head.conv.0.0.", "rpn.head.conv.")] = values
    assert {"backbone.fpn.inner_blocks.0.weight", "rpn.head.conv.weight"} <= set(older)
    assert len(older) == len(state)
    made = keypoint_rcnn.load(older, "older.pth")
    for name, values in made.state_dict().items():
        np.testing.assert_array_equal(values.numpy(), state[name])
    assert not made.training
    frozen = [m for m in made.modules() if isinstance(m, FrozenBatchNorm2d)]
    # 53 layers of a ResNet-50; torchvision takes the same 0 for its file.
    assert len(frozen) == 53 and all(m.eps == 0.0 for m in frozen)


def test_weights_of_another_network_are_refused(state: dict[str, NDArray[np.generic]]) -> None:
    lacking = {k: v for k, v in state.items() if k != "rpn.head.cls_logits.bias"}
    with pytest.raises(
        WeightsError, match=r"some\.pth: no weights of .*rpn\.head\.cls_logits\.bias"
    ):
        keypoint_rcnn.load(lacking, "some.pth")
    broken = {**state, "rpn.head.cls_logits.bias": np.array([0, np.nan, 0], np.float32)}
    with pytest.raises(WeightsError, match=r"some\.pth: rpn\.head\.cls_logits\.bias is not finite"):
        keypoint_rcnn.load(broken, "some.pth")


def test_persons_of_a_random_network_lie_in_the_photo() -> None:
    torch.manual_seed(5)
    made = keypoint_rcnn.network(size=64)
    made.roi_heads.detections_per_img = 2
    found = keypoint_rcnn.find_people(made, picture())
    assert found.scores.shape == (2,) and found.keypoints.shape == (2, 17, 2)
    assert found.keypoints.dtype == found.scores.dtype == np.float32
    assert 1 >= found.scores[0] >= found.scores[1] > 0.05
    x, y = found.keypoints[..., 0], found.keypoints[..., 1]
    assert (x >= 0).all() and (x <= 201).all() and (y >= 0).all() and (y <= 101).all()


def test_photos_are_brought_to_torchvisions_size_unless_told_otherwise() -> None:
    with torch.device("meta"):
        official = keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None).transform
        own, smaller = (keypoint_rcnn.network(*size).transform for size in ((), (400,)))
    # Of several sizes, all but the last are for training.
    assert own.min_size[-1] == official.min_size[-1] == 800
    assert own.max_size == official.max_size == 1333
    assert (own.image_mean, own.image_std) == (official.image_mean, official.image_std)
    assert (smaller.min_size, smaller.max_size) == ((400,), 666)


# Through the registry


def test_a_file_of_the_registry_is_loaded_and_nothing_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
    monkeypatch.setattr(torch.hub, "download_url_to_file", refuse)
    place = made_keypoints.write_no_person(tmp_path)
    made = TorchvisionKeypointsDetector("haar", weights=str(place), size=32)
    place.unlink()
    people = keypoint_rcnn.find_people(made._network, picture())
    assert people.scores.shape == (0,) and people.keypoints.shape == (0, 17, 2)


def test_a_file_with_another_hash_than_its_name_says_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    weights.file("keypointrcnn_coco").write_bytes(b"PK\x03\x04")
    with pytest.raises(WeightsError, match="expected one that begins with fc266e95"):
        TorchvisionKeypointsDetector()
