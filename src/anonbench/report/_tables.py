"""The tables of one data set, looked up by method, strength, attack, system and policy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from anonbench import anonymisers
from anonbench.contrasts import CONTRAST_COLUMNS
from anonbench.io import read_table, rows
from anonbench.report._style import Look, looks
from anonbench.tradeoff import POINT_COLUMNS

CONDITION = ["method", "strength", "attack", "system", "policy"]
CONFUSION_COLUMNS = (
    "dataset", "method", "strength", "system", "policy", "kind", "row", "column", "n",
)  # fmt: skip
ANONYMISED_SIDE = {"naive": ("fta",), "reverse": ("fte",), "parrot": ("fta", "fte")}
"""Failures of anonymised images under an attack: of probes, of the gallery, of both."""


class Condition(NamedTuple):
    """One method and strength under one attack with one system and policy."""

    method: str
    strength: str
    attack: str
    system: str
    policy: str


class Measure(NamedTuple):
    """A value with its 95 % interval; NaN with the reason in `note` where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan
    n: float = math.nan
    note: str = ""

    @property
    def reason(self) -> str:
        """Why the value is missing, in two or three words; empty where it is not."""
        if not math.isnan(self.value):
            return ""
        few = re.search(r"completed mated comparisons, fewer than (\d+)", self.note)
        if few:
            return f"< {few[1]} mated"
        return "no row" if not self.note else self.note.split(":")[0][:24]


@dataclass(frozen=True)
class LandmarkFiles:
    """Where the landmarks of a data set are.

    Attributes
    ----------
    located : Path
        The subject's face in every original.
    faces : mapping of str to Path
        Faces of the originals by detector.
    refound : mapping of str to Path
        By method, the faces that the detector of ``detection.landmarks`` finds in its images.
    """

    located: Path
    faces: Mapping[str, Path]
    refound: Mapping[str, Path]


@dataclass(frozen=True)
class Tables:
    """What the figures of one data set are drawn from.

    Attributes
    ----------
    dataset : str
        Its name.
    plan : mapping
        `anonbench.workflow.Plan.summary`.
    metrics, curves, histograms, ledger : DataFrame
        Summary tables, rows of this data set.
    archives : mapping of str to Path
        Images by method.
    subjects : mapping of str to str
        Subject by image id.
    confusion : DataFrame
        Counts of predicted expressions, rows of this data set; empty where none were classified.
    pareto : DataFrame
        `anonbench.tradeoff.points` of this data set.
    contrasts : DataFrame
        `anonbench.contrasts.contrasts` of this data set.
    labels : mapping of str to str
        Expression by image id, of those that have a label.
    landmarks : LandmarkFiles, optional
        For the figure of landmarks.
    """

    dataset: str
    plan: Mapping[str, Any]
    metrics: pd.DataFrame
    curves: pd.DataFrame
    histograms: pd.DataFrame
    ledger: pd.DataFrame
    archives: Mapping[str, Path]
    subjects: Mapping[str, str]
    confusion: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(CONFUSION_COLUMNS))
    )
    pareto: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(POINT_COLUMNS)))
    contrasts: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=list(CONTRAST_COLUMNS))
    )
    labels: Mapping[str, str] = field(default_factory=dict)
    landmarks: LandmarkFiles | None = None

    @classmethod
    def read(
        cls,
        dataset: str,
        plan: Mapping[str, Any],
        files: Mapping[str, Path | str],
        archives: Mapping[str, Path | str],
        landmarks: LandmarkFiles | None = None,
    ) -> Tables:
        """Read the summary tables, and a data set's manifest.

        Rows of other data sets are left out. A run without expression networks need not have a
        file ``confusion``, one that compares no methods none of ``contrasts``.
        """
        known = ("metrics", "curves", "histograms", "ledger", "confusion", "pareto", "contrasts")
        names = [name for name in known if name in files]
        read = {name: read_table(files[name]) for name in names}
        own = {name: table[table["dataset"] == dataset] for name, table in read.items()}
        labels = read_table(files["manifest"])
        subjects = dict(zip(labels["image_id"], labels["subject"], strict=True))
        told = labels.get("expression", pd.Series("", labels.index)).fillna("")
        expressions = {i: e for i, e in zip(labels["image_id"], told, strict=True) if e}
        places = {m: Path(p) for m, p in archives.items()}
        more: dict[str, Any] = {"labels": expressions, "landmarks": landmarks, **own}
        return cls(dataset, plan, archives=places, subjects=subjects, **more)

    @cached_property
    def controls(self) -> list[str]:
        """Methods that are there to judge the benchmark, not to be judged."""
        return [m for m in self.plan["methods"] if self.info(m).control]

    @cached_property
    def methods(self) -> list[str]:
        """Methods without the controls, in the order of the configuration."""
        return [m for m in self.plan["methods"] if m not in self.controls]

    @cached_property
    def looks(self) -> dict[str, Look]:
        """How each method is drawn."""
        return looks(self.plan["methods"])

    def info(self, method: str) -> anonymisers.Info:
        """Return what the method's anonymiser says of itself."""
        return anonymisers.get(self.plan["methods"][method]["anonymiser"]).info

    @cached_property
    def _strengths(self) -> dict[str, list[str]]:
        found = self.metrics[["method", "strength"]].drop_duplicates()
        grouped = found.groupby("method", sort=False)["strength"]
        return {str(method): _weak_first(list(labels), self.info(str(method)).stronger)
                for method, labels in grouped if method in self.plan["methods"]}  # fmt: skip

    def strengths(self, method: str) -> list[str]:
        """Return a method's strengths as labels, weakest first; empty where nothing is known."""
        return self._strengths.get(method, [])

    def graded(self, method: str) -> bool:
        """Tell whether a method has strengths."""
        return self.strengths(method) not in ([], ["none"])

    @cached_property
    def _measures(self) -> dict[tuple[Any, ...], Measure]:
        return {
            (r.metric, r.method, r.strength, r.attack, r.system, r.policy): Measure(
                r.value, r.low, r.high, r.n, r.note
            )
            for r in rows(self.metrics)
        }

    def measure(self, metric: str, condition: Condition) -> Measure:
        """Return a metric; one without a row is missing."""
        return self._measures.get((metric, *condition), Measure(math.nan))

    def plain(self, metric: str, method: str, strength: str, system: str = "") -> Measure:
        """Return a metric of the images: no attack is involved."""
        return self.measure(metric, Condition(method, strength, "", system, ""))

    @cached_property
    def _confusions(self) -> dict[Any, pd.DataFrame]:
        keys = ["kind", "method", "strength", "system", "policy"]
        return dict(iter(self.confusion.groupby(keys, sort=False)))

    def confused(
        self, kind: str, method: str, strength: str, network: str, policy: str
    ) -> pd.DataFrame:
        """Return the counts (row, column, n) of a confusion; no rows where nothing was counted."""
        found = self._confusions.get((kind, method, strength, network, policy))
        return self.confusion.iloc[:0] if found is None else found

    @cached_property
    def _curves(self) -> dict[Any, pd.DataFrame]:
        completed = self.curves[self.curves["kind"] == "completed"]
        return dict(iter(completed.groupby(CONDITION, sort=False)))

    def curve(self, condition: Condition) -> pd.DataFrame:
        """Return the DET points of completed comparisons; no rows where there is no curve."""
        return self._curves.get(tuple(condition), self.curves.iloc[:0])

    @cached_property
    def _histograms(self) -> dict[Any, pd.DataFrame]:
        return dict(iter(self.histograms.groupby(CONDITION, sort=False)))

    def histogram(self, condition: Condition) -> pd.DataFrame:
        """Return the distance bins; no rows where nothing could be compared."""
        return self._histograms.get(tuple(condition), self.histograms.iloc[:0])

    def failures(self, condition: Condition) -> dict[str, float]:
        """Return FTA and/or FTE of the anonymised side, as shares."""
        names = ANONYMISED_SIDE.get(condition.attack, ("fta", "fte"))
        return {name: self.measure(name, condition).value for name in names}

    def baseline(self, system: str, policy: str) -> Condition:
        """Return the condition of clear images against clear images."""
        return Condition("original", "none", "baseline", system, policy)


def _weak_first(labels: list[str], stronger: str) -> list[str]:
    numbers = {label: number(label) for label in labels}
    if any(math.isnan(v) for v in numbers.values()):
        return labels
    return sorted(labels, key=lambda s: numbers[s], reverse=stronger == "lower")


def number(label: str) -> float:
    """Return a strength label as a number, NaN where it is none."""
    try:
        return float(label)
    except ValueError:
        return math.nan
