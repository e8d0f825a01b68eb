"""The check that k people who share a picture hide each other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pandas as pd
import pytest

from anonbench.group_check import groups_hide_people
from anonbench.report.page_run import Run, _facts
from anonbench.report.page_warnings import _like


def row(metric: str, value: float, n: int = 60, **keys: str) -> dict[str, object]:
    known = {"dataset": "set", "method": "same", "strength": "5", "task": "identification",
             "attack": "naive", "policy": "detected", "system": "dlib"}  # fmt: skip
    return {**known, **keys, "metric": metric, "value": value, "n": n}


def table(*rows: dict[str, object], people: float = 5, guess: float = 0.2) -> pd.DataFrame:
    held = {"task": "guarantee", "attack": "", "policy": "", "system": ""}
    own = [row("people_per_output", people, **held), row("best_guess", guess, **held)]
    return pd.DataFrame([*own, *rows])


def test_a_fifth_of_five_passes() -> None:
    (check,) = groups_hide_people(table(row("rank_1", 0.2)))
    assert check.passed and "1.00 times 1/k" in check.detail


def test_more_than_chance_allows_fails() -> None:
    # 60 guesses of 1/5: 12 on average; more than 22 happen in less than one case in a thousand.
    assert groups_hide_people(table(row("rank_1", 22 / 60)))[0].passed
    (check,) = groups_hide_people(table(row("rank_1", 23 / 60)))
    assert not check.passed and "set/same/5/dlib/naive: 0.383 of 60" in check.detail


def test_equally_near_people_are_told_apart_by_lot() -> None:
    rates = row("rank_1", 1.0, attack="parrot"), row("rank_1_by_lot", 0.2, attack="parrot")
    assert groups_hide_people(table(*rates))[0].passed
    assert groups_hide_people(table(*rates[::-1]))[0].passed
    assert not groups_hide_people(table(rates[0]))[0].passed


def test_who_is_told_more_is_not_judged() -> None:
    rates = row("rank_1", 0.2), row("rank_1", 1.0, policy="aligned")
    assert groups_hide_people(table(*rates))[0].passed
    assert not groups_hide_people(table(rates[1]))[0].passed, "nothing was judged"


@pytest.mark.parametrize(("people", "guess"), [(4, 0.2), (5, 0.25), (float("nan"), 0.2)])
def test_pictures_of_fewer_people_promise_nothing(people: float, guess: float) -> None:
    assert groups_hide_people(table(row("rank_1", 1.0), people=people, guess=guess)) == []


def test_other_methods_are_not_judged() -> None:
    rates = row("rank_1", 0.1), row("rank_1", 1.0, method="blur"), row("rank_1", 1.0, strength="2")
    assert groups_hide_people(table(*rates))[0].passed


def test_a_run_without_such_methods_has_no_check() -> None:
    assert groups_hide_people(pd.DataFrame([row("rank_1", 1.0)])) == []


# In the report


def test_what_is_less_than_k_same_is_not_called_so() -> None:
    entry = {"anonymiser": "ksame_m", "region": "face"}
    assert _facts("same", entry, ["2"]).label == "k-Same-M, region: face"
    assert _facts("same", entry, ["2"], like=True).label == "k-Same-like-M, region: face"


def test_the_report_says_why() -> None:
    held = {"task": "guarantee", "attack": "", "policy": "", "system": ""}
    table = pd.DataFrame([
        row("k_same", 1.0, strength="2", **held) | {"note": "k-Same"},
        row("k_same", 0.0, strength="5", **held) | {"note": "k-Same-like: too few people"},
    ])  # fmt: skip
    (notice,) = _like(cast(Run, SimpleNamespace(metrics=table)))
    assert notice.items == ["set: same 5: k-Same-like: too few people"]
    assert _like(cast(Run, SimpleNamespace(metrics=table[:1]))) == []
