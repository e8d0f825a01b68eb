"""Who the subjects are: balanced, even, in range, the same every time; no two alike."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from functools import cache

import numpy as np
import pytest

from anonbench.synthetic.hair_styles import STYLES
from anonbench.synthetic.plan import SEEDS
from anonbench.synthetic.traits import (
    ANCESTRIES,
    GENDERS,
    SKIN_LADDER,
    Traits,
    draw_traits,
    linear,
)

EVALUATION, TRAIN = range(600), range(SEEDS["train"].start, SEEDS["train"].start + 600)
CELLS = range(6)


@cache
def of(seed: int) -> Traits:
    return draw_traits(seed)


def everybody() -> list[Traits]:
    return [of(seed) for seed in (*EVALUATION, *TRAIN)]


def plain(traits: Traits) -> dict[str, object]:
    """All values but the number, comparable."""
    values = {f.name: getattr(traits, f.name) for f in fields(traits) if f.name != "seed"}
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in values.items()}


@pytest.mark.parametrize("start", [0, 1, 2, 3, 4, 5, 61, 9994, 10_000, 10_003])
def test_every_run_of_six_has_one_of_each_cell(start: int) -> None:
    cells = {(of(seed).gender, of(seed).ancestry) for seed in range(start, start + 6)}
    assert cells == {(gender, ancestry) for gender in GENDERS for ancestry in ANCESTRIES}


def test_same_number_same_person() -> None:
    for seed in (0, 7, 599, 10_000, 99_999):
        assert plain(draw_traits(seed)) == plain(draw_traits(seed))


def test_nobody_comes_twice() -> None:
    # Colours and brows are drawn, lengths and shares are real numbers: all differ.
    for name in ("skin", "brows", "masculinity", "muscle", "weight", "tone", "hairline"):
        values = [str(plain(t)[name]) for t in everybody()]
        assert len(set(values)) == len(values), name


def test_training_subjects_are_others_than_those_of_the_evaluation() -> None:
    # Pairs of equal place and cell in the two splits have nothing to do with each other.
    assert TRAIN.start % 6 != 0  # the cells start elsewhere
    for name in ("age", "tone", "weight", "masculinity"):
        for cell in CELLS:
            one = [getattr(of(s), name) for s in EVALUATION if s % 6 == cell]
            other = [getattr(of(s), name) for s in TRAIN if s % 6 == cell]
            assert min(len(one), len(other)) == 100
            assert not set(one) & set(other)


def test_values_are_where_the_documentation_says() -> None:
    for t in everybody():
        assert t.gender in GENDERS and t.ancestry in ANCESTRIES
        for name in ("masculinity", "age", "muscle", "weight", "lip_strength", "makeup"):
            assert 0 <= getattr(t, name) <= 1, (t.seed, name)
        assert 0 <= t.tone <= len(SKIN_LADDER) - 1
        assert 25 <= t.years <= 90 and t.years == round(25 + 65 * t.age)
        assert min(t.ancestries) >= 0 and sum(t.ancestries) == pytest.approx(1)
        assert t.ancestries[ANCESTRIES.index(t.ancestry)] == max(t.ancestries) > 0.5
        assert (t.masculinity > 0.5) == (t.gender == "male")
        for name in ("skin", "hair", "iris", "lipstick", "shirt"):
            colour = getattr(t, name)
            assert colour.shape == (3,) and colour.min() >= 0 and colour.max() <= 1, (t.seed, name)
        brows = t.brows
        assert brows.thickness > 0 and brows.density > 0 and 0 < brows.inner < brows.outer < 0.85
        assert abs(t.hairline) < 0.3 and 0 <= t.recession < 0.5 and 0 < t.neckline < 0.5
        assert 0 <= t.beard_strength <= 1


def test_beards_and_makeup_go_with_gender() -> None:
    women = [t for t in everybody() if t.gender == "female"]
    men = [t for t in everybody() if t.gender == "male"]
    assert {t.facial_hair for t in women} == {"none"} and all(t.recession == 0 for t in women)
    assert {t.makeup for t in men} == {0.0}
    assert len({t.facial_hair for t in men}) > 3
    assert 0.2 < np.mean([t.makeup > 0 for t in women]) < 0.9


def test_every_style_of_hair_can_grow_and_occurs() -> None:
    styles = Counter(t.hair_style for t in everybody())
    assert set(styles) <= {*STYLES, "bald"}
    assert set(STYLES) <= set(styles) and min(styles.values()) > 8
    assert "bald" not in {t.hair_style for t in everybody() if t.gender == "female"}


def test_glasses_irises_and_hair_colours_vary() -> None:
    glasses = Counter(t.glasses for t in everybody())
    assert len(glasses) > 2 and 0.1 < 1 - glasses["none"] / 1200 < 0.45
    assert min(glasses.values()) > 20
    assert len({t.iris_colour for t in everybody()}) > 4
    assert len({t.hair_colour for t in everybody()}) > 6
    grey = {t.hair_colour in ("grey", "white") for t in everybody() if t.age < 0.3}
    assert grey == {False}
    assert np.mean([t.hair_colour in ("grey", "white") for t in everybody() if t.age > 0.7]) > 0.3


def distance(some: list[float], all_of_them: list[float]) -> float:
    """Largest difference between two cumulative distributions."""
    places = np.sort(all_of_them)
    one = np.searchsorted(np.sort(some), places, side="right") / len(some)
    other = np.searchsorted(places, places, side="right") / len(places)
    return float(np.abs(one - other).max())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", ["age", "tone", "muscle", "weight"])
def test_hundred_subjects_of_a_cell_fill_the_range_evenly(name: str, cell: int) -> None:
    for split in ("evaluation", "train"):
        start = SEEDS[split].start
        seeds = [start + cell + 6 * k for k in range(600)]
        values = [getattr(of(seed), name) for seed in seeds]
        # Numbers drawn one by one would be 0.08 off on average, and 0.045 hardly ever.
        for first in (0, 100, 250):
            assert distance(values[first : first + 100], values) < 0.045, (split, first)
        # Even ten in a row do not crowd: drawn ones would be 0.26 off.
        assert np.mean([distance(values[k : k + 10], values) for k in range(0, 600, 10)]) < 0.17


@pytest.mark.parametrize("cell", CELLS)
def test_sixty_subjects_are_no_odd_choice(cell: int) -> None:
    ages = [of(seed).age for seed in EVALUATION if seed % 6 == cell]
    assert abs(np.mean(ages[:10]) - np.mean(ages)) < 0.07
    assert distance(ages[:10], ages) < 0.3


def test_traits_are_not_tied_to_each_other() -> None:
    for cell in CELLS:
        rows = [of(s) for s in (*EVALUATION, *TRAIN) if s % 6 == cell]
        table = np.array([[t.age, t.tone, t.muscle, t.weight, t.masculinity] for t in rows])
        correlation = np.corrcoef(table.T) - np.eye(5)
        assert np.abs(correlation).max() < 0.25


def test_linear_light_by_hand() -> None:
    # IEC 61966-2-1: 0.5 is 21.4 % of the light, 0.04 lies on the straight part.
    assert linear(np.array([0.0, 0.04, 0.5, 1.0])) == pytest.approx(
        [0, 0.04 / 12.92, 0.21404114, 1]
    )


def test_skin_darkens_along_the_ladder() -> None:
    assert (np.diff(SKIN_LADDER.sum(axis=1)) < 0).all()
    rows = sorted(everybody(), key=lambda t: t.tone)
    brightness = np.array([t.skin.mean() for t in rows])
    assert np.corrcoef([t.tone for t in rows], brightness)[0, 1] < -0.95
    assert all(t.skin[0] > t.skin[1] > t.skin[2] for t in rows)
