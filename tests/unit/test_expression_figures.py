from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from test_score_expressions import AFTER, BEFORE, answers
from test_score_expressions import manifest as labels
from test_score_expressions import tables as scored

from anonbench.expressions import EXPRESSIONS
from anonbench.io import METRIC_COLUMNS, write_table
from anonbench.report._style import save, style
from anonbench.report._tables import CONFUSION_COLUMNS, Tables
from anonbench.report.confusions import conditions, confusion_figure, matrix, shares
from anonbench.report.expressions import expressions_figure
from anonbench.report.figures import drawings
from anonbench.report.gates import gate, reason
from anonbench.report.names import figure_names, figure_stems
from anonbench.score_expressions import ExpressionSettings

NETWORK, POLICIES = "dan", ("detected", "aligned")
ENTRIES: dict[str, tuple[str, dict[str, float]]] = {
    "original": ("original", {"none": 1.0}),
    "blank": ("blank", {"none": 0.0}),
    "blur_face": ("blur", {"90": 0.1, "30": 0.45, "10": 0.8}),
    "blur_eyes": ("blur", {"90": 0.7}),
    "pixelize_face": ("pixelize", {"30": 0.7, "15": 0.35, "5": 0.05}),
    "noise_face": ("noise", {"30": 0.75, "90": 0.3}),
    "blackout_face": ("blackout", {"none": 0.0}),
    "blackout_eyes": ("blackout", {"none": 0.62}),
    "mask_eyes": ("mask", {"none": 0.66}),
}
"""Anonymiser, and by strength the share of images that keep their class."""
CLASSES = len(EXPRESSIONS)


def made_up(
    entries: dict[str, tuple[str, dict[str, float]]] = ENTRIES, clear: float = 0.86, n: int = 840
) -> Tables:
    """Tables of a made-up run: labels, clear predictions, and changed ones, all counted."""
    plan = {
        "datasets": ["faces"],
        "methods": {m: {"anonymiser": a, "region": "face"} for m, (a, _) in entries.items()},
        "recognisers": ["dlib"],
        "attacks": ["naive"],
        "policies": list(POLICIES),
        "expressions": {NETWORK: {"type": "dan", "detector": "dlib_hog", "gate": 0.6}},
        "metrics": {"distance_threshold": 0.575, "minimum_mated": 30, "fmr": [0.01]},
    }
    generator = np.random.default_rng(5)
    truth = np.arange(n) % CLASSES
    before = _changed(truth, np.full(n, clear), generator)
    metrics, confusion = [], []
    for method, (_, strengths) in entries.items():
        for strength, kept in strengths.items():
            for policy in POLICIES:
                after = _changed(before, np.full(n, kept), generator, sink=4)
                lost = 0.6 * (1 - kept) ** 2 if policy == "detected" else 0.0
                lost = 1.0 if method == "blank" and policy == "detected" else lost
                after = np.where(generator.random(n) < lost, CLASSES, after)
                key = {"dataset": "faces", "method": method, "strength": strength,
                       "system": NETWORK, "policy": policy}  # fmt: skip
                metrics += [{**key, **r} for r in _rows(method, truth, before, after)]
                confusion += [{**key, **c} for c in _counts(truth, before, after)]
    table = pd.DataFrame(metrics).assign(task="expression", attack="")[list(METRIC_COLUMNS)]
    empty = pd.DataFrame(columns=["dataset"])
    counted = pd.DataFrame(confusion)[list(CONFUSION_COLUMNS)]
    return Tables("faces", plan, table, empty, empty, empty, {}, {}, counted)


def _changed(
    labels: Any, kept: Any, generator: np.random.Generator, sink: int | None = None
) -> Any:
    """Keep some labels; others turn into any class, or mostly into one."""
    other = generator.integers(0, CLASSES, len(labels))
    if sink is not None:
        other = np.where(generator.random(len(labels)) < 0.5, sink, other)
    return np.where(generator.random(len(labels)) < kept, labels, other)


def _rows(method: str, truth: Any, before: Any, after: Any) -> Iterator[dict[str, Any]]:
    found = after < CLASSES
    same, right = after == before, after == truth

    def row(metric: str, value: float, spread: float = 0.03) -> dict[str, Any]:
        low, high = max(0.0, value - spread), min(1.0, value + spread)
        return {"metric": metric, "value": value, "low": low, "high": high, "n": len(truth),
                "note": ""}  # fmt: skip

    def mean(values: Any) -> float:
        return float(np.mean(values)) if len(values) else np.nan

    def uar(chosen: Any) -> float:
        return mean([mean(right[chosen & (truth == k)]) for k in range(CLASSES)])

    everything = np.ones_like(found)
    yield row("preservation", mean(same))
    yield row("preservation_found", mean(same[found]))
    yield row("accuracy", mean(right))
    yield row("accuracy_found", mean(right[found]))
    yield row("uar", uar(everything))
    yield row("uar_found", uar(found))
    for k, name in enumerate(EXPRESSIONS):
        yield row(f"preservation_{name}", mean(same[before == k]))
    yield row("not_found", mean(~found))
    if method == "original":
        yield row("majority_accuracy", 1 / CLASSES)
        yield row("chance_accuracy", 1 / CLASSES)


def _counts(truth: Any, before: Any, after: Any) -> Iterator[dict[str, Any]]:
    names = [*EXPRESSIONS, "not_found"]
    for kind, first in (("prediction", before), ("truth", truth)):
        for j, row in enumerate(names):
            for k, column in enumerate(names):
                n = int(np.sum((first == j) & (after == k)))
                yield {"kind": kind, "row": row, "column": column, "n": n}


SMALL: dict[str, tuple[str, dict[str, float]]] = {
    m: ENTRIES[m] for m in ("original", "blank", "blur_face", "mask_eyes")
}
DRAW = pytest.mark.parametrize("draw", [confusion_figure, expressions_figure])
Draw = Callable[[Tables, str, str], Figure]
BELOW = "below the gate: clear UAR 0.410, 0.6 is asked for"


@pytest.fixture(scope="module")
def tables() -> Tables:
    return made_up(SMALL)


def _noted(tables: Tables, note: str) -> Tables:
    return replace(tables, metrics=tables.metrics.assign(note=note))


def _without(tables: Tables, *starts: str) -> Tables:
    """Blank the values of some metrics, with a reason."""
    metrics = tables.metrics.copy()
    gone = metrics["metric"].str.startswith(starts)
    metrics.loc[gone, ["value", "low", "high"]] = np.nan
    metrics.loc[gone, "note"] = "no labels of expressions"
    return replace(tables, metrics=metrics)


def _texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def _titled(figure: Figure, title: str) -> Axes:
    """Return the axes that bear a title."""
    (found,) = [a for a in figure.axes if title in [t.get_text() for t in a.texts]]
    return found


def _confused(counts: list[tuple[str, str, int]], **key: Any) -> pd.DataFrame:
    own = {"dataset": "faces", "method": "mask_eyes", "strength": "none", "system": NETWORK,
           "policy": "detected", "kind": "prediction"}  # fmt: skip
    rows = [{**own, **key, "row": r, "column": c, "n": n} for r, c, n in counts]
    return pd.DataFrame(rows)[list(CONFUSION_COLUMNS)]


def test_workflow_lists_what_can_be_drawn(tables: Tables) -> None:
    stems = figure_stems(["dlib"], ["naive"], POLICIES, [NETWORK])
    own = {f"{k}.dan.{p}" for k in ("expressions", "confusion") for p in POLICIES}
    assert own <= set(stems)
    assert set(stems) == set(drawings(tables))
    assert "confusion.dan.aligned.svg" in figure_names(["dlib"], ["naive"], POLICIES, [NETWORK])
    assert not own & set(figure_stems(["dlib"], ["naive"], POLICIES))


def test_counts_become_a_matrix_and_shares_of_its_rows() -> None:
    found = _confused([("fear", "fear", 3), ("fear", "not_found", 1), ("not_found", "fear", 9),
                       ("anger", "fear", 2), ("anger", "fear", 2)])  # fmt: skip
    counts = matrix(found, EXPRESSIONS)
    assert counts.shape == (7, 8)
    expected = np.zeros((7, 8))
    expected[4, 4], expected[4, 7], expected[6, 4] = 3, 1, 4  # images without a face are no row
    np.testing.assert_array_equal(counts, expected)
    share = shares(counts)
    np.testing.assert_allclose(share[4, [4, 7]], [0.75, 0.25])
    assert np.isnan(share[0]).all()  # no image was taken for neutral: a share of nothing
    assert np.isnan(matrix(found.iloc[:0], EXPRESSIONS)).all()


def test_cells_hold_the_share_of_their_row(tables: Tables) -> None:
    rows = [("fear", "fear", 3), ("fear", "not_found", 1), ("anger", "contempt", 2)]
    other = tables.confusion[tables.confusion["method"] != "mask_eyes"]
    figure = confusion_figure(
        replace(tables, confusion=pd.concat([other, _confused(rows)])), NETWORK, "detected"
    )
    axes = _titled(figure, "mask_eyes")
    cells = {(round(t.get_position()[0], 1), int(t.get_position()[1])): t.get_text()
             for t in axes.texts if t.get_position() != (0, 1)}  # fmt: skip
    assert cells[4.5, 4] == "75" and cells[8.8, 4] == "25"
    assert cells[7.5, 6] == "100"  # contempt, an eighth class, stands before "no face"
    assert cells[0.5, 4] == "" and cells[0.5, 0] == "-"
    names = [t.get_text() for t in axes.get_xticklabels()]
    assert names == [*EXPRESSIONS, "contempt", "no face"]


def test_panels_say_what_is_preserved(tables: Tables) -> None:
    metrics = tables.metrics.copy()
    own = (metrics["metric"] == "preservation") & (metrics["policy"] == "detected")
    metrics.loc[own & (metrics["method"] == "mask_eyes"), ["value", "low", "high"]] = [
        0.3245, 0.299, 0.351,
    ]  # fmt: skip
    own &= (metrics["method"] == "blur_face") & (metrics["strength"] == "90")
    metrics.loc[own, ["value", "note"]] = [np.nan, "no image to compare"]
    texts = _texts(confusion_figure(replace(tables, metrics=metrics), NETWORK, "detected"))
    assert "preserved 32 % (30 to 35)" in texts
    assert "preserved n/a" in texts
    assert any("n/a: no image to compare" in t for t in texts)


def test_row_names_hold_the_number_of_images(tables: Tables) -> None:
    figure = confusion_figure(tables, NETWORK, "detected")
    before = tables.confused("prediction", "original", "none", NETWORK, "detected")
    n = before.loc[before["row"] == "fear", "n"].sum()
    names = [t.get_text() for t in _titled(figure, "blur_face 10").get_yticklabels()]
    assert names[4] == f"fear ({n})"
    assert [t.get_text() for t in _titled(figure, "original").get_yticklabels()][4] == "fear (120)"
    assert not any("differ between panels" in t for t in _texts(figure))


def test_many_conditions_are_cut_to_the_ends(tables: Tables) -> None:
    assert conditions(tables) == (
        [("blur_face", "10"), ("blur_face", "30"), ("blur_face", "90"), ("mask_eyes", "none")],
        False,
    )
    kept = {str(s): 1 - s / 100 for s in range(10, 100, 7)}
    many = made_up({"original": ENTRIES["original"], "blur_face": ("blur", kept)}, n=70)
    assert conditions(many) == ([("blur_face", "10"), ("blur_face", "94")], True)
    assert any("others are left out" in t for t in _texts(confusion_figure(many, "dan", "aligned")))


def test_gate_is_read_from_the_notes(tables: Tables) -> None:
    def read(tables: Tables) -> Any:
        return gate(tables.metrics, tables.plan, "faces", NETWORK, "detected")

    met = read(tables)
    assert (met.state, met.note, met.bound) == ("met", "", 0.6)
    assert met.uar == met.accuracy > 0.8  # every class has as many images
    below = read(_noted(tables, BELOW))
    assert (below.state, below.note) == ("below", BELOW)
    assert read(_noted(tables, "gate unknown: no labels")).state == "unknown"
    assert read(_without(tables, "uar")).state == "unknown"
    assert read(replace(tables, metrics=tables.metrics.iloc[:0])).state == "absent"
    other = gate(_noted(tables, BELOW).metrics, tables.plan, "faces", NETWORK, "elsewhere")
    assert other.state == "absent"


def test_gate_holds_without_a_note() -> None:
    low = made_up(SMALL, clear=0.5)
    verdict = gate(low.metrics, low.plan, "faces", NETWORK, "aligned")
    assert verdict.state == "below" and verdict.uar < 0.6
    assert f"{verdict.uar:.3f}" in verdict.note


def test_reason_is_what_the_gate_does_not_say(tables: Tables) -> None:
    verdict = gate(_noted(tables, BELOW).metrics, tables.plan, "faces", NETWORK, "aligned")
    assert reason(f"{BELOW}; no labels", verdict) == "no labels"
    assert reason("no labels", verdict) == "no labels"
    assert reason(BELOW, verdict) == BELOW and reason("", verdict) == "no row"


def test_clear_panel_without_labels_has_no_numbers(tables: Tables) -> None:
    truth = tables.confusion["kind"] == "truth"
    bare = tables.confusion.assign(n=tables.confusion["n"].where(~truth, 0))
    axes = _titled(
        confusion_figure(replace(tables, confusion=bare), NETWORK, "aligned"), "original"
    )
    assert "no labels" in [t.get_text() for t in axes.texts]
    assert [t.get_text() for t in axes.get_yticklabels()] == list(EXPRESSIONS)


def _is_grey(colour: Any) -> bool:
    return float(np.ptp(to_rgb(colour))) < 0.02


@DRAW
def test_below_the_gate_everything_is_grey_and_says_so(tables: Tables, draw: Draw) -> None:
    def cells(figure: Figure) -> list[bool]:
        return [_is_grey(r.get_facecolor()) for a in figure.axes for r in a.patches
                if isinstance(r, Rectangle) and r.get_fill()]  # fmt: skip

    with style():
        grey, met = (draw(t, NETWORK, "aligned") for t in (_noted(tables, BELOW), tables))
    assert any(BELOW in t.replace("\n", " ") for t in _texts(grey))
    assert not any("gate" in t for t in _texts(met))
    assert cells(grey) and all(cells(grey)) and not all(cells(met))
    lines = [line.get_color() for a in grey.axes for line in a.lines]
    assert all(_is_grey(c) for c in lines)
    titles = [t.get_color() for t in grey.findobj(Text) if t.get_text().startswith("blur_face")]
    assert titles and all(_is_grey(c) for c in titles)


@DRAW
def test_unknown_gate_is_said_but_not_greyed(tables: Tables, draw: Draw) -> None:
    figure = draw(_noted(tables, "gate unknown: no labels"), NETWORK, "aligned")
    assert "gate unknown: no labels." in _texts(figure)
    filled = [r.get_facecolor() for a in figure.axes for r in a.patches if r.get_fill()]
    assert not all(map(_is_grey, filled))


def _marks(axes: Axes, marker: str) -> list[tuple[float, float]]:
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for line in axes.lines
        if line.get_marker() == marker and len(line.get_xdata()) == 1
    ]


def test_rates_stand_where_they_are(tables: Tables) -> None:
    figure = expressions_figure(tables, NETWORK, "detected")
    axes = _titled(figure, "Preservation")
    places = _marks(axes, "o")  # blur_face, three strengths, weak to strong
    values = [
        tables.metrics.query(
            "metric == 'preservation' and policy == 'detected' and method == 'blur_face'"
            f" and strength == '{s}'"
        )["value"].item()
        for s in ("10", "30", "90")
    ]
    assert [x for x, _ in places] == pytest.approx([100 * v for v in values])
    ys = [y for _, y in places]
    assert ys == sorted(ys)
    found = _marks(axes, "|")
    assert len(found) == 4  # where no face was lost, both are one; of blank there is none


def test_baselines_of_guessing_and_of_one_answer(tables: Tables) -> None:
    counts = [("fear", "fear", 6), ("anger", "anger", 3), ("neutral", "neutral", 1)]
    other = tables.confusion[tables.confusion["method"] != "original"]
    own = _confused(counts, method="original")
    metrics = tables.metrics.copy()
    metrics.loc[metrics["metric"] == "majority_accuracy", "value"] = 0.39
    changed = replace(tables, metrics=metrics, confusion=pd.concat([other, own]))
    figure = expressions_figure(changed, NETWORK, "detected")

    def lines(title: str) -> list[float]:
        return sorted({round(float(line.get_xdata()[0]), 2) for line in _titled(figure, title).lines
                       if list(line.get_ydata()) == [0, 1]
                       and line.get_xdata()[0] == line.get_xdata()[1]})  # fmt: skip

    chance = round(100 / 7, 2)
    clear = round(100 * gate(metrics, changed.plan, "faces", NETWORK, "detected").uar, 2)
    assert lines("Preservation") == [chance, 60.0, 100.0]  # 6 of 10 clear predictions are fear
    assert lines("UAR") == [chance, clear]
    assert lines("Accuracy") == [chance, 39.0, clear]


def test_what_was_not_computed_is_not_drawn_as_zero(tables: Tables) -> None:
    bare = _without(tables, "uar", "accuracy", "chance", "majority")
    figure = expressions_figure(bare, NETWORK, "detected")
    axes = _titled(figure, "UAR")
    assert not axes.lines
    assert any("not computed" in t.get_text() for t in axes.texts)
    metrics = tables.metrics.copy()
    own = (metrics["method"] == "mask_eyes") & metrics["metric"].isin(["uar", "uar_found"])
    metrics.loc[own, ["value", "note"]] = [np.nan, "no class"]
    figure = expressions_figure(replace(tables, metrics=metrics), NETWORK, "detected")
    assert "n/a" in [t.get_text() for t in _titled(figure, "UAR").texts]
    assert "n/a: no class." in _texts(figure)


def test_strip_shows_preservation_by_class(tables: Tables) -> None:
    axes = _titled(expressions_figure(tables, NETWORK, "aligned"), "Preservation by class")
    assert [t.get_text() for t in axes.get_xticklabels()] == list(EXPRESSIONS)
    top = min(t.get_position()[1] for t in axes.texts if t.get_position() != (0, 1))
    first = [t.get_text() for t in axes.texts if t.get_position()[1] == top]
    assert first == ["100"] * 7  # the originals


@pytest.mark.parametrize("entries", [SMALL, ENTRIES])
@DRAW
def test_nothing_is_cut_off(draw: Draw, entries: dict[str, Any]) -> None:
    with style():
        figure = draw(_noted(made_up(entries, n=210), BELOW * 3), NETWORK, "detected")
        figure.canvas.draw()  # places the labels of axes
        width, height = figure.get_size_inches() * figure.dpi
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        for text in figure.findobj(Text):
            if not text.get_text() or not text.get_visible():
                continue
            box = text.get_window_extent(renderer)
            assert box.x0 >= 0 and box.y0 >= 0, text
            assert box.x1 <= width and box.y1 <= height, text


@DRAW
def test_same_tables_give_the_same_bytes(draw: Draw, tmp_path: Path) -> None:
    tables = made_up({m: ENTRIES[m] for m in ("original", "mask_eyes")}, n=70)
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        with style():
            save(draw(tables, NETWORK, "detected"), tmp_path / name)
    for kind in ("png", "svg"):
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_counts_are_read_of_one_data_set(tables: Tables, tmp_path: Path) -> None:
    both = pd.concat([tables.confusion, tables.confusion.assign(dataset="others")])
    manifest = pd.DataFrame({"image_id": ["i"], "subject": ["s"]})
    write_table(both, tmp_path / "confusion.csv")
    write_table(tables.metrics, tmp_path / "metrics.csv")
    write_table(manifest, tmp_path / "manifest.parquet")
    empty = pd.DataFrame({"dataset": pd.Series([], dtype=str)})
    for name in ("curves", "histograms", "ledger"):
        write_table(empty, tmp_path / f"{name}.parquet")
    files = {p.stem: p for p in tmp_path.iterdir()}
    read = Tables.read("faces", tables.plan, files, {})
    where = ("prediction", "blur_face", "30", NETWORK, "aligned")
    np.testing.assert_array_equal(
        matrix(read.confused(*where), EXPRESSIONS), matrix(tables.confused(*where), EXPRESSIONS)
    )
    del files["confusion"]
    assert Tables.read("faces", tables.plan, files, {}).confusion.empty


def _scored(gate: float, **columns: str) -> Tables:
    """Tables of what the stage itself writes, for a network that knows four classes."""
    settings, manifest = ExpressionSettings(gate=gate, replicates=20), labels(**columns)
    clear = scored(after=answers(BEFORE), labels=manifest, method="original", settings=settings)
    after = answers(AFTER, BEFORE, names=("5", "1"))
    blur = scored(after=after, labels=manifest, method="blur_face", settings=settings)
    plan = {
        "methods": {m: {"anonymiser": a} for m, a in (("original",) * 2, ("blur_face", "blur"))},
        "policies": list(POLICIES), "expressions": {NETWORK: {"gate": gate}},
    }  # fmt: skip
    both = {k: pd.concat([getattr(t, k) for t in (clear, blur)]) for k in ("metrics", "confusion")}
    empty = pd.DataFrame()
    return Tables(
        "d", plan, both["metrics"], empty, empty, empty, {}, {}, confusion=both["confusion"]
    )


@pytest.mark.parametrize(
    ("bound", "columns", "state"),
    [(0.6, {}, "met"), (0.62, {}, "below"), (0.6, {"expression": ""}, "unknown")],
)
def test_figures_take_what_the_stage_writes(
    bound: float, columns: dict[str, str], state: str
) -> None:
    own = _scored(bound, **columns)
    verdict = gate(own.metrics, own.plan, "d", NETWORK, "detected")
    assert verdict.state == state
    if not columns:
        assert verdict.uar == pytest.approx(11 / 18)  # (1 + 1/2 + 1/3) / 3
    figure = confusion_figure(own, NETWORK, "detected")
    axes = _titled(figure, "blur_face 5")
    cells = {(round(t.get_position()[0], 1), int(t.get_position()[1])): t.get_text()
             for t in axes.texts if t.get_position() != (0, 1)}  # fmt: skip
    # Three images were neutral before; of them, one has no face afterwards.
    assert (cells[0.5, 0], cells[8.8, 0]) == ("67", "33")
    assert cells[6.5, 6] == "100" and cells[2.5, 2] == "-"
    assert any(t.get_text().startswith("preserved 57 %") for t in axes.texts)
    # c/2, and d/3, which cannot be read.
    assert any("no face in the original: 2 of" in t.replace("\n", " ") for t in _texts(figure))
    lines = _titled(expressions_figure(own, NETWORK, "detected"), "UAR").lines
    assert bool(lines) == (state != "unknown")
