"""Training against a face classifier: who learns from what, which way, and that it goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError
from safetensors import safe_open
from safetensors.torch import load_file

from anonbench import anonymisers
from anonbench.anonymisers import Photo, Region
from anonbench.config import ConfigError, load, parse
from anonbench.expressions import EXPRESSIONS
from anonbench.io import read_table
from anonbench.models.ren_modifier import Modifier
from anonbench.training import adversaries, train_adversarial
from anonbench.training.adversarial_faces import Faces
from anonbench.training.adversarial_networks import middle
from anonbench.training.adversarial_settings import AdversarialTraining, room
from anonbench.training.adversaries import (
    FreshTrainer,
    adversaries_file,
    fresh_classifier_files,
    gather_adversaries,
    pictures_after,
    shares,
)
from anonbench.training.curves import ROUND_LINES
from anonbench.training.train_adversarial import Trainer, train_adversarial_files
from anonbench.trainings import Trainings
from anonbench.types import Box, Face
from killed import assert_it_goes_on_to_the_same_bytes

ROOT = Path(__file__).parents[2]
SUBJECTS, EACH, SIZE = 5, 4, 32
QUICK = {
    "dataset": "toy", "rounds": 4, "batch": 4, "report_every": 2, "device": "cpu", "size": SIZE,
    "channels": 4, "blocks": 1, "classifier_channels": 4, "classifier_size": (16, 16),
    "task_channels": 2, "rate": 0.001,
}  # fmt: skip
BEYOND = {
    "flip": 0.5, "shift": 2, "ema": 0.9, "warm_up": 1, "more_originals": 3, "bounded": True,
    "validation": 0.2, "fall": 0.5, "clip": 1.0, "seen": 0.6, "precision": "bf16",
    "fresh_rounds": 3, "fresh_batch": 4,
}  # fmt: skip
NARULA = {
    "transform": "convolution", "layers": 2, "kernel": 3, "classifier": "plain", "originals": False,
    "difference": 0.0, "adversarial": 2.0, "fresh_rounds": 2, "fresh_batch": 4,
}  # fmt: skip
RECIPES = {"published": {}, "beyond": BEYOND, "narula": NARULA}


def settings(**more: object) -> AdversarialTraining:
    return AdversarialTraining(**{**QUICK, **more})


def toy() -> tuple[np.ndarray, pd.DataFrame]:
    """Return crops in which a colour says who it is, and a stripe which expression."""
    width = SIZE + 2 * room(SIZE)
    colours = np.random.default_rng(1).integers(30, 220, (SUBJECTS, 1, 1, 3))
    crops = np.empty((SUBJECTS * EACH, width, width, 3), np.uint8)
    for n in range(len(crops)):
        crops[n] = colours[n // EACH]
        crops[n, 4 + 6 * (n % EACH) :][:5] = 250
    whose = np.repeat([f"s{k}" for k in range(SUBJECTS)], EACH)
    kinds = [EXPRESSIONS[n % EACH] for n in range(len(crops))]
    return crops, pd.DataFrame({"subject": whose, "expression": kinds})


def faces(name: str = "toy", **more: object) -> Faces:
    return Faces(*toy(), settings(**more), 1, name)


@pytest.fixture()
def files(tmp_path: Path) -> dict[str, Any]:
    crops, labels = toy()
    np.save(tmp_path / "crops.npy", crops)
    labels.to_csv(tmp_path / "labels.csv", index=False)
    names = {"crops": "crops.npy", "labels": "labels.csv", "folder": "", "weights": "w.safetensors",
             "networks": "n.safetensors", "curves": "c.csv", "figure": "f.png",
             "samples": "s.png"}  # fmt: skip
    paths = {key: tmp_path / name for key, name in names.items()}
    return {**paths, "start": None, "name": "toy", "seed": 1, "threads": 1}


# Settings


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 100}, "multiple of 16"), ({"kernel": 4}, "kernel: 4 is even"),
        ({"shift": 3}, "shift: at most a sixteenth of the size, 2 pixels"),
        ({"seen": 0}, "greater than 0"), ({"classifier_size": (64, 60)}, "multiple of 16"),
        ({"quality": "dan_rendered"}, "quality"), ({"lambda": 3}, "lambda"),
    ],
)  # fmt: skip
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings(**wrong)


def test_strength_is_the_weight_of_the_difference_or_of_who_it_is() -> None:
    assert settings(difference=7.5, adversarial=2).strength == 7.5
    assert settings(**NARULA).strength == 2
    again = AdversarialTraining(**settings(**NARULA).model_dump())
    assert again == settings(**NARULA), "a recipe survives the way through the workflow"


@pytest.mark.parametrize("recipe", ["train_ren", "train_narula"])
def test_recipes_of_the_project(recipe: str) -> None:
    found = load(ROOT / "params.yaml", ROOT / "experiments" / f"{recipe}.yaml").training_adversarial
    for name, training in found.items():
        if "_rendered_" not in name:
            continue
        label = name.partition("_rendered_")[2].replace("_", ".")
        assert float(label) == training.strength, "weights are found by their strength"
        assert training.fresh_rounds
        if training.start:
            first = found[training.start]
            for key in ("dataset", "size", "channels", "blocks", "classifier_size", "seen",
                        "validation", "held_back"):  # fmt: skip
                assert getattr(first, key) == getattr(training, key)


def block(**trainings: dict[str, Any]) -> dict[str, Any]:
    content = {"run": {"datasets": ["toy"], "methods": ["x"], "recognisers": ["dlib"]},
               "datasets": {"toy": {"path": "toy"}}, "recognisers": {"dlib": {"type": "dlib"}},
               "methods": {"x": {"anonymiser": "blackout"}}}  # fmt: skip
    return {**content, "training_adversarial": trainings}


def test_inputs_of_the_rules() -> None:
    params = parse(block(a={"dataset": "toy", "size": 64},
                         b={"dataset": "toy", "start": "a", "fresh_rounds": 5}))  # fmt: skip
    seen = Trainings(params)
    assert seen.detectors() == ["dlib_hog"]
    assert seen.adversarial_input("a", "crops.npy").endswith("crops/toy.adversarial.64.crops.npy")
    assert seen.adversarial_start("a") == [] and seen.fresh("a") == []
    assert seen.adversarial_start("b") == ["results/training/a/networks.safetensors"]
    assert seen.fresh("b") == ["results/training/b/fresh/classifier.safetensors"]
    assert seen.weights("adversarial") == [f"results/training/{n}/{n}.safetensors" for n in "ab"]
    nothing = Trainings(parse(block())).adversaries()
    assert "fill training_adversarial, as --configfile experiments/train_ren.yaml" in nothing[0]


@pytest.mark.parametrize(
    ("first", "message"),
    [("c", "b.start: unknown entry 'c'"), ("b", "b.start: begins with itself")],
)
def test_a_training_that_begins_with_nothing(first: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(block(b={"dataset": "toy", "start": first}))


# What it is shown


def test_pictures_are_held_back_and_subjects_held_out() -> None:
    found = faces(validation=0.2, held_back=2)
    assert len(found.held_out) == EACH and len(set(found.subjects[found.held_out])) == 1
    assert (found.people[found.held_out] == -1).all()
    assert found.count == SUBJECTS - 1
    for person in range(found.count):
        own = np.flatnonzero(found.people == person)
        assert len(set(found.subjects[own])) == 1
        assert np.isin(own, found.held_back).sum() == 2
    assert set(found.rows) | set(found.held_back) | set(found.held_out) == set(range(20))
    again = faces("another", validation=0.2, held_back=2)
    assert (again.rows == found.rows).all(), "the same for every training"
    with pytest.raises(ValueError, match="held_back: 4 pictures"):
        faces(held_back=4)


def test_batches_are_keyed_by_round_and_hold_the_faces() -> None:
    found, crops = faces(flip=0.5, shift=2), toy()[0]
    batch, again = found.batch(3, 16), found.batch(3, 16)
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))
    assert not torch.equal(batch.pictures, found.batch(4, 16).pictures)
    assert not torch.equal(batch.pictures, found.batch(3, 16, "more").pictures)
    for picture, person, expression in zip(*batch, strict=True):
        pixels = ((picture + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(np.uint8)
        row = int(person) * EACH + int(expression)
        assert row in found.rows, "nothing that is held back"
        cuts = [crops[row, y : y + SIZE, x : x + SIZE] for y in range(5) for x in range(5)]
        assert any(np.array_equal(pixels, c) for c in cuts)


def test_classifiers_see_the_middle() -> None:
    pictures = torch.zeros(1, 3, 32, 32)
    pictures[:, :, 8:24, 10:22] = 1
    recipe = settings(seen=0.5, classifier_size=(64, 48))
    assert middle(pictures, recipe).shape == (1, 3, 64, 48)
    assert middle(pictures, recipe).min() > 0.99
    wider = middle(pictures, settings(seen=0.75, classifier_size=(64, 48)))
    assert wider.min() == 0 and wider.mean() == pytest.approx(16 * 12 / (24 * 18), abs=0.02)


# Which way it learns


def after(trainer: Trainer, rounds: int) -> Trainer:
    for k in range(rounds):
        trainer.step(k)
    return trainer


def mean(trainer: Trainer, name: str, where: slice) -> float:
    return float(np.mean(trainer._sums[name][where]))


def test_without_an_opponent_the_transform_learns_to_leave_faces_as_they_are() -> None:
    recipe = settings(adversarial=0, task=0, difference=10, rate=0.003, rounds=100)
    trainer = after(Trainer(faces(), recipe, 1, "toy"), 100)
    late, early = (mean(trainer, "difference", s) for s in (slice(-10, None), slice(5)))
    assert late < 0.7 * early
    assert "expression" not in trainer._sums and "task" not in trainer.networks


def test_the_classifier_learns_who_is_who_and_the_task_what_they_express() -> None:
    recipe = settings(
        adversarial=0, batch=12, rate=0.003, task_rate=0.003, difference=10, rounds=120
    )
    trainer = after(Trainer(faces(), recipe, 1, "toy"), 120)
    for name in ("classifier", "expression"):
        late, early = (mean(trainer, name, s) for s in (slice(-10, None), slice(5)))
        assert late < 0.6 * early, name


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_transform_raises_the_loss_of_a_classifier_that_stands_still(sign: float) -> None:
    """And lowers it where the sign is turned over, so that the test could fail."""
    recipe = settings(task=0, difference=0, batch=8, rate=0.003, rounds=80, warm_up=60)
    trainer = after(Trainer(faces(), recipe, 1, "toy"), 60)
    batch, whole = trainer.faces.batch(1000, 16), trainer._fooling

    def loss() -> float:
        with torch.no_grad():
            made = trainer.networks["transform"](batch.pictures)
            return float(trainer._classifier.losses(made, batch.people, 80).mean())

    before = loss()
    still = {k: v.clone() for k, v in trainer.networks["classifier"].state_dict().items()}
    trainer._classifier_step = lambda *_: None  # type: ignore[method-assign]
    trainer._fooling = lambda *given: sign * whole(*given)  # type: ignore[method-assign]
    for k in range(60, 80):
        trainer.step(k)
    now = trainer.networks["classifier"].state_dict()
    assert all(torch.equal(still[k], now[k]) for k in still)
    assert sign * (loss() - before) > 0.05


def test_originals_and_warm_up_decide_what_the_classifier_sees() -> None:
    seen: list[int] = []

    def counted(trainer: Trainer) -> list[int]:
        seen.clear()
        whole = trainer._classifier.losses

        def losses(pictures, people, k):
            if (
                pictures.shape[0]
                and torch.is_grad_enabled()
                and all(p.requires_grad for p in trainer._classifier.network.parameters())
            ):
                seen.append(len(pictures))
            return whole(pictures, people, k)

        trainer._classifier.losses = losses
        after(trainer, 2)
        return list(seen)

    published = counted(Trainer(faces(), settings(batch=4), 1, "toy"))
    assert published == [8, 8], "as they are, and modified"
    beyond = settings(batch=4, warm_up=1, more_originals=3)
    assert counted(Trainer(faces(), beyond, 1, "toy")) == [7, 11]
    assert counted(Trainer(faces(), settings(**NARULA, warm_up=1), 1, "toy")) == [4, 4]


# Files


@pytest.mark.parametrize("more", RECIPES.values(), ids=RECIPES)
def test_interrupted_training_ends_with_the_same_bytes(
    files: dict[str, Any], more: dict[str, Any]
) -> None:
    recipe = settings(**more)
    train_adversarial_files(**files, settings=recipe)
    kept = {k: files[k].read_bytes() for k in ("weights", "networks", "curves", "samples")}
    checkpoint = files["folder"] / "checkpoint.pt"
    checkpoint.unlink()

    class Interrupted(Trainer):
        def step(self, k: int) -> None:
            if k == 3:
                raise KeyboardInterrupt
            super().step(k)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_adversarial, "Trainer", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            train_adversarial_files(**files, settings=recipe)
    assert checkpoint.is_file() and (files["folder"] / "sheet-000002.png").is_file()
    train_adversarial_files(**files, settings=recipe)
    assert kept == {k: files[k].read_bytes() for k in kept}
    curves = pd.read_csv(files["curves"])
    assert list(curves["round"]) == [2, 4] and np.isfinite(curves.to_numpy()).all()
    assert {"right_originals", "right_modified", "right_expressions"} <= set(curves)


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bytes(files: dict[str, Any]) -> None:
    assert_it_goes_on_to_the_same_bytes(train_adversarial_files, settings(**BEYOND), files)


def test_weights_say_what_they_are(files: dict[str, Any]) -> None:
    train_adversarial_files(**files, settings=settings(rounds=1, difference=7.5))
    with safe_open(files["weights"], "pt") as file:
        said = json.loads(file.metadata()["anonbench"])
        state = {k: file.get_tensor(k).float() for k in file.keys()}  # noqa: SIM118
    assert said == {"architecture": "Modifier", "blocks": "1", "channels": "4", "enlarged": "2.2",
                    "size": "32", "strength": "7.5"}  # fmt: skip
    Modifier(4, 1).load_state_dict(state)
    assert {k.partition(".")[0] for k in load_file(files["networks"])} == {
        "transform", "classifier", "task",
    }  # fmt: skip


def test_a_training_begins_where_another_ended(files: dict[str, Any], tmp_path: Path) -> None:
    train_adversarial_files(**files, settings=settings(rounds=2))
    first = load_file(files["networks"])
    trainer = Trainer(faces(), settings(ema=0.9), 1, "other")
    trainer.begin_with(first, "n.safetensors")
    found = trainer.state()
    assert found.keys() == first.keys() and all(torch.equal(found[k], first[k]) for k in first)
    kept = trainer.kept().state_dict()
    assert all(torch.equal(kept[k], first[f"transform.{k}"]) for k in kept)
    with pytest.raises(ValueError, match=r"n\.safetensors: networks of another recipe"):
        Trainer(faces(), settings(channels=8), 1, "other").begin_with(first, "n.safetensors")


# Who is still told apart


def test_shares_by_hand() -> None:
    right = np.array([True, False, True, True, False, False, True, False])
    # Eight subjects, one picture each: a binomial's quantiles, in eighths.
    assert shares(right, np.arange(8), 1) == (8, 4, 0.5, 0.125, 0.875)
    assert shares(np.ones(8, bool), np.arange(8), 1)[3] == pytest.approx(0.05 ** (1 / 8))
    assert shares(np.zeros(8, bool), np.arange(8), 1)[4] == pytest.approx(1 - 0.05 ** (1 / 8))


def test_a_fresh_classifier_is_eased_whatever_the_transform_began_with() -> None:
    recipe = settings(**BEYOND, easing=(5.0, 5.0), start="other")
    fresh = adversaries.fresh_settings(recipe)
    assert fresh.easing == (1500.0, 5.0) == settings().easing
    assert (fresh.rounds, fresh.batch, fresh.ema) == (3, 4, 0.0)


@pytest.fixture()
def report(files: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Return what the rules of the report take and write, after a training."""
    recipe = settings(**BEYOND | {"precision": "float32"})
    train_adversarial_files(**files, settings=recipe)
    given = {k: files[k] for k in ("crops", "labels", "weights")}
    return {**given, "settings": recipe, "name": "toy", "seed": 1, "threads": 1,
            "networks": files["networks"], "fresh": tmp_path / "fresh.safetensors",
            "folder": tmp_path / "fresh"}  # fmt: skip


def fresh(report: dict[str, Any]) -> dict[str, Path]:
    made = {k: report["folder"] / f for k, f in (("curves", "c.csv"), ("figure", "f.png"),
                                                 ("samples", "s.png"))}  # fmt: skip
    given = {k: v for k, v in report.items() if k != "networks"}
    fresh_classifier_files(**given, **made)
    return made


def test_fresh_classifier_goes_on_where_it_ended(report: dict[str, Any]) -> None:
    fresh(report)
    kept = report["fresh"].read_bytes()
    (report["folder"] / "checkpoint.pt").unlink()

    class Interrupted(FreshTrainer):
        def step(self, k: int) -> None:
            if k == 2:
                raise KeyboardInterrupt
            super().step(k)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(adversaries, "FreshTrainer", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            fresh(report)
    fresh(report)
    assert report["fresh"].read_bytes() == kept


def test_table_of_adversaries(report: dict[str, Any], tmp_path: Path) -> None:
    fresh(report)
    tables = [tmp_path / "a.csv", tmp_path / "b.csv"]
    given = {k: v for k, v in report.items() if k != "folder"}
    adversaries_file(**given, out=tables[0])
    adversaries_file(**given | {"fresh": None}, out=tables[1])
    table = read_table(tables[0])
    assert list(zip(table["classifier"], table["pictures"], strict=True)) == [
        ("adversary", "original"), ("adversary", "modified"), ("fresh", "original"),
        ("fresh", "modified"),
    ]  # fmt: skip
    assert (table["n"] == SUBJECTS - 1).all() and (
        table["chance_value"] == 1 / (SUBJECTS - 1)
    ).all()
    assert (table["value"] == table["right_n"] / table["n"]).all()
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()
    assert list(read_table(tables[1])["classifier"]) == ["adversary"] * 2
    out = [tmp_path / f"all.{kind}" for kind in ("csv", "json", "md")]
    gather_adversaries(tables, *out)
    assert len(read_table(out[0])) == len(json.loads(out[1].read_text())) == 6
    lines = out[2].read_text().splitlines()
    assert len(lines) == 8 and lines[2].startswith("| `toy` | 0.5 | adversary | original | ")


def test_fresh_classifier_tells_people_where_nothing_was_modified() -> None:
    """A classifier that could not learn would find every transform safe."""
    recipe = settings(rounds=150, batch=12, rate=0.003)
    trainer = FreshTrainer(faces(), recipe, 1, "toy")
    for k in range(150):
        trainer.step(k)
    assert trainer.measured()["right_modified"] >= 0.6  # 3 of 5


def test_modified_pictures_are_what_the_anonymiser_makes(files: dict[str, Any]) -> None:
    recipe = settings(rounds=1)
    train_adversarial_files(**files, settings=recipe)
    crops = toy()[0]
    made = pictures_after(files["weights"], recipe, crops)
    assert made.shape == crops.shape
    model = anonymisers.get("ren_modifier").build({"weights": str(files["weights"])})
    for n in (0, 7):
        inner = np.ascontiguousarray(crops[n][2:-2, 2:-2])
        # A box that is the picture when it is enlarged.
        side = SIZE / 2.2
        box = Box(*[SIZE / 2 - side / 2] * 2, *[SIZE / 2 + side / 2] * 2)
        photo = Photo("x", "x", inner, (Region(0, 0, SIZE, SIZE, Face(box)),))
        (after,) = model.anonymise([photo], None, [np.random.default_rng(0)])
        assert np.abs(after.astype(int) - made[n][2:-2, 2:-2]).max() <= 1
        assert (made[n][:2] == made[n][2]).all() and (made[n][:, -1] == made[n][:, -3]).all()


def test_curves_of_all_that_is_noted_are_drawn(files: dict[str, Any]) -> None:
    train_adversarial_files(**files | {"figure": files["figure"].with_suffix(".svg")},
                            settings=settings())  # fmt: skip
    columns = set(pd.read_csv(files["curves"])) - {"round"}
    assert columns == {
        "classifier", "difference", "expression", "fooled", "right_originals", "right_modified",
        "right_expressions",
    }  # fmt: skip
    assert columns <= {c for panel in ROUND_LINES.values() for c in panel}
    drawn = files["figure"].with_suffix(".svg").read_text()
    for words in ("people, as they are", "people, modified", "the same, modified faces"):
        assert words in drawn


def test_each_network_has_a_rate_of_its_own() -> None:
    recipe = settings(rate=0.001, task_rate=0.004, pace=0.2)
    trainer = after(Trainer(faces(), recipe, 1, "toy"), 1)
    rates = {n: o.param_groups[0]["lr"] for n, o in trainer._optimisers.items()}
    assert rates == pytest.approx({"transform": 0.0002, "classifier": 0.001, "task": 0.004})
