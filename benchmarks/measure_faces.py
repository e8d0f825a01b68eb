"""Measure a rendered face set: are its faces found, told apart, and do they show what they should.

Writes the numbers of the set's data card, each with a 95 % bootstrap interval over subjects, and
ends with an error where a goal is missed.
``python benchmarks/measure_faces.py DIR [--out FILE.json] [--markdown FILE.md] [--cores N]``
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from faces_expression import EXPRESSIONS, confusion, predict
from faces_look import DETECTORS, FaceSetError, Looks, look, read_labels
from faces_numbers import REPLICATES, Bools, Estimate, Pairs, Texts, by_group, mean, rank_one, share
from faces_text import markdown
from scipy.stats import spearmanr

from anonbench.io import atomic, write_json

USUAL_THRESHOLD = 0.6
"""At which the package face_recognition accepts; a set of compressed distances shows it up."""

BY_SUBJECT = ("gender", "ancestry", "skin_tone", "hair_style", "hair_colour", "facial_hair",
              "glasses", "makeup")  # fmt: skip
BY_IMAGE = ("expression", "view", "split")
AGES = (18, 30, 45, 60)
PACKAGES = ("numpy", "opencv-contrib-python", "mediapipe", "facenet-pytorch", "torch",
            "scikit-learn")  # fmt: skip

FACES_FOUND, EER, EER_NEUTRAL, EER_GROUP, EXPRESSION = 0.99, 0.05, 0.01, 0.12, 0.85
"""What the bundled set has to reach."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    # Before the processes start that read it: each of them has one core.
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        table = read_labels(options.folder)
    except (FaceSetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    numbers = measure(table, look(options.folder, table, options.cores))
    numbers["set"]["archive_bytes"] = sum(p.stat().st_size for p in options.folder.glob("*.tar"))
    numbers["goals"] = [] if options.no_goals else goals(numbers)
    text = markdown(numbers)
    if options.out:
        write_json(numbers, options.out)
    if options.markdown:
        with atomic(options.markdown) as partial:
            partial.write_text(text, encoding="utf-8")
    print(text)
    return int(not all(goal["met"] for goal in numbers["goals"]))


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="labels.csv and faces-*.tar")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    parser.add_argument("--markdown", type=Path, help="write the tables as Markdown")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--no-goals", action="store_true", help="measure only, judge nothing")
    return parser.parse_args(arguments)


def measure(table: pd.DataFrame, looks: Looks) -> dict[str, Any]:
    """Return all numbers of a set; estimates as dictionaries of value, low, high, n, reason."""
    subjects = table["subject"].to_numpy(dtype=np.str_)
    groups = _joined(table["gender"] + " " + table["ancestry"])
    return {
        "set": {
            "images": len(table),
            "subjects": len(set(subjects)),
            "replicates": REPLICATES,
            "packages": {name: version(name) for name in PACKAGES},
        },
        "attributes": attributes(table),
        "detection": detection(table, looks, subjects, groups),
        "recognition": recognition(table, looks, subjects, groups),
        "expression": {
            "hog": expression(table, looks.hog, subjects),
            "landmarks": expression(table, looks.mesh.reshape(len(table), -1), subjects),
        },
        "image": image(table, looks, subjects),
    }


def _joined(column: pd.Series[str]) -> Texts:
    return column.to_numpy(dtype=np.str_)


def detection(table: pd.DataFrame, looks: Looks, subjects: Texts, groups: Texts) -> dict[str, Any]:
    """Return shares of faces found by each detector and by all, by group, and every miss."""
    hits = dict(zip(DETECTORS, looks.found.T, strict=True)) | {"all": looks.found.all(axis=1)}
    paths = table["path"].to_numpy(dtype=np.str_)
    return {
        "found": {name: share(found, subjects).plain() for name, found in hits.items()},
        "found_anywhere": {
            name: share(any_face, subjects).plain()
            for name, any_face in zip(DETECTORS, looks.anywhere.T, strict=True)
        },
        "found_by_group": {name: _grouped(groups, found, subjects) for name, found in hits.items()},
        "misses": [
            {
                "path": str(paths[k]),
                "detector": DETECTORS[d],
                "elsewhere": bool(looks.anywhere[k, d]),
            }
            for k, d in zip(*np.nonzero(~looks.found), strict=True)
        ],
    }


def _grouped(groups: Texts, events: Bools, subjects: Texts) -> dict[str, Any]:
    found = by_group(groups, lambda chosen: share(events[chosen], subjects[chosen]))
    return {name: estimate.plain() for name, estimate in found.items()}


def recognition(
    table: pd.DataFrame, looks: Looks, subjects: Texts, groups: Texts
) -> dict[str, Any]:
    """Return error rates and distances of dlib's recogniser."""
    every = Pairs(looks.embeddings, subjects)
    eer, threshold = every.eer()
    neutral = (table["expression"] == "neutral").to_numpy()
    fmr, fnmr = every.rates_at(USUAL_THRESHOLD)
    enrolled = _first_neutral(table)
    failed = looks.aligned_by == ""

    def error(chosen: Bools) -> Estimate:
        return Pairs(looks.embeddings[chosen], subjects[chosen]).eer()[0]

    def rank(probes: Bools) -> dict[str, Any]:
        probes = probes & np.isin(subjects, subjects[enrolled])
        return rank_one(looks.embeddings, subjects, enrolled, probes).plain()

    return {
        "aligned_by": dict(pd.Series(looks.aligned_by[~failed]).value_counts().sort_index()),
        "failures_to_acquire": table["path"][failed].tolist(),
        "eer": eer.plain(),
        "eer_distance": threshold,
        "eer_neutral": error(neutral).plain(),
        "eer_not_neutral": error(~neutral).plain(),
        "eer_by_group": {k: e.plain() for k, e in by_group(groups, error).items()},
        "fmr_at_usual_threshold": fmr.plain(),
        "fnmr_at_usual_threshold": fnmr.plain(),
        "mated": {f"{q:g}": every.quantile(q, True).plain() for q in (0.05, 0.5, 0.95, 0.99)},
        "nonmated": {f"{q:g}": every.quantile(q, False).plain() for q in (0.01, 0.05, 0.5, 0.95)},
        "rank_1": rank(~enrolled),
        "rank_1_neutral": rank(neutral & ~enrolled),
        "rank_1_not_neutral": rank(~neutral),
    }


def _first_neutral(table: pd.DataFrame) -> Bools:
    """Mark the neutral image of each subject's lowest view."""
    neutral = table[table["expression"] == "neutral"]
    order = neutral.assign(order=neutral["view"].astype(int)).sort_values("order", kind="stable")
    first = order.drop_duplicates("subject").index
    return np.asarray(table.index.isin(first))


def expression(
    table: pd.DataFrame, features: np.ndarray[Any, Any], subjects: Texts
) -> dict[str, Any]:
    """Return accuracy, recall and confusion of a classifier that never saw the subject.

    Images without features (no landmarks found) count as wrong and are in no column.
    """
    labels = table["expression"].to_numpy(dtype=np.str_)
    usable = np.isfinite(features).all(axis=1)
    guessed = np.full(labels.shape, "", dtype=labels.dtype)
    if len(set(subjects[usable])) < 2:
        reason = "fewer than two subjects: none to train on"
        return {"accuracy": Estimate(math.nan, reason=reason).plain(), "without_features": 0}
    landmarks = features.shape[1] == 468 * 3
    guessed[usable] = predict(features[usable], labels[usable], subjects[usable], landmarks)
    right = guessed == labels
    return {
        "accuracy": share(right, subjects).plain(),
        "recall": _grouped(labels, right, subjects),
        "confusion": {"order": list(EXPRESSIONS), "counts": confusion(labels, guessed)},
        "without_features": int((~usable).sum()),
    }


def image(table: pd.DataFrame, looks: Looks, subjects: Texts) -> dict[str, Any]:
    """Return what the pixels are like, and how large the files are."""
    values = {
        "luma_mean": looks.luma, "luma_sd": looks.luma_sd, "share_black": looks.black,
        "share_white": looks.white, "cheek_luma": looks.cheek,
        "bytes": looks.size.astype(np.float64),
    }  # fmt: skip
    result: dict[str, Any] = {name: mean(v, subjects).plain() for name, v in values.items()}
    result["range"] = {name: [float(v.min()), float(v.max())] for name, v in values.items()}
    ancestry = _joined(table["ancestry"])
    found = by_group(ancestry, lambda chosen: mean(looks.cheek[chosen], subjects[chosen]))
    result["cheek_luma_by_ancestry"] = {name: e.plain() for name, e in found.items()}
    tones = table["skin_tone"].astype(float)
    constant = tones.nunique() < 2 or np.ptp(looks.cheek) == 0
    result["tone_luma_rank_correlation"] = (
        math.nan if constant else float(spearmanr(tones, looks.cheek).statistic)
    )
    return result


def attributes(table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return counts of subjects by what they are, and of images by what they show."""
    bands = pd.cut(
        table["age"].astype(float), [-math.inf, *AGES, math.inf], right=False, labels=_bands()
    )
    whole = table["skin_tone"].astype(float).round().astype(int).astype(str)
    full = table.assign(age_band=bands.astype(str), skin_tone=whole)
    counts = {}
    for name in ("age_band", *BY_SUBJECT):
        counts[name] = _counts(full.drop_duplicates(["subject", name])[name])
    full["gender_ancestry"] = full["gender"] + " " + full["ancestry"]
    counts["gender_ancestry"] = _counts(full.drop_duplicates("subject")["gender_ancestry"])
    return counts | {f"images_by_{name}": _counts(full[name]) for name in BY_IMAGE}


def _bands() -> list[str]:
    inner = [f"{a} to {b - 1}" for a, b in itertools.pairwise(AGES)]
    return [f"below {AGES[0]}", *inner, f"{AGES[-1]} and above"]


def _counts(column: pd.Series[str]) -> dict[str, int]:
    return {str(k): int(v) for k, v in column.value_counts().sort_index().items()}


def goals(numbers: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every goal of the set with the number measured; a missing number misses its goal."""
    found, faces = numbers["detection"]["found"], numbers["recognition"]
    wanted = [(f"found by {n}", found[n], FACES_FOUND, True) for n in DETECTORS]
    wanted += [("EER, all pairs", faces["eer"], EER, False)]
    wanted += [("EER, neutral", faces["eer_neutral"], EER_NEUTRAL, False)]
    wanted += [(f"EER, {g}", e, EER_GROUP, False) for g, e in faces["eer_by_group"].items()]
    accuracy = numbers["expression"]["hog"]["accuracy"]
    wanted += [("expression, HOG", accuracy, EXPRESSION, True)]
    return [
        {
            "goal": name,
            "measured": estimate,
            "bound": bound,
            "at_least": at_least,
            "met": bool(estimate["value"] >= bound if at_least else estimate["value"] <= bound),
        }
        for name, estimate, bound, at_least in wanted
    ]


if __name__ == "__main__":
    sys.exit(main())
