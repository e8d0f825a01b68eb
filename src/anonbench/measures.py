"""From measurements by image to metric rows with intervals."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench.head_pose import ANGLES
from anonbench.io import METRIC_COLUMNS, REPLICATE_COLUMNS
from anonbench.landmark_error import ERRORS, FAILURE, landmark_score
from anonbench.ledger import Status
from anonbench.metrics.intervals import rate_interval, replicate_share

Array = NDArray[np.float64]

MEANS = {
    "ssim_inside": "structural similarity inside the subject's face box",
    "ssim_outside": "structural similarity outside the subject's face box",
    "unchanged_outside": "share of images untouched to the bit outside the regions to change",
    "gmsd_inside": "gradient magnitude similarity deviation of the subject's face box",
}
"""Quality metrics that are means over images."""

SHARES = frozenset({
    "detected", "detected_given_clear", "landmark_failure", "unchanged_outside", "leak_share",
    "fail_closed",
})  # fmt: skip
"""Means of zeros and ones, whose interval is bounded where all images agree."""


def psnr(mse: Any) -> Any:
    """Return the peak signal-to-noise ratio in dB of a mean squared error on 0..255; inf for 0."""
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255.0**2 / np.asarray(mse, np.float64))


def leaks(images: pd.DataFrame, bound: float) -> pd.DataFrame:
    """Return the outputs that are, in what a method had to change, too near to their original.

    Parameters
    ----------
    images : DataFrame
        As `anonbench.utility.utility_files` wrote it.
    bound : float
        PSNR in dB; nearer than this is a leak.

    Returns
    -------
    DataFrame
        Columns strength, image_id, kind (identical or near_identical), psnr (inf if identical).
    """
    measured = images[(images["status"] == Status.OK) & images["mse_region"].notna()]
    ratio = psnr(measured["mse_region"])
    near = measured.assign(
        psnr=ratio, kind=np.where(np.isinf(ratio), "identical", "near_identical")
    )
    chosen: pd.DataFrame = near.loc[ratio > bound, ["strength", "image_id", "kind", "psnr"]]
    return chosen.reset_index(drop=True)


@dataclass(frozen=True)
class Measured:
    """Metric rows, and the bootstrap replicates behind the intervals of those that are means."""

    metrics: pd.DataFrame
    replicates: pd.DataFrame


def measured(
    images: pd.DataFrame,
    subjects: pd.Series[str],
    weights: Array,
    *,
    dataset: str,
    method: str,
    psnr_bound: float,
    confidence: float,
) -> Measured:
    """Return metric rows and replicates of one method on one data set.

    Parameters
    ----------
    images : DataFrame
        As `anonbench.utility.utility_files` wrote it: one row an image and strength.
    subjects : Series
        Subject by image id.
    weights : ndarray of shape (B, S)
        Subject resamples, columns in the order of the sorted subject names.
    dataset, method : str
        For the key columns.
    psnr_bound : float
        See `leaks`.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    Measured
        Metrics with `METRIC_COLUMNS`, replicates with `REPLICATE_COLUMNS`: none without resamples.
        Images that were blacked out count in every share and mean that is defined for a black
        image.
    """
    codes = {name: k for k, name in enumerate(sorted(set(subjects)))}
    leaking = set(map(tuple, leaks(images, psnr_bound)[["strength", "image_id"]].to_numpy()))
    found = _Found()
    for strength, group in images.groupby("strength", sort=False):
        subject = group["image_id"].map(subjects).map(codes).to_numpy(np.int64).astype(np.int64)
        add = _Adder(found, weights, subject, confidence, {
            "dataset": dataset, "method": method, "strength": strength, "attack": "", "policy": "",
        })  # fmt: skip
        for column in sorted(c for c in group.columns if c.startswith("found_")):
            system = column.removeprefix("found_")
            add.mean("detection", "detected", group[column], system, missing=0.0)
            clear = group.get(f"clear_{system}")
            given = None if clear is None else group[column].fillna(0.0).where(clear == 1)
            why = "the detector found the subject in no original"
            add.mean("detection", "detected_given_clear", given, system, why=why)
            add.mean("detection", "extra_faces", group.get(f"extra_{system}"), system)
        if "landmarks" in group:
            _add_shape(add, group)
        for metric in MEANS:
            add.mean("quality", metric, group.get(metric))
        for place in ("inside", "outside"):
            add.psnr(f"psnr_{place}", group.get(f"mse_{place}"))
        failed = np.where(group["status"] == Status.OK, 0.0, 1.0)
        leak = [float((strength, i) in leaking) for i in group["image_id"]]
        add.mean("leak", "leak_share", pd.Series(np.where(failed == 0.0, leak, np.nan)))
        add.mean("ledger", "fail_closed", pd.Series(failed))
    return Measured(
        pd.DataFrame(found.rows, columns=list(METRIC_COLUMNS)),
        pd.DataFrame(found.replicates, columns=list(REPLICATE_COLUMNS)),
    )


def _add_shape(add: _Adder, group: pd.DataFrame) -> None:
    """Add what became of landmarks and head pose; what was not found counts as a failure alone."""
    system = str(group["landmarks"].iloc[0])
    error = group["nme"]
    found, clear = int(error.notna().sum()), group[f"clear_{system}"] == 1
    note = f"found in {found} of {len(group)} images; the others count in landmark_failure alone"
    why = "no image whose face was found in both it and its original"
    for metric in ERRORS:
        add.mean("landmarks", metric, group[metric], system, why=why, note=note)
    missing = int((~clear).sum())
    lost = f"{missing} of {len(group)} without landmarks in the original: failures" * bool(missing)
    failed = 1.0 - (error <= FAILURE).astype(float)
    add.mean("landmarks", "landmark_failure", failed, system, note=lost)
    score = pd.Series(landmark_score(error.to_numpy(np.float64)))
    add.mean("landmarks", "landmark_auc", score, system, note=lost)
    for angle in ANGLES:
        metric = f"{angle}_error"
        add.mean("pose", metric, group[metric], system, why=why, note=note)


@dataclass
class _Found:
    """Rows of both tables so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    replicates: list[dict[str, Any]] = field(default_factory=list)


class _Adder:
    """Adds rows of one condition."""

    def __init__(
        self,
        found: _Found,
        weights: Array,
        subject: NDArray[np.int64],
        confidence: float,
        keys: dict[str, Any],
    ) -> None:
        self._found = found
        self._weights = weights
        self._subject = subject
        self._confidence = confidence
        self._keys = keys

    def mean(
        self,
        task: str,
        metric: str,
        values: pd.Series[float] | None,
        system: str = "",
        missing: float | None = None,
        why: str = "no image to measure",
        note: str = "",
    ) -> None:
        """Add the mean of the values that there are; `missing` stands for the others if given.

        `why` is the note where there is no value, `note` where there is one.
        """
        value, replicates, n, subjects = self._replicates(values, missing)
        trials = subjects if metric in SHARES else 0
        bounds = rate_interval(value, replicates, trials, self._confidence)
        if len(self._weights) and n:
            kept = {**self._keys, "system": system, "metric": metric, "paired": True}
            self._found.replicates.append({**kept, "values": replicates})
        self._add(task, metric, system, value, bounds.low, bounds.high, n, why, note)

    def psnr(self, metric: str, errors: pd.Series[float] | None) -> None:
        """Add the PSNR of the mean of squared errors, which is infinite where all are zero."""
        value, replicates, n, _ = self._replicates(errors, None)
        if value == 0:
            nan = float("nan")
            self._add("quality", metric, "", nan, nan, nan, n, "infinite: identical in all images")
            return
        bounds = rate_interval(value, replicates, 0, self._confidence)
        low, high = float(psnr(bounds.high)), float(psnr(bounds.low))
        high = high if np.isfinite(high) else float("nan")
        self._add("quality", metric, "", float(psnr(value)), low, high, n, "no image to measure")

    def _replicates(
        self, values: pd.Series[float] | None, missing: float | None
    ) -> tuple[float, Array, int, int]:
        given = (
            np.full(len(self._subject), np.nan) if values is None else values.to_numpy(np.float64)
        )
        if missing is not None:
            given = np.where(np.isnan(given), missing, given)
        there = ~np.isnan(given)
        n = int(there.sum())
        subject = self._subject[there]
        if not n:
            return float("nan"), np.full(max(1, len(self._weights)), np.nan), 0, 0
        replicates = (
            replicate_share(self._weights, given[there], subject)
            if len(self._weights)
            else np.full(1, np.nan)
        )
        return float(given[there].mean()), replicates, n, len(np.unique(subject))

    def _add(
        self,
        task: str,
        metric: str,
        system: str,
        value: float,
        low: float,
        high: float,
        n: int,
        why: str,
        note: str = "",
    ) -> None:
        note = why if np.isnan(value) else note
        row = {"task": task, "metric": metric, "system": system, "value": value, "low": low}
        self._found.rows.append({**self._keys, **row, "high": high, "n": n, "note": note})
