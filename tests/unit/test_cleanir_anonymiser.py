"""CLEANIR as an anonymiser: codes, geometry, and that no pixel of the face is copied."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from typer.testing import CliRunner

from anonbench import anonymisers
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._cleanir_code import direction, sample, turned
from anonbench.anonymisers._cleanir_network import _OnnxNetwork, _TorchNetwork
from anonbench.anonymisers._cleanir_place import place
from anonbench.anonymisers._cleanir_weights import networks
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._paste import paste
from anonbench.anonymisers._whose import draws
from anonbench.anonymisers.cleanir import Cleanir, _Ready
from anonbench.cli import app
from anonbench.models.cleanir import HALF, Decoder, Encoder, rotated
from anonbench.types import Box, Face, Pixels
from anonbench.weights import WeightsError
from made_ciagan import face_in, landmarks_in
from made_cleanir import filled, save_as_keras, write_made

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 200, 220
SHAPE = (HEIGHT, WIDTH, 3)
BOX = Box(50, 60, 150, 180)
DATA = DataSet("set", ("anna", "bert", "cleo"), 7)
BLENDS = ("none", "feather", "crop")
Floats = NDArray[np.float32]


class Fake:
    """Networks whose code holds the mean colour, and that draw one colour, or what they saw."""

    def __init__(self, colour: float | None = None, spread: float = -60.0) -> None:
        self.colour, self.spread = colour, spread
        self.crops: list[Pixels] = []
        self.codes: list[Floats] = []

    def encode(self, crops: Sequence[Pixels]) -> tuple[Floats, Floats]:
        self.crops += crops
        means = np.zeros((len(crops), 2 * HALF), np.float32)
        for mean, crop in zip(means, crops, strict=True):
            mean[:3] = crop.mean(axis=(0, 1))
            mean[HALF:] = np.linspace(-1, 1, HALF) * crop.mean()
        return means, np.full_like(means, self.spread)

    def decode(self, codes: Floats) -> Floats:
        self.codes += list(codes)
        seen = np.stack(self.crops[-len(codes) :]) / np.float32(255)
        return seen if self.colour is None else np.full_like(seen, self.colour)


def build(**options: Any) -> Cleanir:
    model = anonymisers.get("cleanir").build({"weights": "made.safetensors", **options})
    assert isinstance(model, Cleanir)
    return model


def ready(colour: float | None = None, spread: float = -60.0, **options: Any):
    """Return the method with other networks in their place."""
    model, fake = build(**options), Fake(colour, spread)
    model._loaded, model._data = _Ready(fake, 128), DATA
    return model, fake


def picture(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def photo(pixels: Pixels | None = None, *faces: Face, **change: Any) -> Photo:
    pixels = picture() if pixels is None else pixels
    pixels.setflags(write=False)
    whole = (0, 0, pixels.shape[1], pixels.shape[0])
    regions = tuple(Region(*whole, face) for face in faces or (face_in(BOX),))
    return Photo(**{"image_id": "b/1.jpg", "subject": "bert", "pixels": pixels,
                    "regions": regions} | change)  # fmt: skip


def run(model: Cleanir, *photos: Photo, degrees: float = 90.0, seed: int = 0) -> list[Pixels]:
    return model.anonymise(photos, degrees, [np.random.default_rng(seed) for _ in photos])


def mask_of(face: Face, blend: str = "feather", shape: tuple[int, ...] = SHAPE):
    found = place(face.points, shape, blend == "crop")
    mask = np.zeros(shape[:2], bool)
    mask[found.window.area] = found.replaced
    return mask


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "weights: has to name a model"),
        ({"weights": "x", "axes": 1}, "unknown option 'axes'; did you mean 'axis'"),
        ({"weights": "x", "axis": "random"}, "axis: 'random' is not one of per_subject, per_image"),
        ({"weights": "x", "axis": None}, "axis: None"),
        ({"weights": "x", "blend": "poisson"}, "blend: 'poisson' is not one of none, feather, cr"),
        ({"weights": "x", "device": "gpu"}, "device: 'gpu' is not one of auto, cpu, cuda"),
        ({"weights": "x", "sampled": "yes"}, "sampled: 'yes' is neither true nor false"),
        ({"weights": "x", "renormalise": 1}, "renormalise: 1 is neither true nor false"),
        ({"weights": "x", "feather": 0.3}, "feather: 0.3 is outside of 0 to 0.25"),
        ({"weights": "x", "feather": 0.1, "blend": "crop"}, "feather: only `blend: feather`"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        anonymisers.get("cleanir").build(options)


def test_detectors_of_other_landmarks_are_an_error_before_any_work() -> None:
    build().check_detectors(["dlib_hog"])
    with pytest.raises(ValueError, match=r"mediapipe_mesh: .*`detectors: \[dlib_hog\]`"):
        build().check_detectors(["dlib_hog", "mediapipe_mesh"])


def test_asking_for_the_method_imports_no_network() -> None:
    code = (
        "import sys; from anonbench import anonymisers\n"
        "anonymisers.get('cleanir').build({'weights': 'x.safetensors'})\n"
        "assert not {'torch', 'onnxruntime', 'mediapipe', 'dlib', 'h5py'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, check=True)


# Codes


def unit(seed: int, length: int = HALF) -> NDArray[np.float64]:
    return direction(np.random.default_rng(seed), length, HALF)


def test_directions_have_length_1_and_only_the_numbers_that_say_who() -> None:
    drawn = unit(0, 128)
    assert np.linalg.norm(drawn) == pytest.approx(1)
    assert not drawn[128:].any() and (drawn[:128] != 0).all()
    # As published uniformly drawn: no number is larger than sqrt(3) times their root mean square.
    many = np.stack([unit(k) for k in range(50)]) * HALF**0.5
    assert 1.65 < np.abs(many).max() < 1.85 and abs(many.mean()) < 0.02


@pytest.mark.parametrize("degrees", [0, 30, 90, 135, 180])
def test_identities_turn_as_the_model_turns_them(degrees: float) -> None:
    code = np.random.default_rng(3).normal(size=2 * HALF).astype(np.float32)
    identity = torch.from_numpy(code[:HALF] / np.linalg.norm(code[:HALF]))[None]
    expected = rotated(identity, torch.from_numpy(unit(4)).float()[None], degrees)[0].numpy()
    found = turned(code, unit(4), degrees, renormalise=False)
    np.testing.assert_allclose(found[:HALF], expected, atol=1e-6)
    assert (found[HALF:] == code[HALF:]).all()


def test_angles_by_hand() -> None:
    code, towards = np.zeros(2 * HALF, np.float32), np.zeros(HALF)
    code[0], code[HALF] = 5, 7  # brought to length 1; all else is not
    towards[:2] = 0.6, 0.8
    for degrees, published, exact in (
        (0, (1, 0), (1, 0)), (90, (0, 0.8), (0, 1)), (60, (0.5, 0.692820), (0.5, 0.866025)),
        (180, (-1, 0), (-1, 0)),
    ):  # fmt: skip
        for renormalise, expected in ((False, published), (True, exact)):
            found = turned(code, towards, degrees, renormalise)
            assert found[:2] == pytest.approx(expected, abs=1e-6) and found[HALF] == 7


def test_sampled_codes_have_the_mean_and_the_spread() -> None:
    mean, spread = np.linspace(-2, 2, 20_000), np.full(20_000, np.log(0.25))
    noise = (sample(mean, spread, np.random.default_rng(0)) - mean) / 0.5
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03


def test_angle_0_is_the_face_and_only_sampling_makes_it_random() -> None:
    code = ready(0.5)[1].encode([picture(0, (64, 64, 3))])[0][0]
    for axis in ("per_subject", "per_image", "fixed"):
        model, fake = ready(0.5, axis=axis)
        run(model, photo(), degrees=0.0)
        run(model, photo(), degrees=0.0, seed=1)
        first, second = fake.codes
        assert (first == second).all() and np.linalg.norm(first[:HALF]) == pytest.approx(1)
        means = fake.encode(fake.crops[:1])[0][0]
        assert (first[HALF:] == means[HALF:]).all() and code.shape == first.shape
    model, fake = ready(0.5, spread=0.0, sampled=True)
    for seed in (0, 0, 1):
        run(model, photo(), degrees=0.0, seed=seed)
    one, again, other = fake.codes
    assert (one == again).all() and np.abs(one - other)[HALF:].mean() > 0.5


def first_number(policy: str, change: dict[str, Any] | None = None, data: Any = DATA,
                 seed: int = 0) -> float:  # fmt: skip
    given = photo(**change or {})
    (source,) = draws(policy, "direction", given, np.random.default_rng(seed), data)
    return float(source.random())


def test_axes_are_keyed_by_content() -> None:
    def axis(policy: str, **other: Any) -> float:
        return first_number(policy, **other)

    own = axis("per_subject")
    more = dataclasses.replace(DATA, subjects=(*DATA.subjects, "dora"))
    assert own == axis("per_subject", change={"image_id": "b/2.jpg"}, seed=9)
    assert own == axis("per_subject", data=more)
    others = [
        axis("per_subject", change={"subject": "anna"}),
        axis("per_subject", data=dataclasses.replace(DATA, seed=8)),
        axis("per_subject", data=dataclasses.replace(DATA, name="other")),
    ]
    assert len({own, *others}) == 4
    assert axis("per_image") == axis("per_image", change={"subject": "anna"}, data=None)
    assert axis("per_image") != axis("per_image", seed=1)
    fixed = axis("fixed")
    assert fixed == axis("fixed", change={"subject": "anna"}, seed=3)
    assert fixed == axis("fixed", data=dataclasses.replace(DATA, name="other"))
    assert fixed != axis("fixed", data=dataclasses.replace(DATA, seed=8))
    for policy in ("per_subject", "fixed"):
        with pytest.raises(ValueError, match="the data set has to be known first"):
            axis(policy, data=None)


@pytest.mark.parametrize("policy", ["per_subject", "per_image", "fixed"])
def test_every_face_of_a_photo_has_an_axis_and_the_subjects_does_not_depend_on_others(
    policy: str,
) -> None:
    faces = [face_in(Box(120, 5, 160, 45)), face_in(Box(10, 5, 50, 45)), face_in(BOX)]
    for first, box in ((2, BOX), (1, Box(10, 5, 50, 45))):
        many = photo(None, *faces, subject_box=box)
        found = [s.random() for s in
                 draws(policy, "direction", many, np.random.default_rng(0), DATA)]  # fmt: skip
        assert len(set(found)) == 3 and found[first] == first_number(policy)


def test_the_network_gets_what_was_turned() -> None:
    for renormalise, length in ((False, 0.9), (True, 1.0)):
        model, fake = ready(0.5, renormalise=renormalise)
        run(model, photo(), photo(subject="anna"), degrees=90.0)
        for code, subject in zip(fake.codes, ("bert", "anna"), strict=True):
            (source,) = draws("per_subject", "direction", photo(subject=subject),
                              np.random.default_rng(0), DATA)  # fmt: skip
            mean = fake.encode(fake.crops[:1])[0][0]
            expected = turned(mean, direction(source, 128, HALF), 90, renormalise)
            np.testing.assert_allclose(code, expected, atol=1e-6)
            assert length - 0.1 < np.linalg.norm(code[:HALF]) <= length + 0.1
            # Nothing is left of who it was.
            assert abs(code[:HALF] @ mean[:HALF]) < 1e-3 * np.linalg.norm(mean[:HALF])


# Geometry and pixels


@pytest.mark.parametrize("size", [0.5, 1.0, 3.0])
def test_what_the_network_leaves_as_it_is_comes_back_in_place(size: float) -> None:
    height, width = int(HEIGHT * size), int(WIDTH * size)
    y, x = np.mgrid[:height, :width] / size
    slopes = np.stack([20 + 0.9 * x, 20 + 0.9 * y, 230 - 0.4 * x - 0.5 * y], axis=2)
    slopes = np.rint(slopes).astype(np.uint8)
    points = landmarks_in(Box(*(size * edge for edge in BOX)))
    found = place(points, slopes.shape)
    pasted = np.zeros_like(slopes)
    paste(pasted, found.crop(slopes) / 255, found, "none", 0.0)
    wrong = np.abs(pasted.astype(float) - slopes)[found.window.area][found.replaced]
    # A pixel of the crop is up to 6 of the photo wide, 5 grey levels: half of it off would be seen.
    assert wrong.mean(axis=0).max() < 0.8 and wrong.max() <= 0.5 + 2 * max(1, size)


def test_the_mask_is_the_hull_of_the_landmarks() -> None:
    mask = mask_of(face_in(BOX))
    points = landmarks_in(BOX).astype(int)
    assert mask[points[:, 1], points[:, 0]].all()
    rows, columns = np.nonzero(mask)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (left, right, top, bottom)
    assert not mask[top, left] and not mask[bottom, right], "corners of the rectangle"
    assert mask_of(face_in(BOX), "crop")[top : bottom + 1, left : right + 1].all()


@pytest.mark.parametrize("blend", BLENDS)
def test_no_pixel_of_the_face_is_copied_and_the_background_stays(blend: str) -> None:
    mask = mask_of(face_in(BOX), blend)
    other = picture().copy()
    other[mask] = picture(1)[mask]
    model, fake = ready(0.3, blend=blend)
    first, second = run(model, photo(), photo(other))
    assert (fake.crops[0] != fake.crops[1]).any(), "this method is shown the face"
    assert (first == second).all()
    assert (first[~mask] == picture()[~mask]).all()
    if blend != "feather":
        assert (first[mask] == 76).all() or (first[mask] == 77).all()
    given = photo()
    window = model.changed(given.regions[0], WIDTH, HEIGHT)
    rows, columns = np.nonzero(mask)
    assert window == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_feather_fades_into_the_surroundings() -> None:
    grey = np.full(SHAPE, 100, np.uint8)
    (after,) = run(ready(200 / 255, feather=0.04)[0], photo(grey))
    mask = mask_of(face_in(BOX))
    assert (after[mask][:, 0] > 100).all() and (after[~mask] == 100).all()
    assert after[mask].min() < 130 and (after[mask] == 200).mean() > 0.7
    (hard,) = run(ready(200 / 255, feather=0)[0], photo(grey))
    assert set(np.unique(hard)) == {100, 200}


@pytest.mark.parametrize("blend", BLENDS)
def test_two_faces_are_drawn_from_the_photo_as_it_was(blend: str) -> None:
    faces = face_in(Box(5, 30, 95, 130)), face_in(Box(80, 60, 190, 190))
    masks = [mask_of(f, blend) for f in faces]
    assert (masks[0] & masks[1]).any(), "they overlap"
    model, fake = ready(0.4, blend=blend)
    (after,) = run(model, photo(None, *faces))
    both = masks[0] | masks[1]
    assert (after[~both] == picture()[~both]).all()
    for mask, crop, face in zip(masks, fake.crops, faces, strict=True):
        assert (after[mask] == 102).all(axis=1).mean() > 0.7
        assert (crop == place(face.points, SHAPE).crop(picture())).all()
    inverted = picture().copy()
    inverted[both] = 255 - inverted[both]
    assert (run(model, photo(inverted, *faces))[0] == after).all()


@pytest.mark.parametrize("blend", BLENDS)
@pytest.mark.parametrize(
    "box", [Box(-40, 40, 60, 160), Box(140, 40, 240, 160), Box(50, 140, 150, 260),
            Box(-40, -30, 60, 90)],
)  # fmt: skip
def test_a_face_that_the_photos_edge_cuts_off(box: Box, blend: str) -> None:
    face = face_in(box)
    mask = mask_of(face, blend)
    edges = mask[:, 0], mask[:, -1], mask[0], mask[-1]
    assert any(edge.any() for edge in edges)
    (after,) = run(ready(0.4, blend=blend)[0], photo(None, face))
    assert (after[~mask] == picture()[~mask]).all()
    assert (after[mask] == 102).all(axis=1).mean() > 0.7
    inside = max(edges, key=np.count_nonzero)
    row = {0: after[:, 0], 1: after[:, -1], 2: after[0], 3: after[-1]}[
        [edge is inside for edge in edges].index(True)
    ]
    middle = np.flatnonzero(inside)[np.count_nonzero(inside) // 2]
    assert (row[middle] == 102).all(), "a face does not fade where the photo ends"


# What fails closed


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (landmarks_in(Box(50, 60, 57, 90)), "the face is 7 x 24 pixels large"),
        (landmarks_in(Box(300, 60, 400, 180)), "outside of the photo"),
        (landmarks_in(Box(-1000, -1000, 4000, 5000)), "larger than the photo"),
        (np.full((68, 2), np.nan, np.float32), "not finite"),
        (np.repeat(np.linspace(20, 120, 68)[:, None], 2, axis=1), "nearly on a line"),
        (np.zeros((468, 2), np.float32), r"468 landmarks .*`detectors: \[dlib_hog\]`"),
        (np.zeros((0, 2), np.float32), r"0 landmarks .*`detectors: \[dlib_hog\]`"),
    ],
    ids=["tiny", "elsewhere", "huge", "nan", "line", "other", "none"],
)  # fmt: skip
def test_a_face_that_would_not_be_replaced_as_a_whole(
    points: NDArray[np.float32], message: str
) -> None:
    face = Face(BOX, points=points.astype(np.float32))
    model, _ = ready(0.5)
    with pytest.raises(ValueError, match=message):
        run(model, photo(None, face))
    if "landmarks " not in message:
        with pytest.raises(DegenerateFaceError, match=message):
            place(face.points, SHAPE)
    if message == "not finite" or "detectors" in message:
        assert model.changed(Region(3, 4, 5, 6, face), WIDTH, HEIGHT) == (3, 4, 5, 6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_output_that_is_not_finite(value: float) -> None:
    with pytest.raises(ValueError, match="not finite"):
        run(ready(value)[0], photo())


# Networks and weights


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made(tmp_path_factory.mktemp("weights") / "made.safetensors")


def test_networks_agree_and_a_face_does_not_depend_on_its_neighbours(weights_file: Path) -> None:
    encoder, decoder, length = networks(str(weights_file))
    assert length == 128
    torch.set_num_threads(1)
    crops = [picture(k, (64, 64, 3)) for k in range(3)]
    made = _OnnxNetwork(encoder, decoder, ""), _TorchNetwork(encoder, decoder, "", "cpu")
    codes = np.random.default_rng(2).normal(size=(3, 2 * HALF)).astype(np.float32)
    results = []
    for network in made:
        mean, spread = network.encode(crops)
        pictures = network.decode(codes)
        assert mean.shape == spread.shape == (3, 2 * HALF)
        assert pictures.shape == (3, 64, 64, 3)
        assert -1e-6 < pictures.min() < pictures.max() < 1 + 1e-6
        assert pictures.std() > 0.01 and mean.std() > 0.01
        results.append((mean, spread, pictures))
        assert (network.encode(crops[::-1])[0][::-1] == mean).all()
        assert (network.encode(crops[1:2])[1][0] == spread[1]).all()
        assert (network.decode(codes[1:2])[0] == pictures[1]).all()
    for one, other in zip(*results, strict=True):
        assert np.abs(one - other).max() <= 1e-4 * np.abs(other).max()


def test_same_bytes_in_any_batch(weights_file: Path) -> None:
    model = build(weights=str(weights_file), sampled=True)
    model.begin(DATA)
    faces = (face_in(BOX), face_in(Box(5, 5, 50, 60)))
    photos = [photo(picture(0), *faces), photo(picture(1), subject="anna")]

    def each(order: list[int]) -> list[Pixels]:
        return model.anonymise([photos[k] for k in order], 90.0,
                               [np.random.default_rng(k) for k in order])  # fmt: skip

    together, backwards = each([0, 1]), each([1, 0])[::-1]
    for k in range(2):
        assert (together[k] == backwards[k]).all() and (together[k] == each([k])[0]).all()
    farther = model.anonymise(photos[:1], 180.0, [np.random.default_rng(0)])[0]
    assert (farther != together[0]).any()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"architecture": "CIAGAN"}, "architecture 'CIAGAN'"),
        ({"identity_length": "513"}, "513, outside of 1 to 512"),
        ({"identity_length": "0"}, "0, outside of 1"), ({"identity_length": "all"}, "all"),
    ],
)  # fmt: skip
def test_weights_that_say_something_else_of_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], problem: str
) -> None:
    tensors = {"encoder.encoder_mean.weight": torch.ones(1024, 2)}
    monkeypatch.setattr("made_cleanir.state", lambda: tensors)
    path = write_made(tmp_path / "other.safetensors", **change)
    with pytest.raises(WeightsError, match=rf"other\.safetensors: not what CLEANIR.*{problem}"):
        networks(str(path))


def test_weights_of_another_network_are_an_error(tmp_path: Path, weights_file: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.ones(2, 2)}, path)
    with pytest.raises(WeightsError, match=r"other\.pth: no weights of CLEANIR.*encoder_mean"):
        build(weights=str(path)).begin(DATA)
    with pytest.raises(WeightsError, match=r"missing\.safetensors: missing"):
        build(weights=str(tmp_path / "missing.safetensors")).begin(DATA)
    encoder, decoder, _ = networks(str(weights_file))
    lacking = {k: v for k, v in decoder.items() if k != "bn3conv_dec_branch1.bias"}
    for made in (_OnnxNetwork, _TorchNetwork):
        more = ("cpu",) if made is _TorchNetwork else ()
        with pytest.raises(WeightsError, match=r"here: no weights.*bn3conv_dec_branch1\.bias"):
            made(encoder, lacking, "here", *more)


def test_cuda_without_a_gpu_is_an_error(
    monkeypatch: pytest.MonkeyPatch, weights_file: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device: cuda, but PyTorch finds no GPU"):
        build(weights=str(weights_file), device="cuda").begin(DATA)


def convert(*paths: Path):
    return CliRunner().invoke(app, ["weights", "convert-cleanir", *map(str, paths)])


def test_official_files_become_one(tmp_path: Path) -> None:
    encoder, decoder, out = (tmp_path / n for n in ("encoder.h5", "decoder.h5", "all.safetensors"))
    made = {"encoder": filled(Encoder(), 5), "decoder": filled(Decoder(), 6)}
    save_as_keras(made["encoder"], encoder, whole=True)
    save_as_keras(made["decoder"], decoder, whole=True)
    done = convert(encoder, decoder, out)
    assert done.exit_code == 0, done.output
    with safe_open(out, framework="numpy") as content:
        said = json.loads(content.metadata()["anonbench"])
    assert said == {"architecture": "CLEANIR", "identity_length": "512", "recogniser": "facenet"}
    *found, length = networks(str(out))
    assert length == HALF
    for arrays, network in zip(found, made.values(), strict=True):
        state = {k: v.numpy() for k, v in network.state_dict().items() if v.dim()}
        assert arrays.keys() == state.keys()
        assert all(np.array_equal(arrays[k], state[k]) for k in state), "full precision"
    # Both ways of running them take what the file holds, counters of batches or not.
    for made_of in (_OnnxNetwork, _TorchNetwork):
        made_of(*found, "", *(("cpu",) if made_of is _TorchNetwork else ()))
    swapped = convert(decoder, encoder, tmp_path / "x.safetensors")
    assert swapped.exit_code == 1 and "it should be CLEANIR's encoder.h5" in swapped.output
    assert not (tmp_path / "x.safetensors").exists()
    named = convert(encoder, decoder, tmp_path / "x.h5")
    assert named.exit_code == 1 and "has to end in .safetensors" in named.output
    absent = convert(tmp_path / "no.h5", decoder, out)
    assert absent.exit_code == 1 and "no.h5" in absent.output
