"""Training of CIAGAN: what is shown, what is learnt by which loss, and that it goes on."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch.nn import functional

from anonbench import weights
from anonbench.anonymisers._ciagan_frame import HEIGHT, WIDTH, draw_landmarks, outline
from anonbench.anonymisers._ciagan_landmarks import DLIB, MEDIAPIPE, SCHEMES
from anonbench.anonymisers._ciagan_view import SCALINGS, SIZE, Sides, grown, hole, view
from anonbench.detect import face_row, table_of
from anonbench.io import ArchiveWriter, decode_png, write_table
from anonbench.models.ciagan import Discriminator, Generator
from anonbench.models.dan import DAN
from anonbench.training import ciagan_losses as loss
from anonbench.training import ciagan_quality
from anonbench.training.ciagan_batches import Faces, Pairs
from anonbench.training.ciagan_crops import ciagan_crop_files
from anonbench.training.ciagan_looks import components, cut_faces, mean_faces
from anonbench.training.ciagan_quality import Quality, pasted
from anonbench.training.ciagan_settings import LANDMARK_DETECTORS, CiaganTraining
from anonbench.training.face_classifier import comparable, taught
from anonbench.training.face_features import FaceFeatures
from anonbench.training.landmark_reader import LandmarkReader, lines, reading_loss, unlikeness
from anonbench.training.patch_critic import PatchCritic
from anonbench.training.train_ciagan import Trainer, _around, _over, train_ciagan_files
from anonbench.types import Box, Face
from anonbench.weight_formats import read
from killed import assert_it_goes_on_to_the_same_bytes


def points68(middle: tuple[int, int] = (89, 109), unit: float = 20.0) -> NDArray[np.int32]:
    """Return 68 points of a schematic face; inner eye corners `unit` apart around the middle."""
    points = np.zeros((68, 2))
    angles = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([1.7 * np.cos(angles), 0.2 + 2.4 * np.sin(angles)], axis=1)
    points[17:27] = np.stack([np.linspace(-1.4, 1.4, 10), np.full(10, -0.6)], axis=1)
    points[27:31] = np.stack([np.zeros(4), np.linspace(0, 1, 4)], axis=1)
    points[31:36] = np.stack([np.linspace(-0.4, 0.4, 5), np.full(5, 1.1)], axis=1)
    points[36:48] = np.stack([np.linspace(-1.3, 1.3, 12), np.zeros(12)], axis=1)
    points[39], points[42] = (-0.5, 0), (0.5, 0)
    points[48:68] = np.stack([np.linspace(-0.7, 0.7, 20), np.full(20, 1.7)], axis=1)
    return np.rint(points * unit + middle).astype(np.int32)


def faces(subjects: int = 6, images: int = 3) -> Faces:
    """Return crops of one colour a subject, with a face in the middle of each."""
    draw = np.random.default_rng(0)
    colours = draw.integers(40, 216, (subjects, 3))
    crops = np.zeros((subjects * images, HEIGHT, WIDTH, 3), np.uint8)
    for n in range(len(crops)):
        crops[n] = colours[n // images]
        cv2.circle(crops[n], (89, 130), 30, tuple(int(255 - c) for c in colours[n // images]), -1)
    names = [f"s{n // images}" for n in range(len(crops))]
    points = np.stack([points68(unit=20 + n % images) for n in range(len(crops))])
    return Faces(DLIB, crops, points, names)


def settings(**changes: Any) -> CiaganTraining:
    return CiaganTraining(**{"dataset": "x", "batch": 2, "identities": 8, **changes})


# Losses


def test_losses_by_hand() -> None:
    assert loss.adversarial(torch.tensor([[0.5], [2.0]]), True) == (0.25 + 1) / 2
    assert loss.adversarial(torch.tensor([[0.5], [2.0]]), False) == (0.25 + 4) / 2
    first = torch.tensor([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    second = torch.tensor([[3.0, 4.0], [0.6, 0.8], [3.0, 4.0]])
    # Same: 25; different: (3 - 1)^2, and nothing at a distance beyond the margin.
    found = loss.contrastive(first, second, torch.tensor([1.0, 0.0, 0.0]), 3.0)
    assert float(found) == pytest.approx(0.5 * (25 + 4 + 0) / 3)


def test_difference_counts_only_where_it_is_asked_for() -> None:
    drawn, true = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    true[0, :, 0, 0] = 0.5
    where = torch.zeros(1, 1, 2, 2)
    assert loss.difference(drawn, true, where) == 0
    where[0, 0, 0, 0] = 1
    assert loss.difference(drawn, true, where) == 0.5
    where[0, 0, 1, 1] = 1
    assert loss.difference(drawn, true, where) == 0.75


def test_matching_is_over_pairs_of_one_subject() -> None:
    drawn, true = [torch.tensor([[1.0], [9.0]])], [torch.tensor([[3.0], [0.0]])]
    assert loss.matching(drawn, true, torch.tensor([1.0, 0.0])) == 2
    assert loss.matching(drawn, true, torch.tensor([0.0, 0.0])) == 0


def test_gradient_penalty_of_a_linear_critic_is_its_squared_weight() -> None:
    pictures = torch.rand(4, 3, 2, 2, requires_grad=True)
    weight = torch.full((3, 2, 2), 0.5)
    found = loss.squared_gradient((pictures * weight).sum(dim=(1, 2, 3)), pictures)
    assert float(found) == pytest.approx(12 * 0.25)


# Pairs and views


def test_half_of_the_pairs_are_of_one_subject() -> None:
    pairs = Pairs([faces(12)], settings(batch=64, identities=20), 1, "x")
    same = torch.cat([pairs.batch(k, "a").same for k in range(12)])
    # A pair of two subjects drawn independently may be of one: 1/2 + 1/2 * 1/12.
    expected, n = 0.5 + 0.5 / 12, len(same)
    assert abs(float(same.mean()) - expected) < 4 * math.sqrt(expected * (1 - expected) / n)
    assert pairs.batch(0, "a", same_only=True).same.all()


def test_the_code_is_that_of_the_second() -> None:
    part = faces(6)
    pairs = Pairs([part], settings(batch=32), 1, "x")
    batch = pairs.batch(0, "a")
    corner = {tuple(part.crops[n, 0, 0] / 255): s for n, s in enumerate(part.subjects)}
    for k in range(32):
        seen = tuple(batch.other[k, :, 0, 0].double().mul(255).round().div(255).numpy())
        whom = min(corner, key=lambda c: np.abs(np.array(c) - seen).max())
        assert pairs.code[corner[whom]] == batch.code[k]


def test_a_batch_depends_on_its_round_and_part_alone() -> None:
    first, second = (Pairs([faces()], settings(), 1, "x") for _ in range(2))
    second.batch(0, "a")
    for one, other in zip(first.batch(5, "a"), second.batch(5, "a"), strict=True):
        assert torch.equal(one, other)
    assert not torch.equal(first.batch(5, "a").picture, first.batch(6, "a").picture)


def test_held_out_subjects_are_never_trained_on() -> None:
    part = faces(6)
    pairs = Pairs([part], settings(batch=64, validation=0.34), 1, "x")
    assert len(pairs.held_out) == 2 and pairs.codes == 4
    assert not set(pairs.held_out) & set(pairs.code)
    assert {part.subjects[n] for n in pairs.validation} == set(pairs.held_out)
    shown = {tuple(p[:, 0, 0].mul(255).round().int().tolist()) for p in pairs.batch(0, "a").picture}
    out = {tuple(part.crops[n, 0, 0].tolist()) for n in pairs.validation}
    assert shown and not shown & out


def test_subjects_without_a_code_lend_their_pictures_only() -> None:
    pairs = Pairs([faces(6)], settings(batch=64, codes=2), 1, "x")
    batch = pairs.batch(0, "a")
    assert set(batch.code.tolist()) == {0, 1}
    shown = {tuple(p[:, 0, 0].mul(255).round().int().tolist()) for p in batch.picture}
    assert len(shown) > 2


@pytest.mark.parametrize("changes", [{"codes": 7}, {"identities": 4}, {"validation": 0.9}])
def test_codes_must_fit_subjects_and_network(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"training_ciagan\.x: .* codes for"):
        Pairs([faces(6)], settings(**changes), 1, "x")


def test_a_flip_mirrors_landmarks_picture_and_hole_alike() -> None:
    plain = Pairs([faces()], settings(scaling="sharp"), 1, "x").batch(0, "a")
    flipped = Pairs([faces()], settings(scaling="sharp", flip=1.0), 1, "x").batch(0, "a")
    for one, other in zip(plain[:3], flipped[:3], strict=True):
        assert torch.equal(one.flip(3), other)


def test_dropout_keeps_the_contour() -> None:
    pairs = Pairs([faces(2, 1)], settings(scaling="sharp", shift=0, dropout=1.0), 1, "x")
    part = pairs.faces[0]
    points = part.points[0].astype(np.int64)
    sides = grown(SCALINGS["sharp"].sides, outline(points))
    expected = view(draw_landmarks(points, ["contour"]), sides, squashed=False)
    found = pairs.batch(0, "a").landmarks[0].permute(1, 2, 0).mul(255).round().byte().numpy()
    assert (found == expected).all()


def test_published_views_cut_72_to_108_of_144_pixels() -> None:
    """A ramp shows how much of the crop is seen."""
    part = faces(2, 8)
    part.crops[:] = np.linspace(0, 255, WIDTH).astype(np.uint8)[None, None, :, None]
    pairs = Pairs([part], settings(batch=16), 1, "x")
    row = pairs.batch(0, "a").picture[:, 0, SIZE // 2]
    seen = (row[:, -1] - row[:, 0]) * SIZE / (SIZE - 1)
    assert float(seen.min()) > 72 / 144 - 0.02 and float(seen.max()) < 108 / 144 + 0.02
    assert float(seen.max() - seen.min()) > 0.05


def test_a_view_grows_until_the_hole_fits() -> None:
    sides = SCALINGS["sharp"].sides
    near, far = np.array([[80, 100], [100, 120]]), np.array([[0, 100], [100, 218]])
    assert grown(sides, near) == sides
    assert grown(sides, far) == pytest.approx(Sides(1.03, sides.top, sides.right, 1.03))


def test_hole_is_where_the_mask_is_dark() -> None:
    assert hole(np.array([0, 203, 204, 255], np.uint8)).tolist() == [True, True, False, False]


def test_whose_landmarks_is_the_same_everywhere() -> None:
    assert {name: scheme.detector for name, scheme in SCHEMES.items()} == LANDMARK_DETECTORS


# The critic's window, the rim


def test_a_window_lies_over_the_hole_and_inside_the_view() -> None:
    where = np.zeros((SIZE, SIZE), bool)
    where[100:128, 0:5] = True
    draw = np.random.default_rng(0)
    corners = {_over(where, 64, draw) for _ in range(50)}
    assert corners == {(64, 0)}
    where[:] = True
    corners = {_over(where, 64, draw) for _ in range(200)}
    assert {y for y, _ in corners} >= {0, 64} and len(corners) > 50


def test_rim_surrounds_the_hole() -> None:
    where = torch.zeros(1, 1, SIZE, SIZE)
    where[0, 0, 50:60, 50:60] = 1
    found = _around(where)
    assert float(found.sum()) == 26 * 26 - 10 * 10 and float((found * where).sum()) == 0


def test_small_critic_has_a_block_less() -> None:
    critic = Discriminator(size=64, width=16)
    assert "conv5.conv_l.conv2d.bias" not in critic.state_dict()
    assert critic(torch.rand(2, 6, 64, 64)).shape == (2, 1)


# Crops


def test_crops_show_the_subject_and_count_what_is_lost(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    picture = draw.integers(0, 256, (400, 400, 3), np.uint8)
    own = points68((200, 180)).astype(np.float32)
    far = points68((60, 60), 8).astype(np.float32)

    def face(points: NDArray[np.float32]) -> Face:
        return Face(Box(*points.min(axis=0), *points.max(axis=0)), points=points)

    names = ["a/1", "a/2", "b/1"]
    profile = own.copy()
    profile[42] = profile[39] - (5, 0)
    found = [face_row("a/1", 0, face(far)), face_row("a/1", 1, face(own)),
             face_row("b/1", 0, face(profile))]  # fmt: skip
    write_table(table_of(found), tmp_path / "dlib_hog.parquet")
    with ArchiveWriter(tmp_path / "images.tar") as archive:
        for name in names:
            archive.add(name, picture)
    table = pd.DataFrame({"image_id": names, "subject": ["a", "a", "b"], "status": "ok"})
    write_table(table, tmp_path / "manifest.parquet")
    box = face(own).box
    located = table.assign(**box._asdict())[["image_id", "status", *box._fields]]
    write_table(located, tmp_path / "subjects.parquet")

    def cut(**changes: Any) -> None:
        ciagan_crop_files(**{
            "archive": tmp_path / "images.tar", "manifest": tmp_path / "manifest.parquet",
            "subjects": tmp_path / "subjects.parquet", "landmarks": "dlib",
            "detections": tmp_path / "dlib_hog.parquet", "crops": tmp_path / "crops.npy",
            "points": tmp_path / "points.npy", "labels": tmp_path / "labels.csv", **changes,
        })  # fmt: skip

    cut()
    crops, points = np.load(tmp_path / "crops.npy"), np.load(tmp_path / "points.npy")
    assert crops.shape == (1, HEIGHT, WIDTH, 3) and points.shape == (1, 68, 2)
    assert pd.read_csv(tmp_path / "labels.csv").to_numpy().tolist() == [["a/1", "a"]]
    # The inner eye corners are 20 pixels apart: the crop is 200 high and 162 wide around them.
    expected = cv2.resize(picture[80:280, 119:281], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    assert (crops[0] == expected).all()
    assert points[0, 39].tolist() == [int(71 * WIDTH / 162), 109]
    with pytest.raises(ValueError, match="no face with 468 landmarks"):
        cut(landmarks="mediapipe")


def test_features_are_marked_whether_drawn_or_not() -> None:
    part = faces(4, 2)
    plain = Pairs([part], settings(scaling="sharp"), 1, "x").shown(np.arange(3))
    assert plain.features.max() == 0
    recipe = settings(scaling="sharp", features=3.0, groups=["contour"])
    marked = Pairs([part], recipe, 1, "x").shown(np.arange(3)).features
    assert set(marked.unique().tolist()) == {0.0, 1.0}
    drawn = settings(scaling="sharp", features=3.0, groups=["contour", "mouth", "eyes"])
    assert torch.equal(marked, Pairs([part], drawn, 1, "x").shown(np.arange(3)).features)
    assert float(marked.mean()) < 0.3


def test_features_count_for_more(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        loss, "pyramid_difference",
        lambda raw, picture, where, levels: seen.append(where) or raw.mean(),
    )  # fmt: skip
    made = trainer(settings(warm_up=9, reconstruction=1.0, features=3.0, scaling="sharp"))
    made.step(0)
    batch = made.pairs.batch(0, "generator", True)
    torch.testing.assert_close(seen[0], batch.hole * (1 + 3 * batch.features))
    assert set(seen[0].unique().tolist()) == {0.0, 1.0, 4.0}


# The critic of patches


def test_a_patch_is_scored_by_itself() -> None:
    torch.manual_seed(1)
    critic = PatchCritic(width=8).eval()
    # Without norms, which look at the whole picture.
    critic.layers = torch.nn.ModuleList(layer[0] for layer in critic.layers)
    picture = torch.rand(1, 6, 128, 128)
    changed = picture.clone()
    changed[..., :10, :10] += 1
    before, after = critic(picture), critic(changed)
    assert before.shape == (1, 1, 14, 14)
    different = (before != after)[0, 0]
    assert different[0, 0] and not different[6:].any() and not different[:, 6:].any()
    assert [x.shape[1] for x in critic.judged(picture)[1]] == [8, 16, 32, 64]


# The reader of landmarks


def test_unlikeness_by_hand() -> None:
    nothing, everything = torch.full((2, 1, 64, 64), -50.0), torch.full((2, 1, 64, 64), 50.0)
    all_over = torch.ones(2, 1, 128, 128)
    assert float(unlikeness(everything, everything, all_over)) == 0
    assert float(unlikeness(nothing, everything, all_over)) == pytest.approx(1)
    left, right = nothing.clone(), nothing.clone()
    left[..., :32], right[..., 32:] = 50.0, 50.0
    assert float(unlikeness(left, right, all_over)) == pytest.approx(2)
    near = nothing.clone()
    near[..., 1:33] = 50.0
    assert 0 < float(unlikeness(left, near, all_over)) < 0.1, "a pixel aside is not far"
    where = all_over.clone()
    where[..., 64:] = 0
    assert float(unlikeness(left, everything, where)) == 0, "only there they differ"


def test_lines_are_where_landmarks_are_drawn() -> None:
    drawn = torch.ones(1, 3, 128, 128)
    drawn[0, :2, 60, 20:40] = 0
    found = lines(drawn)
    assert found.shape == (1, 1, 64, 64) and found.max() == 1
    assert found[0, 0, 30, 15] == 1 and found[0, 0, 40, 15] == 0 and float(found.sum()) <= 2 * 22


def test_the_reader_learns_to_read() -> None:
    torch.manual_seed(1)
    reader = LandmarkReader()
    optimiser = torch.optim.Adam(reader.parameters(), 2e-3)
    batch = Pairs([faces(4, 2)], settings(scaling="sharp", batch=4), 1, "x").batch(0, "a")
    found = []
    for _ in range(40):
        lost = reading_loss(reader(batch.picture), batch.landmarks)
        optimiser.zero_grad()
        lost.backward()
        optimiser.step()
        found.append(float(lost.detach()))
    assert found[-1] < 0.35 * found[0]


# The trainer


def trainer(recipe: CiaganTraining) -> Trainer:
    return Trainer(Pairs([faces(4, 2)], recipe, 1, "x"), recipe, 1, "x")


def changed(before: dict[str, torch.Tensor], network: torch.nn.Module) -> bool:
    return any(not torch.equal(before[k], v) for k, v in network.named_parameters())


@pytest.mark.parametrize(
    ("recipe", "learns", "terms"),
    [
        ({"critic_steps": 2, "identity_size": 32}, "gci",
         {"critic", "identity", "adversarial", "guidance"}),
        ({"critic_steps": 1, "identity_steps": 0, "identity": 0, "r1": 1.0}, "gc",
         {"critic", "adversarial"}),
        ({"warm_up": 1, "reconstruction": 1.0}, "g", {"reconstruction"}),
        ({"lean": True, "window": 64, "identity_size": 32, "matching": 1.0, "surroundings": 1.0},
         "gci", {"critic", "identity", "adversarial", "guidance", "matching", "surroundings"}),
        ({"lean": True, "critic": "patches", "critic_width": 8, "matching": 1.0}, "gci",
         {"critic", "identity", "adversarial", "guidance", "matching"}),
        ({"warm_up": 1, "following": 1.0}, "gr", {"reader", "following"}),
        # The classifier has learnt before.
        ({"lean": True, "window": 64, "guide": "classifier", "guide_steps": 1, "warm_up": 0}, "gc",
         {"critic", "adversarial", "guidance"}),
    ],
)  # fmt: skip
def test_a_round_teaches_whom_it_should(
    recipe: dict[str, Any], learns: str, terms: set[str]
) -> None:
    # No pair is so far apart that there is nothing to learn from it.
    made = trainer(settings(margin=100, **recipe))
    networks = made.networks
    before = {n: {k: v.clone() for k, v in net.named_parameters()} for n, net in networks.items()}
    made.step(0)
    learnt = {n[0] for n, net in networks.items() if changed(before[n], net)}
    # The classifier learns once, before it guides, and not with the others.
    assert learnt - set("i" if "guide" in recipe else "") == set(learns)
    assert set(made._sums) == terms
    assert all(p.requires_grad for net in networks.values() for p in net.parameters())


def test_nothing_to_learn_in_the_warm_up_is_an_error() -> None:
    with pytest.raises(ValueError, match="set reconstruction"):
        trainer(settings(warm_up=1)).step(0)


def test_the_classifier_learns_once_and_then_guides_as_it_is() -> None:
    recipe = settings(
        lean=True, window=64, guide="classifier", guide_steps=2, warm_up=1, reconstruction=1.0
    )
    made = trainer(recipe)
    seen = []
    for k in range(3):
        before = {n: v.clone() for n, v in made.networks["identity"].state_dict().items()}
        made.step(k)
        after = made.networks["identity"].state_dict()
        seen.append(any(not torch.equal(before[n], v) for n, v in after.items()))
    assert seen == [False, True, False]


def test_comparable_faces_by_hand() -> None:
    # Half of the hole is dark, half is light, whatever the colours: -1 and 1; around it 0.
    hole = torch.zeros(2, 1, SIZE, SIZE)
    hole[:, :, 16:112, 16:112] = 1
    picture = torch.full((2, 3, SIZE, SIZE), 0.9)
    picture[0, :, 16:112, 16:64], picture[0, :, 16:112, 64:112] = 0.2, 0.6
    picture[1, 0, 16:112, 16:64], picture[1, 0, 16:112, 64:112] = 0.5, 0.8
    found = comparable(picture, hole)
    assert found.shape == (2, 1, 48, 48)
    inner = found[:, 0, 2:-2]
    assert torch.allclose(inner[:, :, 2:20], torch.tensor(-1.0), atol=0.05)
    assert torch.allclose(inner[:, :, 28:46], torch.tensor(1.0), atol=0.05)
    hole[0, :, 60:] = 0
    hole[0, :, 100:112, 16:20] = 1
    assert (comparable(picture, hole)[0, 0, 30:, 30:] == 0).all()


def test_the_classifier_tells_subjects_apart_that_differ() -> None:
    part = faces(4, 4)
    crops = part.crops.copy()
    for n, subject in enumerate(part.subjects):
        # A bar in another place for each.
        y = 85 + 14 * int(subject[1:])
        crops[n, y : y + 8, 60:118] = 255
    recipe = settings(codes=4)
    pairs = Pairs([Faces(part.scheme, crops, part.points, part.subjects)], recipe, 1, "x")
    draw = np.random.default_rng(0)
    off = torch.autocast("cpu", enabled=False)
    network, right = taught(pairs, 40, draw, lambda: off)
    assert right == 1.0 and not network.training
    assert not any(p.requires_grad for p in network.parameters())


def test_identity_network_rests_between_its_rounds() -> None:
    made = trainer(settings(lean=True, window=64, identity_size=32, identity_every=2))
    for k in range(3):
        made.step(k)
    assert len(made._sums["critic"]) == 3 and len(made._sums["identity"]) == 2


def test_rates_fall_at_the_end() -> None:
    made = trainer(settings(rounds=10, fall=0.5, rate=0.1))
    rates = [made.rate_at(k) for k in range(10)]
    assert rates == pytest.approx([0.1] * 6 + [0.08, 0.06, 0.04, 0.02])


def test_networks_have_rates_of_their_own() -> None:
    made = trainer(settings(rate=0.01, critic_pace=4.0, following=1.0, reconstruction=1.0))
    made.step(0)
    rates = {name: o.param_groups[0]["lr"] for name, o in made._optimisers.items()}
    expected = {"generator": 0.01, "critic": 0.04, "identity": 0.01, "reader": 0.05}
    assert rates == pytest.approx(expected)


def test_long_gradients_are_cut() -> None:
    made = trainer(settings(clip=0.5, warm_up=9, reconstruction=100.0))
    made.step(0)
    gradients = [p.grad for p in made.networks["generator"].parameters() if p.grad is not None]
    length = torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients]))
    assert float(length) == pytest.approx(0.5, rel=1e-3)


def test_average_follows_the_generator() -> None:
    made = trainer(settings(ema=0.9, warm_up=9, reconstruction=1.0))
    first = made.networks["generator"].conv_end[0].weight.detach().clone()
    made.step(0)
    now = made.networks["generator"].conv_end[0].weight.detach()
    # In the beginning the average is a short one: 1 / 10 of the old is kept.
    expected = 0.1 * first + 0.9 * now
    torch.testing.assert_close(made.kept().conv_end[0].weight.detach(), expected)
    assert made.kept() is not made.networks["generator"]
    assert trainer(settings()).kept().training


def test_reconstruction_is_learnt() -> None:
    made = trainer(settings(warm_up=40, reconstruction=1.0, rate=1e-3, rounds=40, scaling="sharp"))
    for k in range(40):
        made.step(k)
    found = made._sums["reconstruction"]
    assert np.mean(found[-5:]) < 0.4 * np.mean(found[:3])


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(ciagan_quality, "ROWS", 2)
    monkeypatch.setattr(ciagan_quality, "CODES", 1)
    part = faces(4, 2)
    np.save(tmp_path / "crops.npy", part.crops)
    np.save(tmp_path / "points.npy", part.points)
    table = pd.DataFrame({"image_id": range(len(part.subjects)), "subject": part.subjects})
    write_table(table, tmp_path / "labels.csv")
    return {
        "crops": [tmp_path / "crops.npy"], "points": [tmp_path / "points.npy"],
        "labels": [tmp_path / "labels.csv"], "start": None, "name": "x", "seed": 1, "threads": 1,
        "folder": tmp_path, "weights": tmp_path / "x.safetensors", "curves": tmp_path / "x.csv",
        "figure": tmp_path / "x.svg", "samples": tmp_path / "x.png",
    }  # fmt: skip


LEAN = {"lean": True, "window": 64, "identity_size": 32, "reconstruction": 1.0, "ema": 0.9,
        "warm_up": 1, "rounds": 4, "report_every": 2, "scaling": "sharp"}  # fmt: skip


class KilledError(Exception):
    pass


def test_training_goes_on_to_the_same_bytes(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = settings(**LEAN)
    train_ciagan_files(**files, settings=recipe)
    once = files["weights"].read_bytes(), files["curves"].read_text()
    (tmp_path / "checkpoint.pt").unlink()
    step = Trainer.step

    def until_the_third(self: Trainer, k: int) -> None:
        if k == 3:
            raise KilledError
        step(self, k)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "step", until_the_third)
        with pytest.raises(KilledError):
            train_ciagan_files(**files, settings=recipe)
    seen = []
    monkeypatch.setattr(Trainer, "step", lambda self, k: (seen.append(k), step(self, k)))
    train_ciagan_files(**files, settings=recipe)
    assert seen == [2, 3], "did not go on from its checkpoint"
    assert (files["weights"].read_bytes(), files["curves"].read_text()) == once


def test_a_training_may_be_lengthened(
    files: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short, long = ({**LEAN, "rounds": n, "warm_up": n, "ema": 0.5} for n in (2, 3))
    train_ciagan_files(**files, settings=settings(**long))
    at_once = files["weights"].read_bytes()
    (tmp_path / "checkpoint.pt").unlink()
    train_ciagan_files(**files, settings=settings(**short))
    step, seen = Trainer.step, []
    monkeypatch.setattr(Trainer, "step", lambda self, k: (seen.append(k), step(self, k)))
    train_ciagan_files(**files, settings=settings(**long))
    assert seen == [2] and files["weights"].read_bytes() == at_once
    # A rate that falls towards the end depends on where the end is.
    assert "rounds" in settings(fall=0.5).decisive() and "rounds" not in settings().decisive()
    assert settings(warm_up=3, rounds=9).decisive()["warm_up"] == 3


def test_a_checkpoint_of_another_training_is_left_alone(
    files: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    train_ciagan_files(**files, settings=settings(**{**LEAN, "rounds": 2}))
    step, seen = Trainer.step, []
    monkeypatch.setattr(Trainer, "step", lambda self, k: (seen.append(k), step(self, k)))
    train_ciagan_files(**files, settings=settings(**{**LEAN, "rounds": 2, "rate": 0.01}))
    assert seen == [0, 1]


def test_what_is_written(files: dict[str, Any], tmp_path: Path) -> None:
    train_ciagan_files(**files, settings=settings(**LEAN))
    with safe_open(files["weights"], "numpy") as file:
        about = json.loads(file.metadata()["anonbench"])
    assert about == {
        "architecture": "CIAGAN", "landmarks": "dlib", "groups": "contour,nose,mouth",
        "scaling": "sharp", "codes": "4", "skips": "false",
    }  # fmt: skip
    assert list(pd.read_csv(files["curves"])["round"]) == [2, 4]
    sheet = decode_png(files["samples"].read_bytes())
    assert sheet.shape == (2 * SIZE, 3 * SIZE, 3)
    assert (tmp_path / "sheet-000002.png").is_file()
    network = Generator(identities=8)
    arrays = {k: torch.from_numpy(v) for k, v in read(files["weights"]).items()}
    network.load_state_dict(arrays)
    network.eval()
    code = functional.one_hot(torch.tensor([1]), 8).float()
    assert torch.isfinite(network(torch.rand(1, 6, SIZE, SIZE), code)).all()


def test_fresh_codes_differ(files: dict[str, Any]) -> None:
    codes = torch.eye(8)

    def spread(recipe: CiaganTraining, start: Path | None = None) -> float:
        """Return how much of what becomes of codes differs between them."""
        made = Trainer(Pairs([faces(4, 2)], recipe, 1, "y"), recipe, 1, "y", start)
        drawer = made.networks["generator"].eval()
        with torch.no_grad():
            maps = drawer.encode_noise(drawer.encode_one_hot(codes).view(-1, 32, 4, 4))
        return float(maps.std(dim=0).mean() / maps.std())

    assert spread(settings()) < 0.05
    assert spread(settings(fresh_codes="random")) > 0.5 < spread(settings(fresh_codes="looks"))
    train_ciagan_files(**files, settings=settings(**LEAN))
    recipe = settings(**LEAN, start="x", fresh_codes="random")
    assert spread(recipe, files["weights"]) > 0.5
    kept = Trainer(Pairs([faces(4, 2)], recipe, 1, "y"), recipe, 1, "y", files["weights"])
    stored = read(files["weights"])["conv_end.0.weight"]
    assert torch.equal(kept.networks["generator"].state_dict()["conv_end.0.weight"],
                       torch.from_numpy(np.array(stored)))  # fmt: skip


def test_cut_faces_by_hand() -> None:
    # A ramp from 0 to 1 across the hole, and -9 around it: half-way cells are half-way values.
    hole = torch.zeros(2, 1, SIZE, SIZE)
    hole[0, :, 20:84, 30:94] = 1
    picture = torch.full((2, 3, SIZE, SIZE), -9.0)
    picture[0, :, 20:84, 30:94] = (torch.arange(64) + 0.5) / 64
    picture[1] = 0.25
    cut = cut_faces(picture.requires_grad_(), hole)
    assert cut.shape == (2, 3, 32, 32)
    assert torch.allclose(cut[0, :, 5], ((torch.arange(32) + 0.5) / 32).expand(3, 32), atol=1e-4)
    assert torch.allclose(cut[1], torch.tensor(0.25), atol=1e-5)  # no hole: the whole picture
    cut[0].sum().backward()
    assert (picture.grad[0][:, 20:84, 30:94] > 0).all() and picture.grad[0, :, 10].abs().sum() == 0


def test_who_looks_alike_has_like_codes() -> None:
    # Four subjects, two of each shade: one component tells them apart.
    part = faces(4, 2)
    crops = np.zeros_like(part.crops)
    for n, subject in enumerate(part.subjects):
        crops[n] = 60 + 100 * (int(subject[1:]) % 2)
    recipe = settings(fresh_codes="looks", validation=0)
    pairs = Pairs([Faces(part.scheme, crops, part.points, part.subjects)], recipe, 1, "y")
    means = mean_faces(pairs)
    shade = np.array([int(s[1:]) % 2 for s in pairs.code])
    assert np.allclose(means.mean(dim=(1, 2, 3)), (60 + 100 * shade) / 255, atol=0.01)
    looks = components(means)
    assert looks.shape == (4, 1) and np.allclose(np.abs(looks), 1, atol=1e-5)
    assert len(set(np.sign(looks[shade == 0, 0]))) == 1 and np.isclose(looks.sum(), 0, atol=1e-5)
    drawer = Trainer(pairs, recipe, 1, "y", None).networks["generator"]
    first = drawer.encode_one_hot[0].weight[:, :4].detach().numpy()
    assert np.allclose(first[:, shade == 0], -first[:, shade == 1], atol=1e-5)


def test_a_training_begins_with_the_weights_of_another(files: dict[str, Any]) -> None:
    train_ciagan_files(**files, settings=settings(**LEAN))
    recipe = settings(**{**LEAN, "start": "x"})
    made = Trainer(Pairs([faces(4, 2)], recipe, 1, "y"), recipe, 1, "y", files["weights"])
    stored = read(files["weights"])
    for name, value in made.networks["generator"].state_dict().items():
        assert torch.equal(value, torch.from_numpy(np.array(stored[name])))


def test_the_mesh_has_its_own_lines() -> None:
    draw = np.random.default_rng(0)
    points = draw.integers(20, 150, (4, 468, 2)).astype(np.int32)
    crops = np.zeros((4, HEIGHT, WIDTH, 3), np.uint8)
    part = Faces(MEDIAPIPE, crops, points, ["a", "a", "b", "b"])
    batch = Pairs([part], settings(scaling="sharp"), 1, "x").batch(0, "a")
    white = (batch.landmarks == 1).float().mean()
    assert 0.05 < float(white) < 0.9


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bytes(files: dict[str, Any]) -> None:
    assert_it_goes_on_to_the_same_bytes(train_ciagan_files, settings(**LEAN), files)


def test_quality_is_the_distance_from_the_true_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    arrays = {k: v.numpy() for k, v in DAN(7).state_dict().items()}
    monkeypatch.setattr(weights, "arrays", lambda name: arrays)
    recipe = settings(quality="dan", scaling="sharp")
    pairs = Pairs([faces(6, 2)], recipe, 1, "x")
    drawer, cpu = Generator(identities=8), torch.device("cpu")
    assert Quality(settings(), pairs, 1).measure(drawer, cpu) == {}

    def measured(shift: float) -> float:
        monkeypatch.setattr(ciagan_quality, "pasted", lambda _, batch, *rest: batch.picture + shift)
        monkeypatch.setattr(FaceFeatures, "of", lambda self, p: p[:, :, 0, 0].numpy())
        found = Quality(recipe, pairs, 1).measure(drawer, cpu)
        assert set(found) == {"kid"}
        return found["kid"]

    assert measured(0) < 0.05 < 0.3 < measured(1) < measured(2)


def test_only_the_hole_is_pasted() -> None:
    recipe = settings(scaling="sharp")
    batch = Pairs([faces(4, 2)], recipe, 1, "x").batch(0, "a")
    drawer = Generator(identities=8)
    found = pasted(drawer, batch, batch.code, torch.device("cpu"))
    outside = 1 - batch.hole
    assert torch.equal(found * outside, batch.picture * outside)
    assert not torch.equal(found, batch.picture) and drawer.training
    assert found.min() >= 0 and found.max() <= 1
