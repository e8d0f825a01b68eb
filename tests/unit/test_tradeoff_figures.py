"""The trade-off as a picture: every point where it belongs, names off each other, gaps told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from anonbench.io import METRIC_COLUMNS
from anonbench.report._front import Point, distinct, draw_front, draw_spread, filled, main_axes
from anonbench.report._labels import Label, place
from anonbench.report._style import blank_figure, style
from anonbench.report._tables import Measure, Tables
from anonbench.report.tradeoff import tradeoff_figure
from anonbench.report.tradeoff_grid import grid_figure
from anonbench.tradeoff import Choices, points

NAN = float("nan")
ENTRIES: dict[str, tuple[str, dict[str, tuple[float, float]]]] = {
    "original": ("original", {"none": (0.0, 1.0)}),
    "blank": ("blank", {"none": (1.0, 0.0)}),
    "blur_face": ("blur", {"10": (0.1, 0.9), "30": (0.45, 0.6), "90": (0.95, 0.1)}),
    "blur_eyes": ("blur", {"90": (0.2, 0.75)}),
    "noise_face": ("noise", {"30": (0.1, 0.7), "90": (0.4, 0.3)}),
    "blackout_face": ("blackout", {"none": (0.98, 0.12)}),
    "mask_eyes": ("mask", {"none": (0.3, 0.7)}),
}
"""Anonymiser, and by strength privacy and utility."""


def made_up(*, expressions: bool = True, note: str = "", spread: float = 0.02) -> Tables:
    """Tables of a run in which every measure of privacy, and of utility, has the same value."""
    plan: dict[str, Any] = {
        "datasets": ["faces"],
        "methods": {m: {"anonymiser": a, "region": "face"} for m, (a, _) in ENTRIES.items()},
        "recognisers": ["dlib"], "attacks": ["naive"], "policies": ["detected"],
        "expressions": {"dan": {}} if expressions else {},
        "metrics": {"confidence": 0.95, "distance_threshold": 0.575, "minimum_mated": 30},
    }  # fmt: skip
    rows = []
    for method, (_, strengths) in ENTRIES.items():
        for strength, (private, useful) in strengths.items():
            key = {"dataset": "faces", "method": method, "strength": strength, "n": 10}
            attack = {"task": "verification", "attack": "naive", "system": "dlib"}
            for metric in ("gfrr_at_gfar_0.01", "gfrr_at_gfar_0.001", "geer"):
                value = private / 2 if metric == "geer" else private
                rows.append({**key, **attack, "policy": "detected", "metric": metric,
                             "value": value, "note": ""})  # fmt: skip
            own = {"task": "expression", "attack": "", "system": "dan", "policy": "detected"}
            for metric in ("uar_retention", "preservation", "uar") if expressions else ():
                rows.append({**key, **own, "metric": metric, "value": useful, "note": note})
            rows.append({**key, "task": "detection", "attack": "", "system": "haar", "policy": "",
                         "metric": "detected", "value": useful, "note": ""})  # fmt: skip
    table = pd.DataFrame(rows).assign(low=lambda t: t["value"], high=lambda t: t["value"])
    table = table[list(METRIC_COLUMNS)]
    draw = np.random.default_rng(2)
    drawn = [np.clip(draw.normal(v, spread if 0 < v < 1 else 0, 300), 0, 1) for v in table["value"]]
    kept = table.drop(columns=["value", "low", "high", "n", "note", "task"]).assign(values=drawn)
    empty = pd.DataFrame()
    found = points(table, kept, Choices.of(plan))
    return Tables("faces", plan, table, empty, empty, empty, {}, {}, pareto=found)


def _texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]


def _marks(axes: Axes, marker: str) -> list[tuple[float, float]]:
    own = [
        line for line in axes.lines if line.get_marker() == marker and len(line.get_xdata()) == 1
    ]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in own]


def test_main_panel_shows_every_point_and_names_every_method_once() -> None:
    with style():
        figure = tradeoff_figure(made_up())
    axes = figure.axes[0]
    assert _marks(axes, "o") == [(0.1, 0.9), (0.45, 0.6), (0.95, 0.1)]
    assert _marks(axes, "*") == [(0.0, 1.0)] and _marks(axes, "X") == [(1.0, 0.0)]
    texts = _texts(figure)
    assert all(texts.count(method) == 1 for method in ENTRIES)
    assert "FMR 1 %" in axes.get_xlabel() and "UAR" in axes.get_ylabel()
    assert "guessing the expression" in texts
    assert not any("Not drawn" in t for t in texts)


def test_names_lie_on_nothing() -> None:
    with style():
        figure = tradeoff_figure(made_up())
        canvas: Any = figure.canvas
        canvas.draw()
    names = [t for t in figure.texts if t.get_text() in ENTRIES]
    boxes = [t.get_window_extent() for t in names]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:k]), names[k]
    axes = figure.axes[0]
    values = [v for _, strengths in ENTRIES.values() for v in strengths.values()]
    for x, y in axes.transData.transform(values):
        assert not any(box.contains(x, y) for box in boxes)
    frame = figure.bbox
    assert all(frame.contains(*corner) for box in boxes for corner in box.corners())


def test_without_expressions_detection_takes_their_place_and_the_reason_is_given() -> None:
    for tables, why in (
        (made_up(expressions=False), "run.expressions"),
        (made_up(note="below the gate: clear UAR 0.41"), "below the gate: clear UAR 0.41"),
    ):
        with style():
            figure = tradeoff_figure(tables)
            grid = grid_figure(tables)
        assert main_axes(tables.pareto) == ("gfrr_at_gfar_0.01", "detected")
        assert "faces still found" in figure.axes[0].get_ylabel()
        assert any("No UAR retention" in t and why in t for t in _texts(figure))
        empty = [" ".join(t.split()) for t in _texts(grid) if t.startswith("Nothing to draw")]
        assert len(empty) == 6 and all(why in t for t in empty)
        assert len(_marks(grid.axes[6], "o")) == 3 and not grid.axes[0].lines


def test_grid_shows_three_by_three() -> None:
    with style():
        figure = grid_figure(made_up())
    assert len(figure.axes) == 9
    assert all(len(_marks(axes, "o")) == 3 for axes in figure.axes)
    assert [x for x, _ in _marks(figure.axes[2], "o")] == pytest.approx([0.05, 0.225, 0.475])
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert set(legend) == set(ENTRIES)


def test_missing_value_is_listed() -> None:
    tables = made_up()
    table = tables.pareto.copy()
    gone = (table["method"] == "mask_eyes") & (table["utility"] == "uar_retention")
    table.loc[gone, "utility_value"] = NAN
    with style():
        texts = _texts(tradeoff_figure(replace(tables, pareto=table)))
    assert any("Not drawn" in t and "mask_eyes" in t for t in texts)
    assert texts.count("mask_eyes") == 0


def _point(x: float, y: float, spread: tuple[float, float, float] = (NAN, NAN, NAN)) -> Point:
    return Point("m", "1", Measure(x, x, x), Measure(y, y, y), spread, True, 1.0, "")


def test_front_is_a_staircase() -> None:
    axes = blank_figure(1, 1).add_subplot()
    draw_front(axes, [_point(0.5, 0.4), _point(0.2, 0.9)], -0.1, 0.0)
    (line,) = axes.lines
    assert list(zip(line.get_xdata(), line.get_ydata(), strict=True)) == [
        (-0.1, 0.9), (0.2, 0.9), (0.2, 0.4), (0.5, 0.4), (0.5, 0.0),
    ]  # fmt: skip


def test_ellipse_holds_95_percent_of_correlated_replicates() -> None:
    axes = blank_figure(4, 4).add_subplot()
    sd = (0.02, 0.01, 0.8)
    draw_spread(axes, _point(0.5, 0.5, sd), "red", axes.patch)  # type: ignore[arg-type]
    ellipse = next(p for p in axes.patches if isinstance(p, Ellipse))
    shared = sd[2] * sd[0] * sd[1]
    cover = [[sd[0] ** 2, shared], [shared, sd[1] ** 2]]
    drawn = np.random.default_rng(0).multivariate_normal([0.5, 0.5], cover, 40_000)
    inside = ellipse.get_path().contains_points(drawn, ellipse.get_patch_transform())
    assert inside.mean() == pytest.approx(0.95, abs=0.005)


def test_fill_tells_the_probability() -> None:
    assert filled("black", 0.0) == filled("black", NAN) == (1.0, 1.0, 1.0)
    assert filled("black", 1.0) == (0.0, 0.0, 0.0)
    assert filled("black", 0.25) == (0.75, 0.75, 0.75)


def test_fill_is_free_as_markers_tell_methods_apart() -> None:
    looks, dashes = distinct(made_up())
    assert looks["blur_face"].colour == looks["blur_eyes"].colour
    assert len({look.marker for look in looks.values()}) == len(looks)
    assert {look.fill for look in looks.values()} == {"full"}
    assert dashes["blur_face"] != dashes["blur_eyes"]


def test_label_goes_to_the_free_side() -> None:
    # Discs on all sides but the left.
    marks = [(50.0, 50.0, 3.0), (65.0, 50.0, 6.0), (50.0, 64.0, 6.0), (50.0, 36.0, 6.0)]
    (spot,) = place([Label((20.0, 8.0), [marks[0]])], marks, [], (0, 0, 100, 100))
    assert spot is not None and spot.x + 20 < 50 and spot.y < 50 < spot.y + 8


def test_label_without_a_place_is_left_out_only_if_it_may() -> None:
    marks = [(10.0, 10.0, 9.0)]
    label = Label((19.0, 19.0), marks)
    frame = (0.0, 0.0, 20.0, 20.0)
    assert place([replace(label, optional=True)], marks, [], frame) == [None]
    (spot,) = place([label], marks, [], frame)
    assert spot is not None


def test_two_labels_of_one_mark_do_not_overlap() -> None:
    marks = [(50.0, 50.0, 3.0)]
    first, second = place([Label((30.0, 8.0), marks)] * 2, marks, [], (0, 0, 100, 100))
    assert first is not None and second is not None
    assert abs(first.x - second.x) >= 30 or abs(first.y - second.y) >= 8
