"""Distances among outputs: pairs, quartiles, failures, and the table of all of them."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench import score as score_module
from anonbench import score_distances
from anonbench.closeness import CLOSENESS_COLUMNS, closeness
from anonbench.io import METRIC_COLUMNS, Embeddings
from anonbench.metrics.intervals import subject_weights
from anonbench.metrics.spread import image_pairs, quantiles, replicate_quantiles
from anonbench.protocols import DISTANCES
from anonbench.score import score
from anonbench.score_rows import ScoreSettings

NAN = float("nan")
CODES = np.array([2, 0, 1, 0, 2, 2, 1])


def drawing() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.mark.parametrize("within", [True, False])
def test_all_pairs_are_listed_once(within: bool) -> None:
    pairs = image_pairs(CODES, within, 100, drawing())
    found = [frozenset(map(int, p)) for p in zip(pairs.first, pairs.second, strict=True)]
    wanted = {
        frozenset(p) for p in combinations(range(7), 2) if (CODES[p[0]] == CODES[p[1]]) == within
    }
    assert len(found) == len(wanted) == pairs.in_all == (5 if within else 16)
    assert set(found) == wanted


def test_pairs_are_drawn_evenly_and_without_repetition() -> None:
    counts: dict[frozenset[int], int] = {}
    draw = drawing()
    for _ in range(2000):
        pairs = image_pairs(CODES, False, 4, draw)
        own = {frozenset(map(int, p)) for p in zip(pairs.first, pairs.second, strict=True)}
        assert len(own) == 4 and pairs.in_all == 16
        assert all(len({int(CODES[i]) for i in pair}) == 2 for pair in own)
        for pair in own:
            counts[pair] = counts.get(pair, 0) + 1
    # Each of the 16 pairs is expected 500 times, with a standard deviation of 19.
    assert len(counts) == 16 and 400 < min(counts.values()) <= max(counts.values()) < 600


def test_nothing_to_pair() -> None:
    assert image_pairs(np.array([0, 1, 2]), True, 10, drawing()).in_all == 0
    assert image_pairs(np.array([0, 0]), False, 10, drawing()).first.size == 0


def test_quantiles_are_values_that_occurred() -> None:
    assert quantiles(np.array([4.0, 1.0, 3.0, 2.0])) == [1.0, 2.0, 3.0]
    assert quantiles(np.array([5.0, 1.0, 4.0, 2.0, 3.0])) == [2.0, 3.0, 4.0]
    assert quantiles(np.arange(1.0, 11.0), [0.3]) == [3.0], "not the fourth for a last bit"
    assert np.isnan(quantiles(np.zeros(0))).all()


def test_replicates_equal_repeating() -> None:
    draw = drawing()
    values, first, second = draw.normal(size=40), *draw.integers(0, 6, (2, 40))
    weights = subject_weights(6, 30, draw)
    single = replicate_quantiles(weights, values, first)
    paired = replicate_quantiles(weights, values, first, second)
    for b, row in enumerate(weights.astype(int)):
        assert single[:, b].tolist() == quantiles(np.repeat(values, row[first]))
        times = np.where(first == second, row[first], row[first] * row[second])
        assert paired[:, b].tolist() == quantiles(np.repeat(values, times))


def test_replicates_in_which_nothing_was_drawn_have_no_value() -> None:
    weights = np.array([[2.0, 0.0], [0.0, 2.0]])
    found = replicate_quantiles(weights, np.array([7.0]), np.array([0]), shares=[0.5])
    assert found[0, 0] == 7.0 and np.isnan(found[0, 1])
    assert np.isnan(replicate_quantiles(weights, np.zeros(0), np.zeros(0, np.int64))).all()


# Three subjects at 0, 10 and 20 on a line, with images 0, 1 and 3 off it: within a subject the
# distances are 1, 2 and 3.
SUBJECTS, OFFSETS = 3, (0.0, 1.0, 3.0)
PLACES = np.array([[10.0 * s + x] for s in range(SUBJECTS) for x in OFFSETS])
IDS = tuple(f"{s}/{k}" for s in range(SUBJECTS) for k in range(3))


def embeddings(places: np.ndarray) -> Embeddings:
    status = np.where(np.isnan(places).any(axis=1), "no_face", "ok")
    values = places.astype(np.float32)
    return Embeddings(IDS, ("none",), ("aligned",), values[None, None], status[None, None])


def scored(places: np.ndarray, **settings: Any) -> pd.DataFrame:
    manifest = pd.DataFrame({"image_id": IDS, "subject": [i[0] for i in IDS], "status": "ok"})
    return score(
        embeddings(PLACES), embeddings(places), manifest, None, dataset="d", method="swap",
        system="line", enrolment="first", attacks=DISTANCES, policies=("aligned",),
        settings=ScoreSettings(**{"replicates": 50, "minimum_mated": 3, **settings}),
        generator=drawing(),
    ).metrics  # fmt: skip


def numbers(table: pd.DataFrame, attack: str, column: str = "value") -> dict[str, Any]:
    return dict(table[table["attack"] == attack].set_index("metric")[column])


def test_own_version_and_consistency_by_hand() -> None:
    """Everybody's images become one picture of his own, 0.5 from the subject's first."""
    same = np.repeat(PLACES[::3] + 0.5, 3, axis=0)
    table = scored(same)
    own = numbers(table, "same_image")
    # |0.5 - offset| is 0.5, 0.5 and 2.5, three times each.
    assert own == {
        "accepted_at_0.575": pytest.approx(6 / 9), "not_compared": 0.0,
        "lower_quartile_distance": 0.5, "median_distance": 0.5, "upper_quartile_distance": 2.5,
    }  # fmt: skip
    alike = numbers(table, "same_subject")
    assert {alike[m] for m in score_distances.DISTANCE_METRICS} == {0.0}
    assert numbers(table, "same_subject", "n")["median_distance"] == 9
    apart = numbers(table, "different_subjects")
    # 18 pairs of neighbours 10 apart, 9 of the outer two 20 apart.
    assert apart["median_distance"] == 10.0 and apart["upper_quartile_distance"] == 20.0
    assert numbers(table, "different_subjects", "n")["median_distance"] == 27


def test_the_originals_are_compared_in_the_same_way() -> None:
    table = scored(PLACES)
    alike = numbers(table, "same_subject")
    assert [alike[m] for m in score_distances.DISTANCE_METRICS] == [1.0, 2.0, 3.0]
    assert numbers(table, "same_image")["upper_quartile_distance"] == 0.0


def test_failures_are_counted_and_not_taken_for_distances() -> None:
    places = PLACES.copy()
    places[0] = NAN
    table = scored(places)
    assert numbers(table, "same_image")["not_compared"] == pytest.approx(1 / 9)
    # Two of the nine pairs within a subject need the image; 6 of the 27 others.
    assert numbers(table, "same_subject")["not_compared"] == pytest.approx(2 / 9)
    assert numbers(table, "different_subjects")["not_compared"] == pytest.approx(6 / 27)
    notes = numbers(table, "same_subject", "note")
    assert notes["median_distance"] == "2 of 9 comparisons failed and are left out"
    accepted = table[table["metric"] == "accepted_at_0.575"].iloc[0]
    assert accepted["value"] == pytest.approx(8 / 9) and "count as rejected" in accepted["note"]


def test_too_few_distances_have_no_quartiles() -> None:
    table = scored(np.full_like(PLACES, NAN))
    for attack in DISTANCES:
        own = table[table["attack"] == attack].set_index("metric")
        assert own.loc["not_compared", "value"] == 1.0
        medians = own.loc[list(score_distances.DISTANCE_METRICS)]
        assert medians["value"].isna().all() and (medians["n"] == 0).all()
        assert (medians["note"] == "0 completed comparisons, fewer than 3").all()


def test_drawn_pairs_are_the_same_for_all_methods_and_say_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = score_distances.Pairs.of
    monkeypatch.setattr(
        score_module.Pairs, "of", lambda part, draw: few(part, draw, most=5), raising=True
    )
    table, again = scored(PLACES), scored(PLACES * 2)
    notes = numbers(table, "different_subjects", "note")
    assert set(notes.values()) == {"5 of 27 pairs drawn"}
    for attack in ("same_subject", "different_subjects"):
        once, twice = (numbers(t, attack) for t in (table, again))
        for metric in score_distances.DISTANCE_METRICS:
            assert twice[metric] == pytest.approx(2 * once[metric]), "the same pairs"


def test_draws_of_subjects_do_not_depend_on_the_pairs() -> None:
    """Intervals of other tables rest on the same draws: nothing may be drawn before them."""
    weights = subject_weights(SUBJECTS, 50, drawing())
    rows = scored(PLACES + 1.0 * np.arange(9)[:, None]).set_index(["attack", "metric"])
    own = rows.loc[("same_image", "median_distance")]
    values = replicate_quantiles(weights, np.arange(9.0), np.repeat(np.arange(3), 3))[1]
    assert (own["low"], own["high"]) == tuple(np.quantile(values, [0.025, 0.975]))


def test_without_identities_nothing_is_computed() -> None:
    manifest = pd.DataFrame({"image_id": IDS, "subject": "", "status": "ok"})
    table = score(
        embeddings(PLACES), embeddings(PLACES), manifest, None, dataset="d", method="swap",
        system="line", enrolment="none", attacks=["naive", *DISTANCES], policies=("aligned",),
        settings=ScoreSettings(), generator=drawing(),
    ).metrics  # fmt: skip
    assert table["value"].isna().all() and table["note"].str.contains("no identities").all()
    assert dict(zip(table["attack"], table["metric"], strict=True)) == {
        "naive": "eer", **dict.fromkeys(DISTANCES, "median_distance"),
    }  # fmt: skip


def test_table_of_distances() -> None:
    """One row a condition and kind; the originals' median beside it; failures as counts."""
    places = PLACES.copy()
    places[0] = NAN
    clear, swapped = scored(PLACES).assign(method="original"), scored(places)
    other = clear.iloc[:1].assign(attack="naive", metric="eer", value=0.25)
    table = closeness(pd.concat([clear, other, swapped], ignore_index=True))
    assert tuple(table.columns) == CLOSENESS_COLUMNS and len(table) == 6
    own = table.set_index(["method", "compared"]).loc[("swap", "same_subject")]
    assert (own["comparisons"], own["failed"], own["clear_median"]) == (9, 2, 2.0)
    assert own["median_low"] <= own["median"] <= own["median_high"]
    assert own["lower_quartile"] <= own["median"] <= own["upper_quartile"]
    assert own["note"] == "2 of 9 comparisons failed and are left out"
    assert closeness(pd.DataFrame(columns=list(METRIC_COLUMNS))).empty


def test_table_holds_what_was_not_computed() -> None:
    lost = scored(np.full_like(PLACES, NAN))
    table = closeness(lost)
    assert table["median"].isna().all() and table["clear_median"].isna().all()
    assert (table["failed"] == table["comparisons"]).all() and (table["note"] != "").all()
