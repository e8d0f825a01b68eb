"""From images to rows: shares by hand, failures in the denominators, leaks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench.head_pose import ANGLES
from anonbench.io import METRIC_COLUMNS, REPLICATE_COLUMNS
from anonbench.landmark_error import GROUPS
from anonbench.measures import Measured, leaks, measured, psnr

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
    return both(table, np.zeros((0, 2)) if weights is None else weights, bound).metrics


def both(table: pd.DataFrame, weights: np.ndarray, bound: float = 40) -> Measured:
    subjects = pd.Series({f"i{k}": f"s{k // 5}" for k in range(10)})
    return measured(
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


def test_found_among_those_found_in_the_original() -> None:
    # Found: 0..3 (of 0..7; nothing is known of 8 and 9). The detector had found 0..2, 5 and 9.
    clear = [1.0, 1, 1, 0, 0, 1, 0, 0, 0, 1]
    table = measure(images(clear_haar=clear))
    given = row(table, "detected_given_clear")
    assert (given.value, given.n, given.system) == (3 / 5, 5, "haar"), "image 9 is not found"
    assert row(table, "detected").value == 0.4, "all images"
    never = row(measure(images(clear_haar=0.0)), "detected_given_clear")
    assert np.isnan(never.value) and never.n == 0 and "in no original" in never.note


# Landmarks and head pose

ERROR = [0.0, 0.02, 0.05, 0.10, 0.101, 0.4, NAN, NAN, NAN, NAN]


def shaped(**columns: Any) -> pd.DataFrame:
    """The detector had found 0..8; 6 to 9 have no face in the result."""
    shape = {f"nme_{group}": np.array(ERROR) * k for k, group in enumerate(GROUPS, 2)}
    shape |= {f"{a}_error": np.array(ERROR) * 10 * k for k, a in enumerate(ANGLES, 1)}
    given = {"landmarks": "mesh", "nme": ERROR, "clear_mesh": [1.0] * 9 + [0.0], "found_mesh": 1.0}
    return images(**{**given, **shape, **columns})


def test_landmark_failures_stay_in_the_denominator() -> None:
    table = measure(shaped())
    failure = row(table, "landmark_failure")
    # 0.101 and 0.4 exceed 0.10, four images have no face.
    assert (failure.value, failure.n) == (0.6, 10)
    assert (failure.task, failure.system) == ("landmarks", "mesh")
    assert "1 of 10" in failure.note, "what the detector could not find in the original either"
    score = row(table, "landmark_auc")
    assert score.value == pytest.approx((1 + 0.8 + 0.5 + 0) / 10) and score.n == 10


def test_mean_errors_are_of_faces_found_and_say_so() -> None:
    table = measure(shaped())
    total = sum(ERROR[:6])
    assert row(table, "nme").value == pytest.approx(total / 6)
    for k, group in enumerate(GROUPS, 2):
        assert row(table, f"nme_{group}").value == pytest.approx(k * total / 6)
    for k, angle in enumerate(ANGLES, 1):
        found = row(table, f"{angle}_error")
        assert found.value == pytest.approx(10 * k * total / 6) and found.task == "pose"
        assert found.n == 6 and "6 of 10" in found.note and "landmark_failure" in found.note


def test_no_face_found_twice_is_no_error_of_zero() -> None:
    nothing = dict.fromkeys(("nme", *(f"{a}_error" for a in ANGLES)), NAN)
    table = measure(shaped(**nothing))
    for name in nothing:
        missing = row(table, name)
        assert np.isnan(missing.value) and missing.n == 0 and "found in both" in missing.note
    assert row(table, "landmark_failure").value == 1 and row(table, "landmark_auc").value == 0


def test_without_landmarks_there_are_no_such_rows() -> None:
    assert not set(measure(images())["task"]) & {"landmarks", "pose"}


def test_failure_of_all_images_is_bounded_as_a_share() -> None:
    weights = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    failure = row(measure(shaped(nme=NAN), weights), "landmark_failure")
    assert failure.high == 1 and failure.low == pytest.approx(0.05 ** (1 / 2))
    error = row(measure(shaped(nme=0.0), weights), "nme")
    assert (error.low, error.high) == (0, 0), "a length, no share of trials"


def test_replicates_count_failures_as_their_rows_do() -> None:
    """Of s0's five images four are found, of s1's none: two of these were blacked out."""
    weights = np.array([[2.0, 0.0], [1.0, 1.0], [0.0, 2.0]])
    table = both(images(), weights).replicates
    assert tuple(table.columns) == REPLICATE_COLUMNS and table["paired"].all()
    found = row(table, "detected")
    assert (found.system, found.strength) == ("haar", "5")
    np.testing.assert_allclose(found.values, [0.8, 0.4, 0.0])
    np.testing.assert_allclose(row(table, "ssim_inside").values, [0.5, 0.4, 0.3])
    # Of s1's three images that were not blacked out one has three more faces.
    np.testing.assert_allclose(row(table, "extra_faces").values, [0, 3 / 8, 1])
    assert both(images(), np.zeros((0, 2))).replicates.empty


def test_what_has_no_value_has_no_replicates() -> None:
    table = both(images(ssim_inside=NAN), np.array([[2.0, 0.0], [1.0, 1.0]])).replicates
    assert "ssim_inside" not in set(table["metric"]) and "detected" in set(table["metric"])
