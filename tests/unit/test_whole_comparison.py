"""The scripts that write the whole comparison and the card of the adversarial transforms."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd
import pytest

from anonbench.io import write_table

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import adversarial_card  # noqa: E402
import whole_comparison as script  # noqa: E402

POINT = {
    "dataset": "set", "privacy": script.PRIVACY, "utility": script.UTILITY, "attack": "parrot",
    "policy": "aligned", "front": "yes",
}  # fmt: skip
LEFT = {"dataset": "set", "detected": 0.25, "ssim_inside": 0.5, "ssim_outside": 0.999}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Write what the script reads of a run of two methods."""
    half = {f"{k}_{e}": v for k in ("privacy", "utility")
            for e, v in (("value", 0.5), ("low", 0.4), ("high", 0.7))}  # fmt: skip
    strong = {**half, "privacy_value": 0.9, "privacy_low": 0.85, "privacy_high": 1.0}
    missing = {**strong, "utility_value": None, "utility_low": None, "utility_high": None}
    points = pd.DataFrame([
        {**POINT, "method": "half", "strength": "30", **half},
        {**POINT, "method": "strong", "strength": "none", **missing},
        {**POINT, "method": "strong", "strength": "none", **strong, "utility": "detected"},
    ])  # fmt: skip
    left = pd.DataFrame(
        [{**LEFT, "method": m, "strength": s} for m, s in (("half", "30"), ("strong", "none"))]
    )
    write_table(points, tmp_path / "summary/pareto.csv")
    write_table(left, tmp_path / "summary/tradeoff.csv")
    figure = tmp_path / "figures/set/tradeoff.png"
    figure.parent.mkdir(parents=True)
    figure.write_bytes(b"picture")
    return tmp_path


def test_the_least_recognised_comes_first_and_what_is_missing_is_no_number(results: Path) -> None:
    table = script.comparison(results / "summary", "set")
    assert table.to_numpy().tolist() == [
        ["`strong`", "", "parrot, told where the face is", "10.0 % (0.0 to 15.0)", "n/a",
         "25.0 %", "0.50", "1.00", "yes"],
        ["`half`", "30", "parrot, told where the face is", "50.0 % (30.0 to 60.0)",
         "50.0 % (40.0 to 70.0)", "25.0 %", "0.50", "1.00", "yes"],
    ]  # fmt: skip


def test_the_page_gets_table_and_figure(results: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    (docs / "images").mkdir(parents=True)
    page = docs / "findings.md"
    page.write_text(f"a\n<!-- {script.MARKER}: start -->\n? ?\n<!-- {script.MARKER}: end -->\nb")
    told = ["--results", str(results), "--dataset", "set", "--docs", str(docs)]
    assert script.main(told) == 0
    assert "`strong`" in page.read_text() and "? ?" not in page.read_text()
    assert (docs / "images/whole_comparison.png").read_bytes() == b"picture"


def test_a_run_of_another_data_set_is_an_error(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert script.main(["--results", str(results), "--dataset", "other"]) == 2
    assert "of other" in capsys.readouterr().err


def test_a_card_without_its_run_is_an_error(results: Path) -> None:
    row = {"dataset": "set", "method": "narula", "strength": "1", "metric": "detected",
           "system": "dlib_hog", "value": 0.5, "policy": "", "attack": ""}  # fmt: skip
    write_table(pd.DataFrame([row]), results / "summary/metrics.csv")
    found = adversarial_card.judgement(results, "set", "narula", "1")
    assert found == {"faces found by dlib_hog": "50.0 %"}
    with pytest.raises(ValueError, match="no run of narula at strength 3"):
        adversarial_card.judgement(results, "set", "narula", "3")
    options = argparse.Namespace(training=results, results=results, dataset="set", docs=results)
    with pytest.raises(OSError, match="checkpoint"):
        adversarial_card.write(options)
