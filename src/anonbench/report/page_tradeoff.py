"""What the page's trade-off chart needs: coordinates, fronts, and the names of the axes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from anonbench.io import rows
from anonbench.report.page_data import short
from anonbench.report.page_run import Run, percent
from anonbench.tradeoff import PRIVACIES, UTILITIES, Choices


def packed_points(run: Run) -> dict[str, Any]:
    """Return the trade-off of all data sets.

    Returns
    -------
    dict
        ``privacies``, ``utilities``: pairs of name and label; ``privacy``, ``utility``: by
        ``DATASET|AXIS|METHOD|STRENGTH`` value, low, high, standard deviation and whose it is;
        ``front``: by ``DATASET|PRIVACY|UTILITY|METHOD|STRENGTH`` whether the point is on the
        front (None for controls), the probability of that, the correlation of both axes, note.
    """
    return {
        "privacies": [[p, _privacy_label(p)] for p in PRIVACIES],
        "utilities": [[u, _utility_label(u, run)] for u in UTILITIES],
        "privacy": _axis(run.pareto, "privacy", ("attack", "recogniser", "policy")),
        "utility": _axis(run.pareto, "utility", ("utility_system",)),
        "front": {
            "|".join((r.dataset, r.privacy, r.utility, r.method, r.strength)): [
                {"yes": 1, "no": 0}.get(r.front), short(r.probability, 4), short(r.correlation, 3),
                r.note,
            ]
            for r in rows(run.pareto)
        },
    }  # fmt: skip


def _privacy_label(name: str) -> str:
    if name == "geer":
        return "EER of the worst attack"
    return f"1 \N{MINUS SIGN} TMR of the worst attack at FMR {percent(float(name.split('_')[-1]))}"


def _utility_label(name: str, run: Run) -> str:
    network = Choices.of(run.plan).network
    of = f" ({network})" if network else ""
    return {
        "uar_retention": f"Expressions told apart, as a share of the original's{of}",
        "preservation": f"Expressions unchanged{of}",
        "detected": "Faces still found, by the detector that finds fewest",
    }[name]


def _axis(table: pd.DataFrame, side: str, sources: tuple[str, ...]) -> dict[str, Any]:
    """Return the coordinates of one side, once for each of its measures."""
    own = table.drop_duplicates(["dataset", side, "method", "strength"])
    numbers = [f"{side}_{name}" for name in ("value", "low", "high", "sd")]
    return {
        "|".join((r["dataset"], r[side], r["method"], r["strength"])): [
            *(short(r[name]) for name in numbers),
            ", ".join(r[name] for name in sources if r[name]),
        ]
        for _, r in own.iterrows()
    }
