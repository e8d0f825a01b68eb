"""Training: what is shown, how it is augmented, how it goes on, and what is written."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file

from anonbench.expressions import EXPRESSIONS
from anonbench.expressions._crops import Crops
from anonbench.io import ArchiveWriter, read_table, write_table
from anonbench.models.dan import DAN
from anonbench.seeds import generator
from anonbench.training.augment import augmented, centred, erased, normalised
from anonbench.training.crops import crop_files, stored_padding, stored_size
from anonbench.training.export import write_half
from anonbench.training.recipe import class_weights, held_out, order, rate_at
from anonbench.training.settings import Augmentation, Training
from anonbench.training.train_dan import RESNET, Trainer, _backbone, train_files

NOTHING = Augmentation(flip=0, geometry=0, colour=0, erasing=0)


def picture(width: int = 20, n: int = 2) -> torch.Tensor:
    draw = np.random.default_rng(0)
    return torch.from_numpy(draw.integers(0, 256, (n, width, width, 3), np.uint8))


# Augmentation


def test_no_augmentation_is_the_middle() -> None:
    crops = picture()
    found = augmented(crops, 12, NOTHING, np.random.default_rng(0))
    torch.testing.assert_close(found, centred(crops, 12), atol=1e-5, rtol=0)
    assert centred(crops, 12).shape == (2, 3, 12, 12)
    assert centred(crops, 12)[0, 1, 0, 0] == crops[0, 4, 4, 1] / 255


def test_flip_mirrors() -> None:
    crops = picture()
    settings = NOTHING.model_copy(update={"flip": 1.0})
    found = augmented(crops, 12, settings, np.random.default_rng(0))
    torch.testing.assert_close(found, centred(crops, 12).flip(3), atol=1e-5, rtol=0)


def test_a_shift_stays_within_its_bound_and_shows_what_lies_beyond() -> None:
    ramp = torch.arange(40, dtype=torch.uint8).view(1, 1, 40, 1).expand(200, 40, 40, 3)
    settings = NOTHING.model_copy(update={"geometry": 1.0, "rotation": 0.0, "scale": 0.0,
                                          "shift": 0.1})  # fmt: skip
    found = 255 * augmented(ramp, 20, settings, np.random.default_rng(0))
    offset = (found - 255 * centred(ramp, 20))[:, 0, 10, :]
    # The same shift along a row; up to a tenth of 20 pixels, and most of that is reached.
    assert (offset.std(dim=1) < 1e-3).all()
    assert 1.8 < offset.abs().max() <= 2.0 + 1e-3
    assert offset.min() < -1.5 and offset.max() > 1.5


def test_a_rotation_by_a_right_angle_turns_the_picture() -> None:
    crops = picture(n=400)
    settings = NOTHING.model_copy(update={"geometry": 1.0, "rotation": 180.0, "scale": 0.0,
                                          "shift": 0.0})  # fmt: skip
    found = augmented(crops, 12, settings, np.random.default_rng(0))
    # The middle of a turned picture keeps its brightness; its corners do not.
    draw = np.random.default_rng(0)
    draw.random(400)
    angle = draw.uniform(-180, 180, 400)
    nearest = int(np.abs(np.abs(angle) - 90).argmin())
    turned = torch.rot90(centred(crops, 12)[nearest], 1 if angle[nearest] < 0 else -1, (1, 2))
    back = torch.rot90(centred(crops, 12)[nearest], -1 if angle[nearest] < 0 else 1, (1, 2))
    errors = [(found[nearest] - t).abs().mean().item() for t in (turned, back)]
    assert min(errors) < 0.05 < max(errors)


def test_erasing_takes_a_share_of_the_picture() -> None:
    images = torch.ones(300, 3, 40, 40)
    settings = Augmentation(erasing=0.5, erased=(0.1, 0.2))
    erased(images, settings, np.random.default_rng(0))
    share = (images[:, 0] == 0).float().mean(dim=(1, 2))
    assert 0.4 < (share > 0).float().mean() < 0.6
    hit = share[share > 0]
    # Sides are rounded to pixels.
    assert hit.min() > 0.08 and hit.max() < 0.22 and hit.std() > 0.01


def test_normalised_takes_imagenet_out() -> None:
    image = torch.tensor([0.485, 0.456 + 0.224, 0.0]).view(1, 3, 1, 1)
    found = normalised(image).flatten()
    torch.testing.assert_close(found, torch.tensor([0.0, 1.0, -0.406 / 0.225]))


# Recipe


def test_subjects_are_held_out_whole() -> None:
    subjects = [f"s{k // 7}" for k in range(7000)]
    out = held_out(subjects, 0.1, 1)
    by_subject = pd.Series(out).groupby(subjects).nunique()
    assert (by_subject == 1).all()
    assert 0.07 < out.mean() < 0.13
    reordered = held_out(subjects[::-1], 0.1, 1)
    assert (reordered[::-1] == out).all()
    assert not held_out(subjects, 0.0, 1).any()


def test_the_sampler_balances_classes() -> None:
    labels = np.repeat([0, 1], [1900, 100])
    settings = Training(batch=50, balance="sampler")
    counts = Counter(labels[order(labels, settings, 1, 0)].tolist())
    assert abs(counts[0] - counts[1]) < 200
    plain = order(labels, Training(batch=64), 1, 0)
    assert len(plain) == 1984 and len(set(plain.tolist())) == 1984
    assert (plain != order(labels, Training(batch=64), 1, 1)).any()


def test_class_weights_by_hand() -> None:
    labels = np.array([0, 0, 0, 2])
    weights = class_weights(labels, 3, Training(balance="weights"))
    assert weights is not None
    torch.testing.assert_close(weights, torch.tensor([4 / 6, 0.0, 2.0]))
    assert class_weights(labels, 3, Training()) is None


def test_learning_rates() -> None:
    step = Training(schedule="step", rate=0.1, epochs=40)
    assert [rate_at(step, e) for e in (0, 9.9, 10, 39)] == pytest.approx([0.1, 0.1, 0.01, 1e-4])
    falling = Training(schedule="exponential", rate=1e-4)
    assert rate_at(falling, 2.5) == pytest.approx(1e-4 * 0.36)
    cosine = Training(schedule="cosine", rate=1.0, epochs=11)
    assert [rate_at(cosine, e) for e in (0.5, 1, 6, 11)] == pytest.approx([0.5, 1, 0.5, 0])


# Crops


def test_the_middle_of_a_stored_crop_is_what_the_network_sees() -> None:
    settings = Training(size=112, padding=0.35)
    width = stored_size(settings)
    draw = np.random.default_rng(0)
    # Smooth, so that resampling at two sizes agrees.
    small = draw.integers(0, 256, (8, 8, 3), np.uint8)
    pixels = np.ascontiguousarray(torch.nn.functional.interpolate(
        torch.from_numpy(small).permute(2, 0, 1)[None].float(), (240, 240), mode="bicubic"
    )[0].clamp(0, 255).permute(1, 2, 0).to(torch.uint8))  # fmt: skip
    points = np.array([[150, 100], [132, 101], [90, 100], [108, 101], [120, 140]], np.float32)
    stored = Crops(width, "landmarks", stored_padding(settings)).crop(pixels, None, points)
    seen = Crops(112, "landmarks", 0.35).crop(pixels, None, points)
    begin = (width - 112) // 2
    middle = stored[begin : begin + 112, begin : begin + 112]
    assert np.abs(middle.astype(int) - seen.astype(int)).mean() < 1.5
    assert np.abs(stored[:112, :112].astype(int) - seen.astype(int)).mean() > 5


def test_crops_of_labelled_images_only(tmp_path: Path) -> None:
    ids = ["a", "b", "c", "d"]
    with ArchiveWriter(tmp_path / "images.tar") as archive:
        for k, name in enumerate(ids):
            archive.add(name, np.full((30, 40, 3), 10 * k, np.uint8))
    manifest = pd.DataFrame({"image_id": ids, "subject": ["s", "s", "t", "t"], "status": "ok",
                             "expression": ["anger", "smile", "fear", "neutral"]})  # fmt: skip
    write_table(manifest, tmp_path / "manifest.parquet")
    boxes = pd.DataFrame({"image_id": ids, "status": ["ok", "ok", "no_face", "ok"], "left": 5.0,
                          "top": 5.0, "right": 25.0, "bottom": 25.0})  # fmt: skip
    boxes["points"] = [[] for _ in ids]
    write_table(boxes, tmp_path / "subjects.parquet")
    files = {
        "archive": tmp_path / "images.tar", "manifest": tmp_path / "manifest.parquet",
        "subjects": tmp_path / "subjects.parquet", "crops": tmp_path / "crops.npy",
        "labels": tmp_path / "labels.csv",
    }  # fmt: skip
    crop_files(settings=Training(crop="box", size=16), **files)
    crops, labels = np.load(files["crops"]), pd.read_csv(files["labels"])
    assert list(labels["image_id"]) == ["a", "d"]
    assert list(labels["expression"]) == ["anger", "neutral"]
    assert crops.shape == (2, 16, 16, 3) and [c.max() for c in crops] == [0, 30]
    crop_files(settings=Training(crop="image", size=16), **files)
    assert list(pd.read_csv(files["labels"])["image_id"]) == ["a", "c", "d"]
    manifest["expression"] = "smile"
    write_table(manifest, tmp_path / "manifest.parquet")
    with pytest.raises(ValueError, match="no image with one of the expressions"):
        crop_files(settings=Training(crop="box", size=16), **files)


# The whole


SMALL = Training(
    name="small", size=32, crop="box", heads=2, epochs=3, batch=14, validation=0.3,
    precision="float32", device="cpu", rate=0.002,
)  # fmt: skip


def coloured(folder: Path, subjects: int = 8) -> dict[str, Path]:
    """Write crops whose colour tells their expression."""
    draw = np.random.default_rng(0)
    labels = pd.DataFrame(
        [{"image_id": f"{s}{e}", "subject": f"s{s}", "expression": e}
         for s in range(subjects) for e in EXPRESSIONS]
    )  # fmt: skip
    colours = draw.integers(30, 225, (7, 3))
    base = colours[labels["expression"].map(EXPRESSIONS.index)][:, None, None]
    crops = base + draw.integers(-20, 20, (len(labels), 32, 32, 3))
    np.save(folder / "crops.npy", crops.clip(0, 255).astype(np.uint8))
    write_table(labels, folder / "labels.csv")
    return {"crops": folder / "crops.npy", "labels": folder / "labels.csv"}


def outputs(folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    return {
        "checkpoint": folder / "checkpoint.pt", "weights": folder / "dan.safetensors",
        "curves": folder / "curves.csv", "figure": folder / "curves.svg",
    }  # fmt: skip


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    data = coloured(tmp_path)
    whole, parts = outputs(tmp_path / "whole"), outputs(tmp_path / "parts")
    train_files(**data, **whole, settings=SMALL, seed=1, threads=1)

    class Interrupted(Exception):
        pass

    def stop(self: Trainer, epoch: int, do: object = Trainer.train_epoch) -> None:
        if epoch == 2:
            raise Interrupted
        do(self, epoch)  # type: ignore[operator]

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr(Trainer, "train_epoch", stop)
        train_files(**data, **parts, settings=SMALL, seed=1, threads=1)
    assert not parts["weights"].exists()
    shown: list[int] = []

    def counting(self: Trainer, epoch: int, do: object = Trainer.train_epoch) -> None:
        shown.append(epoch)
        do(self, epoch)  # type: ignore[operator]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "train_epoch", counting)
        train_files(**data, **parts, settings=SMALL, seed=1, threads=1)
    assert shown == [2]
    for kind in ("weights", "curves", "figure"):
        assert whole[kind].read_bytes() == parts[kind].read_bytes(), kind
    curves = read_table(whole["curves"])
    assert list(curves["epoch"].astype(int)) == [1, 2, 3]
    with safe_open(whole["weights"], "numpy") as file:
        assert json.loads(file.metadata()["anonbench"])["classes"] == ",".join(EXPRESSIONS)


def test_a_checkpoint_of_other_settings_is_not_used(tmp_path: Path) -> None:
    data, out = coloured(tmp_path), outputs(tmp_path / "out")
    short = SMALL.model_copy(update={"epochs": 1})
    train_files(**data, **out, settings=short, seed=1, threads=1)
    first = out["weights"].read_bytes()
    train_files(**data, **out, settings=short, seed=2, threads=1)
    assert out["weights"].read_bytes() != first
    assert len(read_table(out["curves"])) == 1


def test_it_learns(tmp_path: Path) -> None:
    """Colours are told apart on subjects that were held out."""
    data = coloured(tmp_path, 24)
    settings = SMALL.model_copy(update={"epochs": 6, "augmentation": NOTHING})
    trainer = Trainer(np.load(data["crops"]), pd.read_csv(data["labels"]), settings, 1)
    for epoch in range(settings.epochs):
        trainer.train_epoch(epoch)
    assert trainer.curves[-1]["validation_uar"] > 0.8
    assert trainer.curves[-1]["cross_entropy"] < 0.6 * trainer.curves[0]["cross_entropy"]


def test_diverging_training_stops(tmp_path: Path) -> None:
    data = coloured(tmp_path, 4)
    settings = SMALL.model_copy(update={"rate": 1e30, "optimiser": "sgd", "epochs": 3})
    trainer = Trainer(np.load(data["crops"]), pd.read_csv(data["labels"]), settings, 1)
    with pytest.raises(FloatingPointError, match=r"lower training\.rate"):
        for epoch in range(3):
            trainer.train_epoch(epoch)


def test_half_precision_keeps_vectors(tmp_path: Path) -> None:
    network = DAN(7, 1)
    network.bn.running_var.fill_(1e6)
    write_half(network.state_dict(), tmp_path / "x.safetensors", {"a": "b"})
    stored = load_file(tmp_path / "x.safetensors")
    assert stored["bn.running_var"].dtype == torch.float32
    assert stored["bn.running_var"][0] == 1e6
    assert stored["fc.weight"].dtype == torch.float16
    assert stored["bn.num_batches_tracked"].dtype == torch.int64
    with torch.no_grad():
        network.fc.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"fc\.weight: not finite in half precision"):
        write_half(network.state_dict(), tmp_path / "y.safetensors", {})
    assert not (tmp_path / "y.safetensors").exists()


def test_a_resnet_gets_the_names_it_has_in_dan() -> None:
    own = DAN(7, 1).features.state_dict()
    numbers = {str(k): name for k, name in enumerate(RESNET)}
    arrays: dict[str, NDArray[np.generic]] = {"fc.weight": np.zeros((1000, 512), np.float32)}
    for n, (key, value) in enumerate(own.items()):
        part, _, rest = key.partition(".")
        arrays[f"{numbers[part]}.{rest}"] = np.full(tuple(value.shape), n, np.float32)
    found = _backbone(arrays, own)
    assert list(found) == list(own)
    assert all((v == n).all() for n, v in enumerate(found.values()))
    del arrays["layer4.1.bn2.bias"]
    with pytest.raises(ValueError, match=r"lacks 7\.1\.bn2\.bias"):
        _backbone(arrays, own)


def test_first_weights_and_order_depend_on_the_seed_alone(tmp_path: Path) -> None:
    data = coloured(tmp_path, 3)
    crops, labels = np.load(data["crops"]), pd.read_csv(data["labels"])
    torch.rand(3)
    one = Trainer(crops, labels, SMALL, 1).network.state_dict()
    torch.rand(5)
    two = Trainer(crops, labels, SMALL, 1).network.state_dict()
    other = Trainer(crops, labels, SMALL, 2).network.state_dict()
    assert all(torch.equal(one[k], two[k]) for k in one)
    assert not torch.equal(one["fc.weight"], other["fc.weight"])
    assert generator(1, "x").random() == generator(1, "x").random()
    assert math.isfinite(float(one["fc.weight"].sum()))
