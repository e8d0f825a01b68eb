"""Hair and beards, grown on a ball instead of a head, so that geometry is known exactly."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from test_synthetic_skin import MAN, WOMAN, painted, person

from anonbench.synthetic import skin_map
from anonbench.synthetic.hair import Hair, grow_beard, grow_hair
from anonbench.synthetic.hair_growth import CENTRE as MIDDLE
from anonbench.synthetic.hair_growth import FLOWS
from anonbench.synthetic.hair_styles import STYLES as ALL
from anonbench.synthetic.head import Head
from anonbench.synthetic.light import directions

CENTRE, RADIUS = np.array(MIDDLE), 1.3
STYLES = sorted(ALL)
BEARDS = ("full", "goatee", "moustache", "chin")
# A winding goes this far beside its guide, at most.
CURL = {name: style.curl[1] for name, style in ALL.items()}


@cache
def ball() -> Any:
    """A ball in place of the head, so large that there is room for a chin."""
    points = directions(4000)
    triangles = ConvexHull(points).simplices.astype(np.int32)
    inwards = np.linalg.det(points[triangles]) < 0
    triangles[inwards] = triangles[inwards][:, [0, 2, 1]]
    # It has neither ears nor a mouth.
    parts = {field.name: np.zeros(len(points)) for field in fields(Head)}
    return SimpleNamespace(**parts | {"triangles": triangles, "rest": RADIUS * points + CENTRE})


def grown(style: str, seed: int = WOMAN) -> Hair:
    traits = person(seed, hair_style=style)
    hair = grow_hair(ball(), ball().rest, painted(seed), traits)
    assert hair is not None
    return hair


def bearded(style: str) -> Hair:
    skin = painted(MAN, ("facial_hair", style), ("beard_strength", 0.9))
    hair = grow_beard(ball(), ball().rest, skin, person(MAN, facial_hair=style))
    assert hair is not None
    return hair


def roots(hair: Hair) -> np.ndarray:
    corners = ball().rest[ball().triangles[hair.triangle]]
    out: np.ndarray = (corners * hair.weights[..., None]).sum(axis=1)
    return out


def guides(hair: Hair) -> np.ndarray:
    out: np.ndarray = hair.guides + roots(hair)[:, None]
    return out


def ends(hair: Hair) -> np.ndarray:
    """Last point of each guide that is not cut off."""
    last = (~np.isnan(hair.guides[..., 0])).sum(axis=1) - 1
    out: np.ndarray = guides(hair)[np.arange(len(last)), last]
    return out


def every_growth() -> list[tuple[str, Hair]]:
    return [(s, grown(s)) for s in STYLES] + [(s, bearded(s)) for s in BEARDS]


def test_growths_are_whole() -> None:
    for name, hair in every_growth():
        count, points = hair.guides.shape[:2]
        followers = hair.strands.shape[1]
        assert count > 100 and points >= 4 and followers >= 2, name
        assert hair.guides.shape == hair.outward.shape == (count, points, 3)
        assert hair.strands.shape == (count, followers, points, 3)
        assert hair.tint.shape == (count, followers)
        assert hair.triangle.shape == (count,) and hair.triangle.dtype == np.int32
        assert hair.weights.min() >= 0 and hair.weights.sum(axis=1) == pytest.approx(1)
        # A guide starts at its root, and once cut it stays so; its strands end where it does.
        assert not hair.guides[:, 0].any()
        gone = np.isnan(hair.guides).any(axis=2)
        assert (gone == np.isnan(hair.guides).all(axis=2)).all()
        assert not (gone[:, :-1] & ~gone[:, 1:]).any(), name
        assert (np.isnan(hair.strands).any(axis=(1, 3)) == gone).all()
        assert gone.mean() < 0.9
        assert np.linalg.norm(hair.outward[~gone], axis=1) == pytest.approx(1)
        assert np.isfinite(hair.tint).all() and hair.tint.min() > 0.3 and hair.tint.max() < 3
        assert hair.tint.mean() == pytest.approx(1, abs=0.1)


def test_hair_grows_where_the_skin_says() -> None:
    hair = grown("crop")
    assert np.linalg.norm(roots(hair) - CENTRE, axis=1) == pytest.approx(RADIUS, abs=0.01)
    middle = ball().rest[ball().triangles].mean(axis=1)
    strength = skin_map.sample(painted(WOMAN).scalp, middle)
    assert strength[hair.triangle].min() > 0.1
    # And everywhere it says so, as densely in one place as in another.
    count = np.bincount(hair.triangle, minlength=len(middle))
    full = strength > 0.99
    assert full.sum() > 500
    for half in (middle[:, 0] > 0, middle[:, 0] < 0, middle[:, 2] < CENTRE[2]):
        assert count[full & half].mean() == pytest.approx(count[full].mean(), rel=0.15)
    assert not count[strength < 0.1].any()


def test_beards_grow_where_they_are_painted_and_are_short() -> None:
    middle = ball().rest[ball().triangles].mean(axis=1)
    amount = {}
    for style in BEARDS:
        hair = bearded(style)
        skin = painted(MAN, ("facial_hair", style), ("beard_strength", 0.9))
        assert skin_map.sample(skin.beard, middle[hair.triangle]).min() > 0.1
        reach = np.linalg.norm(hair.guides, axis=2)
        assert np.nanmax(reach) < 0.2
        amount[style] = len(hair.guides)
    assert amount["full"] >= amount["goatee"] >= amount["moustache"]


@pytest.mark.parametrize("style", STYLES)
def test_hair_lies_on_the_head_not_in_it(style: str) -> None:
    for seed in (WOMAN, WOMAN + 6):
        away = np.linalg.norm(guides(grown(style, seed)) - CENTRE, axis=2)
        # On a ball of triangles, which lies a little within the round one.
        assert np.nanmin(away) > RADIUS - CURL[style] - 0.012


@pytest.mark.parametrize("style", STYLES)
def test_guides_leave_the_face_free(style: str) -> None:
    for seed in (WOMAN, WOMAN + 6):
        points = guides(grown(style, seed))
        points = points[~np.isnan(points[..., 0])]
        slack = CURL[style] + 1e-9
        over = (np.abs(points[:, 0]) < 0.45 - slack) & (points[:, 2] > 0.55 + slack)
        over &= (points[:, 1] < 7.66 - slack) & (points[:, 1] > 6.5)
        assert not over.any()


def mean_of(style: str, name: str) -> float:
    return float(np.mean(getattr(ALL[style], name)))


def flowing(flow: str) -> list[str]:
    return [style for style in STYLES if ALL[style].flow == flow]


def test_hair_is_as_long_and_as_thick_as_its_style_says() -> None:
    for style in STYLES:
        hair = grown(style)
        reach = np.nanmax(np.linalg.norm(hair.guides, axis=2))
        # Guides vary by 30 %; pushing them out of the head may stretch them, by the volume.
        assert reach < 1.35 * ALL[style].length[1] + ALL[style].volume[1]
        assert np.nanmin(guides(hair)[..., 1]) > ALL[style].lowest - CURL[style]
    hanging = sorted(flowing("parting"), key=lambda style: mean_of(style, "length"))
    lowest = [float(np.nanmin(guides(grown(style))[..., 1])) for style in hanging]
    assert len(hanging) >= 3 and lowest[0] > lowest[-1] + 0.8
    out = sorted(flowing("out"), key=lambda style: mean_of(style, "length"))
    away = [np.linalg.norm(guides(grown(s)) - CENTRE, axis=2) for s in (out[0], out[-1])]
    assert np.nanpercentile(away[1], 90) > np.nanpercentile(away[0], 90) + 0.05


def drift(style: str) -> np.ndarray:
    """How far the hair on top runs from its roots, on average."""
    hair = grown(style)
    top = roots(hair)[:, 1] > CENTRE[1] + 0.5 * RADIUS
    out: np.ndarray = (ends(hair) - roots(hair))[top].mean(axis=0)
    return out


def test_hair_flows_where_its_style_says() -> None:
    assert {flow for flow in FLOWS if flow != "beard"} == {ALL[style].flow for style in STYLES}
    assert all(drift(style)[2] < -0.2 for style in flowing("back") + flowing("knot"))
    assert all(drift(style)[2] > 0 for style in flowing("forward"))
    assert all(drift(style)[1] < -0.05 for style in flowing("down") + flowing("parting"))
    for style in flowing("parting"):  # away to both sides
        hair = grown(style)
        top = roots(hair)[:, 1] > CENTRE[1] + 0.93 * RADIUS
        aside = (ends(hair) - roots(hair))[top, 0]
        assert min((aside > 0.05).mean(), (aside < -0.05).mean()) > 0.1, style
    for style in flowing("out"):
        hair = grown(style)
        tip, own = ends(hair) - CENTRE, roots(hair) - CENTRE
        cosine = (tip * own).sum(axis=1) / np.linalg.norm(tip, axis=1)
        assert np.median(cosine / np.linalg.norm(own, axis=1)) > 0.98, style


def test_curls_wind() -> None:
    def bend(style: str) -> float:
        """Mean angle between two steps of a guide, in radians."""
        step = np.diff(grown(style).guides, axis=1)
        step /= np.linalg.norm(step, axis=2, keepdims=True)
        cosine = (step[:, 1:] * step[:, :-1]).sum(axis=2)
        return float(np.nanmean(np.arccos(np.clip(cosine, -1, 1))))

    straight = [bend(style) for style in STYLES if CURL[style] == 0]
    tight = [
        bend(style) for style in STYLES if ALL[style].curl[0] > 0.5 * ALL[style].pitch / (2 * np.pi)
    ]
    assert len(tight) >= 2 and min(tight) > 2 * np.median(straight)


def test_strands_keep_to_their_guide() -> None:
    for name, hair in every_growth():
        off = np.linalg.norm(hair.strands - hair.guides[:, None], axis=3)
        assert 0.002 < np.nanmean(off) < 0.15, name
        assert np.nanpercentile(off, 99) < 0.35


def test_nobody_grows_what_they_do_not_have() -> None:
    skin = painted(MAN)
    assert grow_hair(ball(), ball().rest, skin, person(MAN, hair_style="bald")) is None
    for style in ("none", "stubble"):
        assert grow_beard(ball(), ball().rest, skin, person(MAN, facial_hair=style)) is None


def test_same_subject_same_hair_another_another() -> None:
    for grow in (lambda: grown("curly"), lambda: bearded("full")):
        one, again = grow(), grow()
        for field in fields(Hair):
            a, b = getattr(one, field.name), getattr(again, field.name)
            assert a.tobytes() == b.tobytes(), field.name
    other = grown("curly", WOMAN + 6)
    assert not np.array_equal(other.guides, grown("curly").guides, equal_nan=True)
