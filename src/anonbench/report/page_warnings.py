"""What a reader has to know before any number: failed checks, leaks, failures, thin data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from anonbench.io import rows
from anonbench.report.gates import Gate, gate
from anonbench.report.page_run import Run, percent

MANY_FAIL_CLOSED = 0.05
"""From this share of blacked-out images on, a method's numbers are mostly about its detector."""
NAMED_LEAKS = 20
LEDGER_ROWS = 500


@dataclass(frozen=True)
class Notice:
    """A warning.

    Attributes
    ----------
    level : {"failure", "caution"}
        Whether numbers must not be used, or with care.
    title, text : str
        What is wrong and what it means.
    items : list of str
        The cases, by name.
    folded : bool
        Whether the cases are shown on demand only.
    """

    level: str
    title: str
    text: str
    items: list[str] = field(default_factory=list)
    folded: bool = False


def notices(run: Run) -> list[Notice]:
    """Return the warnings, the gravest first."""
    return [
        *_failed_checks(run),
        *_leaks(run),
        *(n for dataset in run.datasets for n in _gates(run, dataset)),
        *_fail_closed(run),
        *_like(run),
        *(n for dataset in run.datasets for n in _thin(run, dataset)),
        *(n for dataset in run.datasets for n in _unmeasurable(run, dataset)),
    ]


def _failed_checks(run: Run) -> list[Notice]:
    return [
        Notice("failure", f"Check failed: {c['name']}", str(c["detail"]))
        for c in run.checks
        if not c["passed"]
    ]


def _leaks(run: Run) -> list[Notice]:
    found = []
    keys = ["dataset", "method", "strength"]
    identities = {(m.name, m.identity) for m in run.methods if m.identity}
    for key, group in run.leaks.groupby(keys, sort=False):
        dataset, method, strength = (str(k) for k in key)
        cells = run.cells.get((dataset, method, strength), {})
        share = next((r.value for k, r in cells.items() if k.metric == "leak_share"), float("nan"))
        portion = f" ({percent(round(share, 3))})" if share == share else ""
        names = [f"{r.image_id} ({_kind(r.kind, r.psnr)})" for r in rows(group.head(NAMED_LEAKS))]
        if len(group) > NAMED_LEAKS:
            names.append(f"and {len(group) - NAMED_LEAKS} more in results/summary/leaks.csv")
        meant = (method, strength) in identities
        level = "caution" if meant or share <= run.plan["leaks"]["max_share"] else "failure"
        text = (
            f"Images that are, where the method had to change them, as before or nearly so: "
            f"{len(group)}{portion}. "
        )
        text += _MEANT if meant else "Whoever looks at them sees the person."
        title = f"Leaks: {method} {strength} on {dataset}"
        found.append(Notice(level, title, text, names, folded=meant))
    return sorted(found, key=lambda n: n.level != "failure")


_MEANT = (
    "This strength is meant to change nothing: it shows that the method does no harm by itself."
)


def _kind(kind: str, psnr: Any) -> str:
    return "identical" if kind == "identical" else f"nearly identical, {float(psnr):.1f} dB"


def _gates(run: Run, dataset: str) -> list[Notice]:
    """Say which expression networks cannot, or may not, read the clear images."""
    found = []
    for network in run.networks:
        verdicts = [gate(run.metrics, run.plan, dataset, network, p) for p in run.plan["policies"]]
        for state, (level, title, text) in _GATES.items():
            items = [_gate_item(v) for v in verdicts if v.state == state]
            if items:
                found.append(Notice(level, f"{title}: {network} on {dataset}", text, items))
    return sorted(found, key=lambda n: n.level != "failure")


_GATES = {
    "below": (
        "failure", "Expressions below the gate",
        "This network does not read the expressions of the clear images well enough. What it says "
        "of anonymised ones is no result: tables and figures show it greyed.",
    ),
    "unknown": (
        "caution", "Expressions without a gate",
        "Nothing tells how well this network reads the clear images. Whether a prediction is "
        "preserved can be counted; whether it was right to begin with, nobody knows.",
    ),
    "absent": (
        "failure", "Expressions not classified",
        "The network belongs to the run, but its results are not among the tables.",
    ),
}  # fmt: skip


def _gate_item(verdict: Gate) -> str:
    return f"{verdict.policy}: {verdict.note}"


def _fail_closed(run: Run) -> list[Notice]:
    own = run.metrics[
        (run.metrics["metric"] == "fail_closed") & (run.metrics["value"] >= MANY_FAIL_CLOSED)
    ]
    names = {m.name for m in run.methods if not m.control}
    items = [
        f"{r.dataset}: {r.method} {r.strength}: {percent(round(r.value, 3))} of {r.n:.0f} images"
        for r in rows(own[own["method"].isin(names)])
    ]
    if not items:
        return []
    text = (
        f"These methods blacked out at least {percent(MANY_FAIL_CLOSED)} of the images, as they "
        "found no face or failed. Blacked-out images are safe and useless: the numbers tell as "
        "much about the method's detector as about the method."
    )
    return [Notice("caution", "Many images blacked out", text, items, folded=len(items) > 8)]


def _like(run: Run) -> list[Notice]:
    """Name what must not be called k-Same, with the reason."""
    own = run.metrics[(run.metrics["metric"] == "k_same") & (run.metrics["value"] < 1)]
    if own.empty:
        return []
    items = [f"{r.dataset}: {r.method} {r.strength}: {r.note}" for r in rows(own)]
    text = (
        "k-Same guarantees that nobody is recognised more often than once in k times, if every "
        "person is in a released set once and every image, all of it, is shared by at least k "
        "people. These conditions do not fulfil that: they are k-Same-like, without the guarantee."
    )
    return [Notice("caution", "k-Same-like, not k-Same", text, items, folded=len(items) > 8)]


def _thin(run: Run, dataset: str) -> list[Notice]:
    """Conditions in which too few mated comparisons were completed for an error rate."""
    least = run.plan["metrics"]["minimum_mated"]
    table = run.metrics
    own = table[
        (table["dataset"] == dataset)
        & (table["metric"] == "eer")
        & table["attack"].isin(["baseline", *run.plan["attacks"]])
    ]
    bare = own[own["value"].isna() & (own["n"] < least)]
    if bare.empty:
        return []
    items = []
    for (system, attack, policy), part in bare.groupby(["system", "attack", "policy"], sort=False):
        grouped = part.groupby("method", sort=False)["strength"].agg(list)
        named = "; ".join(f"{m} {_strengths(s)}".strip() for m, s in grouped.items())
        items.append(f"{system}, {attack}, {policy}: {named}")
    text = (
        f"In {len(bare)} of {len(own)} conditions of {dataset} fewer than {least} mated "
        "comparisons were completed. They have no EER and no DET curve; attacker success, which "
        "counts failures as safe, remains."
    )
    return [Notice("caution", f"Too few comparisons: {dataset}", text, items, folded=True)]


def _strengths(labels: Iterable[Any]) -> str:
    return ", ".join(str(s) for s in labels if s != "none")


def _unmeasurable(run: Run, dataset: str) -> list[Notice]:
    """Name the false match rates that the data set is too small for."""
    items = []
    for fmr in run.fmrs:
        own = run.metrics[
            (run.metrics["dataset"] == dataset)
            & (run.metrics["metric"] == f"gfrr_at_gfar_{fmr:g}")
            & run.metrics["attack"].isin(["baseline", *run.plan["attacks"]])
        ]
        if own.empty:
            continue
        note = _commonest(own["note"])
        if own["value"].isna().all():
            items.append(f"FMR {percent(fmr)}: not measurable. {note}")
        elif own["note"].str.startswith("rough").all():
            items.append(f"FMR {percent(fmr)}: {note}; marked ~ in the tables")
    if not items:
        return []
    text = f"{dataset} has too few non-mated comparisons for what is asked of low error rates."
    return [Notice("caution", f"Low false match rates: {dataset}", text, items)]


def _commonest(notes: pd.Series[Any]) -> str:
    counts = notes[notes != ""].value_counts()
    return str(counts.index[0]) if len(counts) else ""


def ledger_counts(run: Run) -> list[tuple[Any, ...]]:
    """Return (data set, stage, method, strength, status, images), in the order of the ledger."""
    keys = ["dataset", "stage", "method", "strength", "status"]
    counts = run.ledger.groupby(keys, sort=False).size().reset_index(name="images")
    return [tuple(row) for row in rows(counts)]
