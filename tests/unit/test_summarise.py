"""Everything gathered: what blacked images do to the ledger, and tables in the right order."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.contrasts import CONTRAST_COLUMNS
from anonbench.io import CONFUSION_COLUMNS, METRIC_COLUMNS, read_table, write_table
from anonbench.summarise import (
    LEAK_COLUMNS,
    LEDGER_COLUMNS,
    headline,
    method_files,
    summarise_files,
    summary_settings,
)
from anonbench.tradeoff import POINT_COLUMNS, attacker_success, tradeoff

NAN = float("nan")


def row(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "dataset": "d", "method": "blur_face", "strength": "5", "task": "verification",
        "attack": "naive", "system": "dlib", "policy": "detected", "metric": "gfrr_at_gfar_0.01",
        "value": 0.25, "low": 0.125, "high": 0.5, "n": 10, "note": "",
    }  # fmt: skip
    return {**base, **changes}


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(METRIC_COLUMNS))


def quality(strength: str, **changes: Any) -> list[dict[str, Any]]:
    common = {"attack": "", "policy": "", "system": "", "strength": strength, **changes}
    return [
        row(**common, metric="ssim_inside", value=0.5),
        row(**common, metric="ssim_outside", value=1.0),
        row(**{**common, "system": "haar"}, metric="detected", value=0.75),
    ]


def test_success_that_nobody_measured_is_missing() -> None:
    metrics = table(row(value=NAN), *quality("5"))
    assert attacker_success(metrics).empty
    assert tradeoff(metrics)["attacker_success"].isna().all()
    assert headline(metrics)["d"]["blur_face"]["5"]["tmr_at_fmr_0.01.worst"] is None


def test_tradeoff_orders_strengths_as_numbers() -> None:
    strengths = ["10", "5", "100", "0.5", "30"]
    rows = [r for s in strengths for r in (*quality(s), row(strength=s, value=0.25))]
    rows += quality(
        "none",
        method="blackout_face",
    )
    wide = tradeoff(table(*rows))
    own = wide[wide["method"] == "blur_face"]
    assert own["strength"].tolist() == ["0.5", "5", "10", "30", "100"]
    assert own["attacker_success"].tolist() == [0.75] * 5
    assert wide["label"].tolist()[:2] == ["blackout_face", "blur_face 0.5"]
    assert {"detected_haar", "ssim_inside", "ssim_outside"} < set(wide.columns)
    assert np.isnan(wide["attacker_success"].iloc[0])


def test_headline_is_nested_and_holds_plain_numbers(tmp_path: Path) -> None:
    metrics = table(
        row(metric="eer", value=0.5), row(metric="eer", attack="baseline", value=0.125),
        row(metric="eer", policy="aligned", value=NAN), row(value=0.25),
        *quality("5"), row(metric="fail_closed", attack="", policy="", system="", value=0.25),
    )  # fmt: skip
    from anonbench.io import write_json

    write_json(headline(metrics), tmp_path / "metrics.json")
    text = (tmp_path / "metrics.json").read_text()
    assert "NaN" not in text
    assert json.loads(text) == {"d": {"blur_face": {"5": {
        "eer.dlib.detected.naive": 0.5, "eer.dlib.aligned.naive": None, "detected.haar": 0.75,
        "ssim_inside": 0.5, "ssim_outside": 1.0, "fail_closed": 0.25,
        "tmr_at_fmr_0.01.worst": 0.75,
    }}}}  # fmt: skip


EXPRESSION = ("expression_metrics", "expression_replicates", "confusion")
PLAN = {
    "datasets": ["d"], "recognisers": ["dlib", "other"], "expressions": {}, "seed": 1,
    "methods": {
        "original": {"anonymiser": "original"}, "blank": {"anonymiser": "blank"},
        "blur_face": {"anonymiser": "blur"}, "noise_face": {"anonymiser": "noise"},
    },
    "metrics": {"bootstrap": 20, "confidence": 0.95}, "leaks": {"psnr": 40.0, "max_share": 0.01},
}  # fmt: skip


def test_strengths_that_change_nothing_are_exempt() -> None:
    from anonbench import anonymisers
    from anonbench.strengths import strength_label

    exempt = summary_settings(PLAN).exempt
    assert ("original", "none") in exempt and ("blank", "none") not in exempt
    for name in ("blur", "noise"):
        identity = anonymisers.get(name).info.identity
        expected = set() if identity is None else {(f"{name}_face", strength_label(identity))}
        assert {e for e in exempt if e[0] == f"{name}_face"} == expected


def test_files_are_sorted_by_method_and_recogniser() -> None:
    plan = {**PLAN, "datasets": ["d", "e"], "methods": {"original": {}, "blur_face": {}}}
    pairs = [(d, m) for d in ("d", "e") for m in ("original", "blur_face")]
    kinds = {
        kind: [f"{d}.{m}.{r}.{kind}" for d, m in pairs for r in ("dlib", "other")]
        for kind in ("metrics", "curves", "histograms", "replicates")
    }
    files = SimpleNamespace(
        **kinds, images=[f"{d}.{m}.images" for d, m in pairs],
        ledgers=[f"{d}.{m}.ledger" for d, m in pairs],
        **{
            kind: [f"{d}.{m}.{n}.{kind}" for d, m in pairs for n in ("dan", "x", "y")]
            for kind in EXPRESSION
        },
    )  # fmt: skip
    plan["expressions"] = {"dan": {}, "x": {}, "y": {}}
    third = method_files(plan, files)[2]
    assert third.expressions["metrics"] == [
        Path(f"e.original.{n}.expression_metrics") for n in ("dan", "x", "y")
    ]
    assert third.expressions["confusion"][2] == Path("e.original.y.confusion")
    assert (third.dataset, third.method) == ("e", "original")
    assert third.scores["curves"] == [
        Path("e.original.dlib.curves"),
        Path("e.original.other.curves"),
    ]
    assert (third.images, third.ledger) == (Path("e.original.images"), Path("e.original.ledger"))


# A whole small run

IMAGES = ["a/1", "a/2", "b/1", "b/2", "b/3"]
"""a/2 is a copy of a/1; b/3 is unreadable; the method blacks b/2 out and lets a/1 through."""


def replicates(method: str, strength: str, system: str) -> pd.DataFrame:
    """Return what `score` keeps of the naive attack: values that the methods do not share."""
    own = {"dataset": "d", "method": method, "strength": strength, "attack": "naive"}
    value = {"original": 0.0, "blank": 1.0, "blur_face": 0.25}[method]
    rows = [{**own, "system": system, "policy": "detected", "metric": "gfrr_at_gfar_0.01",
             "paired": True, "values": np.full(20, value)}]  # fmt: skip
    return pd.DataFrame(rows)


def write_run(folder: Path) -> dict[str, Any]:
    manifest = pd.DataFrame({
        "image_id": IMAGES, "path": [f"{i}.jpg" for i in IMAGES], "subject": list("aabbb"),
        "status": ["ok"] * 4 + ["unreadable"], "detail": [""] * 4 + ["truncated"],
        "duplicate_of": ["", "a/1", "", "", ""],
    })  # fmt: skip
    write_table(manifest, folder / "manifest.parquet")
    for method, strength in (("original", "none"), ("blank", "none"), ("blur_face", "5")):
        failed = {"b/2": "no_face"} if method == "blur_face" else {}
        status = ["unreadable" if i == "b/3" else failed.get(i, "ok") for i in IMAGES]
        errors = {"original": 0.0, "blank": 9e3, "blur_face": 500.0}
        region = [0.0 if (method, i) == ("blur_face", "a/1") else errors[method] for i in IMAGES]
        ledger = {"image_id": IMAGES, "strength": strength, "status": status, "detail": ""}
        write_table(pd.DataFrame(ledger), folder / f"{method}.ledger.parquet")
        measured = pd.DataFrame({
            "image_id": IMAGES, "strength": strength, "status": status, "mse_region": region,
            "mse_inside": region, "found_haar": [1.0, 1.0, 0.0, 0.0, 0.0],
        })  # fmt: skip
        measured.loc[4, ["mse_region", "mse_inside"]] = NAN
        write_table(measured, folder / f"{method}.images.parquet")
        scores = [row(method=method, strength=strength, attack=a) for a in ("baseline", "naive")]
        for system in ("dlib", "other"):
            write_table(
                table(*({**s, "system": system} for s in scores)),
                folder / f"{method}.{system}.metrics.csv",
            )
            line = pd.DataFrame([{"dataset": "d", "method": method, "system": system, "fmr": 0.5}])
            write_table(
                replicates(method, strength, system),
                folder / f"{method}.{system}.replicates.parquet",
            )
            for kind in ("curves", "histograms"):
                write_table(line, folder / f"{method}.{system}.{kind}.parquet")
    methods = {k: v for k, v in PLAN["methods"].items() if k != "noise_face"}  # type: ignore[attr-defined]
    contrast = {"name": "gone", "methods": ["blank", "blur_face"], "strengths": [None, 5]}
    plan = {**PLAN, "methods": methods, "contrasts": [contrast]}
    files = SimpleNamespace(
        images=[folder / f"{m}.images.parquet" for m in methods],
        ledgers=[folder / f"{m}.ledger.parquet" for m in methods],
        **{kind: [] for kind in EXPRESSION},
        **{
            kind: [
                folder / f"{m}.{s}.{kind}.{'csv' if kind == 'metrics' else 'parquet'}"
                for m in methods for s in ("dlib", "other")
            ]
            for kind in ("metrics", "curves", "histograms", "replicates")
        },
    )  # fmt: skip
    out = {
        "metrics": "metrics.csv", "curves": "curves.parquet", "histograms": "histograms.parquet",
        "ledger": "ledger.csv", "leaks": "leaks.csv", "checks": "checks.json",
        "headline": "metrics.json", "tradeoff": "tradeoff.csv", "pareto": "pareto.csv",
        "confusion": "confusion.csv", "contrasts": "contrasts.csv", "distances": "distances.csv",
    }  # fmt: skip
    summarise_files(
        manifests={"d": folder / "manifest.parquet"}, methods=method_files(plan, files),
        settings=summary_settings(plan), out={k: folder / "out" / v for k, v in out.items()},
    )  # fmt: skip
    return out


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    write_run(folder)
    return folder / "out"


def test_ledger_names_every_failure_once_with_its_stage(out: Path) -> None:
    ledger = read_table(out / "ledger.csv")
    assert tuple(ledger.columns) == LEDGER_COLUMNS
    found = {(r.stage, r.method, r.image_id, r.status, r.path) for r in ledger.itertuples()}
    assert found == {
        ("ingest", "", "a/2", "duplicate", "a/2.jpg"),
        ("ingest", "", "b/3", "unreadable", "b/3.jpg"),
        ("anonymise", "blur_face", "b/2", "no_face", "b/2.jpg"),
    }
    details = ledger.set_index("image_id")["detail"]
    assert details["a/2"] == "same pixels as a/1" and details["b/3"] == "truncated"


def test_leak_is_listed_and_fails_the_run_but_the_control_does_not(out: Path) -> None:
    leaks = read_table(out / "leaks.csv")
    assert tuple(leaks.columns) == LEAK_COLUMNS
    assert leaks[["method", "strength", "image_id", "kind"]].to_numpy().tolist() == [
        ["blur_face", "5", "a/1", "identical"]
    ]
    checks = {c["name"]: c for c in json.loads((out / "checks.json").read_text())["checks"]}
    assert not checks["leaks of blur_face 5 on d"]["passed"]
    assert "33.3% of 3 images" in checks["leaks of blur_face 5 on d"]["detail"]
    assert not any("original 1" in n or "leaks of original" in n for n in checks)
    assert checks["original under naive equals the baseline"]["passed"]


def test_metrics_hold_scores_of_all_recognisers_and_measurements(out: Path) -> None:
    metrics = read_table(out / "metrics.csv")
    assert tuple(metrics.columns) == METRIC_COLUMNS
    keys = [c for c in METRIC_COLUMNS if c not in ("value", "low", "high", "n", "note")]
    assert not metrics.duplicated(keys).any()
    assert set(metrics[metrics["task"] == "verification"]["system"]) == {"dlib", "other"}
    own = metrics[metrics["method"] == "blur_face"].set_index("metric")
    assert own.loc["detected", "value"] == 0.4 and own.loc["detected", "n"] == 5
    assert own.loc["fail_closed", "value"] == 0.4, "unreadable and blacked out"
    assert (metrics["value"].isna() == (metrics["note"] != "")).all()


def test_points_pair_recognition_with_detection(out: Path) -> None:
    pareto = read_table(out / "pareto.csv")
    assert tuple(pareto.columns) == POINT_COLUMNS
    own = pareto[(pareto["privacy"] == "gfrr_at_gfar_0.01") & (pareto["utility"] == "detected")]
    (blur,) = own[own["method"] == "blur_face"].itertuples()
    assert (blur.privacy_value, blur.utility_value) == (0.25, 0.4)
    assert (blur.front, blur.probability) == ("yes", 1.0)
    # Faces are found in both images of a and none of b: some replicates draw only one of them.
    assert (blur.utility_low, blur.utility_high) == (0.0, 1.0)
    assert set(own.loc[own["method"] != "blur_face", "front"]) == {""}
    without = pareto[pareto["utility"] == "uar_retention"]
    assert without["utility_value"].isna().all()
    assert without["note"].str.contains("no expression network").all()
    table = read_table(out / "tradeoff.csv").set_index("method")
    assert table.loc["blur_face", "gfrr_at_gfar_0.01"] == "0.25"


def test_contrast_pairs_recognition_and_detection(out: Path) -> None:
    found = read_table(out / "contrasts.csv")
    assert tuple(found.columns) == CONTRAST_COLUMNS
    assert set(found["first_strength"]) == {"none"} and set(found["second_strength"]) == {"5"}
    naive = found[(found["metric"] == "gtar_at_gfar_0.01") & (found["system"] == "dlib")]
    # Made up: blank is never accepted, blur_face three times of four.
    assert naive["difference_value"].tolist() == [-0.0], "the rows say 0.25 of both"
    assert naive["difference_low"].tolist() == [-0.75]
    detected = found[found["metric"] == "detected"]
    assert detected["difference_value"].tolist() == [0], "the same images were found"
    assert detected[["difference_low", "difference_high"]].to_numpy().tolist() == [[0, 0]]
    failed = found[found["metric"] == "fail_closed"]
    assert failed["difference_value"].tolist() == pytest.approx([-0.2]), "blur_face lost b/2"


def test_run_without_networks_has_an_empty_confusion(out: Path) -> None:
    confusion = read_table(out / "confusion.csv")
    assert tuple(confusion.columns) == CONFUSION_COLUMNS and confusion.empty


def test_curves_of_all_methods_are_stacked(out: Path) -> None:
    curves = read_table(out / "curves.parquet")
    assert curves.groupby("method").size().to_dict() == {"original": 2, "blank": 2, "blur_face": 2}


def test_same_inputs_give_the_same_bytes(out: Path, tmp_path: Path) -> None:
    for name in write_run(tmp_path).values():
        assert (tmp_path / "out" / name).read_bytes() == (out / name).read_bytes(), name


def test_run_without_any_failure_has_empty_tables_with_columns(tmp_path: Path) -> None:
    from anonbench.summarise import _stack

    assert list(_stack([pd.DataFrame()], LEDGER_COLUMNS).columns) == list(LEDGER_COLUMNS)
