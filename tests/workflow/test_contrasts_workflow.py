"""Pairs of methods through the whole workflow: table, figure and page, or nothing of them."""

from __future__ import annotations

import pandas as pd

from conftest import Clone


def test_compared_methods_reach_table_figure_and_page(finished: Clone) -> None:
    results = finished.path / "results"
    found = pd.read_csv(results / "summary/contrasts.csv", keep_default_na=False)
    assert set(found["contrast"]) == {"black"}
    assert set(found["first"]) == {"blackout_face"} and set(found["second"]) == {"blank"}
    own = found[(found["metric"] == "detected") & (found["system"] == "haar")]
    metrics = pd.read_csv(results / "summary/metrics.csv", keep_default_na=False)
    kept = metrics[(metrics["metric"] == "detected") & (metrics["system"] == "haar")]
    value = kept.set_index("method")["value"].astype(float)
    (difference,) = own["difference_value"].astype(float)
    assert difference == value["blackout_face"] - value["blank"]
    for suffix in ("svg", "png"):
        assert (results / f"figures/drawn/contrasts.{suffix}").stat().st_size > 5000
    assert not list((results / "figures/drawn").glob("landmarks*")), "nobody looks at landmarks"
    page = (results / "report/index.html").read_text("utf-8")
    assert "black: blackout_face minus blank" in page
    assert "contrast noise is left out" in (finished.path / "logs/summarise.log").read_text()
