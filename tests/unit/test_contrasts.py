"""Differences of methods: by hand, in pairs, and honest where there is nothing to subtract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.config import ConfigError, parse
from anonbench.contrasts import (
    CONTRAST_COLUMNS,
    WORST,
    Measured,
    contrasts,
    difference,
    p_value,
)
from anonbench.io import METRIC_COLUMNS, REPLICATE_COLUMNS, read_table, write_table
from anonbench.strengths import paired_strengths
from anonbench.validate import check_methods

NAN = float("nan")
B = 200
WANTED = [{"name": "ab", "methods": ["a", "b"], "strengths": []}]


def row(method: str, value: float, **changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "dataset": "d", "method": method, "strength": "none", "task": "expression", "attack": "",
        "system": "dan", "policy": "detected", "metric": "preservation", "value": value,
        "low": value - 0.1, "high": value + 0.1, "n": 40, "note": "",
    }  # fmt: skip
    return {**base, **changes}


def drawn(entry: dict[str, Any], values: Any) -> dict[str, Any]:
    keys = {k: entry[k] for k in REPLICATE_COLUMNS if k in entry}
    return {**keys, "paired": True, "values": np.asarray(values, np.float64)}


def compare(
    *entries: tuple[dict[str, Any], Any], wanted: Any = WANTED, confidence: float = 0.95
) -> pd.DataFrame:
    """Compare rows, each given with its replicates or None."""
    table = pd.DataFrame([e for e, _ in entries], columns=list(METRIC_COLUMNS))
    kept = [drawn(e, v) for e, v in entries if v is not None]
    replicates = pd.DataFrame(kept, columns=list(REPLICATE_COLUMNS))
    return contrasts(table, replicates, wanted, confidence)


def one(found: pd.DataFrame, **keys: str) -> Any:
    for key, value in keys.items():
        found = found[found[key] == value]
    (only,) = found.itertuples()
    return only


# One difference


def test_same_method_twice_differs_by_nothing() -> None:
    values = np.random.default_rng(1).uniform(0.4, 0.6, B)
    same = Measured(0.5, 0.4, 0.6, 10, replicates=values)
    found = difference(same, same)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)
    assert not found.note


def test_constant_shift_has_no_width() -> None:
    """Each alone is uncertain by far more than the shift; in pairs it is certain."""
    values = np.arange(B) / (4 * B)
    first, second = Measured(0.625, replicates=values + 0.125), Measured(0.5, replicates=values)
    found = difference(first, second)
    assert found.value == 0.125
    assert (found.low, found.high) == pytest.approx((0.125, 0.125))
    assert found.p == pytest.approx(2 / (B + 1)), "no p is 0"


def test_interval_and_p_by_hand() -> None:
    # The differences of the replicates are 0.00, 0.01, ..., 1.00, less 0.025.
    d = np.arange(101) / 100 - 0.025
    order = np.random.default_rng(2).permutation(101)
    base = np.random.default_rng(3).uniform(size=101)
    first, second = Measured(0.75, replicates=base + d[order]), Measured(0.25, replicates=base)
    found = difference(first, second, confidence=0.9)
    assert (found.low, found.high) == pytest.approx((0.05 - 0.025, 0.95 - 0.025))
    # Three of 101 are at most 0: 0.00, 0.01 and 0.02, less 0.025.
    assert found.p == pytest.approx(2 * (1 + 3) / (1 + 101))
    turned = difference(second, first, confidence=0.9)
    assert (turned.value, turned.low, turned.high) == pytest.approx(
        (-found.value, -found.high, -found.low)
    )
    assert turned.p == found.p


def test_p_counts_ties_on_both_sides() -> None:
    assert p_value(np.zeros(99)) == 1
    assert p_value(np.array([0.0, 1, 1, 1])) == pytest.approx(2 * 2 / 5)
    assert p_value(np.array([NAN, -1, -1, -1])) == pytest.approx(2 * 1 / 4)


def test_pairs_are_replicates_not_sorted_values() -> None:
    """With the replicates of one side in another order the interval is another."""
    values = np.linspace(0, 1, B)
    first = Measured(0.75, replicates=values)
    aligned = difference(first, Measured(0.25, replicates=values - 0.5))
    turned = difference(first, Measured(0.25, replicates=values[::-1] - 0.5))
    assert aligned.high - aligned.low == pytest.approx(0)
    assert turned.high - turned.low > 1.5


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        (np.zeros(0), np.ones(B), "there are no bootstrap replicates"),
        (np.ones(B - 1), np.ones(B), "199 and 200 replicates cannot be paired"),
        (np.full(B, NAN), np.ones(B), "200 of 200 replicates lack it"),
    ],
)
def test_without_pairs_there_is_a_value_but_no_interval(first: Any, second: Any, why: str) -> None:
    found = difference(Measured(0.5, replicates=first), Measured(0.25, replicates=second))
    assert found.value == 0.25 and why in found.note
    assert np.isnan([found.low, found.high, found.p]).all()


def test_few_undefined_replicates_are_left_out() -> None:
    values = np.full(B, 0.5)
    values[:10] = NAN  # 5 %
    found = difference(Measured(0.5, replicates=values), Measured(0.25, replicates=values - 0.25))
    assert (found.low, found.high) == (0.25, 0.25)
    assert found.p == pytest.approx(2 / (B - 10 + 1))


def test_certain_rates_are_widened_by_their_own_bounds() -> None:
    """None of 20 and none of 30 subjects: nobody knows that they are the same."""
    none, few = (Measured(0.0, 0.0, bound, replicates=np.zeros(B)) for bound in (0.14, 0.10))
    found = difference(none, few)
    assert (found.value, found.low, found.high) == pytest.approx((0, -0.10, 0.14))
    assert np.isnan(found.p) and "no p" in found.note
    every = Measured(1.0, 0.88, 1.0, replicates=np.ones(B))
    found = difference(every, none)
    assert (found.value, found.low, found.high) == pytest.approx((1, 1 - 0.14, 1))


# Tables


def test_table_has_a_row_a_number_with_sign_and_sides() -> None:
    v = np.linspace(0.2, 0.4, B)
    found = compare((row("a", 0.5), v + 0.25), (row("b", 0.25, n=38), v))
    assert tuple(found.columns) == CONTRAST_COLUMNS
    only = one(found)
    assert (only.contrast, only.first, only.second, only.metric) == (
        "ab", "a", "b", "preservation",
    )  # fmt: skip
    assert (only.first_value, only.second_value, only.difference_value) == (0.5, 0.25, 0.25)
    assert (only.first_n, only.second_n) == (40, 38)
    back = [{**WANTED[0], "methods": ["b", "a"]}]
    turned = one(compare((row("a", 0.5), v + 0.25), (row("b", 0.25), v), wanted=back))
    assert turned.difference_value == -0.25
    assert turned.difference_low == pytest.approx(-0.25)


def test_order_of_rows_and_other_methods_change_nothing() -> None:
    draw = np.random.default_rng(5)
    entries = [
        (row(m, 0.5, policy=p, metric=k), draw.uniform(size=B))
        for m in ("a", "b", "c") for p in ("detected", "aligned") for k in ("uar", "recall_anger")
    ]  # fmt: skip
    first = compare(*entries)
    keys = ["metric", "policy"]
    shuffled = compare(*(entries[k] for k in draw.permutation(len(entries)) if k < 8))
    pd.testing.assert_frame_equal(
        first.sort_values(keys).reset_index(drop=True),
        shuffled.sort_values(keys).reset_index(drop=True),
    )
    assert len(first) == 4


def test_errors_become_success_and_the_worst_attack_is_chosen_anew() -> None:
    """Of a, the naive attack is better in even replicates and the parrot in odd ones."""
    even = np.arange(B) % 2 == 0
    gfrr = {"metric": "gfrr_at_gfar_0.01", "task": "verification", "system": "dlib"}
    entries = [
        (row("a", 0.75, attack="naive", **gfrr), np.where(even, 0.5, 0.875)),
        (row("a", 0.5, attack="parrot", **gfrr), np.where(even, 0.875, 0.5)),
        (row("a", 0.125, attack="baseline", **gfrr), np.full(B, 0.125)),
        (row("b", 0.875, attack="naive", **gfrr), np.full(B, 0.875)),
        (row("b", NAN, attack="parrot", note="too few", **gfrr), None),
    ]
    found = compare(*entries)
    assert set(found["metric"]) == {"gtar_at_gfar_0.01"}
    assert set(found["attack"]) == {"naive", "parrot", WORST}, "the baseline is no attack"
    naive = one(found, attack="naive")
    assert (naive.first_value, naive.second_value, naive.difference_value) == (0.25, 0.125, 0.125)
    assert (naive.difference_low, naive.difference_high) == (0, 0.375)
    worst = one(found, attack=WORST)
    assert (worst.first_value, worst.second_value) == (0.5, 0.125)
    # 1 - 0.5 in every replicate, by the one attack or by the other.
    assert (worst.difference_low, worst.difference_high) == (0.375, 0.375)
    assert "a: most successful: parrot, dlib, detected" in worst.note
    assert "b: most successful: naive, dlib, detected" in worst.note
    parrot = one(found, attack="parrot")
    assert np.isnan(parrot.difference_value) and parrot.note == "b: too few"
    fnmr = {**gfrr, "metric": "fnmr_at_fmr_0.1", "attack": "naive"}
    values = np.linspace(0.25, 0.5, B)
    success = one(compare((row("a", 0.25, **fnmr), values), (row("b", 0.5, **fnmr), values)))
    assert (success.metric, success.difference_value) == ("tmr_at_fmr_0.1", 0.25)


def test_missing_numbers_say_whose_and_why() -> None:
    values = np.linspace(0, 1, B)
    found = compare(
        (row("a", NAN, note="no labels"), None), (row("b", 0.5), values),
        (row("a", 0.5, metric="kappa"), values),
        (row("a", NAN, metric="uar", note="no labels"), None),
        (row("b", NAN, metric="uar", note="no labels"), None),
    )  # fmt: skip
    assert found["difference_value"].isna().all() and found["difference_low"].isna().all()
    assert one(found, metric="preservation").note == "a: no labels"
    assert one(found, metric="kappa").note == "b: not among the run's results"
    assert one(found, metric="uar").note == "no labels"


def test_a_network_below_its_gate_says_so() -> None:
    below = "below the gate: clear UAR 0.4"
    values = np.linspace(0, 1, B)
    found = compare((row("a", 0.5, note=below), values), (row("b", 0.5, note=below), values))
    assert one(found).note == below


def test_strengths_in_common_are_compared_one_by_one() -> None:
    values = np.linspace(0, 1, B)
    entries = [(row(m, 0.5, strength=s), values) for m, s in
               (("a", "5"), ("a", "10"), ("a", "90"), ("b", "90"), ("b", "10"))]  # fmt: skip
    found = compare(*entries)
    assert found[["first_strength", "second_strength"]].to_numpy().tolist() == [
        ["10", "10"], ["90", "90"],
    ]  # fmt: skip
    chosen = [{**WANTED[0], "strengths": [5, 90]}]
    found = compare(*entries, wanted=chosen)
    assert (one(found).first_strength, one(found).second_strength) == ("5", "90")
    with pytest.raises(ValueError, match=r"contrasts\.ab: b has no strength 5, only 90, 10"):
        compare(*entries, wanted=[{**WANTED[0], "strengths": [5, 5]}])


def test_nothing_wanted_nothing_found() -> None:
    assert compare((row("a", 0.5), None), wanted=[]).empty
    assert tuple(compare((row("a", 0.5), None), wanted=[]).columns) == CONTRAST_COLUMNS


def test_numbers_are_numbers_after_the_file(tmp_path: Any) -> None:
    values = np.linspace(0, 0.1, B)
    found = compare((row("a", 0.5), values), (row("b", NAN, note="n"), None))
    write_table(found, tmp_path / "contrasts.csv")
    again = read_table(tmp_path / "contrasts.csv")
    numbers = [c for c in again if pd.api.types.is_numeric_dtype(again[c])]
    assert numbers == [
        "first_value", "second_value", "difference_value", "difference_low", "difference_high",
        "p_value", "first_n", "second_n",
    ]  # fmt: skip
    assert again["first_strength"].tolist() == ["none"], "text, no missing number"


# Which strengths, and the configuration


def test_only_strengths_belong_together_and_others_must_be_named() -> None:
    assert paired_strengths("ab", (["30"], ["none"])) == [("30", "none")]
    assert paired_strengths("ab", (["30", "5"], ["none"]), [5, None]) == [("5", "none")]
    with pytest.raises(ValueError, match=r"a \(30, 5\) and b \(none\) share no strength"):
        paired_strengths("ab", (["30", "5"], ["none"]))


CONTENT: dict[str, Any] = {
    "run": {"datasets": ["mine"], "methods": ["soft", "blocks"], "recognisers": ["dlib"]},
    "datasets": {"mine": {"path": "data/mine"}},
    "methods": {
        "soft": {"anonymiser": "blur", "strengths": [10, 30]},
        "blocks": {"anonymiser": "pixelize", "strengths": [15]},
        "bar": {"anonymiser": "mask", "region": "eyes"},
    },
    "recognisers": {"dlib": {"type": "dlib"}},
}


def params(*entries: dict[str, Any]) -> Any:
    named = [{"name": f"c{k}", **entry} for k, entry in enumerate(entries)]
    return parse({**CONTENT, "contrasts": named})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"methods": ["soft", "block"]}, r"did you mean 'blocks'"),
        ({"methods": ["soft"]}, r"contrasts.0.methods: .*at least 2"),
        ({"methods": ["soft", "soft"]}, r"two different strengths"),
        ({"methods": ["soft", "soft"], "strengths": [10, 10]}, r"two different strengths"),
        ({"methods": ["soft", "blocks"], "strengths": [10]}, r"name one of each method"),
        ({"methods": ["soft", "blocks"], "strenghts": [10, 15]}, r"did you mean 'strengths'"),
        ({"name": "c1", "methods": ["soft", "bar"]}, r"two are called 'c1'"),
    ],
)
def test_contrast_that_cannot_be_made_is_an_error(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        params(entry, {"methods": ["soft", "blank"]})


def test_contrast_of_a_method_that_the_run_leaves_out_is_left_out() -> None:
    found = params({"methods": ["soft", "bar"]}, {"methods": ["blank", "blocks"]})
    assert [c.name for c in found.used_contrasts] == ["c1"]


def test_strengths_are_checked_before_any_work() -> None:
    check_methods(params({"methods": ["soft", "blocks"], "strengths": [30, 15]}))
    check_methods(params({"methods": ["soft", "soft"], "strengths": [30, 10]}))
    with pytest.raises(ConfigError, match=r"contrasts\.c0: soft \(10, 30\) and blocks \(15\)"):
        check_methods(params({"methods": ["soft", "blocks"]}))
    with pytest.raises(ConfigError, match=r"contrasts\.c0: soft has no strength 5"):
        check_methods(params({"methods": ["soft", "blocks"], "strengths": [5, 15]}))
