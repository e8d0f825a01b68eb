"""Score tables: self-checks of the benchmark on drawn embeddings."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from anonbench import comparisons, seeds
from anonbench import score as score_module
from anonbench.io import (
    METRIC_COLUMNS,
    REPLICATE_COLUMNS,
    Embeddings,
    read_table,
    write_embeddings,
    write_table,
)
from anonbench.metrics.intervals import subject_weights
from anonbench.score import score, score_files
from anonbench.score_curves import CURVE_COLUMNS, HISTOGRAM_COLUMNS
from anonbench.score_rows import ScoreSettings

ATTACKS = ("baseline", "naive", "reverse", "parrot", "same_image")
SUBJECTS, IMAGES = 30, 4
SETTINGS = ScoreSettings(replicates=100)


def _manifest() -> pd.DataFrame:
    subjects = np.repeat(np.arange(SUBJECTS), IMAGES)
    ids = [f"s{s:02d}/{i}.png" for s, i in zip(subjects, np.arange(subjects.size), strict=True)]
    return pd.DataFrame({"image_id": ids, "subject": [f"p{s}" for s in subjects], "status": "ok"})


def _embeddings(values: np.ndarray, strength: str = "none") -> Embeddings:
    """(N, D) values as a set of one strength and one policy."""
    status = np.where(np.isnan(values).any(axis=1), "no_face", "ok")
    return Embeddings(
        tuple(_manifest()["image_id"]),
        (strength,),
        ("detected",),
        values.astype(np.float32)[None, None],
        status[None, None],
    )


def _clear(spread: float = 0.35) -> np.ndarray:
    generator = np.random.default_rng(0)
    people = np.repeat(generator.normal(size=(SUBJECTS, 16)), IMAGES, axis=0)
    values = people + generator.normal(scale=spread * 2, size=people.shape)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def _score(anonymised: Embeddings, method: str = "blur", **options: Any) -> Any:
    arguments: dict[str, Any] = {
        "dataset": "drawn",
        "method": method,
        "system": "drawn",
        "enrolment": "first",
        "attacks": ATTACKS,
        "policies": ("detected",),
        "settings": SETTINGS,
        "generator": np.random.default_rng(1),
    }
    manifest = options.pop("manifest", _manifest())
    pairs = options.pop("pairs", None)
    original = options.pop("original", _embeddings(_clear()))
    return score(original, anonymised, manifest, pairs, **{**arguments, **options})


def _value(tables: Any, attack: str, metric: str) -> pd.Series[Any]:
    table = tables.metrics
    rows = table[(table["attack"] == attack) & (table["metric"] == metric)]
    assert len(rows) == 1, (attack, metric, len(rows))
    return rows.iloc[0]


@pytest.mark.parametrize("enrolment", ["first", "all_pairs"])
def test_original_equals_baseline_exactly(enrolment: str) -> None:
    tables = _score(
        _embeddings(_clear(0.8)), "original", enrolment=enrolment, original=_embeddings(_clear(0.8))
    )
    columns = ["metric", "value", "low", "high"]
    baseline = tables.metrics[tables.metrics["attack"] == "baseline"][columns]
    assert baseline["value"].notna().sum() > 15
    assert 0.0 < baseline.set_index("metric").loc["eer", "value"] < 0.4
    for attack in ("naive", "reverse", "parrot"):
        rows = tables.metrics[tables.metrics["attack"] == attack][columns]
        pd.testing.assert_frame_equal(
            rows.reset_index(drop=True), baseline.reset_index(drop=True), check_exact=True
        )
    assert _value(tables, "same_image", "median_distance")["value"] == 0.0


def test_columns_and_attacks() -> None:
    tables = _score(_embeddings(_clear()))
    assert list(tables.metrics.columns) == list(METRIC_COLUMNS)
    assert list(tables.curves.columns) == list(CURVE_COLUMNS)
    assert list(tables.histograms.columns) == list(HISTOGRAM_COLUMNS)
    # The baseline belongs to `original`; it does not depend on the method.
    assert set(tables.metrics["attack"]) == set(ATTACKS) - {"baseline"}
    assert not tables.metrics.duplicated(["attack", "metric", "strength", "policy"]).any()
    missing = tables.metrics[tables.metrics["value"].isna()]
    assert len(missing)
    assert (missing["note"] != "").all()


def test_intervals_hold_the_value() -> None:
    metrics = _score(_embeddings(_clear(0.8)), "original").metrics
    with_interval = metrics[metrics["low"].notna()]
    assert len(with_interval) > 20
    assert (with_interval["low"] <= with_interval["value"] + 1e-12).all()
    assert (with_interval["high"] >= with_interval["value"] - 1e-12).all()


def test_blank_zero_vectors_are_at_chance() -> None:
    """All pictures alike: ties everywhere, nothing to tell people apart."""
    tables = _score(_embeddings(np.zeros((SUBJECTS * IMAGES, 16))), "blank")
    parrot = _value(tables, "parrot", "eer")
    assert parrot["value"] == 0.5
    assert _value(tables, "parrot", "auc")["value"] == 0.5
    assert _value(tables, "naive", "auc")["value"] == pytest.approx(0.5, abs=0.1)
    assert _value(tables, "parrot", "fnmr_at_fmr_0.1")["value"] == 1.0


def test_blank_without_faces_is_not_computed() -> None:
    """No embedding at all: failures, not a perfect or a chance result."""
    tables = _score(_embeddings(np.full((SUBJECTS * IMAGES, 16), np.nan)), "blank")
    for attack in ("naive", "reverse", "parrot"):
        for metric in ("eer", "auc", "fnmr_at_fmr_0.1", "fnmr_at_clear_fmr_0.1", "geer"):
            row = _value(tables, attack, metric)
            assert np.isnan(row["value"])
            assert row["note"]
        assert (
            "0 completed mated comparisons, fewer than 30" in _value(tables, attack, "eer")["note"]
        )
        assert _value(tables, attack, "gfrr_at_clear_fmr_0.1")["value"] == 1.0
        assert _value(tables, attack, "mated_accepted_at_0.575")["value"] == 0.0
    assert _value(tables, "naive", "fta")["value"] == 1.0
    assert _value(tables, "naive", "fte")["value"] == 0.0
    assert _value(tables, "reverse", "fta")["value"] == 0.0
    assert _value(tables, "reverse", "fte")["value"] == 1.0
    assert tables.curves.empty
    assert tables.histograms.empty


def test_failures_stay_in_denominators() -> None:
    """Ten failed probes: FTA counts samples, FNMR leaves them out, GFRR takes them in."""
    values = _clear()
    failed = np.flatnonzero(np.arange(len(values)) % IMAGES == 1)[:10]
    values[failed] = np.nan
    tables = _score(_embeddings(values))
    n_probes = SUBJECTS * (IMAGES - 1)
    fta = _value(tables, "naive", "fta")
    assert (fta["value"], fta["n"], fta["note"]) == (10 / n_probes, n_probes, "no_face 10")
    fnmr = _value(tables, "naive", "fnmr_at_clear_fmr_0.1")
    gfrr = _value(tables, "naive", "gfrr_at_clear_fmr_0.1")
    assert (fnmr["n"], gfrr["n"]) == (n_probes - 10, n_probes)
    errors = fnmr["value"] * fnmr["n"]
    assert gfrr["value"] * n_probes == pytest.approx(errors + 10)
    assert "10 of 90" in _value(tables, "naive", "rank_1")["note"]
    assert fta["low"] < fta["value"] < fta["high"]
    assert "10 of 120 comparisons failed" in _value(tables, "same_image", "median_distance")["note"]


def test_images_unusable_in_the_manifest_fail() -> None:
    manifest = _manifest()
    manifest.loc[1, "status"] = "unreadable"
    row = _value(_score(_embeddings(_clear()), manifest=manifest), "naive", "fta")
    assert row["value"] == 1 / 90
    assert row["note"] == "unusable in the manifest 1"


def test_shuffled_labels_are_at_chance() -> None:
    manifest = _manifest()
    manifest["subject"] = np.random.default_rng(8).permutation(manifest["subject"])
    tables = _score(_embeddings(_clear(0.3)), "original", manifest=manifest)
    real = _score(_embeddings(_clear(0.3)), "original")
    assert _value(real, "baseline", "eer")["value"] < 0.1
    assert _value(tables, "baseline", "eer")["value"] == pytest.approx(0.5, abs=0.1)
    assert _value(tables, "baseline", "rank_1")["value"] < 0.15


def test_order_of_files_does_not_matter() -> None:
    order = np.random.default_rng(9).permutation(SUBJECTS * IMAGES)
    base = _embeddings(_clear())
    mixed = replace(
        base,
        image_ids=tuple(np.array(base.image_ids)[order]),
        embeddings=base.embeddings[:, :, order],
        status=base.status[:, :, order],
    )
    expected = _score(base)
    result = _score(mixed, manifest=_manifest().iloc[order[::-1]])
    pd.testing.assert_frame_equal(result.metrics, expected.metrics, check_exact=True)
    pd.testing.assert_frame_equal(result.curves, expected.curves, check_exact=True)


def test_clear_threshold_comes_from_the_baseline() -> None:
    """Anonymised faces that collapse raise the FMR at a threshold fixed on clear data."""
    values = _clear() * 0.01
    tables = _score(_embeddings(values))
    original = _score(_embeddings(_clear()), "original")
    assert _value(original, "baseline", "fmr_at_clear_fmr_0.1")["value"] <= 0.1
    assert _value(tables, "parrot", "fmr_at_clear_fmr_0.1")["value"] == 1.0
    assert _value(tables, "parrot", "fnmr_at_clear_fmr_0.1")["value"] == 0.0


def test_histogram_counts_all_completed_comparisons() -> None:
    tables = _score(_embeddings(_clear()))
    table = tables.histograms[tables.histograms["attack"] == "naive"]
    sums = table.groupby("mated")["count"].sum()
    assert (sums[True], sums[False]) == (90, 90 * 29)
    assert (table["left"] < table["right"]).all()


def test_pairs_with_folds() -> None:
    ids = _manifest()["image_id"].to_numpy()
    mated = pd.DataFrame({"image_a": ids[::2], "image_b": ids[1::2], "mated": True})
    other = pd.DataFrame({"image_a": ids[::4], "image_b": np.roll(ids[::4], 1), "mated": False})
    pairs = pd.concat([mated, other], ignore_index=True)
    pairs["fold"] = np.arange(len(pairs)) % 5
    tables = _score(_embeddings(_clear(0.3)), enrolment="pairs", pairs=pairs)
    accuracy = _value(tables, "naive", "accuracy")
    assert accuracy["value"] > 0.9
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert accuracy["n"] == len(pairs)
    rank = _value(tables, "naive", "rank_1")
    assert np.isnan(rank["value"])
    assert "no gallery" in rank["note"]


@pytest.mark.parametrize("direct", [1 << 33, 0])
def test_distances(monkeypatch: pytest.MonkeyPatch, direct: int) -> None:
    monkeypatch.setattr(comparisons, "_DIRECT", direct)
    monkeypatch.setattr(comparisons, "_BLOCK", 200)
    values = np.random.default_rng(0).normal(size=(50, 128)).astype(np.float32) * 30
    values[7] = values[3] + np.float32(1e-4)
    values[9] = np.nan
    result = comparisons.distances(values, values)
    expected = cdist(values.astype(np.float64), values.astype(np.float64))
    expected[np.isnan(expected)] = np.inf
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=2e-7)
    diagonal = np.delete(np.diag(result), 9)
    np.testing.assert_array_equal(diagonal, 0.0)


def test_errors() -> None:
    base = _embeddings(_clear())
    with pytest.raises(ValueError, match="unknown attacks guess"):
        _score(base, attacks=("guess",))
    with pytest.raises(ValueError, match="no policy 'aligned'"):
        _score(base, policies=("aligned",))
    with pytest.raises(ValueError, match="1 only in the manifest"):
        _score(replace(base, image_ids=(*base.image_ids[:-1], "other")))
    with pytest.raises(ValueError, match="infinite"):
        _score(replace(base, embeddings=np.full_like(base.embeddings, np.inf)))


def _replicates_of_failures(**options: Any) -> tuple[pd.DataFrame, np.ndarray]:
    """Kept replicates where people are told apart perfectly, and every third one's probes fail."""
    values = _clear(spread=0.001)
    original = _embeddings(values.copy())
    failed = np.repeat(np.arange(SUBJECTS) % 3 == 0, IMAGES) & (np.arange(values.shape[0]) % 4 > 0)
    values[failed] = np.nan
    draw = seeds.generator(3, "subject bootstrap", "drawn")
    kept = _score(_embeddings(values), original=original, generator=draw, **options).replicates
    return kept, failed


def test_replicates_are_those_of_the_utility_side() -> None:
    kept, failed = _replicates_of_failures()
    manifest = _manifest()
    names = sorted(set(manifest["subject"]))
    probes = manifest.assign(failed=failed)[np.arange(failed.size) % 4 > 0]
    lost = probes.groupby("subject")["failed"].sum()[names].to_numpy()
    draw = seeds.generator(3, "subject bootstrap", "drawn")
    weights = subject_weights(SUBJECTS, SETTINGS.replicates, draw)
    expected = weights @ lost / (weights.sum(axis=1) * (IMAGES - 1))
    assert tuple(kept.columns) == REPLICATE_COLUMNS and kept["paired"].all()
    assert set(kept["attack"]) == {"naive", "reverse", "parrot"}
    (own,) = kept[(kept["attack"] == "naive") & (kept["metric"] == "gfrr_at_gfar_0.01")]["values"]
    np.testing.assert_allclose(own, expected)
    assert own.std() > 0.01


def test_replicates_of_other_units_are_not_called_paired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_module, "_GROUPS", 8)
    kept, _ = _replicates_of_failures(settings=replace(SETTINGS, in_memory=10))
    assert len(kept) and not kept["paired"].any()
    manifest = _manifest()
    manifest.loc[manifest["subject"] == "p7", "subject"] = ""
    assert not _score(_embeddings(_clear()), manifest=manifest).replicates["paired"].any()


def test_rate_without_a_value_has_no_replicates() -> None:
    result = _score(_embeddings(_clear()), settings=replace(SETTINGS, minimum_mated=1000))
    assert result.metrics["value"].isna().any()
    assert set(result.replicates["metric"]) == {"fta", "fte", "rank_1"}, "no error rates"
    assert tuple(result.replicates.columns) == REPLICATE_COLUMNS


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files(tmp_path: Path, suffix: str) -> None:
    """`score_files` writes what `score` computes, and the same bytes every time."""
    values = _clear()
    values[5] = np.nan
    write_embeddings(_embeddings(_clear()), tmp_path / "original.npz")
    write_embeddings(_embeddings(values, "5"), tmp_path / "blur.npz")
    write_table(_manifest(), tmp_path / f"manifest.{suffix}")
    outputs = ("metrics.csv", f"curves.{suffix}", f"histograms.{suffix}", "replicates.parquet")
    for run in ("one", "two"):
        score_files(
            tmp_path / "original.npz",
            tmp_path / "blur.npz",
            tmp_path / f"manifest.{suffix}",
            None,
            *(tmp_path / run / name for name in outputs),
            dataset="drawn",
            method="blur",
            system="drawn",
            enrolment="first",
            attacks=ATTACKS,
            policies=("detected",),
            settings=SETTINGS,
            seed=3,
        )
    for name in outputs:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    table = read_table(tmp_path / "one" / "metrics.csv")
    expected = _score(
        _embeddings(values, "5"), generator=seeds.generator(3, "subject bootstrap", "drawn")
    ).metrics
    np.testing.assert_allclose(table["value"], expected["value"], rtol=1e-8)
    np.testing.assert_allclose(table["low"], expected["low"], rtol=1e-8, atol=1e-12)
    assert set(table["strength"]) == {"5"}
    assert list(table["note"]) == list(expected["note"])
