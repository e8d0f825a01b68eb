"""DeepPrivacy as anonymiser: what the network is shown, and where its pictures go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from anonbench import anonymisers
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._deepprivacy_network import Inputs, _OnnxNetwork, _TorchNetwork
from anonbench.anonymisers._deepprivacy_weights import Generator, generator
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers.deepprivacy import DeepPrivacy, _Ready, truncated
from anonbench.types import Box, Face, Pixels
from anonbench.weights import WeightsError
from made_deepprivacy import CHANNELS, face_in, filled, write_made

NETWORKS = ("MSGGenerator", "DeepPrivacyV1")
BOX = Box(100, 80, 160, 160)
DATA = DataSet("set", ("a", "b"), 7)


class Painter:
    """A network that draws one colour, and keeps what it was shown."""

    def __init__(self, colour: float = 1.0) -> None:
        self.colour = colour

    def draw(self, inputs: Inputs) -> np.ndarray:
        self.seen = inputs
        return np.full((len(inputs.z), 128, 128, 3), self.colour, np.float32)


def build(**options: Any) -> DeepPrivacy:
    return anonymisers.get("deepprivacy").build({"weights": "made.safetensors", **options})


def ready(colour: float = 1.0, **options: Any) -> tuple[DeepPrivacy, Painter]:
    model, painter = build(**options), Painter(colour)
    model._loaded, model._data = _Ready(painter, np.float32(0)), DATA
    return model, painter


def picture(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(20, 200, (300, 320, 3)).astype(np.uint8)


def photo(*boxes: Box, pixels: Pixels | None = None, subject: str = "a") -> Photo:
    faces = [face_in(box) for box in boxes or (BOX,)]
    regions = tuple(Region(*map(int, face.box), face) for face in faces)
    return Photo("x.png", subject, picture() if pixels is None else pixels, regions)


def run(model: DeepPrivacy, *photos: Photo, seed: int = 0) -> list[Pixels]:
    return model.anonymise(photos, None, [np.random.default_rng(seed) for _ in photos])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"z": "none"}, "z: 'none'"),
        ({"seed": 1}, "seed: only"),
        ({"z": "fixed", "seed": -1}, "seed: -1"),
        ({"truncation": 1}, "no noise to truncate"),
        ({"z": "per_image", "truncation": 0.01}, "truncation: 0.01"),
        ({"z": "per_image", "truncation": "a"}, "truncation: 'a'"),
        ({"soften_surroundings": 1}, "soften_surroundings: 1"),
        ({"blend": "poisson"}, "blend: 'poisson'"),
        ({"weights": 3}, "weights: has to name"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(**options)


def test_detectors_without_keypoints_are_an_error_before_any_work() -> None:
    build().check_detectors(["mediapipe_keypoints"])
    build().check_detectors(["torchvision_keypoints", "mediapipe_keypoints"])
    with pytest.raises(ValueError, match=r"haar: .*`detectors: \[mediapipe_keypoints\]`"):
        build().check_detectors(["mediapipe_keypoints", "haar"])


def test_face_with_other_points_is_an_error_and_not_left_as_it_is() -> None:
    region = Region(100, 80, 160, 160, Face(BOX))
    with pytest.raises(ValueError, match=r"detectors: \[mediapipe_keypoints\]"):
        run(ready()[0], Photo("x.png", "a", picture(), (region,)))


def test_only_the_box_changes_and_all_of_it() -> None:
    given = photo()
    (after,) = run(ready(blend="none")[0], given)
    inside = np.zeros(given.pixels.shape[:2], bool)
    inside[80:160, 100:160] = True
    assert (after[inside] == 255).all()
    np.testing.assert_array_equal(after[~inside], given.pixels[~inside])


def test_network_sees_nothing_of_any_face_of_the_photo() -> None:
    """Two faces side by side: either one's surroundings hold the other."""
    boxes = BOX, Box(165, 80, 225, 160)
    (model, first), (again, second) = ready(), ready()
    run(model, photo(*boxes))
    pixels = picture()
    for box in boxes:
        left, top, right, bottom = map(int, box)
        pixels[top:bottom, left:right] = 255 - pixels[top:bottom, left:right]
    run(again, photo(*boxes, pixels=pixels))
    for a, b in zip(first.seen, second.seen, strict=True):
        np.testing.assert_array_equal(a, b)


def test_network_is_shown_the_square_with_its_hole() -> None:
    model, painter = ready()
    run(model, photo(pixels=np.full((300, 320, 3), 255, np.uint8)))
    # 80 high: 28 more on each side, so shown from (62, 52), 136 pixels.
    condition, mask, keypoints, z = painter.seen
    assert condition.shape == (1, 3, 128, 128) and mask.shape == (1, 1, 128, 128)
    assert mask[0, 0, 64, 64] == 0 and mask[0, 0, 5, 5] == 1
    # Across, (100 - 62) and (160 - 62) of 136: pixels 35.8 to 92.2 of 128, all that are touched.
    np.testing.assert_array_equal(np.flatnonzero(mask[0, 0, 64] == 0), np.arange(35, 93))
    np.testing.assert_array_equal(condition, np.broadcast_to(mask, condition.shape))
    nose = [(130 - 62) / 136, (80 + 0.6 * 80 - 52) / 136]
    np.testing.assert_allclose(keypoints[0, :2], nose, rtol=1e-5)
    assert not z.any()


def test_what_was_replaced_is_not_replaced_again() -> None:
    class Counter(Painter):
        def draw(self, inputs: Inputs) -> np.ndarray:
            shades = np.arange(1, len(inputs.z) + 1, dtype=np.float32) / 4
            return np.ones((1, 128, 128, 3), np.float32) * shades[:, None, None, None]

    model, _ = ready(blend="none")
    model._loaded = _Ready(Counter(), np.float32(0))
    (after,) = run(model, photo(BOX, Box(130, 100, 200, 180)))
    assert (after[80:160, 100:160] == 64).all(), "0.25 of 255: all of the first face"
    assert (after[160:180, 130:200] == 128).all()
    assert (after[100:180, 160:200] == 128).all()


def test_face_that_fills_the_photo_is_replaced_as_well() -> None:
    pixels = picture()
    (after,) = run(ready(blend="none")[0], photo(Box(0, 0, 320, 300), pixels=pixels))
    assert (after == 255).all()


def test_output_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ValueError, match="not finite"):
        run(ready(colour=float("nan"))[0], photo())


def test_feather_stays_inside_and_rests_on_what_was_painted_over() -> None:
    given = photo()
    secret = given.pixels.copy()
    secret[80:160, 100:160] = 7
    (after,) = run(ready()[0], given)
    (other,) = run(ready()[0], photo(pixels=secret))
    np.testing.assert_array_equal(after[80:160, 100:160], other[80:160, 100:160])
    assert after[120, 130].tolist() == [255, 255, 255]
    assert (after[80, 100:160] != 255).any()


def test_softening_changes_the_square_and_says_so() -> None:
    model, _ = ready(soften_surroundings=True)
    given = photo()
    (after,) = run(model, given)
    where = model.changed(given.regions[0], 320, 300)
    assert where == (62, 52, 198, 188)
    outside = np.ones(given.pixels.shape[:2], bool)
    outside[52:188, 62:198] = False
    np.testing.assert_array_equal(after[outside], given.pixels[outside])
    assert (after[55:75, 70:190] != given.pixels[55:75, 70:190]).mean() > 0.5
    assert ready()[0].changed(given.regions[0], 320, 300) == (100, 80, 160, 160)


def noise(subject: str = "a", seed: int = 0, boxes: tuple[Box, ...] = (BOX,), **options: Any):
    model, painter = ready(**options)
    run(model, photo(*boxes, subject=subject), seed=seed)
    return painter.seen.z


def test_noise_belongs_to_whom_the_option_says() -> None:
    same = np.array_equal
    assert same(noise(z="per_subject"), noise(seed=1, z="per_subject"))
    assert not same(noise(z="per_subject"), noise("b", z="per_subject"))
    other, painter = ready(z="per_subject", seed=1)
    run(other, photo())
    assert not same(noise(z="per_subject"), painter.seen.z)
    assert not same(noise(z="per_image"), noise(seed=1, z="per_image"))
    assert same(noise(z="fixed"), noise("b", seed=1, z="fixed"))
    two = noise(boxes=(BOX, Box(200, 80, 260, 160)), z="fixed")
    assert not same(two[0], two[1])


def test_truncated_noise_is_normal_within_its_bounds() -> None:
    many = np.stack([truncated(np.random.default_rng(k), 1.0) for k in range(200)])
    assert np.abs(many).max() < 1
    # A normal number between -1 and 1 has a variance of 0.2911; 102,400 of them.
    assert many.var() == pytest.approx(0.2911, abs=0.005)
    assert truncated(np.random.default_rng(0), None).std() == pytest.approx(1, abs=0.12)
    assert not noise(z="per_image", truncation=0).any()


def made_inputs() -> Inputs:
    draw = np.random.default_rng(3)
    mask = np.ones((3, 1, 128, 128), np.float32)
    mask[:, :, 30:90, 20:100] = 0
    condition = (draw.uniform(-1, 1, (3, 3, 128, 128)) * mask).astype(np.float32)
    keypoints = draw.uniform(0, 1, (3, 14)).astype(np.float32)
    keypoints[0, :3] = 1, 0, 0
    return Inputs(condition, mask, keypoints, draw.normal(size=(3, 32, 4, 4)).astype(np.float32))


@pytest.mark.parametrize("network", NETWORKS)
def test_both_ways_of_computing_agree(network: str) -> None:
    arrays = {k: v.numpy() for k, v in filled(network).state_dict().items()}
    weights = Generator(arrays, network, CHANNELS, 128.0)
    onnx, reference = _OnnxNetwork(weights, "made"), _TorchNetwork(weights, "made", "cpu")
    inputs = made_inputs()
    found, expected = onnx.draw(inputs), reference.draw(inputs)
    assert found.shape == (3, 128, 128, 3)
    assert np.ptp(expected) > 0.5
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(expected).max())
    np.testing.assert_array_equal(onnx.draw(inputs.rows(slice(1, 2)))[0], found[1])


@pytest.mark.parametrize("network", NETWORKS)
def test_files_of_the_project_say_what_they_are(network: str, tmp_path: Path) -> None:
    made = write_made(tmp_path / "made.safetensors", network, fill="0")
    found = generator(str(made))
    assert found[1:] == (network, CHANNELS, 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "CIAGAN"}, "architecture 'CIAGAN'"),
        ({"network": "DeepPrivacyV1"}, "network 'DeepPrivacyV1'"),
        ({"channels": "48"}, "channels '48'"),
        ({"fill": "256"}, "fill '256'"),
        ({"fill": "grey"}, "fill 'grey'"),
    ],
)
def test_files_that_contradict_themselves_are_refused(
    change: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(WeightsError, match=message):
        generator(str(write_made(tmp_path / "made.safetensors", **change)))


@pytest.mark.parametrize("suffix", [".ckpt", ".pth"])
@pytest.mark.parametrize("network", NETWORKS)
def test_official_checkpoints_are_read_with_all_that_is_around(
    network: str, suffix: str, tmp_path: Path
) -> None:
    state, path = filled(network).state_dict(), tmp_path / f"step{suffix}"
    torch.save({"running_average_generator": state, "G": {"a": 1}, "global_step": 5}, path)
    found = generator(str(path))
    assert found[1:] == (network, CHANNELS, {"MSGGenerator": 127.5}.get(network, 128.0))
    assert {k: v.shape for k, v in found.arrays.items()} == {k: v.shape for k, v in state.items()}


def test_checkpoint_of_an_unfinished_transition_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "step.ckpt"
    inside = {"transition_value": 0.5, "parameters": {"a": torch.zeros(1)}}
    torch.save({"running_average_generator": inside}, path)
    with pytest.raises(WeightsError, match=r"step\.ckpt: transition_value is 0\.5"):
        generator(str(path))


def test_generator_of_other_keypoints_is_refused(tmp_path: Path) -> None:
    state, path = filled("MSGGenerator").state_dict(), tmp_path / "retina.pth"
    key = "decoder.pose_fcnn.pose_preprocessor.1.weight"
    torch.save({**state, key: state[key][:, :10].clone()}, path)
    with pytest.raises(WeightsError, match=r"not told of 7 keypoints.*10 columns"):
        generator(str(path))


def test_weights_of_something_else_or_not_finite_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"layer.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(WeightsError, match=r"other\.pth: no weights of DeepPrivacy"):
        generator(str(path))
    state = filled("MSGGenerator").state_dict()
    state["from_rgb.0.bias"][0] = torch.nan
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(WeightsError, match=r"nan\.pth: from_rgb\.0\.bias is not finite"):
        generator(str(tmp_path / "nan.pth"))
