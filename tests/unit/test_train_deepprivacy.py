"""Training of DeepPrivacy: what it is shown, its losses by hand, that it goes on where it ended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors import safe_open
from torch import Tensor, nn

from anonbench.anonymisers._deepprivacy_frame import cut, frame_of, hole, keypoints_in
from anonbench.models.deepprivacy import DeepPrivacyV1
from anonbench.training import train_deepprivacy
from anonbench.training.deepprivacy_batches import Faces
from anonbench.training.deepprivacy_critic import Critic, gradient_penalty
from anonbench.training.deepprivacy_crops import WIDTH, in_crop, wider
from anonbench.training.deepprivacy_settings import DeepPrivacyTraining
from anonbench.training.train_deepprivacy import Trainer, train_deepprivacy_files
from anonbench.types import Box, Face
from killed import assert_it_goes_on_to_the_same_bytes

SUBJECTS, EACH = 4, 2
QUICK = {
    "dataset": "toy", "rounds": 4, "batch": 2, "report_every": 2, "device": "cpu", "channels": 4,
    "critic_channels": 4, "jitter": 0.0,
}  # fmt: skip
BEYOND = {
    "flip": 0.5, "jitter": 0.02, "ema": 0.9, "warm_up": 1, "reconstruction": 1.0, "levels": 3,
    "penalty_every": 2, "validation": 0.5, "network": "MSGGenerator",
}  # fmt: skip
PATCHES = {"critic": "patches", "matching": 2.0, "critic_pace": 0.3, "momentum": 0.5}
POINTS = np.array([[80, 90], [95, 70], [65, 70], [110, 80], [50, 80], [150, 150], [10, 150]])


def settings(**more: object) -> DeepPrivacyTraining:
    return DeepPrivacyTraining(**{**QUICK, **more})


def toy() -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    draw = np.random.default_rng(1)
    crops = draw.integers(0, 256, (SUBJECTS * EACH, WIDTH, WIDTH, 3), np.uint8)
    places = np.concatenate([[[40, 35], [120, 125]], POINTS]).astype(np.float32)
    subjects = np.repeat([f"s{k}" for k in range(SUBJECTS)], EACH)
    every = np.repeat(places[None], len(crops), axis=0)
    return crops, every, pd.DataFrame({"subject": subjects})


def faces(**more: object) -> Faces:
    return Faces(*toy(), settings(**more), 1, "toy")


@pytest.fixture()
def files(tmp_path: Path) -> dict[str, Any]:
    crops, places, labels = toy()
    np.save(tmp_path / "crops.npy", crops)
    np.save(tmp_path / "places.npy", places)
    labels.to_csv(tmp_path / "labels.csv", index=False)
    names = {"crops": "crops.npy", "places": "places.npy", "labels": "labels.csv", "folder": "",
             "weights": "w.safetensors", "curves": "c.csv", "figure": "f.png",
             "samples": "s.png"}  # fmt: skip
    paths = {key: tmp_path / name for key, name in names.items()}
    return {**paths, "name": "toy", "seed": 1, "threads": 1}


# What it is shown


def test_it_is_shown_what_the_anonymiser_is() -> None:
    crops, places, _ = toy()
    batch = faces().shown(np.array([0, 3]))
    frame = frame_of(Box(40, 35, 120, 125), WIDTH, WIDTH)
    for n, row in enumerate((0, 3)):
        seen = torch.from_numpy(cut(crops[row], frame)).permute(2, 0, 1)
        assert torch.equal(((batch.picture[n] + 1) * 127.5).round().to(torch.uint8), seen)
    assert torch.equal(batch.mask[0, 0] == 0, torch.from_numpy(hole(frame)))
    expected = keypoints_in(frame, places[0, 2:])
    np.testing.assert_allclose(batch.keypoints[0].numpy(), expected, atol=1e-6)
    inside = batch.mask.expand_as(batch.picture) == 0
    grey = torch.tensor(128 / 127.5 - 1)
    assert torch.allclose(batch.condition[inside], grey)
    assert torch.equal(batch.condition[~inside], batch.picture[~inside])
    kept = batch.pasted(torch.full_like(batch.picture, 0.25))
    assert (kept[inside] == 0.25).all() and torch.equal(kept[~inside], batch.picture[~inside])
    other = faces(network="MSGGenerator").shown(np.array([0]))
    assert (other.condition[other.mask.expand_as(other.picture) == 0] == 0).all()


def test_a_mirror_image_swaps_left_and_right() -> None:
    same, mirrored = faces(batch=1), faces(batch=1, flip=1.0)
    for k in range(6):
        first, second = same.batch(k), mirrored.batch(k)
        if first.picture.flip(3).sub(second.picture).abs().max() < 0.02:
            break
    else:
        pytest.fail("no batch of the same face")
    one, two = first.keypoints.view(7, 2), second.keypoints.view(7, 2)
    np.testing.assert_allclose(two[0], [1 - one[0, 0], one[0, 1]], atol=0.02)
    np.testing.assert_allclose(two[1], [1 - one[2, 0], one[2, 1]], atol=0.02)
    np.testing.assert_allclose(two[6], [1 - one[5, 0], one[5, 1]], atol=0.02)


def test_boxes_move_no_more_than_they_should() -> None:
    wide = [float((1 - b.mask).sum()) for b in (faces(jitter=0.05).batch(k) for k in range(8))]
    assert len(set(wide)) > 4
    assert len({float((1 - faces().batch(k).mask).sum()) for k in range(4)}) == 1


def test_a_crop_holds_the_square_with_room() -> None:
    face = Face(Box(200, 150, 300, 270), points=POINTS.astype(np.float32))
    frame = frame_of(face.box, 640, 480)
    more = wider(frame)
    scale = WIDTH / more.side
    assert 1.1 < more.side / frame.side < 1.15
    places = in_crop(face, more)
    assert places.shape == (9, 2)
    np.testing.assert_allclose(places[1] - places[0], [100 * scale, 120 * scale], rtol=1e-5)
    np.testing.assert_allclose(places[2], (POINTS[0] - more.shown[:2]) * scale, rtol=1e-5)


def test_held_out_subjects_are_never_shown() -> None:
    crops, places, labels = toy()
    crops[:] = (20 * np.arange(len(crops)))[:, None, None, None]
    part = Faces(crops, places, labels, settings(validation=0.5, batch=16), 1, "toy")
    assert labels["subject"].iloc[part.validation].nunique() == 2
    seen = {int(((p + 1) * 127.5).round().max()) for p in part.batch(0).picture}
    assert seen == {20 * n for n in range(len(crops))} - {20 * int(n) for n in part.validation}


# Losses


def test_gradient_penalty_of_a_linear_critic() -> None:
    class Linear(nn.Module):
        def forward(self, x: Tensor, gain: Tensor) -> Tensor:
            return gain * x.flatten(1).sum(dim=1)

    mixed = torch.rand(3, 1, 2, 2)
    # The gradient is `gain` at each of 4 pixels: its length is twice as much.
    found = gradient_penalty(Linear(), mixed, torch.tensor(3.0))
    assert float(found) == pytest.approx((2 * 3 - 1) ** 2)
    assert float(gradient_penalty(Linear(), mixed, torch.tensor(0.5))) == pytest.approx(0, abs=1e-6)


def test_the_critic_looks_at_all_it_is_shown() -> None:
    torch.manual_seed(1)
    critic, batch = Critic(4), faces().shown(np.array([0, 1]))
    score = critic(batch.picture, batch.condition, batch.keypoints)
    assert score.shape == (2,)
    moved = batch.keypoints.roll(2, 1)
    assert not torch.equal(score, critic(batch.picture, batch.condition, moved))
    assert not torch.equal(score, critic(-batch.picture, batch.condition, batch.keypoints))
    assert not torch.equal(score, critic(batch.picture, -batch.condition, batch.keypoints))


def test_a_warm_up_teaches_the_generator_alone() -> None:
    made = Trainer(faces(warm_up=1, reconstruction=1.0), settings(warm_up=1, reconstruction=1.0),
                   1, "toy")  # fmt: skip
    before = {name: n.state_dict()[next(iter(n.state_dict()))].clone()
              for name, n in made.networks.items()}  # fmt: skip

    def changed() -> set[str]:
        return {name for name, n in made.networks.items()
                if not torch.equal(before[name], next(iter(n.state_dict().values())))}  # fmt: skip

    made.step(0)
    assert changed() == {"generator"} and set(made._sums) == {"reconstruction"}
    made.step(1)
    assert changed() == {"generator", "critic"}
    assert set(made._sums) == {"reconstruction", "critic", "penalty", "adversarial"}
    with pytest.raises(ValueError, match="set reconstruction"):
        Trainer(faces(), settings(warm_up=1), 1, "toy").step(0)


def test_the_critic_learns_to_tell_drawn_faces() -> None:
    made = Trainer(faces(), settings(batch=4, rate=1e-3), 1, "toy")
    batch = made.faces.batch(0)
    for k in range(12):
        made._critic_step(batch, torch.zeros_like(batch.picture), k)
    assert made._sums["critic"][-1] < made._sums["critic"][0] - 0.1


def test_the_patches_critic_looks_at_all_it_is_shown_and_learns() -> None:
    made = Trainer(faces(**PATCHES), settings(batch=4, **PATCHES), 1, "toy")
    batch = made.faces.batch(0)
    scores, inner = made._patches(batch, batch.picture)
    assert scores.shape[:2] == (2, 1) and len(inner) == 4
    moved = batch._replace(keypoints=batch.keypoints.roll(2, 1))
    filled = batch._replace(mask=1 - batch.mask)
    for other in (made._patches(batch, -batch.picture), made._patches(moved, batch.picture),
                  made._patches(filled, batch.picture)):  # fmt: skip
        assert not torch.equal(scores, other[0])
    for _ in range(30):
        made._patch_critic_step(batch, torch.zeros_like(batch.picture))
    assert made._sums["critic"][-1] < made._sums["critic"][0] - 0.1


def test_the_patches_judgement_by_hand() -> None:
    recipe = settings(batch=2, adversarial=3.0, **PATCHES)
    made = Trainer(faces(), recipe, 1, "toy")
    batch = made.faces.batch(0)
    drawn = batch.pasted(torch.zeros_like(batch.picture))
    score, apart = (float(term.detach()) for term in made._judgement(batch, drawn))
    fake, inner = made._patches(batch, drawn)
    true = made._patches(batch, batch.picture)[1]
    assert score == pytest.approx(3 * float(((fake - 1) ** 2).mean().detach()), rel=1e-5)
    each = [float((a - b).abs().mean().detach()) for a, b in zip(inner, true, strict=True)]
    assert apart == pytest.approx(2 * np.mean(each), rel=1e-4)
    # Nothing of what is true is left to match.
    assert float(made._judgement(batch, batch.picture)[1].detach()) == 0


def test_rates_and_moments_are_those_of_the_recipe() -> None:
    made = Trainer(faces(), settings(**PATCHES, rate=0.01), 1, "toy")
    made.step(0)
    groups = {name: o.param_groups[0] for name, o in made._optimisers.items()}
    assert groups["generator"]["lr"] == 0.01 and groups["critic"]["lr"] == pytest.approx(0.003)
    assert {group["betas"] for group in groups.values()} == {(0.5, 0.99)}
    published = Trainer(faces(), settings(), 1, "toy")
    assert published.betas("critic") == (0.0, 0.99) and published.pace("critic") == 1


# Training


@pytest.mark.parametrize(
    "more", [{}, BEYOND, PATCHES | {"warm_up": 1, "reconstruction": 1.0}],
    ids=["published", "beyond", "patches"],
)  # fmt: skip
def test_interrupted_training_ends_with_the_same_bytes(
    files: dict[str, Any], more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = settings(**more)
    train_deepprivacy_files(**files, settings=recipe)
    kept = {k: files[k].read_bytes() for k in ("weights", "curves", "samples")}
    checkpoint = files["folder"] / "checkpoint.pt"
    checkpoint.unlink()

    class Interrupted(Trainer):
        def learn(self, k: int) -> None:
            if k == 3:
                raise KeyboardInterrupt
            super().learn(k)

    with monkeypatch.context() as patch:
        patch.setattr(train_deepprivacy, "Trainer", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_deepprivacy_files(**files, settings=recipe)
    assert checkpoint.is_file() and (files["folder"] / "sheet-000002.png").is_file()
    train_deepprivacy_files(**files, settings=recipe)
    assert kept == {k: files[k].read_bytes() for k in kept}
    curves = pd.read_csv(files["curves"])
    assert list(curves["round"]) == [2, 4] and np.isfinite(curves.iloc[-1]).all()


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bytes(files: dict[str, Any]) -> None:
    assert_it_goes_on_to_the_same_bytes(
        train_deepprivacy_files, settings(**BEYOND, **PATCHES), files
    )


def test_weights_say_what_they_are(files: dict[str, Any]) -> None:
    train_deepprivacy_files(**files, settings=settings(rounds=1))
    with safe_open(files["weights"], "pt") as file:
        about = file.metadata()["anonbench"]
        state = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118
    for said in ('"network": "DeepPrivacyV1"', '"channels": "4"', '"fill": "128"'):
        assert said in about
    DeepPrivacyV1(4).load_state_dict(state)


def test_it_learns_what_it_is_shown() -> None:
    crops, places, labels = toy()
    crops[:] = np.array([40, 120, 220])
    recipe = settings(rate=0.01, rounds=30, warm_up=30, reconstruction=1.0)
    made = Trainer(Faces(crops, places, labels, recipe, 1, "toy"), recipe, 1, "toy")
    for k in range(30):
        made.step(k)
    found = made._sums["reconstruction"]
    assert np.mean(found[-5:]) < 0.6 * np.mean(found[:5])


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"batch": 0}, {"jitter": 2}, {"network": "other"}, {"channelz": 3},
                  {"matching": 1.0}):  # fmt: skip
        with pytest.raises(ValidationError):
            settings(**wrong)
