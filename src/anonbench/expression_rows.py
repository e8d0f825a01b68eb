"""Rows of expressions: what one network says of one method, strength and policy."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.metrics import expression as measure
from anonbench.metrics.feature_distance import fid, kid
from anonbench.metrics.intervals import percentile_interval, rate_interval
from anonbench.metrics.replicates import ratio

NOT_FOUND = "not_found"
"""Name of an image without a crop among the classes."""
UNLABELLED = "not computed: the data set has no expression labels that the network knows"

Codes = NDArray[np.int64]
Rates = NDArray[np.float64]


@dataclass(frozen=True)
class Images:
    """The images that count, and what is known of them.

    Attributes
    ----------
    order : (N,) int64, their rows in the files of answers
    classes : K names; code K stands for an image without a crop
    labels : (N,) int64, code of the label; -1 where there is none that the network knows
    subjects : (N,) int64 codes
    n_subjects : of the whole manifest
    weights : (B, S), B = 0 where subjects cannot be resampled
    remark : what the labels lack, empty if nothing
    """

    order: Codes
    classes: tuple[str, ...]
    labels: Codes
    subjects: Codes
    n_subjects: int
    weights: Rates
    remark: str


@dataclass(frozen=True)
class Side:
    """Answers to all images under one condition: class codes, posteriors, states, features."""

    codes: Codes
    probabilities: NDArray[np.float32]
    status: NDArray[np.str_]
    features: NDArray[np.floating[Any]] | None


def confusions(rows: Codes, columns: Codes, images: Images, n_rows: int) -> measure.Counts:
    """(S, n_rows, K + 1) confusion by subject; images whose row is -1 are left out."""
    there = rows >= 0
    shape = (images.n_subjects, n_rows, len(images.classes) + 1)
    return measure.subject_counts(rows[there], columns[there], images.subjects[there], shape)


@dataclass
class Found:
    """Rows of the three tables so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    confusion: list[dict[str, Any]] = field(default_factory=list)
    replicates: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Rows:
    """Adds the rows of one condition."""

    keys: Mapping[str, str]
    images: Images
    confidence: float
    gate: str
    found: Found

    def add(
        self,
        metric: str,
        value: float,
        n: int,
        why: str = "",
        remark: str = "",
        replicates: Rates | None = None,
        n_subjects: int = 0,
    ) -> None:
        """Add a row.

        Parameters
        ----------
        why : str
            The reason, used if there is no value.
        remark : str
            What else to note.
        replicates : (B,), optional
            Of the value.
        n_subjects : int
            Of a rate: how many are behind it, see `anonbench.metrics.intervals.rate_interval`.
        """
        if math.isnan(value) and not why:
            raise ValueError(f"{metric} is missing without a reason")
        low, high = math.nan, math.nan
        if replicates is not None and replicates.size and not math.isnan(value):
            bounds = percentile_interval(replicates, self.confidence)
            if n_subjects:
                bounds = rate_interval(value, replicates, n_subjects, self.confidence)
            low, high = bounds.low, bounds.high
            # For differences and trade-offs across tables.
            kept = {**self.keys, "attack": "", "metric": metric, "paired": True}
            self.found.replicates.append({**kept, "values": replicates})
        note = "; ".join(p for p in (self.gate, why if math.isnan(value) else "", remark) if p)
        keys = {**self.keys, "task": "expression", "attack": "", "metric": metric}
        row = {"value": value, "low": low, "high": high, "n": n, "note": note}
        self.found.rows.append({**keys, **row})

    def missing(self, metric: str, why: str) -> None:
        """Add a row that says why there is no value, and that first."""
        keys = {**self.keys, "task": "expression", "attack": "", "metric": metric}
        row = {"value": math.nan, "low": math.nan, "high": math.nan, "n": 0, "note": why}
        self.found.rows.append({**keys, **row})

    def confusion(self, kind: str, rows: Sequence[str], counts: measure.Counts) -> None:
        """Add the cells of a confusion matrix, given by subject."""
        total = counts.sum(axis=0)
        columns = (*self.images.classes, NOT_FOUND)
        self.found.confusion.extend(
            {**self.keys, "kind": kind, "row": row, "column": column, "n": int(total[i, j])}
            for i, row in enumerate(rows)
            for j, column in enumerate(columns)
        )

    def rate(
        self,
        metric: str,
        function: Callable[[measure.Counts], Rates],
        counts: measure.Counts,
        base: measure.Counts,
        why: str,
        remark: str = "",
    ) -> None:
        """Add a function of a confusion.

        Parameters
        ----------
        function : callable
            One of `anonbench.metrics.expression`.
        counts : (S, R, C)
            By subject.
        base : (S, ...)
            Those cells of it that make up the denominator.
        """
        by_subject = base.reshape(len(base), -1).sum(axis=1)
        self.add(
            metric,
            float(function(counts.sum(axis=0))),
            int(by_subject.sum()),
            why,
            remark,
            function(measure.resampled(self.images.weights, counts)),
            0 if metric.startswith("kappa") else int(np.count_nonzero(by_subject)),
        )


def pair_rows(rows: Rows, pairs: measure.Counts) -> None:
    """Add what needs no labels: preservation and kappa."""
    seen, both = pairs[:, :-1, :], pairs[:, :-1, :-1]
    none = "no image was classified in the original"
    none_twice = "no image was classified both before and after"
    rows.rate("preservation", measure.preservation, pairs, seen, none)
    rows.rate("preservation_found", measure.preservation_found, pairs, both, none_twice)
    for k, name in enumerate(rows.images.classes):
        why = f"no original was classified as {name}"
        own = pairs[:, k : k + 1, :]
        rows.rate(f"preservation_{name}", lambda c, k=k: _nth(c, k), pairs, own, why)  # type: ignore[misc]
    same = ", or all as one and the same class"
    rows.rate("kappa", measure.kappa, pairs, seen, none + same)
    rows.rate("kappa_found", measure.kappa_found, pairs, both, none_twice + same)


def _nth(pairs: measure.Counts, k: int) -> Rates:
    return measure.preservation_by_class(pairs)[..., k]


def image_rows(rows: Rows, clear: Side, side: Side) -> None:
    """Add means over images: those without a crop, and the divergence of posteriors."""
    missing = side.codes == len(rows.images.classes)
    causes = Counter(str(s) for s in side.status[missing])
    remark = ", ".join(f"{name} {n}" for name, n in sorted(causes.items()))
    _mean_row(rows, NOT_FOUND, missing.astype(np.float64), "there is no image", remark, True)
    bits = measure.jensen_shannon(clear.probabilities, side.probabilities)
    why = "no image was classified both before and after"
    _mean_row(rows, "divergence_found", bits, why, "in bits", False)


def _mean_row(rows: Rows, metric: str, values: Rates, why: str, remark: str, is_rate: bool) -> None:
    """Add the mean of the values that there are."""
    there = ~np.isnan(values)
    subjects, n = rows.images.subjects[there], int(there.sum())
    size = rows.images.n_subjects
    sums = np.bincount(subjects, values[there], size)
    totals = np.bincount(subjects, minlength=size).astype(np.float64)
    weights = rows.images.weights
    value = float(values[there].mean()) if n else math.nan
    replicates = ratio(weights @ sums, weights @ totals)
    n_subjects = int(np.count_nonzero(totals)) if is_rate else 0
    rows.add(metric, value, n, why, remark, replicates, n_subjects)


def truth_rows(rows: Rows, clear: Side, side: Side) -> None:
    """Add what is measured against labels."""
    images = rows.images
    classes = images.classes
    truths = confusions(images.labels, side.codes, images, len(classes))
    before = confusions(images.labels, clear.codes, images, len(classes))
    rows.confusion("truth", classes, truths)
    names = ["accuracy", "accuracy_found", "uar", "uar_found"]
    names += [f"recall_{name}" for name in classes] + ["accuracy_retention", "uar_retention"]
    if not truths.any():
        for name in names:
            rows.missing(name, UNLABELLED)
        return
    found, remark = truths[..., :-1], images.remark
    none = "no labelled image was classified"
    present = int(np.count_nonzero(truths.sum(axis=(0, 2))))
    over = "; ".join(p for p in (f"{present} labels", remark) if p)
    rows.rate("accuracy", measure.accuracy, truths, truths, none, remark)
    rows.rate("accuracy_found", measure.accuracy_found, truths, found, none, remark)
    rows.rate("uar", measure.uar, truths, truths, none, over)
    seen = int(np.count_nonzero(found.sum(axis=(0, 2))))
    over = "; ".join(p for p in (f"{seen} labels", remark) if p)
    rows.rate("uar_found", measure.uar_found, truths, found, none, over)
    for k, name in enumerate(classes):
        own = truths[:, k : k + 1, :]
        why = f"no image is labelled {name}"
        rows.rate(f"recall_{name}", lambda c, k=k: measure.recalls(c)[..., k], truths, own, why)  # type: ignore[misc]
    for name, function in (("accuracy", measure.accuracy), ("uar", measure.uar)):
        _retention_row(rows, f"{name}_retention", function, truths, before)


def _retention_row(
    rows: Rows,
    metric: str,
    function: Callable[[measure.Counts], Rates],
    after: measure.Counts,
    before: measure.Counts,
) -> None:
    value = measure.retention(function(after.sum(axis=0)), function(before.sum(axis=0)))
    weights = rows.images.weights
    replicates = measure.retention(
        function(measure.resampled(weights, after)), function(measure.resampled(weights, before))
    )
    why = "nothing to retain: no original is classified as labelled"
    remark = rows.images.remark
    rows.add(metric, float(value), int(after.sum()), why, remark, replicates)


def baseline_rows(rows: Rows) -> None:
    """Add what needs no look at the images: the most frequent label, and guessing."""
    images = rows.images
    truths = confusions(images.labels, np.zeros_like(images.labels), images, len(images.classes))
    if not truths.any():
        for name in ("majority_accuracy", "chance_accuracy"):
            rows.missing(name, UNLABELLED)
        return
    most = images.classes[int(truths.sum(axis=(0, 2)).argmax())]
    remark = f"always {most}"
    rows.rate("majority_accuracy", measure.majority, truths, truths, UNLABELLED, remark)
    n = len(images.classes)
    remark = f"one of {n} classes, drawn evenly"
    rows.add("chance_accuracy", 1.0 / n, int(truths.sum()), remark=remark)


def feature_rows(
    rows: Rows,
    clear: NDArray[np.floating[Any]],
    side: NDArray[np.floating[Any]],
    generator: np.random.Generator,
) -> None:
    """Add KID and FID between originals and anonymised images that both have a crop."""
    both = ~(_unknown(clear) | _unknown(side))
    n, width = int(both.sum()), int(side.shape[1])
    remark = f"features of {rows.keys['system']} ({width} numbers)"
    value = kid(clear[both], side[both], generator) if n >= 2 else math.nan
    rows.add("kid_found", value, n, f"{n} images were classified both before and after", remark)
    biased = f"{remark}; biased upwards below thousands of images, N = {n}"
    few = f"{n} images are too few for the covariance of {width} features"
    value = fid(clear[both], side[both]) if width and n > width else math.nan
    rows.add("fid_found", value, n, few, biased)


def _unknown(features: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """(N,) whether an image has no features; none has where the network saw no crop at all."""
    if not features.shape[1]:
        return np.ones(len(features), np.bool_)
    return np.asarray(np.isnan(features).any(axis=1))
