"""The figure and the page's table of distances to the own original and among outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from anonbench.io import METRIC_COLUMNS
from anonbench.protocols import DISTANCES
from anonbench.report._tables import Tables
from anonbench.report.closeness import closeness_figure
from anonbench.report.names import figure_names
from anonbench.report.page_closeness import closeness_table
from anonbench.report.page_run import Run

MEDIANS = {"same_image": 0.2, "same_subject": 0.4, "different_subjects": 0.8}
LOST = "0 completed comparisons, fewer than 30; 5 of 9 pairs drawn"
PLAN: dict[str, Any] = {
    "methods": {
        "original": {"anonymiser": "original"}, "blank": {"anonymiser": "blank"},
        "noise_face": {"anonymiser": "noise", "region": "face"},
    },
    "metrics": {"distance_threshold": 0.575},
    "recognisers": ["dlib"], "policies": ["aligned"],
}  # fmt: skip
STRENGTHS = {"original": ["none"], "blank": ["none"], "noise_face": ["10", "20", "30", "90"]}


def rows(method: str, strength: str) -> list[dict[str, Any]]:
    lost = method == "blank"
    found = []
    for attack in DISTANCES:
        for name, shift in (("lower_quartile", -0.1), ("median", 0.0), ("upper_quartile", 0.1)):
            value = np.nan if lost else MEDIANS[attack] + shift
            found.append({"attack": attack, "metric": f"{name}_distance", "value": value,
                          "low": value - 0.02, "high": value + 0.02,
                          "note": LOST if lost else ""})  # fmt: skip
        share = 1.0 if lost else 0.125
        found.append({"attack": attack, "metric": "not_compared", "value": share, "note": ""})
    place = {"dataset": "toy", "method": method, "strength": strength, "system": "dlib",
             "policy": "aligned", "task": "verification", "n": 40}  # fmt: skip
    return [{**place, **row} for row in found]


def metrics() -> pd.DataFrame:
    table = pd.DataFrame([r for m, own in STRENGTHS.items() for s in own for r in rows(m, s)])
    return table.reindex(columns=list(METRIC_COLUMNS))


@pytest.fixture(scope="module")
def figure() -> Figure:
    empty = pd.DataFrame()
    tables = Tables("toy", PLAN, metrics(), empty, empty, empty, {}, {})
    return closeness_figure(tables, "dlib", "aligned")


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]


def test_medians_stand_where_they_are(figure: Figure) -> None:
    (axes,) = figure.axes
    markers = [line for line in axes.lines if line.get_marker() in ("o", "s", "D")]
    drawn = {float(line.get_xdata()[0]) for line in markers}
    # The controls' one, and the weakest, a middle and the strongest of four strengths.
    assert drawn == set(MEDIANS.values()) and len(markers) == 3 * (1 + 3)
    spans = [line.get_xdata() for line in axes.lines if line.get_linewidth() == 0.8]
    assert sorted({tuple(np.round(x, 6)) for x in spans}) == [(0.1, 0.3), (0.3, 0.5), (0.7, 0.9)]


def test_what_failed_is_said(figure: Figure) -> None:
    said = texts(figure)
    assert said.count("12 / 12 / 12 %") == 4 and "100 / 100 / 100 %" in said
    assert "0 completed comparisons, fewer than 30" in said
    assert "noise_face  90" in said and "original" in said


def test_workflow_lists_the_figure() -> None:
    assert "closeness.dlib.aligned.svg" in figure_names(["dlib"], ["naive"], ["aligned"])


def test_page_has_the_numbers_and_the_reasons() -> None:
    empty = pd.DataFrame()
    run = Run(plan=PLAN, metrics=metrics(), curves=empty, histograms=empty, ledger=empty,
              leaks=empty, checks=[], environment={}, pareto=empty, contrasts=empty)  # fmt: skip
    table = closeness_table(run, "toy")
    heads = [c.head for c in table.columns]
    cells = {(m.name, s): dict(zip(heads, own, strict=True)) for m, s, _, own in table.rows}
    own = cells["noise_face", "90"]
    assert own["own original, median"].text == "0.20"
    assert own["own original, median"].small == "0.18 to 0.22"
    assert own["own original, upper quartile"].text == "0.30"
    assert own["one subject, median"].text == "0.40" and own["two subjects, median"].text == "0.80"
    assert own["two subjects, failed %"].text == "12.5"
    lost = cells["blank", "none"]["own original, median"]
    assert lost.text == "n/a" and table.feet[lost.foot - 1] == LOST
