"""The whole comparison as a table: what the best attack tells, and what is left, by method.

``python benchmarks/whole_comparison.py`` reads ``results/`` of a finished ``snakemake --configfile
experiments/every_method.yaml`` and writes the table of ``docs/findings.md`` between its marker
comments, and the trade-off figure beside it.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from drawn_faces import ROOT
from marked_tables import fill, markdown

from anonbench.io import read_table

MARKER = "whole comparison"
PRIVACY, UTILITY = "gfrr_at_gfar_0.01", "preservation"
"""Mated comparisons that the most successful attack rejects, and expressions seen as before."""
COLUMNS = ["method", "strength", "best attack", "recognised by it", "expressions kept",
           "faces found", "SSIM in the face", "SSIM around it", "on the front"]  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    parser.add_argument("--dataset", default="faces")
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    options = parser.parse_args(arguments)
    page = options.docs / "findings.md"
    try:
        table = markdown(comparison(options.results / "summary", options.dataset))
        fill(page, {MARKER: table})
        figure = options.results / "figures" / options.dataset / "tradeoff.png"
        shutil.copyfile(figure, options.docs / "images" / "whole_comparison.png")
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{page}: written")
    return 0


def comparison(summary: Path, dataset: str) -> pd.DataFrame:
    """Return a row a condition, the least recognised first; columns as `COLUMNS`.

    Raises
    ------
    ValueError
        If the run did not measure the data set.
    """
    pareto, tradeoff = (read_table(summary / f"{name}.csv") for name in ("pareto", "tradeoff"))
    points = pareto[(pareto["dataset"] == dataset) & (pareto["privacy"] == PRIVACY)]
    points = points[points["utility"] == UTILITY]
    if points.empty:
        raise ValueError(f"{summary}: no {PRIVACY} and {UTILITY} of {dataset}")
    left = tradeoff[tradeoff["dataset"] == dataset].set_index(["method", "strength"])
    order = pd.to_numeric(points["privacy_value"]).sort_values(ascending=False, kind="stable").index
    rows = [_row(points.loc[k], left) for k in order]
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(point: pd.Series, left: pd.DataFrame) -> tuple[str, ...]:
    own = left.loc[(point["method"], point["strength"])]
    strength = "" if point["strength"] == "none" else str(point["strength"])
    where = {"aligned": "told where the face is", "detected": "finds the face"}
    recognised = _share(*(1 - _number(point[f"privacy_{k}"]) for k in ("value", "high", "low")))
    kept = _share(*(_number(point[f"utility_{k}"]) for k in ("value", "low", "high")))
    similar = (_number(own[f"ssim_{k}"]) for k in ("inside", "outside"))
    return (
        f"`{point['method']}`", strength, f"{point['attack']}, {where[point['policy']]}",
        recognised, kept, f"{100 * _number(own['detected']):.1f} %",
        *(f"{value:.2f}" for value in similar), str(point["front"]),
    )  # fmt: skip


def _number(value: object) -> float:
    """Return a table's number; NaN where it was not computed."""
    return float(str(value) or "nan")


def _share(value: float, low: float, high: float) -> str:
    if value != value:
        return "n/a"
    return f"{100 * value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


if __name__ == "__main__":
    sys.exit(main())
