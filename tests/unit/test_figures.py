"""Figures: every file written, the same bytes twice, and honest about what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.special import ndtr

from anonbench.io import METRIC_COLUMNS, ArchiveWriter, member, write_table
from anonbench.report._det_axes import Piece, no_curve, pieces, plot_curve
from anonbench.report._pictures import choose_images
from anonbench.report._style import Layout, blank_figure, looks, shades
from anonbench.report._tables import Condition, Measure, Tables
from anonbench.report.contact_sheet import contact_sheet_figure, image_side
from anonbench.report.det import det_figure
from anonbench.report.det_methods import methods_figure, strongest_and_middle
from anonbench.report.distances import distances_figure, joined, spread
from anonbench.report.figures import drawings, write_figures
from anonbench.report.names import figure_names, figure_stems
from anonbench.report.strengths import labels_apart, strengths_figure
from anonbench.report.tradeoff_details import details_figure, floor
from anonbench.score_curves import CURVE_COLUMNS, HISTOGRAM_COLUMNS
from anonbench.summarise import LEDGER_COLUMNS
from anonbench.tradeoff import Choices, points

ATTACKS, POLICIES, SYSTEM = ("naive", "reverse"), ("aligned",), "dlib"
ENTRIES = {
    "original": ("original", ("none",)),
    "blank": ("blank", ("none",)),
    "blur_face": ("blur", ("10", "5", "90")),
    "pixelize_eyes": ("pixelize", ("5", "50")),
    "mask_eyes": ("mask", ("none",)),
}
IDS = ("a/1.png", "a/2.png", "b/1.png")
FEW = "12 completed mated comparisons, fewer than 30"


def _plan() -> dict[str, Any]:
    return {
        "datasets": ["toy"],
        "methods": {m: {"anonymiser": a, "region": "face"} for m, (a, _) in ENTRIES.items()},
        "recognisers": [SYSTEM],
        "attacks": list(ATTACKS),
        "policies": list(POLICIES),
        "metrics": {"distance_threshold": 0.575, "minimum_mated": 30, "confidence": 0.95},
    }


def _conditions() -> list[Condition]:
    own = [
        Condition(m, s, attack, SYSTEM, policy)
        for m, (_, strengths) in ENTRIES.items()
        for s in strengths
        for attack in ATTACKS
        for policy in POLICIES
    ]
    return [*own, *(Condition("original", "none", "baseline", SYSTEM, p) for p in POLICIES)]


def _has_curve(condition: Condition) -> bool:
    return condition.method != "blank" and condition.strength != "90"


def _curve(condition: Condition, n_mated: int = 400, n_nonmated: int = 20_000) -> pd.DataFrame:
    """Normal scores one standard deviation and a half apart."""
    threshold = np.linspace(-3, 5, 60)
    misses = np.round(ndtr(threshold - 1.5) * n_mated).astype(int)
    hits = np.round(ndtr(-threshold) * n_nonmated).astype(int)
    return pd.DataFrame(
        {
            "dataset": "toy",
            **condition._asdict(),
            "kind": "completed",
            "threshold": threshold,
            "fmr": hits / n_nonmated,
            "fnmr": misses / n_mated,
            "false_matches": hits,
            "false_nonmatches": misses,
        }
    )


def _histogram(condition: Condition) -> pd.DataFrame:
    left = np.arange(80) * 0.01
    shape = {"dataset": "toy", **condition._asdict(), "left": left, "right": left + 0.01}
    parts = [pd.DataFrame({**shape, "mated": mated, "count": k + 1}) for k, mated in
             enumerate((True, False))]  # fmt: skip
    return pd.concat(parts)


def _metric(name: str, value: float, note: str = "", **key: Any) -> dict[str, Any]:
    row = {"dataset": "toy", "task": "", "attack": "", "system": "", "policy": "", "n": 30}
    bounds = {"low": value - 0.05, "high": value + 0.05}
    return {**row, "metric": name, "value": value, **bounds, "note": note, **key}


def _metrics() -> pd.DataFrame:
    rows = []
    for c in _conditions():
        known, key = _has_curve(c), c._asdict()
        rows.append(_metric("eer", 0.2 if known else np.nan, "" if known else FEW, **key))
        rows += [_metric(m, 0.0 if known else 1.0, **key) for m in ("fta", "fte")]
        rows.append(_metric("gfrr_at_gfar_0.01", 0.6 if known else 1.0, **key))
    for m, (_, strengths) in ENTRIES.items():
        for s in strengths:
            key = {"method": m, "strength": s}
            rows += [_metric("detected", 0.7, system=d, **key) for d in ("haar", "dlib_hog")]
            rows += [_metric(f"ssim_{side}", 0.9, **key) for side in ("inside", "outside")]
    return pd.DataFrame(rows)[list(METRIC_COLUMNS)]


def _replicates(metrics: pd.DataFrame) -> pd.DataFrame:
    """Independent normal replicates of every rate."""
    generator = np.random.default_rng(3)
    keys = ["dataset", "method", "strength", "attack", "system", "policy", "metric"]
    drawn = [np.clip(generator.normal(v, 0.03, 200), 0, 1) for v in metrics["value"]]
    return metrics[keys].assign(paired=True, values=drawn)


def _ledger() -> pd.DataFrame:
    failed = ("toy", "blur_face", "90", IDS[0], IDS[0], "anonymise", "no_face", "")
    return pd.DataFrame([failed], columns=list(LEDGER_COLUMNS))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Write the tables and archives of a toy run."""
    folder = tmp_path_factory.mktemp("run")
    curves = pd.concat([_curve(c) for c in _conditions() if _has_curve(c)])
    histograms = pd.concat([_histogram(c) for c in _conditions() if _has_curve(c)])
    write_table(_metrics(), folder / "metrics.csv")
    write_table(curves[list(CURVE_COLUMNS)], folder / "curves.parquet")
    write_table(histograms[list(HISTOGRAM_COLUMNS)], folder / "histograms.parquet")
    write_table(_ledger(), folder / "ledger.csv")
    found = points(_metrics(), _replicates(_metrics()), Choices.of(_plan()))
    write_table(found, folder / "pareto.csv")
    labels = pd.DataFrame({"image_id": IDS, "subject": [i[0] for i in IDS]})
    write_table(labels, folder / "manifest.parquet")
    generator = np.random.default_rng(0)
    for method, (_, strengths) in ENTRIES.items():
        with ArchiveWriter(folder / f"{method}.tar") as archive:
            for image_id in IDS:
                for strength in strengths:
                    pixels = generator.integers(0, 256, (30, 24, 3), dtype=np.uint8)
                    archive.add(member(strength, image_id), pixels)
    return {
        "metrics": folder / "metrics.csv",
        "curves": folder / "curves.parquet",
        "histograms": folder / "histograms.parquet",
        "ledger": folder / "ledger.csv",
        "pareto": folder / "pareto.csv",
        "manifest": folder / "manifest.parquet",
        "archives": {m: folder / f"{m}.tar" for m in ENTRIES},
    }


@pytest.fixture(scope="module")
def tables(files: dict[str, Any]) -> Tables:
    return Tables.read("toy", _plan(), files, files["archives"])


def _texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]


def _write(files: dict[str, Any], out: list[Path], processes: int = 1) -> None:
    write_figures(dataset="toy", plan=_plan(), out=out, processes=processes, **files)


@pytest.mark.slow
def test_every_figure_is_written_and_twice_the_same(files: dict[str, Any], tmp_path: Path) -> None:
    names = figure_names([SYSTEM], ATTACKS, POLICIES)
    for processes, run in ((1, "first"), (3, "second")):
        _write(files, [tmp_path / run / n for n in names], processes)
    assert sorted(p.name for p in (tmp_path / "first").iterdir()) == sorted(names)
    for name in names:
        first, second = (tmp_path / run / name for run in ("first", "second"))
        assert first.read_bytes() == second.read_bytes(), name
        start = b"\x89PNG" if name.endswith(".png") else b"<?xml"
        assert first.read_bytes().startswith(start)


def test_what_can_be_drawn_is_what_the_workflow_lists(tables: Tables) -> None:
    assert set(drawings(tables)) == set(figure_stems([SYSTEM], ATTACKS, POLICIES))


def test_a_figure_of_another_run_is_refused(files: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"det\.parrot"):
        _write(files, [tmp_path / "det.parrot.dlib.aligned.svg"])
    assert not list(tmp_path.iterdir())


def test_user_settings_do_not_show(files: dict[str, Any], tmp_path: Path) -> None:
    import matplotlib as mpl

    name = "strengths.dlib.aligned.png"
    _write(files, [tmp_path / "a" / name])
    with mpl.rc_context({"font.size": 20, "lines.linewidth": 9, "savefig.dpi": 30}):
        _write(files, [tmp_path / "b" / name])
    assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_error_counts_decide_how_a_curve_is_drawn() -> None:
    #         hidden | dashed | solid ------- | dashed | hidden
    matches = [900, 400, 300, 200, 100, 40, 31, 30, 10, 3, 2, 0]
    misses = [0, 2, 3, 29, 30, 90, 100, 200, 300, 400, 500, 900]
    assert pieces(matches, misses) == [
        Piece(2, 5, "dashed"),
        Piece(4, 8, "solid"),
        Piece(7, 10, "dashed"),
    ]


def test_curve_below_three_errors_is_hidden_and_one_point_stands_alone() -> None:
    assert pieces([2, 2, 1], [0, 2, 9]) == []
    assert pieces([], []) == []
    assert pieces([50, 3, 0], [0, 3, 50]) == [Piece(1, 2, "point")]


def test_lines_follow_the_pieces() -> None:
    curve = pd.DataFrame(
        {
            "fmr": [0.5, 0.2, 0.1, 0.01],
            "fnmr": [0.01, 0.1, 0.2, 0.5],
            "false_matches": [500, 200, 100, 10],
            "false_nonmatches": [1, 30, 60, 150],
        }
    )
    axes = blank_figure(1, 1).add_subplot()
    plot_curve(axes, curve, color="red")
    solid, dashed = axes.lines
    assert solid.get_linestyle() == "-" and dashed.get_linestyle() == "--"
    assert len(solid.get_xdata()) == len(dashed.get_xdata()) == 2
    np.testing.assert_allclose(solid.get_xdata(), [-0.841621, -1.281552], atol=1e-6)
    np.testing.assert_allclose(solid.get_ydata(), [-1.281552, -0.841621], atol=1e-6)


def test_reason_for_a_missing_curve() -> None:
    empty = _curve(_conditions()[0]).iloc[:0]
    assert no_curve(empty, Measure(np.nan, note=FEW)) == "< 30 mated"
    few = _curve(_conditions()[0], n_mated=2, n_nonmated=10)
    assert no_curve(few, Measure(0.1)) == "< 3 errors"
    assert no_curve(_curve(_conditions()[0]), Measure(0.1)) == ""


@pytest.mark.parametrize("draw", [det_figure, methods_figure])
def test_method_without_a_curve_says_so(tables: Tables, draw: Callable[..., Figure]) -> None:
    texts = _texts(draw(tables, "naive", SYSTEM, "aligned"))
    assert any("90: < 30 mated" in t or t == "< 30 mated" for t in texts)
    assert "FTA" in texts and "FTE" not in texts
    reverse = _texts(draw(tables, "reverse", SYSTEM, "aligned"))
    assert "FTE" in reverse and "FTA" not in reverse


def test_strengths_are_ordered_weak_to_strong(tables: Tables) -> None:
    assert tables.strengths("blur_face") == ["5", "10", "90"]
    assert tables.strengths("pixelize_eyes") == ["50", "5"]
    assert tables.methods == ["blur_face", "pixelize_eyes", "mask_eyes"]
    assert tables.controls == ["original", "blank"]


def test_strengths_axis_and_gap(tables: Tables) -> None:
    figure = strengths_figure(tables, SYSTEM, "aligned")
    blur, pixelize, single = figure.axes
    assert blur.get_xscale() == "log" and not blur.xaxis_inverted()
    assert pixelize.xaxis_inverted()
    eer = next(line for line in blur.lines if line.get_marker() == "o")
    np.testing.assert_allclose(eer.get_ydata(), [20, 20, np.nan])
    crosses = [line for line in blur.lines if line.get_marker() == "x"]
    assert [float(c.get_xdata()[0]) for c in crosses] == [90.0, 90.0]
    legend = [t.get_text() for t in figure.legends[0].get_texts()]
    assert "no EER: < 30 mated" in legend
    assert [t.get_text() for t in single.get_xticklabels()] == ["original", "blank", "mask_eyes"]


def test_distances_say_when_nothing_was_compared(tables: Tables) -> None:
    texts = _texts(distances_figure(tables, SYSTEM, "aligned"))
    assert texts.count("nothing to compare, FTA 100 %") == 2  # blank and blur_face 90


def test_joined_bins_keep_counts_and_area() -> None:
    table = pd.DataFrame({"left": [0.0, 0.1, 0.2], "right": [0.1, 0.2, 0.3], "count": [1, 3, 4]})
    edges, density = joined(table, 0.2)
    np.testing.assert_allclose(edges, [0, 0.2, 0.4])
    np.testing.assert_allclose(density, [2.5, 2.5])
    assert joined(table.assign(count=0), 0.2)[1].size == 0


def test_details_points_and_names(tables: Tables) -> None:
    figure = details_figure(tables)
    labels = [a.get_ylabel() for a in figure.axes]
    assert len(labels) == 4 and sum("found by" in t for t in labels) == 2
    texts = _texts(figure)
    assert texts.count("original") == texts.count("blank") == 4
    inside = figure.axes[2]
    marked = [line for line in inside.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in marked] == pytest.approx([0.6, 0.6, 1.0])
    assert [float(line.get_ydata()[0]) for line in marked] == pytest.approx([0.9] * 3)


def test_details_list_what_they_cannot_draw(tables: Tables) -> None:
    gone = (tables.metrics["metric"] == "ssim_inside") & (tables.metrics["method"] == "mask_eyes")
    lacking = replace(tables, metrics=tables.metrics[~gone])
    assert any("mask_eyes none" in t for t in _texts(details_figure(lacking)))


def test_empty_tables_give_figures(tables: Tables) -> None:
    names = ("metrics", "curves", "histograms", "ledger")
    bare = replace(tables, **{name: getattr(tables, name).iloc[:0] for name in names})
    for draw in drawings(bare).values():
        assert isinstance(draw(".svg"), Figure)


def test_contact_sheet_marks_failures(tables: Tables) -> None:
    figure = contact_sheet_figure(tables, limited=True)
    texts = _texts(figure)
    assert texts.count("no\nface") == 1
    assert {"blur_face", "pixelize_eyes", "mask_eyes", "original", "90"} <= set(texts)
    n_cells = sum(len(strengths) for _, strengths in ENTRIES.values())
    assert len(figure.axes[0].images) == 2 * n_cells  # one image each of the subjects a and b


def test_image_that_is_not_there_is_marked(tables: Tables) -> None:
    archives = dict(tables.archives)
    assert "not\nin\narchive" not in _texts(contact_sheet_figure(tables, limited=True))
    del archives["mask_eyes"]
    gone = replace(tables, archives=archives)
    assert _texts(contact_sheet_figure(gone, limited=True)).count("not\nin\narchive") == 1


@pytest.mark.parametrize("cells", [1, 80, 1000])
def test_embedded_images_stay_below_three_megabytes(cells: int) -> None:
    side = image_side(cells, 4)
    pixels = cells * (side**2 + 3 * (side // 3) ** 2)
    assert side <= 200 and pixels * 3 * 4 / 3 < 3e6


def test_images_are_the_first_of_different_subjects() -> None:
    subjects = {"neutral/1": "x", "smile/1": "x", "neutral/2": "y"}
    assert choose_images(list(subjects), subjects, 4) == ["neutral/1", "neutral/2"]
    assert choose_images(list(subjects), subjects, 1) == ["neutral/1"]
    assert choose_images([], {}, 3) == []


def test_looks_tell_all_methods_apart() -> None:
    entries = {f"m{k}{v}": {"anonymiser": f"a{k}"} for k in range(11) for v in "xyz"}
    found = looks(entries)
    assert len(set(found.values())) == len(entries)
    assert found["m0x"].colour == found["m0y"].colour


def test_shades_darken() -> None:
    for look in looks({str(k): {"anonymiser": str(k)} for k in range(9)}).values():
        luma = [float(np.dot(c, (0.299, 0.587, 0.114))) for c in shades(look.colour, 5)]
        np.testing.assert_allclose(luma, np.linspace(0.72, 0.22, 5))


def test_small_helpers() -> None:
    assert strongest_and_middle([]) == ("", "")
    assert strongest_and_middle(["1"]) == ("1", "")
    assert strongest_and_middle(["1", "2"]) == ("2", "1")
    assert strongest_and_middle(list("12345")) == ("5", "3")
    assert spread(list("12345"), 3) == ["1", "3", "5"]
    assert spread(["1"], 3) == ["1"] and spread([], 3) == []
    assert labels_apart(["1", "2", "100"], [1, 2, 100]) == ["1", "", "100"]
    assert floor([0.97, 0.99]) == 0.95 and floor([0.3]) == 0.0 and floor([-0.2]) == -0.2
    figure, axes = Layout(2, (1, 1), (0.5, 0.5), (0.5, 0.5, 0.5, 0.5)).figure(3)
    assert len(axes) == 3 and figure.get_size_inches().tolist() == [3.5, 3.5]
