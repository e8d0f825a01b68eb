"""Scores of expressions: what a network sees before and after, and what the labels say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from anonbench import io, seeds
from anonbench.classifications import Classifications, read_classifications
from anonbench.expression_rows import (
    NOT_FOUND,
    Codes,
    Found,
    Images,
    Rows,
    Side,
    baseline_rows,
    confusions,
    feature_rows,
    image_rows,
    pair_rows,
    truth_rows,
)
from anonbench.expressions import EXPRESSIONS
from anonbench.io import CONFUSION_COLUMNS, METRIC_COLUMNS, REPLICATE_COLUMNS
from anonbench.ledger import Status
from anonbench.metrics import expression as measure
from anonbench.metrics.intervals import subject_weights


@dataclass(frozen=True)
class ExpressionSettings:
    """What to measure and how.

    `gate` is the UAR on the clear images below which a network is not to be believed, `replicates`
    and `confidence` are those of the bootstrap.
    """

    gate: float = 0.6
    replicates: int = 1000
    confidence: float = 0.95


@dataclass(frozen=True)
class ExpressionTables:
    """Metric, confusion and replicate tables."""

    metrics: pd.DataFrame
    confusion: pd.DataFrame
    replicates: pd.DataFrame


def score_expression_files(
    original: Path,
    anonymised: Path,
    manifest: Path,
    metrics: Path,
    confusion: Path,
    replicates: Path,
    *,
    dataset: str,
    method: str,
    system: str,
    settings: ExpressionSettings,
    seed: int,
) -> None:
    """Read answers and manifest, `score_expressions` and write the three tables."""
    tables = score_expressions(
        read_classifications(original),
        read_classifications(anonymised),
        io.read_table(manifest),
        dataset=dataset,
        method=method,
        system=system,
        settings=settings,
        seed=seed,
    )
    io.write_table(tables.metrics, metrics)
    io.write_table(tables.confusion, confusion)
    io.write_table(tables.replicates, replicates)


def score_expressions(
    original: Classifications,
    anonymised: Classifications,
    manifest: pd.DataFrame,
    *,
    dataset: str,
    method: str,
    system: str,
    settings: ExpressionSettings,
    seed: int,
) -> ExpressionTables:
    """Score what one method does to expressions on one data set, by the eyes of one network.

    Images that ingest could not use stay in as images without a crop; only duplicates that the
    data set says to drop are left out. Each policy is compared with the same policy on the
    originals. The bootstrap is keyed by `seed` and `dataset` and drawn over the sorted subjects of
    the manifest, as in all other tables, so that differences are paired replicate by replicate.

    Parameters
    ----------
    original, anonymised : Classifications
        Of the method ``original`` and of the method to score.
    manifest : DataFrame
        image_id, subject, expression (empty where unknown), status.
    dataset, method, system : str
        For the key columns; `system` is the entry's name of the network.
    settings : ExpressionSettings
    seed : int

    Raises
    ------
    ValueError
        If the three do not name the same images, or the two not the same classes and policies.
    """
    _check_same(original, anonymised, manifest)
    images = _images(original, manifest, dataset, settings, seed)
    names = {"dataset": dataset, "method": method}
    found = Found()
    for policy in original.policies:
        clear = _side(original, 0, policy, images)
        gate = _gate(clear, images, settings.gate)
        for index, strength in enumerate(anonymised.strengths):
            side = _side(anonymised, index, policy, images)
            keys = {**names, "strength": strength, "system": system, "policy": policy}
            rows = Rows(keys, images, settings.confidence, gate, found)
            pairs = confusions(clear.codes, side.codes, images, len(images.classes) + 1)
            rows.confusion("prediction", (*images.classes, NOT_FOUND), pairs)
            pair_rows(rows, pairs)
            image_rows(rows, clear, side)
            truth_rows(rows, clear, side)
            if method == "original":
                baseline_rows(rows)
            if side.features is not None and clear.features is not None:
                draw = seeds.generator(seed, "blocks of images", dataset)
                feature_rows(rows, clear.features, side.features, draw)
    return ExpressionTables(
        pd.DataFrame(found.rows, columns=list(METRIC_COLUMNS)),
        pd.DataFrame(found.confusion, columns=list(CONFUSION_COLUMNS)),
        pd.DataFrame(found.replicates, columns=list(REPLICATE_COLUMNS)),
    )


def _check_same(
    original: Classifications, anonymised: Classifications, manifest: pd.DataFrame
) -> None:
    """Raise if the three are not of the same images, classes and policies."""
    for what in ("image_ids", "classes", "policies"):
        if getattr(original, what) != getattr(anonymised, what):
            raise ValueError(
                f"the answers to the originals and to the method differ in {what}: classify anew"
            )
    expected, found = set(manifest["image_id"].astype(str)), set(original.image_ids)
    if expected != found or len(found) != len(original.image_ids):
        example = min(expected ^ found, default="an image that is named twice")
        raise ValueError(
            f"answers and manifest do not name the same images, e.g. {example}: classify anew"
        )


def _images(
    answers: Classifications,
    manifest: pd.DataFrame,
    dataset: str,
    settings: ExpressionSettings,
    seed: int,
) -> Images:
    subjects = manifest["subject"].astype(str)
    names = {name: k for k, name in enumerate(sorted(set(subjects)))}
    kept = (manifest["status"] != Status.DUPLICATE).to_numpy(dtype=bool)
    classes = tuple(c for c in (*EXPRESSIONS, "contempt") if c in answers.classes)
    codes = {name: k for k, name in enumerate(classes)}
    labels = manifest["expression"].fillna("").astype(str)[kept]
    weights = np.zeros((0, len(names)))
    if settings.replicates and len(names) > 1:
        draw = seeds.generator(seed, "subject bootstrap", dataset)
        weights = subject_weights(len(names), settings.replicates, draw)
    places = {name: k for k, name in enumerate(answers.image_ids)}
    return Images(
        order=_ints(manifest["image_id"].astype(str)[kept].map(places)),
        classes=classes,
        labels=_ints(labels.map(lambda name: codes.get(name, -1))),
        subjects=_ints(subjects[kept].map(names)),
        n_subjects=len(names),
        weights=weights,
        remark=_remark(labels, codes),
    )


def _ints(values: pd.Series[Any]) -> Codes:
    return values.to_numpy(dtype=np.int64)


def _remark(labels: pd.Series[str], codes: Mapping[str, int]) -> str:
    """Say which images are left out where answers are compared with labels."""
    out = Counter(name or "without a label" for name in labels if name not in codes)
    if not out:
        return ""
    listed = ", ".join(f"{n} {name}" for name, n in sorted(out.items()))
    return f"left out, as the network cannot know them: {listed}"


def _side(answers: Classifications, strength: int, policy: str, images: Images) -> Side:
    index = answers.policies.index(policy)
    probabilities = answers.probabilities[strength, index][images.order]
    found = ~np.isnan(probabilities).any(axis=1)
    # In the order of the benchmark; ties go to the first class of the network's own.
    own = np.array([images.classes.index(c) for c in answers.classes], np.int64)
    codes = np.full(len(found), len(images.classes), np.int64)
    codes[found] = own[probabilities[found].argmax(axis=1)]
    features = answers.features[strength][images.order]
    return Side(
        codes,
        probabilities,
        np.asarray(answers.status[strength, index], dtype=str)[images.order],
        features if policy == answers.feature_policy else None,
    )


def _gate(clear: Side, images: Images, bound: float) -> str:
    """Return what every row of the network has to say of it; empty if it may be believed."""
    truths = confusions(images.labels, clear.codes, images, len(images.classes)).sum(axis=0)
    reached = float(measure.uar(truths))
    if math.isnan(reached):
        return "gate unknown: there are no labels to tell how good the network is on clear images"
    if reached < bound:
        return f"below the gate: clear UAR {reached:.3f}, {bound:g} is asked for"
    return ""
