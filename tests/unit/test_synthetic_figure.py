"""Head, subjects and their poses, from MakeHuman's assets: what lies where and what moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from test_synthetic_skin import painted

from anonbench.seeds import generator
from anonbench.synthetic.expressions import EXPRESSIONS, Expression, draw_expression
from anonbench.synthetic.figure import Figure, pose
from anonbench.synthetic.hair import grow_hair
from anonbench.synthetic.hair_styles import STYLES
from anonbench.synthetic.head import Head
from anonbench.synthetic.scene import draw_scene
from anonbench.synthetic.shape import apply_targets, morph
from anonbench.synthetic.skin import BROW_HEIGHT
from anonbench.synthetic.structures import Target
from anonbench.synthetic.subject import Subject, _aligned
from anonbench.synthetic.traits import draw_traits

if TYPE_CHECKING:
    from anonbench.synthetic.render import Renderer

AT_REST = Expression("neutral", 0.0, {})
FRONT = replace(draw_scene(generator(0)), yaw=0.0, pitch=0.0, roll=0.0, gaze=(0.0, 0.0))


@pytest.fixture(scope="module")
def head(renderer: Renderer) -> Head:
    return renderer._head


@pytest.fixture(scope="module")
def subjects(renderer: Renderer) -> list[Subject]:
    return [renderer.subject(seed) for seed in (0, 3, 4, 11)]


def arrays(thing: Any, name: str = "") -> Iterator[tuple[str, bytes]]:
    """All values within a data class."""
    if is_dataclass(thing):
        for field in fields(thing):
            yield from arrays(getattr(thing, field.name), f"{name}.{field.name}")
    else:
        yield name, thing.tobytes() if isinstance(thing, np.ndarray) else repr(thing).encode()


def middle(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    out: np.ndarray = (points * weights[:, None]).sum(axis=0) / weights.sum()
    return out


def test_eyes_lie_left_and_right(head: Head) -> None:
    left, right = (head.assets.base.vertices[index] for index in head.eyes)
    assert len(left) == len(right) == 72
    assert left[:, 0].min() > 0 > right[:, 0].max()
    assert left.mean(axis=0) * [-1, 1, 1] == pytest.approx(right.mean(axis=0), abs=1e-3)
    size = np.ptp(left, axis=0)
    assert size == pytest.approx(size.mean(), rel=0.1)  # balls
    assert np.linalg.norm(left - left.mean(axis=0), axis=1).std() < 0.1 * size.mean()


def test_masks_lie_near_the_mouth(head: Head) -> None:
    eyes = np.mean([head.assets.base.vertices[i].mean(axis=0) for i in head.eyes], axis=0)
    for mask in (head.lips, head.mouth_inside):
        assert mask.shape == (len(head.rest),) and mask.min() >= 0 and mask.max() <= 1 + 1e-9
        assert (mask > 0.9).sum() > 50
    lips = middle(head.rest, head.lips)
    assert abs(lips[0]) < 0.02 and 0.5 < eyes[1] - lips[1] < 0.85 and lips[2] > eyes[2] + 0.1
    red = head.rest[head.lips > 0.5] - lips
    assert np.abs(red).max(axis=0) == pytest.approx([0.25, 0.12, 0.12], abs=0.06)
    inside = middle(head.rest, head.mouth_inside)
    assert inside[2] < lips[2] - 0.1 and np.abs(inside - lips).max() < 0.9


def test_the_head_is_a_smooth_cut_of_the_body(head: Head) -> None:
    base, count = head.assets.base.vertices, len(head.rest)
    assert np.unique(head.triangles).tolist() == list(range(count))
    for rows in (head.refine, head.neighbours):
        assert np.asarray(rows.sum(axis=1)).ravel() == pytest.approx(1)
    kept = np.unique(head.casters)
    assert head.rest[:, 1].max() == pytest.approx(base[kept, 1].max(), abs=0.05)
    assert head.rest[:, 1].min() > 4 and np.abs(head.rest[:, 0]).max() < 2.8
    # Smoothing subdivides: four quads for one, and no long edges are left.
    assert len(head.triangles) == 4 * len(head.casters)
    edge = head.rest[head.triangles] - head.rest[np.roll(head.triangles, 1, axis=1)]
    assert np.median(np.linalg.norm(edge, axis=2)) < 0.04


def test_teeth_are_told_from_gums(head: Head) -> None:
    proxy = head.teeth
    assert head.gums.shape == (len(proxy.mesh.vertices),) and 0.2 < head.gums.mean() < 0.8
    assert set(head.gums[np.unique(proxy.mesh.faces[:, 0])]) == {True, False}


def test_targets_add_up() -> None:
    targets = {
        "a": Target(np.array([0, 2], np.int32), np.array([[1.0, 0, 0], [0, 2, 0]])),
        "b": Target(np.array([2], np.int32), np.array([[0, 0, 4.0]])),
    }
    start = np.ones((3, 3))
    moved = apply_targets(start, targets, {"a": 0.5, "b": 0.25, "unknown": 0.0})
    assert moved.tolist() == [[1.5, 1, 1], [1, 1, 1], [1, 2, 2]]
    assert (start == 1).all()
    with pytest.raises(KeyError):
        apply_targets(start, targets, {"unknown": 0.1})


def test_bodies_follow_their_traits(head: Head) -> None:
    traits = draw_traits(0)
    jaw, cheeks = (np.abs(head.rest[:, 1] - height) < 0.1 for height in (6.2, 6.9))

    def width(where: np.ndarray, **changes: Any) -> float:
        smooth = np.asarray(head.refine @ morph(head.assets, replace(traits, **changes)))
        return float(np.ptp(smooth[where, 0]))

    assert width(jaw, weight=0.9) > width(jaw, weight=0.1) + 0.02
    for part in (jaw, cheeks):
        assert width(part, masculinity=1.0) > width(part, masculinity=0.0) + 0.02
    one = morph(head.assets, traits)
    np.testing.assert_array_equal(one, morph(head.assets, traits))
    young, old = (morph(head.assets, replace(traits, age=age)) for age in (0.0, 0.9))
    assert np.abs(head.refine @ (young - old))[head.rest[:, 1] > 6.2].max() > 0.05


def test_faces_differ_from_each_other_but_not_too_much(head: Head) -> None:
    shapes = []
    for seed in range(24):
        smooth = np.asarray(head.refine @ _aligned(morph(head.assets, draw_traits(seed)), head))
        assert np.isfinite(smooth).all()
        shapes.append(smooth[(head.rest[:, 1] > 6.2) & (head.rest[:, 2] > 0.9)])
    for k, one in enumerate(shapes):
        for other in shapes[:k]:
            away = np.linalg.norm(one - other, axis=1)
            assert 0.015 < away.mean() < 0.35 and away.max() < 1.0


def test_same_number_same_subject(renderer: Renderer, subjects: list[Subject]) -> None:
    one, again = dict(arrays(subjects[1])), dict(arrays(renderer.subject(3)))
    assert one == again and len(one) > 20
    other = dict(arrays(subjects[2]))
    same = {name for name in one if name in other and one[name] == other[name]}
    assert not {".vertices", ".skin.albedo", ".skin.relief", ".hair.guides"} & same


def test_eyes_of_all_subjects_lie_at_the_same_height(head: Head, subjects: list[Subject]) -> None:
    base = np.mean([head.assets.base.vertices[i].mean(axis=0) for i in head.eyes], axis=0)
    for subject in subjects:
        own = np.mean([subject.vertices[i].mean(axis=0) for i in head.eyes], axis=0)
        assert own == pytest.approx(base, abs=1e-9)


def lips_open(head: Head, figure: Figure) -> float:
    """How far the middles of the two lips are apart, in decimetres."""
    near = (head.lips > 0.6) & (np.abs(head.rest[:, 0]) < 0.08)
    upper = near & (head.rest[:, 1] > np.median(head.rest[near, 1]))
    y = figure.skin.vertices[:, 1]
    return float(y[upper].mean() - y[near & ~upper].mean())


def corners(head: Head, figure: Figure) -> float:
    """Height of the corners of the mouth over the middles of the lips."""
    red = head.lips > 0.5
    outer = red & (np.abs(head.rest[:, 0]) > 0.2)
    y = figure.skin.vertices[:, 1]
    return float(y[outer].mean() - y[red & (np.abs(head.rest[:, 0]) < 0.08)].mean())


def brows(head: Head, figure: Figure, low: float, high: float) -> float:
    """Height of the brows between two distances from the middle line."""
    off = np.abs(head.rest[:, 0])
    brow = (np.abs(head.rest[:, 1] - BROW_HEIGHT) < 0.06) & (off > low) & (off < high)
    brow &= head.rest[:, 2] > 1
    return float(figure.skin.vertices[brow, 1].mean())


def lids_open(head: Head, figure: Figure) -> float:
    """Height of the skin above the eyes over that below them."""
    eyes = np.stack([head.assets.base.vertices[i].mean(axis=0) for i in head.eyes])
    total = 0.0
    for eye in eyes:
        off = head.rest - eye
        rim = (np.abs(off[:, 0]) < 0.06) & (np.abs(off[:, 1]) < 0.1) & (off[:, 2] > 0.05)
        y = figure.skin.vertices[:, 1]
        total += y[rim & (off[:, 1] > 0)].mean() - y[rim & (off[:, 1] < 0)].mean()
    return float(total / 2)


def test_expressions_move_what_they_should(head: Head, subjects: list[Subject]) -> None:
    for subject in subjects[:3]:
        at_rest = pose(head, subject, AT_REST, FRONT)
        for k in range(4):
            face = {
                name: pose(head, subject, draw_expression(name, generator(k, name)), FRONT)
                for name in EXPRESSIONS
            }
            assert lips_open(head, face["surprise"]) > lips_open(head, at_rest) + 0.05
            assert lips_open(head, face["surprise"]) > lips_open(head, face["sadness"]) + 0.05
            assert corners(head, face["happiness"]) > corners(head, at_rest) + 0.02
            assert corners(head, face["sadness"]) < corners(head, at_rest) - 0.01
            lift = {
                name: [
                    brows(head, figure, *part) - brows(head, at_rest, *part)
                    for part in ((0.06, 0.2), (0.35, 0.5))  # inner and outer ends
                ]
                for name, figure in face.items()
            }
            assert lift["anger"][0] < -0.01 and lift["surprise"][1] > 0.003
            assert all(lift[name][0] > 0.003 for name in ("sadness", "fear"))
            wide = {name: lids_open(head, figure) for name, figure in face.items()}
            assert min(wide["surprise"], wide["fear"]) > lids_open(head, at_rest) + 0.005
            assert max(wide["happiness"], wide["disgust"]) < lids_open(head, at_rest) - 0.004
            assert np.abs(face["neutral"].body - at_rest.body).max() < 0.06


def test_expressions_leave_the_rest_of_the_head_alone(head: Head, subjects: list[Subject]) -> None:
    at_rest = pose(head, subjects[0], AT_REST, FRONT)
    still = (head.rest[:, 1] > 8.0) | (head.rest[:, 2] < 0)
    for name in EXPRESSIONS:
        figure = pose(head, subjects[0], draw_expression(name, generator(1, name)), FRONT)
        moved = np.linalg.norm(figure.skin.vertices - at_rest.skin.vertices, axis=1)
        assert moved[still].max() < 0.02
        assert name == "neutral" or moved.max() > 0.05


def test_poses_turn_the_head_as_one(head: Head, subjects: list[Subject]) -> None:
    subject = subjects[0]
    front = pose(head, subject, AT_REST, FRONT)
    scene = replace(FRONT, yaw=18.0, pitch=-7.0, roll=4.0)
    turned = pose(head, subject, AT_REST, scene)
    whole = np.asarray(head.refine @ head.assets.head_weight) > 1 - 1e-9
    assert whole.sum() > 5000
    one, other = front.skin.vertices[whole], turned.skin.vertices[whole]
    assert other - other[0] == pytest.approx((one - one[0]) @ scene.head.T, abs=1e-9)
    # The trunk follows the turn by less, the neck lies between.
    trunk = head.assets.head_weight[np.unique(head.casters)] < 1e-9
    assert trunk.any()
    low = np.unique(head.casters)[trunk]
    gap = (front.body[low] - front.body[low[0]]) @ scene.body.T
    assert turned.body[low] - turned.body[low[0]] == pytest.approx(gap, abs=1e-9)
    # To the subject's left: the mouth moves to +x of the eyes; nodding down: backwards.
    left = pose(head, subject, AT_REST, replace(FRONT, yaw=20.0))
    assert (left.mouth_centre - left.eye_centres.mean(axis=0))[0] > 0.03
    down = pose(head, subject, AT_REST, replace(FRONT, pitch=10.0))
    shift = (down.mouth_centre - down.eye_centres.mean(axis=0)) - (
        front.mouth_centre - front.eye_centres.mean(axis=0)
    )
    assert shift[2] < -0.05


def test_eyeballs_sit_in_their_sockets_and_look(head: Head, subjects: list[Subject]) -> None:
    for subject in subjects:
        figure = pose(head, subject, AT_REST, FRONT)
        for eye, centre in zip(figure.eyes, figure.eye_centres, strict=True):
            away = np.linalg.norm(eye.vertices - centre, axis=1)
            assert away.min() > 0.1 and away.max() < 1.06 * away.min()
            pole = figure.eye_places[:, 2].argmax()
            assert eye.vertices[pole] - centre == pytest.approx([0, 0, away[pole]], abs=1e-9)
            outwards = (eye.normals * (eye.vertices - centre)).sum(axis=1) / away
            assert (outwards > 0.95).mean() > 0.99
    aside = pose(head, subjects[0], AT_REST, replace(FRONT, gaze=(10.0, 5.0)))
    look = aside.eyes[0].vertices[aside.eye_places[:, 2].argmax()] - aside.eye_centres[0]
    assert look[0] > 0.01 and look[1] > 0.005  # to the subject's left, and up


def test_teeth_stay_behind_closed_lips(head: Head, subjects: list[Subject]) -> None:
    for subject in subjects:
        figure = pose(head, subject, AT_REST, FRONT)
        lips = figure.skin.vertices[head.lips > 0.6]
        assert figure.teeth.vertices[:, 2].max() < np.percentile(lips[:, 2], 60)
        assert np.abs(figure.teeth.vertices[:, 0]).max() < 0.5
        assert np.abs(middle(figure.skin.vertices, head.lips) - figure.mouth_centre).max() < 1e-9


def test_hair_never_hangs_before_the_eyes(head: Head) -> None:
    styles = sorted(STYLES)
    for seed in range(40):
        traits = replace(draw_traits(seed), hair_style=styles[seed % len(styles)])
        vertices = _aligned(morph(head.assets, traits), head)
        smooth = np.asarray(head.refine @ vertices)
        grown = grow_hair(head, smooth, painted(2 + seed % 2), traits)
        assert grown is not None
        corner = smooth[head.triangles[grown.triangle]]
        root = (corner * grown.weights[..., None]).sum(axis=1)
        points = (grown.strands + root[:, None, None]).reshape(-1, 3)
        points = points[~np.isnan(points[:, 0])]
        for index in head.eyes:
            off = points - vertices[index].mean(axis=0)
            before = (np.abs(off[:, 0]) < 0.16) & (np.abs(off[:, 1]) < 0.07) & (off[:, 2] > 0)
            assert not before.any(), (seed, traits.hair_style)


def test_glasses_rest_on_the_nose_and_touch_no_eye(renderer: Renderer, head: Head) -> None:
    wearers = [seed for seed in range(200) if draw_traits(seed).glasses != "none"][:4]
    kinds = set()
    for seed in wearers:
        subject = renderer.subject(seed)
        kinds.add(subject.attributes["glasses"])
        assert subject.glasses is not None
        skin = np.asarray(head.refine @ subject.vertices)
        for index in head.eyes:
            eye = subject.vertices[index]
            near = np.abs(subject.glasses.lenses[:, 0] - eye[:, 0].mean()) < 0.4
            assert subject.glasses.lenses[near, 2].min() > eye[:, 2].max()
        bridge = subject.glasses.frame[np.abs(subject.glasses.frame[:, 0]) < 0.04]
        level = np.abs(skin[:, 1] - bridge[:, 1].mean()) < 0.05
        nose = skin[level & (np.abs(skin[:, 0]) < 0.06), 2].max()
        assert -0.05 < bridge[:, 2].mean() - nose < 0.25
    assert renderer.subject(next(s for s in range(99) if s not in wearers)).glasses is None


def test_attributes_tell_the_traits(subjects: list[Subject]) -> None:
    for subject in subjects:
        told, traits = subject.attributes, subject.traits
        assert told["seed"] == traits.seed and told["age"] == traits.years
        assert told["gender"] == traits.gender and told["ancestry"] == traits.ancestry
        assert told["skin_tone"] == pytest.approx(traits.tone, abs=0.01)
        shares = [float(told[name]) for name in ("caucasian", "african", "asian")]
        assert shares == pytest.approx(traits.ancestries, abs=1e-3)
        assert (subject.hair is None) == (told["hair_style"] == "bald")
        assert (subject.beard is None) == (told["facial_hair"] in ("none", "stubble"))
        assert (subject.glasses is None) == (told["glasses"] == "none")
