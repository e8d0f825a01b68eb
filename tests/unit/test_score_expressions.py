"""From answers to rows: what is compared with what, what stays in the denominators, the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import balanced_accuracy_score

from anonbench import seeds
from anonbench.checks import blank_shows_no_expression, original_keeps_expressions
from anonbench.classifications import (
    Classifications,
    read_classifications,
    write_classifications,
)
from anonbench.expressions import EXPRESSIONS
from anonbench.io import (
    CONFUSION_COLUMNS,
    METRIC_COLUMNS,
    REPLICATE_COLUMNS,
    read_table,
    write_table,
)
from anonbench.metrics.intervals import subject_weights
from anonbench.score_expressions import (
    ExpressionSettings,
    ExpressionTables,
    score_expression_files,
    score_expressions,
)

OWN = ("anger", "happiness", "contempt", "neutral")
"""Classes in an order of the network's own, not all of the benchmark's."""
CLASSES = ("neutral", "happiness", "anger", "contempt")
"""The same in the order of the tables."""
LOST = ""
POLICIES = ("detected", "aligned")

#          label        original     anonymised
IMAGES = [
    ("a/1", "a", "neutral", "neutral", "neutral"),
    ("a/2", "a", "happiness", "happiness", "anger"),
    ("b/1", "b", "neutral", "neutral", LOST),
    ("b/2", "b", "happiness", "neutral", "neutral"),
    ("c/1", "c", "anger", "anger", "anger"),
    ("c/2", "c", "anger", LOST, "anger"),
    ("c/3", "c", "fear", "happiness", "contempt"),  # a label that the network does not know
    ("d/1", "d", "", "happiness", "happiness"),  # no label
    ("d/2", "d", "neutral", "neutral", "neutral"),  # a duplicate that is dropped
    ("d/3", "d", "anger", LOST, LOST),  # unreadable
]
BEFORE = [i[3] for i in IMAGES]
AFTER = [i[4] for i in IMAGES]


def manifest(**labels: str) -> pd.DataFrame:
    table = pd.DataFrame(
        [i[:3] for i in IMAGES], columns=["image_id", "subject", "expression"]
    ).assign(status="ok")
    table.loc[8, "status"], table.loc[9, "status"] = "duplicate", "unreadable"
    return table.assign(**labels)


def answers(
    *strengths: list[str], names: tuple[str, ...] = ("none",), policies: tuple[str, ...] = POLICIES
) -> Classifications:
    """Answers by strength; the policy `aligned` finds what `detected` does not, as neutral."""
    n = len(IMAGES)
    probabilities = np.full((len(strengths), len(policies), n, len(OWN)), np.nan, np.float32)
    for s, said in enumerate(strengths):
        for p, policy in enumerate(policies):
            for k, name in enumerate(said):
                name = name or ("neutral" if policy == "aligned" and k != n - 1 else LOST)
                if name:
                    probabilities[s, p, k] = np.where(np.array(OWN) == name, 0.7, 0.1)
    failed = np.isnan(probabilities[..., 0])
    draw = np.random.default_rng(0)
    features = draw.standard_normal((len(strengths), n, 3)).astype(np.float16)
    features[np.isnan(probabilities[:, -1, :, 0])] = np.nan
    return Classifications(
        tuple(i[0] for i in IMAGES), names, policies, OWN, probabilities,
        np.where(failed, "no_face", "ok").astype("<U16"), features,
    )  # fmt: skip


def tables(
    before: Classifications | None = None,
    after: Classifications | None = None,
    labels: pd.DataFrame | None = None,
    method: str = "blur",
    settings: ExpressionSettings | None = None,
) -> ExpressionTables:
    before = before or answers(BEFORE)
    return score_expressions(
        before,
        after or answers(AFTER, BEFORE, names=("5", "1")),
        manifest() if labels is None else labels,
        dataset="d", method=method, system="dan",
        settings=settings or ExpressionSettings(replicates=200), seed=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found() -> ExpressionTables:
    return tables()


def values(table: pd.DataFrame, strength: str = "5", policy: str = "detected") -> pd.DataFrame:
    own = table[(table["strength"] == strength) & (table["policy"] == policy)]
    assert own["metric"].is_unique
    return own.set_index("metric")


def test_numbers_by_hand(found: ExpressionTables) -> None:
    got = values(found.metrics)
    # Kept: all but d/2. Seen before: all but c/2 and d/3. Unchanged: a/1, b/2, c/1, d/1.
    expected = {
        "preservation": (4 / 7, 7), "preservation_found": (4 / 6, 6),
        "preservation_neutral": (2 / 3, 3), "preservation_happiness": (1 / 3, 3),
        "preservation_anger": (1, 1),
        # Labelled with a known class: a/1, a/2, b/1, b/2, c/1, c/2, d/3. Right: a/1, c/1, c/2.
        "accuracy": (3 / 7, 7), "accuracy_found": (3 / 5, 5),
        "recall_neutral": (1 / 2, 2), "recall_happiness": (0, 2), "recall_anger": (2 / 3, 3),
        "uar": ((1 / 2 + 0 + 2 / 3) / 3, 7), "uar_found": ((1 + 0 + 1) / 3, 5),
        # Before, a/1, a/2, b/1, c/1 were right: 4 of 7; recalls 1, 1/2, 1/3.
        "accuracy_retention": (3 / 4, 7),
        "uar_retention": ((1 / 2 + 2 / 3) / (1 + 1 / 2 + 1 / 3), 7),
        "not_found": (2 / 9, 9),
    }  # fmt: skip
    assert {m: (got.loc[m, "value"], got.loc[m, "n"]) for m in expected} == {
        m: (pytest.approx(v), n) for m, (v, n) in expected.items()
    }
    assert got.loc["not_found", "note"].endswith("no_face 2")
    for metric, why in (
        ("preservation_contempt", "no original was classified as contempt"),
        ("recall_contempt", "no image is labelled contempt"),
    ):
        assert np.isnan(got.loc[metric, "value"]) and why in got.loc[metric, "note"]
    assert "1 fear" in got.loc["uar", "note"] and "1 without a label" in got.loc["uar", "note"]
    assert "3 labels" in got.loc["uar", "note"]


def test_divergence_is_the_mean_over_images_found_in_both(found: ExpressionTables) -> None:
    p, q = np.array([0.7, 0.1, 0.1, 0.1]), np.array([0.1, 0.7, 0.1, 0.1])
    bits = 0.7 * np.log2(0.7 / 0.4) + 0.1 * np.log2(0.1 / 0.4)
    assert p.sum() == q.sum() == pytest.approx(1)
    row = values(found.metrics).loc["divergence_found"]
    # a/2 and c/3 changed, of six.
    assert row["value"] == pytest.approx(2 * bits / 6, rel=1e-5) and row["n"] == 6


def test_every_policy_is_compared_with_itself(found: ExpressionTables) -> None:
    told = values(found.metrics, policy="aligned")
    # Told the place, c/2 was neutral before and is anger; b/1 was neutral and is.
    assert told.loc["preservation", "value"] == pytest.approx(5 / 8)
    assert told.loc["not_found", "value"] == pytest.approx(1 / 9)
    same = values(found.metrics, strength="1")
    assert same.loc["preservation", "value"] == 1 and same.loc["uar_retention", "value"] == 1


def test_confusions_hold_every_cell(found: ExpressionTables) -> None:
    table = found.confusion
    assert tuple(table.columns) == CONFUSION_COLUMNS
    own = table[(table["strength"] == "5") & (table["policy"] == "detected")]
    pairs = own[own["kind"] == "prediction"].pivot_table("n", "row", "column")
    order = [*CLASSES, "not_found"]
    assert pairs.loc[order, order].to_numpy().tolist() == [
        [2, 0, 0, 0, 1], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 0, 1],
    ]  # fmt: skip
    truths = own[own["kind"] == "truth"].pivot_table("n", "row", "column")
    assert truths.loc[list(CLASSES), order].to_numpy().tolist() == [
        [1, 0, 0, 0, 1], [1, 0, 1, 0, 0], [0, 0, 2, 0, 1], [0, 0, 0, 0, 0],
    ]  # fmt: skip
    assert own["row"].iloc[0] == "neutral", "in the order of the benchmark"


def test_replicates_are_paired_over_the_sorted_subjects_of_the_manifest(
    found: ExpressionTables,
) -> None:
    table = found.replicates
    assert tuple(table.columns) == REPLICATE_COLUMNS and table["paired"].all()
    got = values(table)["values"]
    known = values(found.metrics).dropna(subset=["low"])
    assert set(got.index) >= set(known.index), "of every metric with an interval"
    assert {"uar_retention", "preservation_anger", "recall_anger", "kappa"} <= set(got.index)
    weights = subject_weights(4, 200, seeds.generator(1, "subject bootstrap", "d"))
    assert all(len(v) == 200 for v in got)
    for b, row in enumerate(weights):
        times = dict(zip("abcd", row.astype(int), strict=True))
        again = [i for i in IMAGES if i[0] != "d/2" for _ in range(times[i[1]])]
        seen = [i for i in again if i[3]]
        if seen:
            expected = np.mean([i[3] == i[4] for i in seen])
            assert got["preservation"][b] == pytest.approx(expected)
        labelled = [i for i in again if i[2] in CLASSES]
        truth = [i[2] for i in labelled]
        if truth:
            with np.testing.suppress_warnings() as quiet:
                quiet.filter(UserWarning)
                after, before = (balanced_accuracy_score(truth, [i[k] for i in labelled])
                                 for k in (4, 3))  # fmt: skip
            assert got["uar"][b] == pytest.approx(after)
            if before:
                assert got["uar_retention"][b] == pytest.approx(after / before)


def test_intervals_hold_the_value_and_bound_extremes(found: ExpressionTables) -> None:
    got = values(found.metrics).dropna(subset=["low"])
    assert {"preservation", "uar", "accuracy_retention", "kappa", "divergence_found"} <= set(
        got.index
    )
    assert ((got["low"] <= got["value"]) & (got["value"] <= got["high"])).all()
    same = values(found.metrics, strength="1").loc["preservation"]
    # Four subjects, not one of whose images changed: 1 - 0.05^(1/4) may still have.
    assert same["high"] == 1 and same["low"] == pytest.approx(0.05 ** (1 / 4))


def test_clear_images_keep_everything_exactly() -> None:
    found = tables(after=answers(BEFORE), method="original")
    for policy in POLICIES:
        got = values(found.metrics, "none", policy)
        for metric in ("preservation", "accuracy_retention", "uar_retention", "kappa"):
            assert got.loc[metric, "value"] == 1
        assert got.loc["divergence_found", "value"] == 0
        assert got.loc["majority_accuracy", "value"] == pytest.approx(3 / 7)
        assert "always anger" in got.loc["majority_accuracy", "note"]
        assert got.loc["chance_accuracy", "value"] == 1 / 4
    assert got.loc["kid_found", "value"] == pytest.approx(0, abs=1e-6)
    assert original_keeps_expressions(found.metrics)[0].passed
    assert "majority_accuracy" not in set(tables().metrics["metric"])


@pytest.mark.parametrize("lost", [True, False])
def test_black_images_pass_the_check_of_the_controls(lost: bool) -> None:
    policies = ("detected",) if lost else ("aligned",)
    said = [LOST if lost else "happiness"] * len(IMAGES)
    found = tables(answers(BEFORE, policies=policies), answers(said, policies=policies),
                   method="blank")  # fmt: skip
    got = values(found.metrics, "none", policies[0])
    assert got.loc["kappa", "value"] == 0
    assert got.loc["uar", "value"] == (0 if lost else pytest.approx(1 / 3))
    (check,) = blank_shows_no_expression(found.metrics)
    assert check.passed, check.detail


def test_below_the_gate_every_row_says_so(found: ExpressionTables) -> None:
    # Clear UAR: (1 + 1/2 + 1/3) / 3 = 0.611.
    below = tables(settings=ExpressionSettings(gate=0.62, replicates=20)).metrics
    own = below[below["policy"] == "detected"]
    assert own["note"].str.startswith("below the gate: clear UAR 0.611").all()
    above = found.metrics[found.metrics["policy"] == "detected"]
    assert not above["note"].str.contains("gate").any()
    assert own["value"].equals(above["value"]), "the numbers are the same"


def test_without_labels_the_gate_is_unknown() -> None:
    found = tables(labels=manifest(expression=""))
    got = values(found.metrics)
    for metric in ("accuracy", "uar", "uar_found", "recall_anger", "uar_retention"):
        assert np.isnan(got.loc[metric, "value"])
        assert got.loc[metric, "note"].startswith("not computed: the data set has no expression")
    assert got.loc["preservation", "value"] == pytest.approx(4 / 7)
    told = got.loc[["preservation", "kappa", "not_found", "divergence_found"], "note"]
    assert told.str.startswith("gate unknown: ").all()
    assert "preservation" in set(found.replicates["metric"])
    assert not set(found.replicates["metric"]) & {"accuracy", "uar", "uar_retention"}
    clear = tables(after=answers(BEFORE), method="original", labels=manifest(expression=""))
    assert (
        values(clear.metrics, "none")
        .loc[["majority_accuracy", "chance_accuracy"], "value"]
        .isna()
        .all()
    )


def test_what_is_missing_has_a_reason(found: ExpressionTables) -> None:
    lost = tables(answers([LOST] * 10), answers([LOST] * 10, names=("5",))).metrics
    for table in (found.metrics, lost):
        assert tuple(table.columns) == METRIC_COLUMNS
        assert (table.loc[table["value"].isna(), "note"] != "").all()
    own = values(lost)
    for metric in ("preservation", "kappa", "divergence_found", "uar_found", "uar_retention"):
        assert np.isnan(own.loc[metric, "value"]), metric
    assert own.loc["accuracy", "value"] == 0 and own.loc["not_found", "value"] == 1


def test_distance_of_features_only_where_they_are(found: ExpressionTables) -> None:
    got = values(found.metrics, policy="aligned")
    assert "kid_found" not in values(found.metrics).index, "features are of the policy aligned"
    assert got.loc["kid_found", "n"] == got.loc["fid_found", "n"] == 8
    assert "features of dan (3 numbers)" in got.loc["kid_found", "note"]
    assert "biased" in got.loc["fid_found", "note"] and "N = 8" in got.loc["fid_found", "note"]
    wide = [
        replace(a, features=np.repeat(a.features, 3, axis=2))
        for a in (answers(BEFORE), answers(AFTER, names=("5",)))
    ]
    row = values(tables(*wide).metrics, policy="aligned").loc["fid_found"]
    assert np.isnan(row["value"]) and "8 images are too few" in row["note"]


def test_one_subject_has_no_interval() -> None:
    found = tables(labels=manifest(subject="same"))
    assert found.metrics["low"].isna().all() and found.replicates.empty
    assert values(found.metrics).loc["preservation", "value"] == pytest.approx(4 / 7)


def test_answers_of_other_images_classes_or_policies_are_refused() -> None:
    before = answers(BEFORE)
    with pytest.raises(ValueError, match="differ in classes"):
        tables(before, replace(before, classes=OWN[::-1]))
    with pytest.raises(ValueError, match="differ in policies"):
        tables(before, answers(AFTER, policies=("aligned",)))
    with pytest.raises(ValueError, match=r"do not name the same images, e\.g\. d/3"):
        tables(labels=manifest().iloc[:-1])


def test_files_are_what_is_computed(found: ExpressionTables, tmp_path: Path) -> None:
    write_classifications(answers(BEFORE), tmp_path / "before.npz")
    write_classifications(answers(AFTER, BEFORE, names=("5", "1")), tmp_path / "after.npz")
    again = read_classifications(tmp_path / "before.npz")
    np.testing.assert_array_equal(again.probabilities, answers(BEFORE).probabilities)
    write_table(manifest(), tmp_path / "manifest.parquet")
    out: list[Any] = [tmp_path / n for n in ("m.csv", "c.csv", "r.parquet")]
    score_expression_files(
        tmp_path / "before.npz", tmp_path / "after.npz", tmp_path / "manifest.parquet", *out,
        dataset="d", method="blur", system="dan", settings=ExpressionSettings(replicates=200),
        seed=1,
    )  # fmt: skip
    metrics = read_table(out[0])
    assert metrics["metric"].tolist() == found.metrics["metric"].tolist()
    np.testing.assert_allclose(metrics["value"], found.metrics["value"], rtol=1e-6)
    assert read_table(out[1])["n"].tolist() == found.confusion["n"].tolist()
    assert len(read_table(out[2])["values"].iloc[0]) == 200


def test_labels_are_those_of_the_benchmark() -> None:
    assert set(CLASSES) <= {*EXPRESSIONS, "contempt"}
