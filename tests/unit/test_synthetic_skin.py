"""The map of the skin, and what is painted on it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from anonbench.seeds import generator
from anonbench.synthetic import skin_map as on
from anonbench.synthetic.skin import BROW_HEIGHT, Skin, beard_area, hairline, paint_skin
from anonbench.synthetic.traits import Traits, draw_traits

PIXEL = (on.TOP - on.BOTTOM) / on.HEIGHT
"""Height of a pixel of the map in decimetres; across, a pixel is as large on the cylinder."""
MAN, WOMAN = 3, 2


def at(x: float, y: float, back: bool = False) -> np.ndarray:
    """The point of the cylinder at a distance from the middle line and a height."""
    depth = (on.RADIUS**2 - x**2) ** 0.5
    return np.array([[x, y, on.AXIS_Z + (-depth if back else depth)]])


def person(seed: int, **changes: object) -> Traits:
    base = {"facial_hair": "none", "hair_style": "crop"}
    return replace(draw_traits(seed), **{**base, **changes})  # type: ignore[arg-type]


@cache
def painted(seed: int, *changes: tuple[str, object]) -> Skin:
    return paint_skin(person(seed, **dict(changes)))


def differs(one: Skin, other: Skin) -> np.ndarray:
    """Where the colour of two skins differs."""
    return np.abs(one.albedo - other.albedo).max(axis=0) > 1e-6


def test_places_on_the_map_by_hand() -> None:
    front, left, back = np.array([[0, 6.45, 1.0], [0.5, 8.6, 0.45], [-1e-9, 4.3, -0.2]])
    column, row = on.to_map(np.stack([front, left, back]))
    assert column == pytest.approx([on.WIDTH / 2, 0.75 * on.WIDTH, 0], abs=1e-4)
    assert row == pytest.approx([on.HEIGHT / 2, 0, on.HEIGHT])


def test_grid_and_map_agree() -> None:
    g = on.grid()
    rows, columns = np.meshgrid(np.arange(0, on.HEIGHT, 129), np.arange(0, on.WIDTH, 96))
    angle = g.angle[0, columns].astype(float)
    points = np.stack(
        [np.sin(angle), g.y[rows, 0].astype(float), on.AXIS_Z + np.cos(angle)], axis=-1
    )
    column, row = on.to_map(points)
    assert column == pytest.approx(columns + 0.5, abs=1e-3)
    assert row == pytest.approx(rows + 0.5, abs=1e-3)
    assert (g.front[0, columns] == (np.cos(angle) > 0)).all()
    own = np.arange(on.HEIGHT * on.WIDTH, dtype=np.float32).reshape(on.HEIGHT, on.WIDTH)
    assert (on.sample(own, points.reshape(-1, 3)) == own[rows, columns].ravel()).all()


def test_what_lies_above_or_below_the_map_reads_its_edge() -> None:
    rows = np.repeat(np.arange(on.HEIGHT, dtype=np.float32)[:, None], on.WIDTH, axis=1)
    points = np.concatenate([at(0, on.TOP + 1), at(0, on.BOTTOM - 1)])
    assert on.sample(rows, points).tolist() == [0, on.HEIGHT - 1]


@pytest.mark.parametrize("x", [-0.7, -0.3, 0.0, 0.2, 0.6])
def test_a_stroke_is_found_where_it_was_drawn(x: float) -> None:
    y = 7.0
    stroke = np.array([[x, y - 0.2], [x, y + 0.2]])
    image = on.lines([stroke], [3], [0.8])
    assert on.sample(image, at(x, y))[0] == pytest.approx(0.8, abs=0.01)
    assert on.sample(image, at(x, y + 0.15))[0] == pytest.approx(0.8, abs=0.01)
    for away in (at(x + 6 * PIXEL, y), at(x - 6 * PIXEL, y), at(x, y + 0.25), at(x, y, back=True)):
        assert on.sample(image, away)[0] == 0
    spot = on.spots(np.array([[x, y]]), np.array([4.0]), np.array([0.6]))
    assert on.sample(spot, at(x, y))[0] == pytest.approx(0.6, abs=0.01)
    assert on.sample(spot, at(x, y + 7 * PIXEL))[0] == 0
    assert spot.sum() / 0.6 == pytest.approx(np.pi * 4**2, rel=0.25)


def test_lines_have_their_own_widths_and_strengths() -> None:
    strokes = [np.array([[x, 6.8], [x, 7.2]]) for x in (-0.4, 0.4)]
    image = on.lines(strokes, [2, 8], [0.9, 0.5])
    assert on.sample(image, at(-0.4, 7))[0] == pytest.approx(0.9, abs=0.01)
    assert on.sample(image, at(0.4, 7))[0] == pytest.approx(0.5, abs=0.01)
    row = int(on.to_map(at(0, 7.0))[1][0])
    thin, thick = np.split(image[row] > 0.2, 2)
    assert 1 <= thin.sum() <= 4 and 7 <= thick.sum() <= 10
    with pytest.raises(ValueError, match="zip"):
        on.lines(strokes, [2], [0.9, 0.5])


def test_blobs_by_hand_and_in_the_mirror() -> None:
    spot = on.blob(0.3, 7.0, 0.1, 0.2)
    assert on.sample(spot, at(0.3, 7.0))[0] == pytest.approx(1, abs=0.01)
    # One width or height away a Gaussian exp(-1), two away exp(-4).
    assert on.sample(spot, at(0.4, 7.0))[0] == pytest.approx(np.exp(-1), abs=0.03)
    assert on.sample(spot, at(0.3, 7.2))[0] == pytest.approx(np.exp(-1), abs=0.02)
    assert on.sample(spot, at(0.5, 6.6))[0] == pytest.approx(np.exp(-8), abs=0.001)
    assert on.sample(spot, at(0.3, 7.0, back=True))[0] == 0
    np.testing.assert_allclose(spot[:, ::-1], on.blob(-0.3, 7.0, 0.1, 0.2), atol=1e-6)
    pair = on.both(0.3, 7.0, 0.1, 0.2)
    np.testing.assert_allclose(pair, spot + spot[:, ::-1], atol=1e-6)


def test_noise_is_smooth_and_as_coarse_as_told() -> None:
    def roughness(image: np.ndarray) -> float:
        return float(np.abs(np.diff(image, axis=0)).mean() / image.std())

    fine, coarse = (on.noise(generator(1, "noise"), cell) for cell in (5, 50))
    assert fine.shape == coarse.shape == (on.HEIGHT, on.WIDTH)
    assert abs(fine.mean()) < 0.02 and 0.5 < fine.std() < 1.2
    assert roughness(fine) == pytest.approx(10 * roughness(coarse), rel=0.25)


def test_same_subject_same_skin_another_another() -> None:
    one, again = painted(MAN), paint_skin(person(MAN))
    for name in ("albedo", "relief", "scalp", "beard"):
        assert getattr(one, name).tobytes() == getattr(again, name).tobytes(), name
    assert differs(one, painted(MAN + 6)).mean() > 0.9


@pytest.mark.parametrize("seed", [MAN, WOMAN, 23, 598])
def test_skin_is_a_possible_colour_everywhere(seed: int) -> None:
    skin = painted(seed)
    assert skin.albedo.shape == (3, on.HEIGHT, on.WIDTH) and skin.albedo.flags.c_contiguous
    for name in ("albedo", "relief", "scalp", "beard"):
        values = getattr(skin, name)
        assert values.dtype == np.float32 and np.isfinite(values).all(), name
    assert skin.albedo.min() > 0 and skin.albedo.max() < 1
    assert skin.scalp.min() >= 0 and skin.scalp.max() <= 1
    # Bare skin (a cheek) is about the subject's colour, and not flat.
    row, column = slice(620, 700), slice(820, 860)
    cheek = skin.albedo[:, row, column]
    assert cheek.mean(axis=(1, 2)) == pytest.approx(person(seed).skin, rel=0.3)
    assert cheek[1].std() > 0.005 * cheek[1].mean()


def test_dark_tones_are_darker() -> None:
    ladder = [person(WOMAN, skin=np.array(c)) for c in ((0.7, 0.5, 0.4), (0.1, 0.06, 0.04))]
    fair, dark = (paint_skin(traits).albedo for traits in ladder)
    scalp = painted(WOMAN).scalp > 0.01
    assert dark[:, ~scalp].mean() < 0.4 * fair[:, ~scalp].mean()


def test_baldness_changes_the_scalp_alone() -> None:
    hairy, bald = painted(MAN), painted(MAN, ("hair_style", "bald"))
    assert not bald.scalp.any() and hairy.scalp.max() > 0.99
    changed = differs(hairy, bald)
    assert changed[hairy.scalp > 0.5].mean() > 0.95
    assert not changed[hairy.scalp < 1e-7].any() and (hairy.scalp < 1e-7).mean() > 0.3
    top = hairy.scalp > 0.9
    assert bald.albedo[:, top].mean() > hairy.albedo[:, top].mean()
    np.testing.assert_array_equal(hairy.beard, bald.beard)


@pytest.mark.parametrize("style", ["stubble", "full", "goatee", "moustache", "chin"])
def test_a_beard_changes_its_own_place_alone(style: str) -> None:
    shaved = painted(MAN)
    bearded = painted(MAN, ("facial_hair", style), ("beard_strength", 0.9))
    assert not shaved.beard.any()
    np.testing.assert_array_equal(bearded.beard, beard_area(person(MAN, facial_hair=style)))
    changed = differs(shaved, bearded)
    assert changed[bearded.beard > 0.5].mean() > 0.9
    assert not changed[bearded.beard < 1e-6].any()
    np.testing.assert_array_equal(shaved.scalp, bearded.scalp)


def test_beards_grow_where_they_are_named_after() -> None:
    area = {
        style: beard_area(person(MAN, facial_hair=style))
        for style in ("full", "goatee", "moustache", "chin", "stubble", "none")
    }
    for style, values in area.items():
        assert values.shape == (on.HEIGHT, on.WIDTH) and values.dtype == np.float32
        assert values.min() >= 0 and values.max() <= 1
        np.testing.assert_allclose(values, values[:, ::-1], atol=1e-5, err_msg=style)
    size = {style: float(values.sum()) for style, values in area.items()}
    assert size["full"] == size["stubble"] > size["goatee"] > size["chin"] > 0 == size["none"]
    assert size["goatee"] > size["moustache"] > 0
    lip, chin, cheek, brow = at(0.1, 6.785), at(0, 6.25), at(0.7, 6.5), at(0.3, BROW_HEIGHT)

    def grows(style: str, place: np.ndarray) -> bool:
        return bool(on.sample(area[style], place)[0] > 0.3)

    assert [grows("moustache", p) for p in (lip, chin, cheek)] == [True, False, False]
    assert [grows("chin", p) for p in (lip, chin, cheek)] == [False, True, False]
    assert [grows("goatee", p) for p in (lip, chin, cheek)] == [True, True, False]
    assert [grows("full", p) for p in (lip, chin, cheek)] == [True, True, True]
    assert not any(grows(style, brow) for style in area)


def test_brows_are_painted_over_both_eyes() -> None:
    traits = person(WOMAN, hair=np.array([0.01, 0.01, 0.01]), skin=np.array([0.6, 0.4, 0.3]))
    bushy = replace(traits.brows, density=1.1, thickness=0.03, lift=0.0, tilt=0.0, arch=0.0)
    albedo = paint_skin(replace(traits, brows=bushy)).albedo
    for side in (-1, 1):
        brow = on.sample(albedo[1], at(side * 0.3, BROW_HEIGHT + 0.005))[0]
        bare = on.sample(albedo[1], at(side * 0.3, BROW_HEIGHT + 0.12))[0]
        assert brow < 0.5 * bare
    thin = paint_skin(replace(traits, brows=replace(bushy, thickness=0.01))).albedo
    strip = slice(*(int(on.to_map(at(0, BROW_HEIGHT + d))[1][0]) for d in (0.06, -0.06)))
    assert thin[:, strip].mean() > albedo[:, strip].mean()


def test_makeup_lies_on_the_lids() -> None:
    bare, made_up = painted(WOMAN, ("makeup", 0.0)), painted(WOMAN, ("makeup", 1.0))
    change = np.abs(bare.albedo - made_up.albedo).max(axis=0)
    g = on.grid()
    height, reach = (change * g.y).sum() / change.sum(), (change * abs(g.x)).sum() / change.sum()
    assert BROW_HEIGHT - 0.2 < height < BROW_HEIGHT and 0.2 < reach < 0.45
    assert on.sample(change, at(0, 7.35))[0] < 0.1 * change.max()
    # sum over left and right alike
    assert change[:, : on.WIDTH // 2].sum() == pytest.approx(change.sum() / 2, rel=0.1)
    np.testing.assert_array_equal(bare.relief, made_up.relief)


@pytest.mark.parametrize("seed", [MAN, WOMAN, MAN + 6])
def test_age_digs_lines(seed: int) -> None:
    face = slice(300, 760), slice(560, 976)  # from the forehead to below the mouth
    young, middle, old = (
        on.blur(painted(seed, ("age", age)).relief[face], 2.5) for age in (0.0, 0.5, 0.95)
    )  # the blur takes the pores away
    lines = [float((relief < young.min()).mean()) for relief in (middle, old)]
    assert lines[0] <= lines[1] and lines[1] > 0.001
    assert old.min() < 1.25 * young.min()
    assert old.max() == pytest.approx(young.max(), rel=0.2)


def test_hairline_frames_the_face() -> None:
    traits = person(MAN, hairline=0.0, recession=0.0)
    angle = np.linspace(-np.pi, np.pi, 401)
    line = hairline(angle, traits)
    assert line == pytest.approx(hairline(-angle, traits))
    front, back = hairline(np.array([0.0, np.pi]), traits)
    assert front > BROW_HEIGHT + 0.3 and back < front - 1
    raised = hairline(angle, replace(traits, hairline=0.07))
    lifted = raised - line
    assert lifted[200] == pytest.approx(0.07) and (lifted >= -1e-12).all() and lifted[0] == 0
    receding = hairline(angle, replace(traits, recession=0.2)) - line
    assert receding.max() == pytest.approx(0.2, abs=0.01) and receding[200] < receding.max()
    # Hair grows above the line and not below it.
    skin, g = painted(MAN), on.grid()
    own = hairline(g.angle, person(MAN))
    assert skin.scalp[g.y > own + 0.2].min() > 0.9
    assert skin.scalp[g.y < own - 0.3].max() < 0.02
