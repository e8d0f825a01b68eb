"""Privacy against utility: the worst attack, who is on the front, and what must not be shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.io import METRIC_COLUMNS, REPLICATE_COLUMNS, read_table, write_table
from anonbench.tradeoff import (
    POINT_COLUMNS,
    PRIVACIES,
    UTILITIES,
    Choices,
    attacker_success,
    points,
    tradeoff,
)

NAN = float("nan")
TMR = "gfrr_at_gfar_0.01"
CHOICES = Choices("dan", "detected")


def row(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "dataset": "d", "method": "blur_face", "strength": "5", "task": "verification",
        "attack": "naive", "system": "dlib", "policy": "detected", "metric": TMR,
        "value": 0.25, "low": 0.125, "high": 0.5, "n": 10, "note": "",
    }  # fmt: skip
    return {**base, **changes}


def use(metric: str = "uar_retention", **changes: Any) -> dict[str, Any]:
    system = {"detected": "haar"}.get(metric, "dan")
    task = {"detected": "detection"}.get(metric, "expression")
    policy = "" if metric == "detected" else "detected"
    base = {"metric": metric, "system": system, "task": task, "attack": "", "policy": policy}
    return row(**{**base, "value": 0.5, **changes})


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(METRIC_COLUMNS))


def kept(*entries: tuple[dict[str, Any], list[float]], paired: bool = True) -> pd.DataFrame:
    rows = [{**r, "paired": paired, "values": np.array(v)} for r, v in entries]
    return pd.DataFrame(rows, columns=list(REPLICATE_COLUMNS))


def one(found: pd.DataFrame, privacy: str = TMR, utility: str = "uar_retention", **key: Any) -> Any:
    own = found[(found["privacy"] == privacy) & (found["utility"] == utility)]
    for name, value in key.items():
        own = own[own[name] == value]
    (single,) = own.itertuples()
    return single


def test_attackers_success_is_that_of_the_worst_attack() -> None:
    found = attacker_success(table(
        row(value=0.25),
        row(attack="parrot", policy="aligned", value=0.125, low=0.0, high=0.25),
        row(attack="reverse", value=NAN, low=NAN, high=NAN),
        row(attack="baseline", value=0.0),
        row(metric="gfrr_at_gfar_0.1", value=0.0),
        row(metric="fnmr_at_fmr_0.01", value=0.0),
    ))  # fmt: skip
    (success,) = found.reset_index().itertuples()
    assert (success.value, success.low, success.high) == (0.875, 0.75, 1.0)
    assert (success.attack, success.policy, success.system) == ("parrot", "aligned", "dlib")


def test_worst_attack_is_chosen_anew_in_every_replicate() -> None:
    naive, parrot = row(value=0.3), row(attack="parrot", policy="aligned", value=0.2)
    baseline = row(attack="baseline", value=0.0)
    utility = use(value=0.5)
    found = points(
        table(naive, parrot, baseline, utility),
        # Lowest of each: 0.1, 0.2, 0.1, NaN counts as none, 0.3.
        kept((naive, [0.1, 0.5, NAN, 0.3]), (parrot, [0.4, 0.2, 0.1, 0.3]),
             (baseline, [0.0] * 4), (utility, [0.1, 0.2, 0.1, 0.3])),
        Choices("dan", "detected", 0.5),
    )  # fmt: skip
    single = one(found)
    assert single.privacy_value == 0.2
    assert (single.attack, single.recogniser, single.policy) == ("parrot", "dlib", "aligned")
    # Quartiles of 0.1, 0.1, 0.2, 0.3.
    assert (single.privacy_low, single.privacy_high) == pytest.approx((0.1, 0.225))
    assert single.correlation == pytest.approx(1.0)
    assert (
        single.privacy_sd == single.utility_sd == pytest.approx(np.std([1, 2, 1, 3], ddof=1) / 10)
    )


def test_interval_holds_its_value_and_knows_the_rule_of_three() -> None:
    naive, parrot = row(value=0.5), row(attack="parrot", value=0.5)
    low = kept((naive, [0.1, 0.9, 0.1, 0.9]), (parrot, [0.9, 0.1, 0.9, 0.1]))
    single = one(points(table(naive, parrot, use()), low, CHOICES))
    assert (single.privacy_low, single.privacy_high) == (0.1, 0.5)
    perfect = row(value=1.0, low=0.9, high=1.0)
    single = one(points(table(perfect, use()), kept((perfect, [1.0] * 4)), CHOICES))
    assert (single.privacy_low, single.privacy_high) == (0.9, 1.0)


def _two_methods(**blur: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Blur is better than noise in private, and as useful in three replicates of four."""
    place = {"method": "noise_face", "strength": "30"}
    control = {"method": "original", "strength": "none"}
    entries = [
        (row(value=0.6), [0.6] * 4), (use(value=0.5, **blur), [0.5, 0.5, 0.5, 0.5]),
        (row(**place, value=0.4), [0.4] * 4), (use(**place, value=0.5), [0.4, 0.4, 0.5, 0.6]),
        (row(**control, value=1.0), [1.0] * 4), (use(**control, value=1.0), [1.0] * 4),
    ]  # fmt: skip
    return table(*(r for r, _ in entries)), kept(*entries)


def test_front_and_its_probability_leave_controls_out() -> None:
    found = points(*_two_methods(), CHOICES)
    assert tuple(found.columns) == POINT_COLUMNS
    blur, noise = (one(found, method=m) for m in ("blur_face", "noise_face"))
    assert (blur.front, blur.probability) == ("yes", 1.0)
    assert (noise.front, noise.probability) == ("no", 0.25)
    control = one(found, method="original")
    assert control.front == "" and np.isnan(control.probability) and control.privacy_value == 1.0


def test_every_pair_of_axes_has_every_condition() -> None:
    found = points(*_two_methods(), CHOICES)
    assert found.groupby(["privacy", "utility"]).size().to_dict() == {
        (p, u): 3 for p in PRIVACIES for u in UTILITIES
    }


def test_below_the_gate_there_is_no_number() -> None:
    rows, drawn = _two_methods(note="below the gate: clear UAR 0.41 < 0.6")
    found = points(rows, drawn, CHOICES)
    for method in ("blur_face", "noise_face", "original"):
        single = one(found, method=method)
        assert np.isnan(single.utility_value) and np.isnan(single.probability)
        assert "below the gate: clear UAR 0.41 < 0.6" in single.note and single.front == ""


def test_unknown_gate_is_told() -> None:
    metric = "preservation"
    rows = table(row(), use(metric, value=0.5, note="gate unknown: no expression labels"))
    single = one(points(rows, kept(), CHOICES), utility=metric)
    assert single.utility_value == 0.5 and "gate unknown" in single.note


def test_other_networks_and_policies_do_not_count() -> None:
    rows = table(row(), use(value=0.5), use(value=0.9, system="other"),
                 use(value=0.9, policy="aligned"))  # fmt: skip
    assert one(points(rows, kept(), CHOICES)).utility_value == 0.5
    single = one(points(rows, kept(), Choices("", "detected")))
    assert np.isnan(single.utility_value) and "run.expressions" in single.note


def test_least_able_detector_counts() -> None:
    haar, hog = use("detected", value=0.5), use("detected", value=0.75, system="dlib_hog")
    found = points(table(row(), haar, hog), kept((haar, [0.5, 0.6]), (hog, [0.8, 0.2])), CHOICES)
    single = one(found, utility="detected")
    assert (single.utility_value, single.utility_system) == (0.5, "haar")
    assert single.utility_low == pytest.approx(0.2 + 0.025 * 0.3)


def test_missing_privacy_says_why() -> None:
    why = "not computed: the data set has no identities (enrolment none)"
    missing = {"value": NAN, "low": NAN, "high": NAN}
    found = points(table(row(metric="eer", **missing, note=why), use()), kept(), CHOICES)
    assert all(why in note for note in found["note"])
    found = points(table(row(metric="eer"), use()), kept(), CHOICES)
    assert "metrics.fmr" in one(found).note
    few = row(**missing, note="12 mated comparisons, fewer than 30")
    assert "fewer than 30" in one(points(table(few, use()), kept(), CHOICES)).note


def test_spread_of_one_axis_does_not_need_the_other() -> None:
    naive, lost = row(), use(value=NAN, low=NAN, high=NAN, note="no face")
    single = one(points(table(naive, lost), kept((naive, [0.1, 0.3])), CHOICES))
    assert single.privacy_sd == pytest.approx(np.sqrt(0.02))
    assert np.isnan(single.utility_sd) and np.isnan(single.correlation)
    assert single.note == "no face"


def test_attack_without_a_value_is_told_and_the_others_count() -> None:
    lost = row(attack="reverse", value=NAN, low=NAN, high=NAN, note="too few")
    single = one(points(table(row(value=0.3), lost, use()), kept(), CHOICES))
    assert single.privacy_value == 0.3 and single.note == "1 of 2 have no value"


def test_independent_draws_are_told() -> None:
    naive, utility = row(), use()
    drawn = kept((naive, [0.1, 0.2, 0.3]), paired=False)
    own = kept((utility, [0.4, 0.4, 0.5])).drop(columns="paired")
    rows = table(naive, utility)
    found = points(rows, pd.concat([drawn, own]), CHOICES)
    assert one(found).note == "privacy and utility resampled independently"
    both = pd.concat([drawn.assign(paired=True), own])
    assert one(points(rows, both, CHOICES)).note == ""


def test_first_network_of_the_run_with_faces_it_had_to_find() -> None:
    plan: dict[str, Any] = {"metrics": {"confidence": 0.9}, "policies": ["aligned", "detected"]}
    assert Choices.of(plan) == Choices("", "detected", 0.9)
    plan = {**plan, "expressions": {"dan": {}, "mini": {}}, "policies": ["aligned"]}
    assert Choices.of(plan) == Choices("dan", "aligned", 0.9)


def test_numbers_survive_the_file(tmp_path: Any) -> None:
    found = points(*_two_methods(), CHOICES)
    write_table(found, tmp_path / "pareto.csv")
    read = read_table(tmp_path / "pareto.csv")
    pd.testing.assert_frame_equal(read, found, check_dtype=False)
    assert one(read, method="blur_face").probability == 1.0


def test_wide_table_has_the_coordinates() -> None:
    rows, drawn = _two_methods()
    rows = pd.concat([rows, table(use("detected", value=0.8))])
    wide = tradeoff(rows, points(rows, drawn, CHOICES)).set_index("method")
    blur = wide.loc["blur_face"]
    assert (blur[TMR], blur["uar_retention"], blur["detected"]) == (0.6, 0.5, 0.8)
    assert blur["attacker_success"] == 0.4 and np.isnan(blur["geer"])


def test_points_without_any_row() -> None:
    assert points(table(), kept(), CHOICES).empty
