"""What must hold in every run, whatever the data: the benchmark's checks of itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

KEYS = ["dataset", "system", "policy", "metric"]
CHANCE_METRICS = ("eer", "geer", "auc")


@dataclass(frozen=True)
class Check:
    """The outcome of one check."""

    name: str
    passed: bool
    detail: str

    def plain(self) -> dict[str, Any]:
        """Return the check as JSON takes it."""
        return {"name": self.name, "passed": self.passed, "detail": self.detail}


class CheckFailed(RuntimeError):  # noqa: N818 - reads as what it says
    """A benchmark whose numbers must not be used; the message says why."""


def original_equals_baseline(metrics: pd.DataFrame) -> list[Check]:
    """Check that attacks on the untouched images give the baseline's numbers exactly."""
    own = metrics[
        (metrics["method"] == "original") & metrics["task"].isin(["verification", "identification"])
    ]
    baseline = own[own["attack"] == "baseline"].set_index(KEYS)["value"]
    checks = []
    for attack in ("naive", "reverse", "parrot"):
        other = own[own["attack"] == attack].set_index(KEYS)["value"]
        if other.empty:
            continue
        both = pd.concat([baseline, other], axis=1, keys=["baseline", "attack"])
        same = (both["baseline"] == both["attack"]) | both.isna().all(axis=1)
        wrong = "; ".join(
            f"{'/'.join(map(str, key))}: {row.baseline:.9g} against {row.attack:.9g}"
            for key, row in zip(
                both.index[~same][:3], both[~same].itertuples(index=False), strict=False
            )
        )
        detail = wrong or f"{len(both)} numbers equal"
        checks.append(
            Check(f"original under {attack} equals the baseline", bool(same.all()), detail)
        )
    # Every run attacks the untouched images: without a number of theirs nothing was checked.
    return checks or [Check("original equals the baseline", False, "there is no number to compare")]


def blank_is_at_chance(metrics: pd.DataFrame) -> list[Check]:
    """Check that fully black images give nothing away.

    An attacker who has to find the face must fail on all of them; one who is told where it was
    must be at chance: the interval of EER and AUC holds 0.5, or the value is missing.
    """
    own = metrics[
        (metrics["method"] == "blank") & metrics["attack"].isin(["naive", "reverse", "parrot"])
    ]
    found = own[(own["policy"] == "detected") & (own["metric"].isin(["fta", "fte"]))]
    side = {"naive": "fta", "reverse": "fte", "parrot": "fta"}
    found = found[found["attack"].map(side) == found["metric"]]
    missed = found[found["value"] < 1]
    share = f"{len(missed)} of {len(found)} are below 1"
    detail = f"{len(found)} rates are 1" if missed.empty else share
    checks = [Check("no face is found in a blank image", missed.empty, detail)]
    told = own[
        (own["policy"] == "aligned") & own["metric"].isin(["eer", "auc"]) & own["value"].notna()
    ]
    off = told[~_holds_half(told)]
    detail = "; ".join(
        f"{r.dataset}/{r.system}/{r.attack}: {r.metric} {r.value:.3f} [{r.low:.3f}, {r.high:.3f}]"
        for r in off.itertuples()
    )
    checks.append(
        Check("blank is at chance", off.empty, detail or f"{len(told)} numbers at chance")
    )
    return checks


def _holds_half(rows: pd.DataFrame) -> pd.Series[bool]:
    """Tell which intervals hold 0.5, with slack for the granularity of few comparisons."""
    slack = 1.0 / np.sqrt(rows["n"].clip(lower=1))
    low = rows["low"].fillna(rows["value"])
    high = rows["high"].fillna(rows["value"])
    result: pd.Series[bool] = (low - slack <= 0.5) & (high + slack >= 0.5)
    return result


def original_keeps_expressions(metrics: pd.DataFrame) -> list[Check]:
    """Check that the untouched images keep their expressions to the bit.

    Preservation and retention must be exactly 1, the divergence of posteriors exactly 0. There is
    no check where the run has no expression network.
    """
    own = metrics[(metrics["task"] == "expression") & (metrics["method"] == "original")]
    if own.empty:
        return []
    told = own[own["metric"].isin(list(_UNCHANGED)) & own["value"].notna()]
    off = told[told["value"] != told["metric"].map(_UNCHANGED)]
    # Otherwise a network that never saw a face would pass.
    passed = off.empty and bool((told["metric"] == "preservation").any())
    detail = f"{len(told)} numbers as they must be" if len(told) else "no number to compare"
    return [Check("original keeps every expression", passed, _named(off) or detail)]


_UNCHANGED = {
    "preservation": 1.0, "preservation_found": 1.0, "accuracy_retention": 1.0,
    "uar_retention": 1.0, "divergence_found": 0.0,
}  # fmt: skip


def blank_shows_no_expression(metrics: pd.DataFrame) -> list[Check]:
    """Check that fully black images show no expression.

    Who has to find the face finds none: everything is lost. Who is told where it was gets the same
    answer for all images, so that no label but one is ever right (UAR at most 1 / labels), and
    agreement with the original is at most that of chance (kappa at most 0).
    """
    own = metrics[
        (metrics["task"] == "expression")
        & (metrics["method"] == "blank")
        & metrics["value"].notna()
    ]
    if own.empty:
        return []
    lost = {"not_found": 1.0, "preservation": 0.0, "accuracy": 0.0, "uar": 0.0}
    found = own[(own["policy"] == "detected") & own["metric"].isin(list(lost))]
    seen = found[found["value"] != found["metric"].map(lost)]
    recalls = own["metric"].str.startswith("recall_")
    keys = ["dataset", "strength", "system", "policy"]
    labels = own[recalls].groupby(keys).size().rename("labels").reset_index()
    uar = own[own["metric"] == "uar"].merge(labels, on=keys)
    above = uar[uar["value"] * uar["labels"] > 1 + 1e-9]
    agree = own[own["metric"].isin(["kappa", "kappa_found"]) & (own["value"] > 1e-9)]
    off = pd.concat([seen, above, agree])
    detail = f"{len(own)} numbers at or below chance"
    return [Check("blank shows no expression", off.empty, _named(off) or detail)]


def _named(rows: pd.DataFrame) -> str:
    """Name the first numbers that are not as they must be."""
    return "; ".join(
        f"{r.dataset}/{r.system}/{r.policy}: {r.metric} {r.value:.9g}"
        for r in rows.head(3).itertuples()
    )


def leaks_are_few(
    metrics: pd.DataFrame, leaks: pd.DataFrame, exempt: set[tuple[str, str]], most: float
) -> list[Check]:
    """Check that no method lets more than a share `most` of its images through.

    Parameters
    ----------
    metrics : DataFrame
        All metric rows.
    leaks : DataFrame
        All leaks, with dataset, method, strength, image_id.
    exempt : set of (method, strength)
        Controls, and strengths that are meant to change nothing.
    most : float
        Largest share allowed, 0..1.
    """
    shares = metrics[(metrics["metric"] == "leak_share") & metrics["value"].notna()]
    keys = zip(shares["method"], shares["strength"], strict=True)
    # With a type: an empty list would select columns instead of rows.
    judged = shares[np.array([k not in exempt for k in keys], bool)]
    checks = []
    for row in judged[judged["value"] > most].itertuples():
        names = leaks[
            (leaks["dataset"] == row.dataset)
            & (leaks["method"] == row.method)
            & (leaks["strength"] == row.strength)
        ]["image_id"]
        named = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        share = f"{row.value:.1%} of {row.n:.0f} images are (nearly) as they were"
        name = f"leaks of {row.method} {row.strength} on {row.dataset}"
        checks.append(Check(name, False, f"{share}, more than {most:.1%}: {named}"))
    if not checks:
        checks.append(
            Check(
                "leaks",
                True,
                f"at most {most:.1%} of the images in each of {len(judged)} conditions",
            )
        )
    return checks


def run_checks(
    metrics: pd.DataFrame, leaks: pd.DataFrame, exempt: set[tuple[str, str]], most: float
) -> list[Check]:
    """Run all checks."""
    return [
        *original_equals_baseline(metrics),
        *blank_is_at_chance(metrics),
        *original_keeps_expressions(metrics),
        *blank_shows_no_expression(metrics),
        *leaks_are_few(metrics, leaks, exempt, most),
    ]


def require(checks: list[dict[str, Any]]) -> None:
    """Raise `CheckFailed` if a check failed; the message names it."""
    failed = [c for c in checks if not c["passed"]]
    if failed:
        lines = [f"  {c['name']}: {c['detail']}" for c in failed]
        raise CheckFailed("\n".join([
            "the run finished, but its numbers must not be used as they are:", *lines,
            "results/summary/leaks.csv names every leaking image; results/report/index.html shows "
            "the rest. leaks.max_share and leaks.psnr set the limits.",
        ]))  # fmt: skip
