"""Training of CLEANIR: what it is shown, its losses by hand, and that it goes on where it ended."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors import safe_open

from anonbench.anonymisers._cleanir_crop import face_crop
from anonbench.models.cleanir import Decoder, Encoder
from anonbench.training.cleanir_crops import ROOM, WIDTH
from anonbench.training.cleanir_settings import CleanirTraining
from anonbench.training.train_cleanir import (
    Faces,
    Trainer,
    _cross_entropy,
    _divergence,
    train_cleanir_files,
)
from killed import assert_it_goes_on_to_the_same_bytes

SUBJECTS, EACH, LENGTH = 5, 3, 8
QUICK = {"dataset": "toy", "rounds": 4, "batch": 2, "report_every": 2, "device": "cpu"}
BEYOND = {"flip": 0.5, "shift": 3, "ema": 0.9, "fall": 0.5, "sharpness": 100.0, "levels": 3,
          "sure": True, "validation": 0.4}  # fmt: skip
CRITIC = {"adversarial": 3.0, "matching": 2.0, "critic_width": 4}


def settings(**more: object) -> CleanirTraining:
    return CleanirTraining(**{**QUICK, **more})


def toy() -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    draw = np.random.default_rng(1)
    crops = draw.integers(0, 256, (SUBJECTS * EACH, WIDTH, WIDTH, 3), np.uint8)
    embeddings = draw.normal(3, 1, (SUBJECTS * EACH, LENGTH)).astype(np.float32)
    subjects = np.repeat([f"s{k}" for k in range(SUBJECTS)], EACH)
    return crops, embeddings, pd.DataFrame({"subject": subjects})


@pytest.fixture()
def files(tmp_path: Path) -> dict:
    crops, embeddings, labels = toy()
    np.save(tmp_path / "crops.npy", crops)
    np.save(tmp_path / "embeddings.npy", embeddings)
    labels.to_csv(tmp_path / "labels.csv", index=False)
    names = {"crops": "crops.npy", "embeddings": "embeddings.npy", "labels": "labels.csv",
             "folder": "", "weights": "w.safetensors", "curves": "c.csv", "figure": "f.png",
             "samples": "s.png"}  # fmt: skip
    paths = {key: tmp_path / name for key, name in names.items()}
    return {**paths, "name": "toy", "seed": 1, "threads": 1}


# Losses


def test_losses_by_hand() -> None:
    grey, white = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    assert float(_cross_entropy(grey, white)) == pytest.approx(96 * math.log(2))
    assert float(_cross_entropy(white, white)) == pytest.approx(0, abs=1e-4)
    assert math.isfinite(float(_cross_entropy(-white, white))), "surely wrong is not infinitely bad"
    mean, spread = torch.zeros(2, 5), torch.zeros(2, 5)
    mean[1, :2], spread[1, 4] = 2.0, math.log(3)
    expected = 0.5 * (4 + 4 + 3 - 1 - math.log(3))
    assert _divergence(mean, spread).tolist() == pytest.approx([0, expected])


# What it is shown


def test_the_critics_terms_by_hand() -> None:
    recipe = settings(**CRITIC)
    made = Trainer(Faces(*toy(), recipe, 1, "toy"), recipe, 1, "toy")
    true, _ = made.faces.batch(0)
    out = torch.zeros_like(true, requires_grad=True)
    before = [p.clone() for p in made.networks["critic"].parameters()]
    terms = made._judgement(true, out)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(before, made.networks["critic"].parameters(), strict=True)
    )
    # It judges as it is after its step.
    critic = made.networks["critic"]
    fake, inner = critic.judged(out)
    kept = critic.judged(true)[1]
    assert float(terms["adversarial"].detach()) == pytest.approx(
        3 * 2 * float(((fake - 1) ** 2).mean().detach()), rel=1e-5
    )
    each = [float((a - b).abs().mean().detach()) for a, b in zip(inner, kept, strict=True)]
    assert float(terms["matching"].detach()) == pytest.approx(2 * 2 * np.mean(each), rel=1e-4)
    # The critic learns nothing from what it says of a drawn face; who draws it does.
    torch.stack(list(terms.values())).sum().backward()
    assert all(p.grad is None or not p.requires_grad for p in critic.parameters())
    assert out.grad is not None and float(out.grad.abs().sum()) > 0


def test_the_critic_waits_for_the_warm_up() -> None:
    recipe = settings(warm_up=1, **CRITIC)
    made = Trainer(Faces(*toy(), recipe, 1, "toy"), recipe, 1, "toy")
    made.step(0)
    assert "critic" not in made._sums
    made.step(1)
    assert {"critic", "adversarial", "matching"} < set(made._sums)
    assert made.betas("critic") == (0.5, 0.999) and made.betas("both") == (0.9, 0.999)
    alone = Trainer(Faces(*toy(), settings(), 1, "toy"), settings(), 1, "toy")
    assert set(alone.networks) == {"both"}
    # Nor does it change with what the others begin.
    first = Trainer(Faces(*toy(), recipe, 1, "toy"), recipe, 1, "toy").networks["both"]
    for one, other in zip(alone.networks["both"].parameters(), first.parameters(), strict=True):
        assert torch.equal(one, other)


def test_crop_is_the_bounding_rectangle_of_landmarks() -> None:
    photo = np.zeros((200, 300, 3), np.uint8)
    photo[..., 0] = np.arange(300).clip(max=255)
    photo[..., 1] = np.arange(200)[:, None]
    points = np.array([[100, 40], [163, 103], [120, 80]])
    exact = face_crop(photo, points)
    np.testing.assert_array_equal(exact, photo[40:104, 100:164])
    np.testing.assert_array_equal(face_crop(photo, points, 8), photo[32:112, 92:172])
    half = face_crop(photo, np.array([[100, 40], [227, 167]]))
    assert np.abs(half[..., 0].astype(int) - (100.5 + 2 * np.arange(64))).max() <= 1
    assert np.abs(half[..., 1].astype(int) - (40.5 + 2 * np.arange(64))[:, None]).max() <= 1


def test_crop_goes_on_beyond_the_photo() -> None:
    photo = np.full((50, 60, 3), 7, np.uint8)
    photo[:, -1] = 9
    crop = face_crop(photo, np.array([[28, 20], [91, 83]]), 4)
    assert crop.shape == (72, 72, 3)
    assert (crop[:, 40:] == 9).all() and (crop[:, :30] == 7).all()
    away = face_crop(photo, np.array([[500, 300], [563, 363]]))
    assert (away == 9).all(), "nothing of the photo is left, but its nearest pixels"


def test_batches_are_keyed_by_round_and_hold_the_faces() -> None:
    crops, embeddings, labels = toy()
    recipe = settings(flip=0.5, shift=3, batch=8)
    faces = Faces(crops, embeddings, labels, recipe, 1, "toy")
    pictures, targets = faces.batch(3)
    again = faces.batch(3)
    assert torch.equal(pictures, again[0]) and torch.equal(targets, again[1])
    assert not torch.equal(pictures, faces.batch(4)[0])
    assert pictures.shape == (8, 3, 64, 64)
    centred = embeddings - embeddings.mean(axis=0)
    for picture, target in zip(pictures, targets, strict=True):
        own = target[:LENGTH].numpy()
        row = int(np.argmax([own @ c / np.linalg.norm(c) for c in centred]))
        assert own @ centred[row] == pytest.approx(np.linalg.norm(centred[row]), rel=1e-5)
        pixels = ((picture + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(np.uint8)
        shifts = range(ROOM - 3, ROOM + 4)
        cuts = (crops[row, y : y + 64, x : x + 64] for y in shifts for x in shifts)
        assert any(np.array_equal(pixels, c) or np.array_equal(pixels, c[:, ::-1]) for c in cuts)
    assert targets[:, LENGTH:].abs().max() == 0


def test_held_out_subjects_are_never_shown() -> None:
    crops, embeddings, labels = toy()
    crops[:] = np.arange(len(crops))[:, None, None, None]
    faces = Faces(crops, embeddings, labels, settings(validation=0.4, batch=16), 1, "toy")
    assert len(faces.validation) == 2 * EACH
    assert labels["subject"].iloc[faces.validation].nunique() == 2
    seen = {int(v) for k in range(20) for v in ((faces.batch(k)[0] + 1) * 127.5).round().unique()}
    assert seen == set(range(len(crops))) - set(faces.validation.tolist())


# Training


@pytest.mark.parametrize(
    "more", [{}, BEYOND, {"warm_up": 1, **CRITIC}], ids=["published", "beyond", "critic"]
)
def test_interrupted_training_ends_with_the_same_bytes(files: dict, more: dict) -> None:
    recipe = settings(**more)
    train_cleanir_files(**files, settings=recipe)
    kept = {k: files[k].read_bytes() for k in ("weights", "curves", "samples")}
    checkpoint = files["folder"] / "checkpoint.pt"
    checkpoint.unlink()

    class Interrupted(Trainer):
        def step(self, k: int) -> None:
            if k == 3:
                raise KeyboardInterrupt
            super().step(k)

    from anonbench.training import train_cleanir

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_cleanir, "Trainer", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_cleanir_files(**files, settings=recipe)
    assert checkpoint.is_file() and (files["folder"] / "sheet-000002.png").is_file()
    train_cleanir_files(**files, settings=recipe)
    assert kept == {k: files[k].read_bytes() for k in kept}
    curves = pd.read_csv(files["curves"])
    assert list(curves["round"]) == [2, 4] and np.isfinite(curves.to_numpy()).all()
    assert ("sharpness" in curves) == ("sharpness" in more)
    assert ("critic" in curves) == ("adversarial" in more)


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bytes(files: dict) -> None:
    assert_it_goes_on_to_the_same_bytes(train_cleanir_files, settings(**BEYOND, **CRITIC), files)


def test_weights_say_what_they_are(files: dict) -> None:
    train_cleanir_files(**files, settings=settings(rounds=1))
    with safe_open(files["weights"], "pt") as file:
        assert f'"identity_length": "{LENGTH}"' in file.metadata()["anonbench"]
        state = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118
    networks = torch.nn.ModuleDict({"encoder": Encoder(), "decoder": Decoder()})
    networks.load_state_dict(state)


def test_it_learns_what_it_is_shown() -> None:
    crops, embeddings, labels = toy()
    crops[:] = np.array([40, 120, 220])
    trainer = Trainer(
        Faces(crops, embeddings, labels, settings(), 1, "toy"),
        settings(rate=0.002, rounds=30), 1, "toy",
    )  # fmt: skip
    for k in range(30):
        trainer.step(k)
    shares = [np.mean(trainer._sums["reconstruction"][s]) for s in (slice(5), slice(-5, None))]
    assert shares[1] < 0.8 * shares[0]


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"batch": 0}, {"shift": 9}, {"flip": 1.5}, {"roundz": 3},
                  {"matching": 1.0}):  # fmt: skip
        with pytest.raises(ValidationError):
            settings(**wrong)
