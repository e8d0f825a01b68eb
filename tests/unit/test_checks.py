"""The benchmark's checks of itself fail when they should."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from anonbench.checks import (
    CheckFailed,
    blank_is_at_chance,
    blank_shows_no_expression,
    leaks_are_few,
    original_equals_baseline,
    original_keeps_expressions,
    require,
    run_checks,
)
from anonbench.io import METRIC_COLUMNS

NAN = float("nan")


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    base: dict[str, Any] = {
        "dataset": "d", "method": "original", "strength": "none", "task": "verification",
        "attack": "", "system": "dlib", "policy": "detected", "metric": "eer", "value": 0.1,
        "low": NAN, "high": NAN, "n": 1000, "note": "",
    }  # fmt: skip
    return pd.DataFrame([{**base, **r} for r in rows], columns=list(METRIC_COLUMNS))


def originals() -> list[dict[str, Any]]:
    return [
        {"attack": attack, "policy": policy, "metric": metric, "value": value}
        for attack in ("baseline", "naive", "reverse", "parrot")
        for policy in ("detected", "aligned")
        for metric, value in (("eer", 0.125), ("fta", 0.0), ("auc", NAN))
    ]


def test_equal_numbers_and_equally_missing_ones_pass() -> None:
    checks = original_equals_baseline(table(*originals()))
    assert [c.passed for c in checks] == [True] * 3
    assert "6 numbers equal" in checks[0].detail


@pytest.mark.parametrize("value", [0.125 + 1e-12, NAN])
def test_one_different_or_missing_number_fails(value: float) -> None:
    rows = originals()
    place = next(k for k, r in enumerate(rows) if r["attack"] == "reverse" and r["metric"] == "eer")
    rows[place]["value"] = value
    checks = {c.name.split()[2]: c for c in original_equals_baseline(table(*rows))}
    assert {k: c.passed for k, c in checks.items()} == {
        "naive": True, "reverse": False, "parrot": True,
    }  # fmt: skip
    assert "d/dlib/detected/eer" in checks["reverse"].detail


def test_missing_or_superfluous_row_fails() -> None:
    rows = originals()
    for gone in ("baseline", "naive"):
        kept = [r for r in rows if not (r["attack"] == gone and r["metric"] == "eer")]
        checks = original_equals_baseline(table(*kept))
        assert not all(c.passed for c in checks), gone


def test_nothing_to_compare_is_no_success() -> None:
    assert [c.passed for c in original_equals_baseline(table(LEAK))] == [False]


def blank(**told: Any) -> pd.DataFrame:
    found = [
        {"method": "blank", "attack": a, "metric": m, "value": 1.0}
        for a, m in (("naive", "fta"), ("reverse", "fte"), ("parrot", "fta"))
    ]
    other = {"method": "blank", "attack": "naive", "metric": "fte", "value": 0.0}
    aligned = {"method": "blank", "attack": "naive", "policy": "aligned", "value": 0.5,
               "low": 0.48, "high": 0.52}  # fmt: skip
    return table(*found, other, {**aligned, **told})


def test_blank_at_chance_passes() -> None:
    assert [c.passed for c in blank_is_at_chance(blank())] == [True, True]
    assert [c.passed for c in blank_is_at_chance(blank(value=NAN, low=NAN, high=NAN))] == [
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("metric", "value"), [("eer", 0.2), ("eer", 0.8), ("auc", 0.7), ("auc", 0.3)]
)
def test_blank_off_chance_fails_and_is_named(metric: str, value: float) -> None:
    off = blank(metric=metric, value=value, low=value - 0.05, high=value + 0.05)
    check = blank_is_at_chance(off)[1]
    assert not check.passed and f"d/dlib/naive: {metric} {value:.3f}" in check.detail


def test_few_comparisons_give_slack_and_many_do_not() -> None:
    def passed(n: int) -> bool:
        return blank_is_at_chance(blank(value=0.4, low=NAN, high=NAN, n=n))[1].passed

    assert passed(25) and not passed(10_000)


@pytest.mark.parametrize("attack", ["naive", "reverse", "parrot"])
def test_face_found_in_a_blank_image_fails(attack: str) -> None:
    metrics = blank()
    side = "fte" if attack == "reverse" else "fta"
    metrics.loc[(metrics["attack"] == attack) & (metrics["metric"] == side), "value"] = 0.99
    check = blank_is_at_chance(metrics)[0]
    assert not check.passed and "1 of 3" in check.detail


LEAK = {"method": "blur_face", "strength": "5", "task": "leak", "metric": "leak_share",
        "value": 0.05, "n": 100, "system": "", "policy": ""}  # fmt: skip
NAMES = pd.DataFrame([
    {"dataset": d, "method": m, "strength": "5", "image_id": f"{k}.png"}
    for d, m, count in (("d", "blur_face", 5), ("d", "other", 1), ("e", "blur_face", 1))
    for k in range(count)
])  # fmt: skip


def test_share_above_the_limit_fails_naming_method_strength_and_images() -> None:
    checks = leaks_are_few(table(LEAK), NAMES, set(), 0.01)
    assert [c.passed for c in checks] == [False]
    with pytest.raises(CheckFailed) as error:
        require([c.plain() for c in checks])
    message = str(error.value)
    for word in ("blur_face", "5", "5.0% of 100 images", "0.png, 1.png, 2.png and 2 more"):
        assert word in message
    assert "leaks.csv" in message and "leaks.max_share" in message


@pytest.mark.parametrize(("share", "passed"), [(0.01, True), (0.0100001, False), (0.0, True)])
def test_limit_itself_is_allowed(share: float, passed: bool) -> None:
    assert leaks_are_few(table({**LEAK, "value": share}), NAMES, set(), 0.01)[0].passed is passed


def test_exempt_conditions_and_unmeasured_ones_are_not_judged() -> None:
    exempt = {("blur_face", "5"), ("original", "none")}
    untouched = {**LEAK, "method": "original", "strength": "none", "value": 1.0}
    checks = leaks_are_few(table(LEAK, untouched, {**LEAK, "value": NAN}), NAMES, exempt, 0.01)
    assert [c.passed for c in checks] == [True] and "0 conditions" in checks[0].detail
    # Another strength of an exempt method is judged.
    assert not leaks_are_few(table({**LEAK, "strength": "9"}), NAMES, exempt, 0.01)[0].passed


def test_all_checks_run_and_passed_ones_raise_nothing() -> None:
    metrics = pd.concat([table(*originals()), blank(), table({**LEAK, "value": 0.0})])
    checks = run_checks(metrics, NAMES, set(), 0.01)
    assert len(checks) == 3 + 2 + 1 and all(c.passed for c in checks)
    require([c.plain() for c in checks])


def test_run_with_the_informed_attacker_alone_is_checked_too() -> None:
    rows = [r for r in originals() if r["policy"] == "aligned"]
    told = blank()
    checks = run_checks(
        pd.concat([table(*rows), told[told["policy"] == "aligned"]]), NAMES, set(), 0.01
    )
    assert len(checks) == 6 and all(c.passed for c in checks)


# Expressions


def expression(metric: str, value: float, method: str = "original", **more: Any) -> dict[str, Any]:
    keys = {"task": "expression", "system": "dan", "metric": metric, "value": value}
    return {**keys, "method": method, **more}


UNCHANGED = {
    "preservation": 1.0, "preservation_found": 1.0, "accuracy_retention": 1.0,
    "uar_retention": 1.0, "divergence_found": 0.0,
}  # fmt: skip


def test_no_network_is_no_check() -> None:
    assert original_keeps_expressions(blank()) == blank_shows_no_expression(blank()) == []


@pytest.mark.parametrize("metric", UNCHANGED)
def test_original_that_loses_an_expression_fails(metric: str) -> None:
    (check,) = original_keeps_expressions(table(*(expression(*p) for p in UNCHANGED.items())))
    assert check.passed and "5 numbers" in check.detail
    off = {**UNCHANGED, metric: UNCHANGED[metric] + 1e-9}
    (check,) = original_keeps_expressions(table(*(expression(*p) for p in off.items())))
    assert not check.passed and f"d/dan/detected: {metric}" in check.detail


def test_network_that_saw_no_original_fails() -> None:
    (check,) = original_keeps_expressions(table(expression("preservation", NAN)))
    assert not check.passed and check.detail == "no number to compare"
    rows = [expression("preservation", NAN), expression("divergence_found", 0.0)]
    assert not original_keeps_expressions(table(*rows))[0].passed


def blank_expressions(**changes: float) -> list[dict[str, Any]]:
    lost = {"not_found": 1.0, "preservation": 0.0, "accuracy": 0.0, "uar": 0.0, "kappa": 0.0}
    told = {"not_found": 0.0, "preservation": 0.4, "accuracy": 0.5, "uar": 0.25, "kappa": 0.0}
    told |= {f"recall_{k}": float(k == 1) for k in range(4)}
    rows = [expression(m, v, "blank") for m, v in {**lost, **changes}.items()]
    return rows + [
        expression(m, changes.get(f"told_{m}", v), "blank", policy="aligned")
        for m, v in told.items()
    ]


def test_blank_that_always_gets_one_answer_passes() -> None:
    (check,) = blank_shows_no_expression(table(*blank_expressions()))
    assert check.passed, check.detail


@pytest.mark.parametrize(
    "changes",
    [{"not_found": 0.99}, {"preservation": 0.01}, {"accuracy": 0.01}, {"uar": 0.01},
     {"told_uar": 0.26}, {"told_kappa": 0.01}],
)  # fmt: skip
def test_blank_that_shows_anything_fails(changes: dict[str, float]) -> None:
    (check,) = blank_shows_no_expression(table(*blank_expressions(**changes)))
    ((name, _),) = changes.items()
    assert not check.passed and name.removeprefix("told_") in check.detail
