"""Everything a run found, gathered into a few tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbench import anonymisers
from anonbench.checks import run_checks
from anonbench.closeness import closeness
from anonbench.contrasts import contrasts
from anonbench.group_check import groups_hide_people
from anonbench.io import (
    CONFUSION_COLUMNS,
    METRIC_COLUMNS,
    REPLICATE_COLUMNS,
    read_table,
    rows,
    write_json,
    write_table,
)
from anonbench.ledger import Status
from anonbench.measures import Measured, leaks, measured
from anonbench.metrics.intervals import subject_weights
from anonbench.progress import LOGGER
from anonbench.seeds import generator
from anonbench.strengths import strength_label
from anonbench.tradeoff import Choices, attacker_success, points, tradeoff

LEDGER_COLUMNS = ("dataset", "method", "strength", "image_id", "path", "stage", "status", "detail")
LEAK_COLUMNS = ("dataset", "method", "strength", "image_id", "kind", "psnr")


_EXPRESSION_FILES = {
    "metrics": "expression_metrics",
    "replicates": "expression_replicates",
    "confusion": "confusion",
}


@dataclass(frozen=True)
class MethodFiles:
    """What one method left behind on one data set.

    Attributes
    ----------
    dataset, method : str
        Names of the entries.
    scores : mapping of str to Path
        By kind (metrics, curves, histograms, replicates), the files of all recognisers.
    images : Path
        Measurements by image.
    ledger : Path
        What happened to every image.
    expressions : mapping of str to Path
        By kind (metrics, replicates, confusion), the files of all expression networks.
    """

    dataset: str
    method: str
    scores: Mapping[str, Sequence[Path]]
    images: Path
    ledger: Path
    expressions: Mapping[str, Sequence[Path]] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """Parameters of the summary.

    Seed, bootstrap resamples, coverage, leak limits, exemptions, what the trade-off rests on, and
    the contrasts that the run has both methods of.
    """

    seed: int
    bootstrap: int
    confidence: float
    leak_psnr: float
    leak_share: float
    exempt: frozenset[tuple[str, str]]
    choices: Choices
    contrasts: Sequence[Mapping[str, Any]] = ()


def method_files(plan: Mapping[str, Any], files: Any) -> list[MethodFiles]:
    """Sort the input files of the workflow's rule, listed by data set, method and recogniser.

    Parameters
    ----------
    plan : mapping
        `anonbench.workflow.Plan.summary`.
    files : object
        With the attributes metrics, curves, histograms, replicates (one a data set, method and
        recogniser), expression_metrics, expression_replicates, confusion (one a data set, method
        and expression network) and images, ledgers (one a data set and method).
    """
    systems, networks = len(plan["recognisers"]), len(plan["expressions"])
    names = [(d, m) for d in plan["datasets"] for m in plan["methods"]]
    found = []
    for k, (dataset, method) in enumerate(names):
        scores = {
            kind: [Path(p) for p in getattr(files, kind)[k * systems : (k + 1) * systems]]
            for kind in ("metrics", "curves", "histograms", "replicates")
        }
        expressions = {
            kind: [Path(p) for p in getattr(files, name)[k * networks : (k + 1) * networks]]
            for kind, name in _EXPRESSION_FILES.items()
        }
        own = Path(files.images[k]), Path(files.ledgers[k])
        found.append(MethodFiles(dataset, method, scores, *own, expressions))
    return found


def summary_settings(plan: Mapping[str, Any]) -> Settings:
    """Return the settings of the summary; see `anonbench.workflow.Plan.summary` for `plan`."""
    exempt = {("original", "none")}
    for name, entry in plan["methods"].items():
        info = anonymisers.get(entry["anonymiser"]).info
        if info.identity is not None:
            exempt.add((name, strength_label(info.identity)))
    for name in plan.get("left_out", ()):
        LOGGER.info("contrast %s is left out: the run has not both of its methods", name)
    return Settings(
        seed=plan["seed"],
        bootstrap=plan["metrics"]["bootstrap"],
        confidence=plan["metrics"]["confidence"],
        leak_psnr=plan["leaks"]["psnr"],
        leak_share=plan["leaks"]["max_share"],
        exempt=frozenset(exempt),
        choices=Choices.of(plan),
        contrasts=plan.get("contrasts", ()),
    )


def summarise_files(
    *,
    manifests: Mapping[str, Path],
    methods: Sequence[MethodFiles],
    settings: Settings,
    out: Mapping[str, Path | str],
    guarantees: Sequence[Path | str] = (),
) -> None:
    """Gather the results of all methods and data sets.

    Parameters
    ----------
    manifests : mapping of str to Path
        By data set.
    methods : sequence of MethodFiles
        One for each method and data set.
    settings : Settings
        See there.
    out : mapping of str to path
        metrics, curves, histograms, confusion, distances, ledger, leaks, checks, headline,
        tradeoff, pareto, contrasts.
    guarantees : sequence of path
        What `anonbench.guarantee` found out about the images of some methods.
    """
    labels = {name: read_table(path) for name, path in manifests.items()}
    draws = {name: _draws(name, manifest, settings) for name, manifest in labels.items()}
    images = [_from_images(m, labels[m.dataset], draws[m.dataset], settings) for m in methods]
    metrics = [found.measured.metrics for found in images]
    metrics += [read_table(p) for m in methods for p in m.scores["metrics"]]
    metrics += [read_table(p) for m in methods for p in m.expressions.get("metrics", ())]
    metrics += [read_table(path) for path in guarantees]
    table = pd.concat(metrics, ignore_index=True)[list(METRIC_COLUMNS)]
    leaking = _stack([found.leaks for found in images], LEAK_COLUMNS)
    write_table(table, out["metrics"])
    write_table(closeness(table), out["distances"])
    for kind in ("curves", "histograms"):
        parts = [read_table(p) for m in methods for p in m.scores[kind]]
        write_table(pd.concat(parts, ignore_index=True), out[kind])
    confusion = [read_table(p) for m in methods for p in m.expressions.get("confusion", ())]
    write_table(_stack(confusion, CONFUSION_COLUMNS), out["confusion"])
    ingested = [_ingest_ledger(name, manifest) for name, manifest in labels.items()]
    failures = [_method_ledger(m, labels[m.dataset]) for m in methods]
    write_table(_stack([*ingested, *failures], LEDGER_COLUMNS), out["ledger"])
    write_table(leaking, out["leaks"])
    checks = run_checks(table, leaking, set(settings.exempt), settings.leak_share)
    checks += groups_hide_people(table)
    write_json({"checks": [c.plain() for c in checks]}, out["checks"])
    write_json(headline(table), out["headline"])
    replicates = _replicates(methods, images)
    found = points(table, replicates, settings.choices)
    write_table(found, out["pareto"])
    write_table(tradeoff(table, found), out["tradeoff"])
    compared = contrasts(table, replicates, settings.contrasts, settings.confidence)
    write_table(compared, out["contrasts"])


def _stack(tables: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    filled = [t for t in tables if len(t)]
    empty = pd.DataFrame(columns=list(columns))
    return pd.concat(filled, ignore_index=True)[list(columns)] if filled else empty


@dataclass(frozen=True)
class _FromImages:
    """What the measurements by image of one method say: all of it from one reading."""

    measured: Measured
    leaks: pd.DataFrame


def _draws(dataset: str, manifest: pd.DataFrame, settings: Settings) -> NDArray[np.float64]:
    """Return the draws of subjects that all tables of a data set share."""
    n_subjects = manifest["subject"].nunique()
    if not settings.bootstrap or n_subjects < 2:
        return np.zeros((0, n_subjects))
    draw = generator(settings.seed, "subject bootstrap", dataset)
    return subject_weights(n_subjects, settings.bootstrap, draw)


def _from_images(
    method: MethodFiles, manifest: pd.DataFrame, draws: NDArray[np.float64], settings: Settings
) -> _FromImages:
    images, subjects = read_table(method.images), manifest.set_index("image_id")["subject"]
    # The untouched control is no leak but what it is there for.
    leaking = pd.DataFrame(columns=list(LEAK_COLUMNS))
    if method.method != "original":
        names = {"dataset": method.dataset, "method": method.method}
        leaking = leaks(images, settings.leak_psnr).assign(**names)
    found = measured(
        images,
        subjects,
        draws,
        dataset=method.dataset,
        method=method.method,
        psnr_bound=settings.leak_psnr,
        confidence=settings.confidence,
    )
    return _FromImages(found, leaking)


def _replicates(methods: Sequence[MethodFiles], images: Sequence[_FromImages]) -> pd.DataFrame:
    """Return the bootstrap replicates of recognition, expressions and measurements by image."""
    parts = []
    for method, found in zip(methods, images, strict=True):
        kept = [*method.scores["replicates"], *method.expressions.get("replicates", ())]
        parts += [*(read_table(path) for path in kept), found.measured.replicates]
    return _stack(parts, REPLICATE_COLUMNS)


def _ingest_ledger(dataset: str, manifest: pd.DataFrame) -> pd.DataFrame:
    """Images that ingest could not use, and those it found twice."""
    twice = manifest["duplicate_of"].fillna("") != ""
    bad = manifest[(manifest["status"] != Status.OK) | twice].copy()
    same = bad["duplicate_of"].fillna("")
    bad["detail"] = np.where(same != "", "same pixels as " + same, bad["detail"])
    bad["status"] = np.where(same != "", str(Status.DUPLICATE), bad["status"])
    return bad.assign(dataset=dataset, method="", strength="", stage="ingest")


def _method_ledger(method: MethodFiles, manifest: pd.DataFrame) -> pd.DataFrame:
    """Images that a method blacked out."""
    table = read_table(method.ledger)
    unusable = set(manifest.loc[manifest["status"] != Status.OK, "image_id"])
    bad = table[(table["status"] != Status.OK) & ~table["image_id"].isin(unusable)]
    paths = manifest.set_index("image_id")["path"]
    return bad.assign(
        dataset=method.dataset,
        method=method.method,
        stage="anonymise",
        path=bad["image_id"].map(paths),
    )


def headline(table: pd.DataFrame) -> dict[str, Any]:
    """Return the few numbers that `dvc metrics diff` compares, by data set, method and strength."""
    result: dict[str, Any] = {}
    success = attacker_success(table)["value"].to_dict()
    for key, group in table.groupby(["dataset", "method", "strength"]):
        dataset, method, strength = map(str, key)
        place = result.setdefault(dataset, {}).setdefault(method, {}).setdefault(strength, {})
        attacked = group["attack"].isin(["naive", "reverse", "parrot"])
        for row in rows(group[(group["metric"] == "eer") & attacked]):
            place[f"eer.{row.system}.{row.policy}.{row.attack}"] = row.value
        for row in rows(group[group["metric"] == "detected"]):
            place[f"detected.{row.system}"] = row.value
        told = group["metric"].isin(["preservation", "uar_retention"])
        for row in rows(group[told & (group["task"] == "expression")]):
            place[f"{row.metric}.{row.system}.{row.policy}"] = row.value
        for metric in ("ssim_inside", "ssim_outside", "fail_closed"):
            values = group.loc[group["metric"] == metric, "value"]
            place[metric] = float(values.iloc[0]) if len(values) else None
        place["tmr_at_fmr_0.01.worst"] = success.get((dataset, method, strength))
    return result
