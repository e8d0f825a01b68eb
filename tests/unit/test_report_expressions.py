"""The page's sections on expressions and on what is left of the picture."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_report_page import CONDITIONS, PLAN, Parsed, Tables, make, row

from anonbench.io import read_table, write_table
from anonbench.report.page import write_report
from anonbench.report.page_figures import expression_pictures
from anonbench.report.page_run import Run
from anonbench.report.page_tables import Cell
from anonbench.report.page_utility import Judged, expression_tables, picture_table
from anonbench.report.page_warnings import Notice, notices

NETWORKS = {"dan": {"type": "dan", "gate": 0.6}, "other": {"type": "dan", "gate": 0.5}}
OWN_PLAN = {**PLAN, "expressions": NETWORKS}
BELOW = "below the gate: clear UAR 0.410, 0.5 is asked for"
UNKNOWN = "gate unknown: there are no labels"


def _expression_rows(method: str, dataset: str) -> list[dict[str, Any]]:
    """dan passes on people and cannot be judged on drawn; other fails everywhere."""
    found = []
    for policy in PLAN["policies"]:
        for network in NETWORKS:
            clear = method == "original"
            note = BELOW if network == "other" else UNKNOWN if dataset == "drawn" else ""
            key = {"system": network, "policy": policy}
            lost = np.nan if note == UNKNOWN else 1.0
            uar = 0.41 if network == "other" else 0.875
            own = {
                "preservation": 1.0 if clear else 0.324,
                "uar": lost * (uar if clear else 0.3),
                "accuracy": lost * (uar if clear else 0.31),
                "uar_retention": lost * (1.0 if clear else 0.342857),
                "kappa": 1.0 if clear else 0.21,
                "divergence_found": 0.0 if clear else 0.4567,
                "not_found": 0.0 if clear else 0.125,
                "kid_found": 0.0 if clear else 0.01234,
            }
            found += [row("expression", m, v, note=note, **key) for m, v in own.items()]
    return found


def _picture_rows() -> list[dict[str, Any]]:
    return [
        row("landmarks", "nme", 0.0512, system="mesh"),
        row("landmarks", "landmark_failure", 0.25, system="mesh"),
        row("pose", "yaw_error", 3.25, system="mesh"),
        row("detection", "detected_given_clear", 0.993, system="haar"),
        row("quality", "psnr_inside", np.nan, note="infinite: identical in all images"),
    ]


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    made = make(tmp_path)
    metrics = read_table(made.files["metrics"])
    more = [
        {"dataset": d, "method": m, "strength": s, **r}
        for d in PLAN["datasets"]
        for m, s in CONDITIONS
        for r in [*_expression_rows(m, d), *_picture_rows()]
    ]
    write_table(pd.concat([metrics, pd.DataFrame(more)[metrics.columns]]), made.files["metrics"])
    return made


def _run(tables: Tables) -> Run:
    return Run.read(OWN_PLAN, tables.files)


def _page(tables: Tables, figures: tuple[Path, ...] = ()) -> str:
    out = tables.folder / "page.html"
    write_report(plan=OWN_PLAN, figures=figures, out=out, **tables.files, **tables.pictures)
    return out.read_text("utf-8")


def _section(page: str, name: str) -> str:
    found = re.search(rf'<section id="{name}">.*?</section>', page, re.DOTALL)
    assert found
    return found[0]


def _judged(run: Run, dataset: str, network: str) -> Judged:
    return next(j for j in expression_tables(run, dataset) if j.network == network)


def _cells(judged: Judged, method: str, policy: str) -> dict[str, Cell]:
    """Return the cells of a method's first row by metric."""
    cells = next(cells for m, _, _, cells in judged.table.rows if m.name == method)
    pairs = zip(judged.table.columns, cells, strict=True)
    return {c.key.metric: cell for c, cell in pairs if c.key.policy == policy}


def test_run_without_network_says_so(tmp_path: Path) -> None:
    made = make(tmp_path)
    section = Parsed(_section(made.write(), "expressions")).text
    assert "No expression network was run" in section
    run = made.run()
    assert expression_tables(run, "people") == []
    assert not [n for n in notices(run) if n.title.startswith("Expressions")]


def test_numbers_stand_in_the_table(tables: Tables) -> None:
    cells = _cells(_judged(_run(tables), "people", "dan"), "blur_face", "detected")
    assert {m: c.text for m, c in cells.items() if not c.foot} == {
        "preservation": "32.4", "uar": "30.0", "accuracy": "31.0", "uar_retention": "34.3",
        "kappa": "0.21", "divergence_found": "0.457", "not_found": "12.5",
    }  # fmt: skip
    assert cells["preservation"].small == "27.4 to 37.4"
    assert cells["preservation_found"].text == "n/a"  # the tables have no such row
    assert cells["uar"].title == "interval 25.0 to 35.0; n = 100"


def test_missing_labels_are_no_zeros(tables: Tables) -> None:
    judged = _judged(_run(tables), "drawn", "dan")
    cells = _cells(judged, "blur_face", "aligned")
    assert (cells["uar"].text, cells["uar"].sort) == ("n/a", None)
    assert judged.table.feet[cells["uar"].foot - 1] == UNKNOWN
    assert cells["preservation"].text == "32.4"
    assert cells["preservation"].title.endswith(UNKNOWN)


def test_gate_is_told_with_what_the_clear_images_give(tables: Tables) -> None:
    run = _run(tables)
    states = {(d, j.network): [g.state for g in j.gates]
              for d in run.datasets for j in expression_tables(run, d)}  # fmt: skip
    assert states == {
        ("people", "dan"): ["met"] * 2, ("people", "other"): ["below"] * 2,
        ("drawn", "dan"): ["unknown"] * 2, ("drawn", "other"): ["below"] * 2,
    }  # fmt: skip
    section = _section(_page(tables), "expressions")
    text = Parsed(section).text
    assert "dan detected 87.5 % 87.5 % 60.0 % met" in text
    assert f"other aligned 41.0 % 41.0 % 50.0 % {BELOW}" in text
    assert f"dan detected n/a n/a 60.0 % {UNKNOWN}" in text


def test_below_the_gate_all_columns_are_greyed(tables: Tables) -> None:
    run = _run(tables)
    for network, style in (("other", {"below"}), ("dan", {""})):
        assert {c.style for c in _judged(run, "people", network).table.columns} == style
    section = _section(_page(tables), "expressions")
    assert section.count("other is below the gate (detected, aligned)") == 2  # data sets
    assert "dan is below" not in section
    assert ".verdict .below" in _page(tables).split("</style>")[0]


def test_gate_is_among_the_warnings(tables: Tables) -> None:
    found: dict[str, Notice] = {n.title: n for n in notices(_run(tables))}
    below = found["Expressions below the gate: other on people"]
    assert below.level == "failure"
    assert below.items == [f"detected: {BELOW}", f"aligned: {BELOW}"]
    assert found["Expressions without a gate: dan on drawn"].level == "caution"
    assert not any(t.startswith("Expressions") and t.endswith("dan on people") for t in found)


def test_network_without_rows_is_a_failure(tmp_path: Path) -> None:
    run = Run.read(OWN_PLAN, make(tmp_path).files)
    found = {n.title: n.level for n in notices(run)}
    assert found["Expressions not classified: dan on people"] == "failure"


def test_what_is_left_has_a_column_for_what_was_measured(tables: Tables) -> None:
    table = picture_table(_run(tables), "people")
    heads = {(c.group, c.head): k for k, c in enumerate(table.columns)}
    assert ("Found again, %", "haar") in heads
    assert ("Features of dan", "KID, aligned") in heads
    styles = {c.group: c.style for c in table.columns}
    assert (styles["Features of other"], styles["Features of dan"]) == ("below", "")
    assert not any("FID" in head or "GMSD" in group for group, head in heads)
    cells = next(cells for m, _, _, cells in table.rows if m.name == "blur_face")
    assert cells[heads["Face found, %", "haar"]].text == "90.0"
    assert cells[heads["Landmarks, %", "error"]].text == "5.1"
    assert cells[heads["Head pose, °", "yaw"]].text == "3.2"
    assert cells[heads["Features of dan", "KID, aligned"]].text == "0.0123"
    psnr = cells[heads["PSNR, dB", "inside"]]
    assert table.feet[psnr.foot - 1] == "infinite: identical in all images"
    spans = [span for _, _, span in table.groups]
    assert sum(spans) == len(table.columns)


def test_links_and_headings_lead_somewhere(tables: Tables) -> None:
    parsed = Parsed(_page(tables))
    assert set(parsed.targets) <= set(parsed.ids)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {"expressions", "picture"} <= set(parsed.targets)


def test_figures_become_part_of_the_page(tables: Tables) -> None:
    folder = tables.folder / "people"
    folder.mkdir()
    names = ("confusion.dan.aligned", "expressions.dan.aligned", "confusion.gone.aligned")
    colours = np.zeros((40, 60, 3), np.uint8)
    colours[:, 20:], colours[:20, 40:] = (17, 119, 51), (204, 102, 119)
    for name in names:
        Image.fromarray(colours).save(folder / f"{name}.png")
    figures = tuple(folder / f"{n}.png" for n in (*names, "confusion.dan.detected"))
    found = expression_pictures(_run(tables), figures)
    captions = [caption for caption, _ in found["people", "dan"]]
    assert captions == [
        "How much of the expressions is left, aligned faces",
        "What expressions turn into, aligned faces",
    ]
    assert found["people", "other"] == found["drawn", "dan"] == []
    data = b64decode(found["people", "dan"][0][1].split(",")[1])
    with Image.open(io.BytesIO(data)) as picture:
        shown = np.asarray(picture.convert("RGB"), np.int64)
    np.testing.assert_allclose(shown, colours, atol=2)
    assert _section(_page(tables, figures), "expressions").count("<img ") == 2
