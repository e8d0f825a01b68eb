"""From images to rows: shares by hand, failures in the denominators, leaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.io import METRIC_COLUMNS
from anonbench.measures import leaks, measure_rows, psnr

NAN = float("nan")


def images(**columns: Any) -> pd.DataFrame:
    """Ten images; 0..7 fine, 8 and 9 blacked out."""
    n = 10
    table = pd.DataFrame({
        "image_id": [f"i{k}" for k in range(n)], "strength": "5",
        "status": ["ok"] * 8 + ["no_face", "method_error"],
        "ssim_inside": [0.5] * 8 + [0.0] * 2, "ssim_outside": 1.0,
        "mse_inside": 100.0, "mse_outside": 0.0, "mse_region": 100.0,
        "unchanged_outside": [1.0] * 6 + [0.0] * 2 + [NAN] * 2,
        "found_haar": [1.0] * 4 + [0.0] * 4 + [NAN] * 2,
        "extra_haar": [0.0] * 7 + [3.0] + [NAN] * 2,
    })  # fmt: skip
    return table.assign(**columns)


def measure(
    table: pd.DataFrame, weights: np.ndarray | None = None, bound: float = 40
) -> pd.DataFrame:
    subjects = pd.Series({f"i{k}": f"s{k // 5}" for k in range(10)})
    weights = np.zeros((0, 2)) if weights is None else weights
    return measure_rows(
        table, subjects, weights, dataset="d", method="m", psnr_bound=bound, confidence=0.95
    )


def row(table: pd.DataFrame, metric: str) -> Any:
    (found,) = table[table["metric"] == metric].itertuples()
    return found


def test_psnr_by_hand() -> None:
    assert psnr(255.0**2) == 0
    assert psnr(65.025) == pytest.approx(30)  # 255 squared over a thousand
    assert psnr(0) == np.inf and np.isnan(psnr(NAN))


def test_failures_stay_in_the_denominators() -> None:
    table = measure(images())
    assert tuple(table.columns) == METRIC_COLUMNS
    detected = row(table, "detected")
    assert (detected.value, detected.n, detected.system) == (0.4, 10, "haar")
    failed = row(table, "fail_closed")
    assert (failed.value, failed.n) == (0.2, 10)
    assert row(table, "ssim_inside").value == pytest.approx(0.4), "black images count"
    assert (row(table, "unchanged_outside").value, row(table, "unchanged_outside").n) == (0.75, 8)
    assert row(table, "extra_faces").value == pytest.approx(3 / 8)


def test_psnr_is_that_of_the_mean_error() -> None:
    table = measure(images(mse_inside=[0.0] * 5 + [130.05] * 5))
    assert row(table, "psnr_inside").value == pytest.approx(30)
    outside = row(table, "psnr_outside")
    assert np.isnan(outside.value) and "infinite" in outside.note, "no number stands for infinity"


def test_nothing_measured_is_missing_with_a_reason() -> None:
    table = measure(images(ssim_inside=NAN, status="unreadable", mse_region=NAN))
    missing = row(table, "ssim_inside")
    assert np.isnan(missing.value) and missing.n == 0 and missing.note
    share = row(table, "leak_share")
    assert np.isnan(share.value) and share.n == 0 and share.note
    assert row(table, "fail_closed").value == 1
    assert (table["note"] != "").eq(table["value"].isna()).all(), "a reason exactly where needed"


def test_strengths_keep_their_order_and_stay_apart() -> None:
    table = pd.concat([images(strength="10"), images(strength="5", found_haar=1.0)])
    found = measure(table)
    detected = found[found["metric"] == "detected"]
    assert detected["strength"].tolist() == ["10", "5"] and detected["value"].tolist() == [0.4, 1.0]


def test_interval_is_that_of_the_subject_resamples() -> None:
    # s0 holds images 0..4 (4 found of 5), s1 holds 5..9 (none of 5).
    weights = np.array([[2.0, 0.0]] * 10 + [[0.0, 2.0]] * 10 + [[1.0, 1.0]] * 80)
    detected = row(measure(images(), weights), "detected")
    assert detected.low == pytest.approx(0.0) and detected.high == pytest.approx(0.8)


def test_zero_of_few_subjects_is_not_certain() -> None:
    weights = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    none = row(measure(images(found_haar=0.0), weights), "detected")
    assert none.value == 0 and none.low == 0
    assert none.high == pytest.approx(1 - 0.05 ** (1 / 2)), "exact rule of three, two subjects"


# Leaks


def test_identical_and_near_identical_outputs_leak() -> None:
    # 40 dB is a mean squared error of 6.5025.
    errors = [0.0, 1.0, 6.5, 6.51, 100, 100, 100, NAN, 0.0, 0.0]
    found = leaks(images(mse_region=errors), 40.0)
    assert found["image_id"].tolist() == ["i0", "i1", "i2"], "failures are black, hence no leaks"
    assert found["kind"].tolist() == ["identical", "near_identical", "near_identical"]
    assert found["psnr"].tolist() == pytest.approx([np.inf, 48.1308, 40.0017], abs=1e-3)
    share = row(measure(images(mse_region=errors)), "leak_share")
    assert (share.value, share.n) == (3 / 8, 8), "of the outputs that there are"


def test_no_leak_in_an_empty_table() -> None:
    assert leaks(images(mse_region=NAN), 40.0).empty
    assert leaks(images().iloc[:0], 40.0).empty
