"""The tables of a run as the report page needs them: read once, looked up by condition."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from anonbench import anonymisers
from anonbench.bundled import BUNDLED_FOLDER
from anonbench.drawn_names import DRAWN_FOLDER
from anonbench.io import read_table, rows
from anonbench.strengths import strength_label

CONTROLS = ("original", "blank")


class Key(NamedTuple):
    """What a metric row is about, apart from its data set, method and strength."""

    metric: str
    attack: str = ""
    system: str = ""
    policy: str = ""


@dataclass(frozen=True)
class MethodFacts:
    """One method of the run.

    Attributes
    ----------
    name, label, reference, unit : str
        Entry, its anonymiser's name and source, and what the strength means.
    strengths : tuple of str
        Labels, the weakest first where the method tells which one is.
    control : bool
        True for `original` and `blank`.
    identity : str
        Label of the strength that is meant to change nothing; empty if there is none.
    """

    name: str
    label: str
    reference: str
    unit: str
    strengths: tuple[str, ...]
    control: bool
    identity: str = ""

    def title(self, strength: str) -> str:
        """Name the method with a strength, without one where it has none."""
        return self.name if strength == "none" else f"{self.name} {strength}"


@dataclass(frozen=True)
class Run:
    """Everything that a run found; tables as `anonbench.summarise` wrote them."""

    plan: Mapping[str, Any]
    metrics: pd.DataFrame
    curves: pd.DataFrame
    histograms: pd.DataFrame
    ledger: pd.DataFrame
    leaks: pd.DataFrame
    pareto: pd.DataFrame
    contrasts: pd.DataFrame
    checks: list[dict[str, Any]]
    environment: dict[str, Any]

    @classmethod
    def read(cls, plan: Mapping[str, Any], files: Mapping[str, Path | str]) -> Run:
        """Read the files: all summary tables, checks and environment."""
        content = {k: json.loads(Path(files[k]).read_text("utf-8")) for k in _JSON}
        tables = {k: read_table(files[k]) for k in _TABLES}
        return cls(
            plan=plan,
            checks=content["checks"]["checks"],
            environment=content["environment"],
            **tables,
        )

    @cached_property
    def cells(self) -> dict[tuple[str, str, str], dict[Key, Any]]:
        """Metric rows by data set, method and strength, then by `Key`."""
        found: dict[tuple[str, str, str], dict[Key, Any]] = {}
        for row in rows(self.metrics):
            place = found.setdefault((row.dataset, row.method, row.strength), {})
            place[Key(row.metric, row.attack, row.system, row.policy)] = row
        return found

    @cached_property
    def methods(self) -> list[MethodFacts]:
        """Methods in the order of the plan, with the strengths that have results."""
        seen = self.metrics.groupby("method", sort=False)["strength"].unique()
        short = (self.metrics["metric"] == "k_same") & (self.metrics["value"] < 1)
        like = set(self.metrics.loc[short, "method"])
        return [
            _facts(name, entry, [str(s) for s in seen[name]], name in like)
            for name, entry in self.plan["methods"].items()
            if name in seen.index
        ]

    @property
    def datasets(self) -> list[str]:
        """Data sets of the run."""
        return list(self.plan["datasets"])

    @property
    def networks(self) -> list[str]:
        """Expression networks of the run; often one, perhaps none."""
        return list(self.plan.get("expressions", {}))

    @property
    def fmrs(self) -> list[float]:
        """False match rates that attackers are judged at, the largest first."""
        return sorted(self.plan["metrics"]["fmr"], reverse=True)

    @property
    def main_fmr(self) -> float:
        """The false match rate shown first: 1 % if the run has it."""
        return 0.01 if 0.01 in self.fmrs else self.fmrs[0]

    @cached_property
    def detectors(self) -> list[str]:
        """Detectors that looked for faces after anonymisation."""
        own = self.metrics.loc[self.metrics["metric"] == "detected", "system"]
        return [str(s) for s in own.unique()]

    @property
    def views(self) -> list[tuple[str, str]]:
        """Pairs of policy and attack, as the columns of a table go."""
        return [(p, a) for p in self.plan["policies"] for a in self.plan["attacks"]]

    def dataset_entry(self, dataset: str) -> dict[str, Any]:
        """Return the configuration of a data set; empty if the provenance does not hold it."""
        entry: dict[str, Any] = self.environment.get("parameters", {}).get("datasets", {})
        return dict(entry.get(dataset, {}))

    def is_drawn(self, dataset: str) -> bool:
        """Tell whether the pictures are the project's own cartoons."""
        return self._lies_in(dataset, DRAWN_FOLDER)

    def is_bundled(self, dataset: str) -> bool:
        """Tell whether the pictures are the rendered faces that come with the project."""
        return self._lies_in(dataset, BUNDLED_FOLDER)

    def _lies_in(self, dataset: str, folder: str) -> bool:
        return Path(str(self.dataset_entry(dataset).get("path", ""))) == Path(folder)


_JSON = ("checks", "environment")
_TABLES = ("metrics", "curves", "histograms", "ledger", "leaks", "pareto", "contrasts")


def _facts(
    name: str, entry: Mapping[str, Any], strengths: list[str], like: bool = False
) -> MethodFacts:
    """Return what is known of a method; `like` for k-Same without its guarantee."""
    info = anonymisers.get(entry["anonymiser"]).info
    if info.stronger != "none" and all(_is_number(s) for s in strengths):
        strengths = sorted(strengths, key=float, reverse=info.stronger == "lower")
    label = info.label.replace("k-Same", "k-Same-like", 1) if like else info.label
    label = label if info.control else f"{label}, region: {entry['region']}"
    identity = "" if info.identity is None else strength_label(info.identity)
    return MethodFacts(
        name, label, info.reference, info.strength, tuple(strengths), name in CONTROLS, identity
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def percent(value: float) -> str:
    """Write a rate as it is spoken of: 0.001 is "0.1 %"."""
    return f"{100 * value:.6g}\N{NO-BREAK SPACE}%"
