"""Networks that modify faces as anonymisers: geometry, weights by strength, failing closed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from anonbench import anonymisers, weights
from anonbench.anonymise import anonymise_files
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._modifier import ModifiedFaces, _Ready
from anonbench.anonymisers._modifier_crop import crop, shown
from anonbench.anonymisers._modifier_network import _OnnxNetwork, _TorchNetwork
from anonbench.anonymisers._modifier_weights import weights_of
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._window import Window
from anonbench.detect import face_row, table_of
from anonbench.io import ArchiveReader, ArchiveWriter, read_table, write_table
from anonbench.ledger import Status
from anonbench.training.adversarial_crops import adversarial_crop_files
from anonbench.types import Box, Face, Pixels
from anonbench.used_weights import models_of
from anonbench.weights import WeightsError
from made_modifier import SIZE, made, write_made, write_official

ROOT = Path(__file__).parents[2]
NAMES = ("ren_modifier", "narula")
KINDS = {"ren_modifier": "Modifier", "narula": "SharedConvolutions"}
WIDTH, HEIGHT = 200, 220
BOX = Box(60, 80, 120, 140)
DATA = DataSet("set", ("anna",), 7)


def picture(seed: int = 0, shape: tuple[int, ...] = (HEIGHT, WIDTH, 3)) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def photo(pixels: Pixels | None = None, *boxes: Box) -> Photo:
    pixels = picture() if pixels is None else pixels
    pixels.setflags(write=False)
    whole = (0, 0, pixels.shape[1], pixels.shape[0])
    return Photo("a/1.jpg", "a", pixels, tuple(Region(*whole, Face(b)) for b in boxes or (BOX,)))


class Fake:
    """A network that returns one colour, and keeps what it was shown."""

    def __init__(self, colour: float | None = None) -> None:
        self.colour, self.seen = colour, []

    def modify(self, crops: Sequence[Pixels]) -> NDArray[np.float32]:
        self.seen.append(list(crops))
        faces = np.stack(crops) / np.float32(255)
        return faces if self.colour is None else np.full_like(faces, self.colour)


def ready(colour: float | None = None, size: int = 66, **options: Any):
    """Return Ren's method with another network in its place."""
    model, fake = build("ren_modifier", **options), Fake(colour)
    enlarged = model._options.enlarged or 2.2
    model._loaded = {None: _Ready(fake, size, enlarged)}
    return model, fake


def build(name: str, **options: Any) -> ModifiedFaces:
    model = anonymisers.get(name).build({"weights": "made.safetensors", **options})
    assert isinstance(model, ModifiedFaces)
    return model


def run(model: ModifiedFaces, *photos: Photo, strength: float | None = None) -> list[Pixels]:
    return model.anonymise(photos, strength, [np.random.default_rng(0) for _ in photos])


# Options and strengths


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"weights: has to name a model .*for instance .*_rendered_\{strength\}"),
        ({"weights": "x", "blending": 1}, "unknown option 'blending'"),
        ({"weights": "x", "blend": "poisson"}, "blend: 'poisson' is not one of none, feather"),
        ({"weights": "x", "device": "gpu"}, "device: 'gpu' is not one of"),
        ({"weights": "x", "feather": 0.1}, "feather: only `blend: feather` has a rim"),
        ({"weights": "x", "blend": "feather", "feather": 0.3}, "feather: 0.3 is outside of"),
        ({"weights": "x", "enlarged": 1}, "enlarged: 1 is outside of 1.5 to 4"),
        ({"weights": "x", "enlarged": "2"}, "enlarged: '2' is no number"),
    ],
)
def test_wrong_options_are_named(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        anonymisers.get(name).build(options)


def test_strengths_and_names_of_weights_go_together() -> None:
    several, one = build("ren_modifier", weights="ren_{strength}"), build("ren_modifier")
    several.check_strengths([2.0, 7.5])
    one.check_strengths([None])
    with pytest.raises(ValueError, match="has to say its strengths"):
        several.check_strengths([None])
    with pytest.raises(ValueError, match=r"put \{strength\} into the name"):
        one.check_strengths([2.0])


def test_weights_are_found_by_strength() -> None:
    entry = {"strengths": [2, 7.5, 10.0], "options": {"weights": "x_{strength}"}}
    assert models_of("methods", entry) == ("x_2", "x_7_5", "x_10")
    assert models_of("methods", {"options": {"weights": "x_{strength}"}}) == ()
    assert models_of("methods", {"strengths": [1], "options": {"weights": "x"}}) == ("x",)


@pytest.mark.parametrize("name", NAMES)
def test_asking_for_the_method_imports_no_network(name: str) -> None:
    code = (
        f"import sys; from anonbench import anonymisers\n"
        f"anonymisers.get({name!r}).build({{'weights': 'x.safetensors'}})\n"
        "assert not {'torch', 'onnxruntime', 'mediapipe', 'dlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, check=True)


# What is shown, and where it goes


def test_box_is_enlarged_as_in_the_published_training() -> None:
    # x1' = 1.6 x1 - 0.6 x2 and so on.
    assert shown(BOX, 2.2, (HEIGHT, WIDTH)) == Window(24, 44, 156, 176)
    assert shown(Box(10, 20, 30, 60), 2.2, (HEIGHT, WIDTH)) == Window(-2, -4, 42, 84)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        (Box(float("nan"), 0, 10, 10), "not finite"), (Box(10, 10, 17, 40), "7 x 30 pixels"),
        (Box(300, 10, 340, 50), "outside of the photo"), (Box(-90, 0, 300, 390), "larger than the"),
        (Box(50, 10, 20, 60), "0 x 50 pixels"),
    ],
)  # fmt: skip
def test_faces_that_cannot_be_cut_out(box: Box, message: str) -> None:
    with pytest.raises(DegenerateFaceError, match=message):
        shown(box, 2.2, (100, 100))


def test_crop_is_the_window() -> None:
    pixels = picture()
    window = Window(24, 44, 24 + 64, 44 + 64)
    np.testing.assert_array_equal(crop(pixels, window, 64), pixels[44:108, 24:88])
    np.testing.assert_array_equal(crop(pixels, window, 64, 4), pixels[40:112, 20:92])
    flat = np.full((50, 60, 3), 7, np.uint8)
    flat[:, -1] = 9
    beyond = crop(flat, Window(28, 20, 92, 84), 64, 4)
    assert (beyond[:, 40:] == 9).all() and (beyond[:, :30] == 7).all()


@pytest.mark.parametrize("blend", ["none", "feather"])
def test_only_the_window_changes(blend: str) -> None:
    model, fake = ready(0.5, blend=blend)
    given = photo()
    (after,) = run(model, given)
    left, top, right, bottom = model.changed(given.regions[0], WIDTH, HEIGHT)
    assert (left, top, right, bottom) == (24, 44, 156, 176)
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[top:bottom, left:right] = False
    assert (after[outside] == given.pixels[outside]).all()
    inside = after[top:bottom, left:right]
    if blend == "none":
        assert (inside == 128).all(), "a hard rectangle, as published"
    else:
        face = after[80:140, 60:120]
        assert (face == 128).all(), "the rim lies outside of the face's own box"
        assert np.abs(inside[0].astype(int) - 128).mean() > 5
    assert fake.seen[0][0].shape == (66, 66, 3)


def test_widest_rim_and_least_window_leave_nothing_of_the_face() -> None:
    model, _ = ready(0.5, blend="feather", feather=0.25, enlarged=1.5)
    (after,) = run(model, photo())
    assert (after[80:140, 60:120] == 128).all()


def test_a_network_that_changes_nothing_changes_nothing() -> None:
    """Crop and paste undo each other, up to the resolution of the network."""
    smooth = np.add.outer(np.arange(HEIGHT) * 0.6, np.arange(WIDTH) * 0.4)
    pixels = np.repeat(smooth[..., None], 3, axis=2).astype(np.uint8)
    for box in (BOX, Box(-20, 90, 60, 170), Box(61.3, 80.7, 121.9, 139.2)):
        (after,) = run(ready(size=66)[0], photo(pixels, box))
        assert np.abs(after.astype(int) - pixels).max() <= 3


def test_faces_whose_surroundings_overlap() -> None:
    """Each is shown what became of those before it, so nothing of them comes back."""
    near = Box(110, 80, 170, 140)
    model, fake = ready(0.5)
    (after,) = run(
        model,
        photo(None, BOX, near),
    )
    second = fake.seen[1][0]
    assert (second[:, :30] == 128).all()
    assert (after[44:176, 24:200] == 128).all()


def test_photos_with_fewer_faces_keep_their_own() -> None:
    model, fake = ready()
    photos = [photo(picture(1), BOX, Box(5, 5, 40, 40)), photo(picture(2)), photo(picture(3))]
    together = run(model, *photos)
    assert [len(shown_to) for shown_to in fake.seen] == [3, 1]
    for given, after in zip(photos, together, strict=True):
        assert (run(ready()[0], given)[0] == after).all()


def test_output_that_is_not_finite_is_an_error() -> None:
    with pytest.raises(ValueError, match="output is not finite"):
        run(ready(float("nan"))[0], photo())


# Networks and weights


@pytest.mark.parametrize("architecture", KINDS.values())
def test_onnx_computes_what_torch_does(tmp_path: Path, architecture: str) -> None:
    path = write_made(tmp_path / "w.safetensors", architecture)
    read = weights_of(str(path), architecture, None)
    crops = [picture(k, (SIZE, SIZE, 3)) for k in range(3)]
    onnx, torched = (m(read, "", *more) for m, more in ((_OnnxNetwork, ()),
                                                        (_TorchNetwork, ("cpu",))))  # fmt: skip
    pictures = onnx.modify(crops)
    assert pictures.shape == (3, SIZE, SIZE, 3) and pictures.min() >= 0 and pictures.max() <= 1
    assert pictures.std() > 0.02
    assert np.abs(pictures - torched.modify(crops)).max() < 1e-4
    assert (onnx.modify(crops[1:2])[0] == pictures[1]).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_network_for_each_strength(tmp_path: Path, name: str) -> None:
    for seed, label in enumerate(("2", "7_5"), 1):
        write_made(tmp_path / f"w_{label}.safetensors", KINDS[name], seed,
                   strength=label.replace("_", "."))  # fmt: skip
    model = build(name, weights=str(tmp_path / "w_{strength}.safetensors"))
    model.check_strengths([2.0, 7.5])
    model.begin(DATA)
    assert set(model._loaded) == {2.0, 7.5}
    first, second = (run(model, photo(), strength=s)[0] for s in (2.0, 7.5))
    assert (first != second).any()
    with pytest.raises(WeightsError, match=r"w_3\.safetensors: missing"):
        run(model, photo(), strength=3.0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"strength": "2"}, "strength 2, not 10"),
        ({"size": "30"}, "size 30"), ({"size": "big"}, "big"), ({"enlarged": "0"}, "enlarged 0"),
    ],
)  # fmt: skip
def test_weights_that_say_something_else_of_themselves(
    tmp_path: Path, change: dict[str, str], problem: str
) -> None:
    path = write_made(tmp_path / "other.safetensors", **change)
    with pytest.raises(WeightsError, match=rf"other\.safetensors: not what a Modifier.*{problem}"):
        weights_of(str(path), "Modifier", 10.0)


def test_weights_that_only_look_right_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = {"model.1.weight": torch.ones(4, 3, 7, 7)}
    monkeypatch.setattr(
        "made_modifier.made", lambda *_: type("N", (), {"state_dict": lambda _: state})()
    )
    path = write_made(tmp_path / "other.safetensors", "CIAGAN")
    with pytest.raises(WeightsError, match="architecture 'CIAGAN'"):
        weights_of(str(path), "Modifier", None)


def test_weights_of_another_network_are_an_error(tmp_path: Path) -> None:
    path = str(write_made(tmp_path / "m.safetensors"))
    with pytest.raises(WeightsError, match=r"no weights of a SharedConvolutions.*layers\.0"):
        weights_of(path, "SharedConvolutions", None)
    read = weights_of(path, "Modifier", None)
    del read.arrays["model.12.bias"]
    for kind, more in ((_OnnxNetwork, ()), (_TorchNetwork, ("cpu",))):
        with pytest.raises(WeightsError, match=r"here: no weights of a Modifier.*model\.12\.bias"):
            kind(read, "here", *more)
    plain = tmp_path / "n.pth"
    torch.save(made("SharedConvolutions").state_dict(), plain)
    with pytest.raises(WeightsError, match=r"n\.pth: says nothing of itself"):
        weights_of(str(plain), "SharedConvolutions", None)


def test_official_checkpoints_are_read(tmp_path: Path) -> None:
    """As those of the demonstration: below `netG`, with statistics that nothing uses."""
    read = weights_of(str(write_official(tmp_path / "model_1.pth")), "Modifier", None)
    assert (read.size, read.enlarged, read.blocks) == (256, 2.2, 2)
    state = made().state_dict()
    assert read.arrays.keys() == state.keys()
    assert all((read.arrays[k] == state[k].numpy()).all() for k in state)
    assert _OnnxNetwork(read, "").modify([picture(0, (256, 256, 3))]).shape == (1, 256, 256, 3)


def test_official_names_are_those_of_the_golden_list(tmp_path: Path) -> None:
    listed = ROOT.parent / "shared" / "golden" / "keys" / "ren_modifier.txt"
    shapes = {}
    for line in listed.read_text().splitlines():
        key, _, shape = line.partition(" ")
        shapes[key] = torch.zeros([int(n) for n in shape.strip("() ").split(",") if n.strip()])
    torch.save({"netG": shapes}, tmp_path / "model_1.pth")
    read = weights_of(str(tmp_path / "model_1.pth"), "Modifier", None)
    assert read.blocks == 9 and len(read.arrays) == 48
    _TorchNetwork(read, "", "cpu")
    _OnnxNetwork(read, "")


# In the engine


@pytest.fixture()
def engine(tmp_path: Path) -> Any:
    """Return what runs Ren's method on faces by image, and its archive and ledger."""
    write_made(tmp_path / "w_10.safetensors")
    ids = ("anna/1.jpg", "anna/2.jpg", "bert/1.jpg")
    with ArchiveWriter(tmp_path / "images.tar") as archive:
        for k, name in enumerate(ids):
            archive.add(name, picture(k))
    table = pd.DataFrame({"image_id": ids, "status": "ok", "detail": "", "height": HEIGHT,
                          "width": WIDTH, "expression": "anger"})  # fmt: skip
    table["subject"] = [name.split("/")[0] for name in ids]
    write_table(table, tmp_path / "manifest.parquet")
    boxes = [{"image_id": name, "status": "ok", **BOX._asdict()} for name in ids]
    write_table(pd.DataFrame(boxes), tmp_path / "subjects.parquet")

    def detected(faces: dict[str, list[Face]]) -> Path:
        rows = [face_row(name, k, f) for name, found in faces.items() for k, f in enumerate(found)]
        write_table(table_of(rows), tmp_path / "dlib_hog.parquet")
        return tmp_path / "dlib_hog.parquet"

    def run_engine(faces: dict[str, list[Face]], batch_size: int = 2) -> Any:
        anonymise_files(
            archive=tmp_path / "images.tar", manifest=tmp_path / "manifest.parquet",
            subjects=tmp_path / "subjects.parquet", dataset="set", method="m",
            detections=[detected(faces)], anonymiser="ren_modifier", strengths=(10,),
            options={"weights": str(tmp_path / "w_{strength}.safetensors")}, region="face",
            faces_policy="all", seed=7, out_archive=tmp_path / "out.tar",
            out_ledger=tmp_path / "out.parquet", batch_size=batch_size,
        )  # fmt: skip
        reader = ArchiveReader(tmp_path / "out.tar")
        return ({n: reader.read(f"10/{n}") for n in ids},
                read_table(tmp_path / "out.parquet").set_index("image_id"))  # fmt: skip

    return run_engine, detected, tmp_path, ids


def test_what_fails_is_black_and_in_the_ledger(engine: Any) -> None:
    run_engine, _, _, ids = engine
    # Nobody; a face far too large for the photo that covers the subject's; and one that is right.
    huge = Box(-300, -300, 500, 520)
    images, ledger = run_engine({ids[1]: [Face(huge)], ids[2]: [Face(BOX)]})
    assert ledger.loc[ids[0], "status"] == Status.NO_FACE and not images[ids[0]].any()
    assert ledger.loc[ids[1], "status"] == Status.METHOD_ERROR and not images[ids[1]].any()
    assert "larger than the photo" in ledger.loc[ids[1], "detail"]
    assert ledger.loc[ids[2], "status"] == Status.OK
    assert list(ledger.loc[ids[2], "regions"]) == [24, 44, 156, 176]
    assert (images[ids[2]][44:176, 24:156] != picture(2)[44:176, 24:156]).any(axis=2).mean() > 0.9


def test_same_images_whatever_the_batches(engine: Any) -> None:
    run_engine, _, _, ids = engine
    faces = {name: [Face(BOX), Face(Box(5, 5, 40, 40))] for name in ids}
    first, second = (run_engine(faces, size)[0] for size in (1, 3))
    assert all((first[name] == second[name]).all() for name in ids)


def test_training_is_shown_what_the_anonymiser_is(engine: Any) -> None:
    _, detected, folder, ids = engine
    found = detected({ids[0]: [Face(BOX)], ids[2]: [Face(Box(62, 82, 122, 142))]})
    crops, labels = folder / "crops.npy", folder / "labels.csv"
    adversarial_crop_files(
        archive=folder / "images.tar", manifest=folder / "manifest.parquet",
        subjects=folder / "subjects.parquet", detections=found, size=64, crops=crops, labels=labels,
    )  # fmt: skip
    table, stored = read_table(labels), np.load(crops)
    assert list(table["image_id"]) == [ids[0], ids[2]] and stored.shape == (2, 72, 72, 3)
    model, fake = ready(size=64)
    run(model, photo(picture(0)))
    seen = fake.seen[0][0].astype(int)
    assert np.abs(stored[0][4:-4, 4:-4].astype(int) - seen)[2:-2, 2:-2].max() <= 1
    with pytest.raises(ValueError, match="no face with an expression"):
        adversarial_crop_files(
            archive=folder / "images.tar", manifest=folder / "manifest.parquet",
            subjects=folder / "subjects.parquet", detections=detected({}), size=64, crops=crops,
            labels=labels,
        )  # fmt: skip


def test_entries_of_the_catalogue_name_weights_of_the_registry() -> None:
    from anonbench.config import load

    for name in NAMES:
        entry = load(ROOT / "params.yaml").methods[name].model_dump()
        found = models_of("methods", entry)
        assert len(found) >= 2 and all(weights.model(m).bundled for m in found)
