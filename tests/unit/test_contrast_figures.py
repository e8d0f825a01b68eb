"""Pairs of methods in pictures: bars where the numbers are, words on the right side, faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from anonbench.anonymisers._ciagan_landmarks import DLIB, MEDIAPIPE
from anonbench.contrasts import contrasts
from anonbench.detect import face_row, table_of
from anonbench.io import METRIC_COLUMNS, REPLICATE_COLUMNS, ArchiveWriter, member, write_table
from anonbench.report._style import TEXT, style
from anonbench.report._tables import LandmarkFiles, Tables
from anonbench.report.contrasts import contrasts_figure
from anonbench.report.figures import drawings
from anonbench.report.landmarks import COLOURS, choose, compared, landmarks_figure
from anonbench.report.names import contrast_stems, figure_names, figure_stems
from anonbench.types import Box, Face

B = 100
ENTRIES = {"rich": ["mediapipe_mesh"], "poor": ["dlib_hog"], "plain": ["haar"]}
PLAN: dict[str, Any] = {
    "datasets": ["d"], "recognisers": ["dlib"], "attacks": ["naive", "parrot"],
    "policies": ["detected", "aligned"], "expressions": {"dan": {"gate": 0.6}},
    "methods": {
        m: {"anonymiser": "mask", "region": "eyes", "detectors": d} for m, d in ENTRIES.items()
    },
    "metrics": {"confidence": 0.95, "fmr": [0.1, 0.01]}, "landmarks": "mediapipe_mesh",
    "contrasts": [{"name": "landmarks", "methods": ["rich", "poor"], "strengths": []}],
}  # fmt: skip
VALUES = {
    # metric: (task, system, rich, poor, spread of the difference)
    "preservation": ("expression", "dan", 0.75, 0.5, 0.01),
    "preservation_anger": ("expression", "dan", 0.5, 0.5, 0.05),
    "gfrr_at_gfar_0.01": ("verification", "dlib", 0.5, 0.625, 0.01),
    "eer": ("verification", "dlib", 0.25, 0.375, 0.01),
    "nme_eyes": ("landmarks", "mediapipe_mesh", 0.02, 0.05, 0.001),
    "nme": ("landmarks", "mediapipe_mesh", 0.02, 0.04, 0.001),
    "landmark_failure": ("landmarks", "mediapipe_mesh", 0.125, 0.25, 0.01),
    "detected": ("detection", "dlib_hog", 0.875, 0.75, 0.01),
}


def _rows(note: str = "") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Metric rows of both methods, and replicates that differ by a normal amount."""
    draw = np.random.default_rng(4)
    metrics, kept = [], []
    for metric, (task, system, rich, poor, spread) in VALUES.items():
        seen = task in ("expression", "verification")
        for attack in PLAN["attacks"] if task == "verification" else [""]:
            for policy in PLAN["policies"] if seen else [""]:
                base = draw.normal(0, 0.2, B)
                for method, value in (("rich", rich), ("poor", poor)):
                    moved = base + value + draw.normal(0, spread / 2, B)
                    row = {
                        "dataset": "d", "method": method, "strength": "none", "task": task,
                        "attack": attack, "system": system, "policy": policy, "metric": metric,
                    }  # fmt: skip
                    remark = note if task == "expression" else ""
                    metrics.append({**row, "value": value, "low": 0, "high": 1, "n": 9,
                                    "note": remark})  # fmt: skip
                    kept.append({**row, "paired": True, "values": moved})
    return pd.DataFrame(metrics)[list(METRIC_COLUMNS)], pd.DataFrame(kept)[list(REPLICATE_COLUMNS)]


def _tables(note: str = "") -> Tables:
    metrics, replicates = _rows(note)
    found = contrasts(metrics, replicates, PLAN["contrasts"])
    empty = pd.DataFrame(columns=["stage", "method", "strength", "image_id", "status"])
    return Tables("d", PLAN, metrics, empty, empty, empty, {}, {}, contrasts=found)


def _texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text"))]


def _marks(axes: Axes) -> list[tuple[float, str]]:
    """Return value and marker of every difference, from top to bottom."""
    found = [(float(line.get_ydata()[0]), float(line.get_xdata()[0]), str(line.get_marker()))
             for line in axes.lines if line.get_marker() in ("o", "D", "s")]  # fmt: skip
    return [(value, marker) for _, value, marker in sorted(found)]


def test_differences_are_drawn_where_they_are() -> None:
    with style():
        figure = contrasts_figure(_tables())
    expressions, attacks, landmarks, found = figure.axes
    assert _marks(expressions) == [(25, "o"), (25, "D"), (0, "o"), (0, "D")]
    # At FMR 1 %: naive, parrot, the best of both; then the EER, for which less is a success.
    one = [(12.5, "o"), (12.5, "D")]
    assert _marks(attacks) == [*one, *one, (12.5, "s"), *one, *one]
    assert [v for v, _ in _marks(landmarks)] == pytest.approx([-2, -3])
    assert [v for v, _ in _marks(found)] == [12.5, 12.5], "fewer lost is more found"
    texts = _texts(figure)
    assert {"rich keeps more →", "← poor keeps more", "attacker gains more on rich →"} <= set(texts)
    assert {"rich minus poor", "FMR 1 %, best attack", "\N{MINUS SIGN}EER, naive"} <= set(texts)
    assert "← poor moves them more" in texts
    for axes in figure.axes:
        low, high = axes.get_xlim()
        assert low == -high < 0
        ends = [p[0] for c in axes.collections for s in c.get_segments() for p in s]
        assert all(low <= x <= high for x in ends)


def test_what_may_be_nothing_is_grey() -> None:
    with style():
        axes = contrasts_figure(_tables()).axes[0]
    colours = [to_rgb(line.get_color()) for line in axes.lines if line.get_marker() == "o"]
    assert colours[0] == to_rgb(TEXT) and colours[1] != to_rgb(TEXT)


def test_what_is_missing_is_marked_with_its_reason() -> None:
    tables = _tables()
    table = tables.contrasts.copy()
    gone = table["metric"] == "nme"
    table.loc[gone, ["difference_value", "difference_low", "difference_high"]] = np.nan
    table.loc[gone, "note"] = "poor: no face was found"
    with style():
        figure = contrasts_figure(replace(tables, contrasts=table))
    assert "n/a" in [t.get_text() for t in figure.axes[2].texts]
    assert any("poor: no face was found" in t for t in _texts(figure))


def test_below_the_gate_nothing_looks_like_a_result() -> None:
    with style():
        figure = contrasts_figure(_tables("below the gate: clear UAR 0.400, 0.6 is asked for"))
    axes = figure.axes[0]
    colours = {to_rgb(line.get_color()) for line in axes.lines if line.get_marker() == "o"}
    assert len(colours) == 1 and to_rgb(TEXT) not in colours
    assert any("Do not read these numbers as results" in t for t in _texts(figure))


def test_run_without_network_or_landmarks_has_no_such_panel() -> None:
    tables = _tables()
    own = tables.contrasts[tables.contrasts["task"] == "verification"]
    bare = replace(tables, plan={**PLAN, "expressions": {}}, contrasts=own)
    with style():
        figure = contrasts_figure(bare)
    assert len(figure.axes) == 2
    assert "Expressions" not in _texts(figure) and "Landmarks moved" not in _texts(figure)


def test_figures_are_listed_only_where_methods_are_compared() -> None:
    assert contrast_stems({**PLAN, "contrasts": []}) == []
    assert contrast_stems({**PLAN, "landmarks": ""}) == ["contrasts"]
    stems = contrast_stems(PLAN)
    assert stems == ["contrasts", "landmarks"]
    names = figure_names(["dlib"], ["naive"], ["aligned"], [], stems)
    assert {"contrasts.svg", "contrasts.png", "landmarks.png"} <= set(names)
    assert "landmarks.svg" not in names
    lists = [PLAN["recognisers"], PLAN["attacks"], PLAN["policies"], ["dan"]]
    assert set(drawings(_tables())) == set(figure_stems(*lists, stems))


# Landmarks

IDS = {"a/1": "neutral", "a/2": "anger", "b/1": "neutral", "b/2": "anger", "b/3": "fear"}


def _face(points: int, shift: float = 0.0) -> Face:
    spread = np.random.default_rng(points).uniform(16, 48, (points, 2)).astype(np.float32)
    return Face(Box(16 + shift, 16, 48 + shift, 48), 1.0, spread + np.float32(shift))


@pytest.fixture
def pictured(tmp_path: Path) -> Tables:
    """Two methods on five images; of one image the face is not found again, one was blacked out."""
    subjects = {i: i[0] for i in IDS}
    located = pd.DataFrame({"image_id": list(IDS), "status": "ok", "left": 16.0, "top": 16.0,
                            "right": 48.0, "bottom": 48.0})  # fmt: skip
    write_table(located, tmp_path / "subjects.parquet")
    for detector, points in (("dlib_hog", 68), ("mediapipe_mesh", 468)):
        own = table_of(face_row(i, 0, _face(points)) for i in IDS)
        write_table(own, tmp_path / f"{detector}.parquet")
    for method in ("original", "rich", "poor"):
        with ArchiveWriter(tmp_path / f"{method}.tar") as archive:
            for i in IDS:
                archive.add(member("none", i), np.full((64, 64, 3), 128, np.uint8))
        again = [i for i in IDS if (method, i) != ("poor", "b/3")]
        rows = [face_row(member("none", i), 0, _face(468, 2.0)) for i in again]
        write_table(table_of(rows), tmp_path / f"{method}.again.parquet")
    files = LandmarkFiles(
        tmp_path / "subjects.parquet",
        {d: tmp_path / f"{d}.parquet" for d in ("dlib_hog", "mediapipe_mesh")},
        {m: tmp_path / f"{m}.again.parquet" for m in ("rich", "poor")},
    )
    lost = {"stage": "anonymise", "method": "rich", "strength": "none", "image_id": "b/2"}
    return replace(
        _tables(), labels=IDS, subjects=subjects, landmarks=files,
        ledger=pd.DataFrame([{**lost, "status": "method_error"}]),
        archives={m: tmp_path / f"{m}.tar" for m in ("original", "rich", "poor")},
    )  # fmt: skip


def test_images_are_one_an_expression_and_of_different_subjects() -> None:
    subjects = {i: i[0] for i in IDS}
    assert choose(IDS, subjects, 6) == choose(dict(reversed(IDS.items())), subjects, 6)
    chosen = choose(IDS, subjects, 6)
    assert [IDS[i] for i in chosen][-1] == "neutral" and len({IDS[i] for i in chosen}) == 3
    assert len({i[0] for i in chosen}) == 2
    assert choose({}, subjects, 6) == ["a/1", "b/1"], "without labels: the first of each subject"
    assert len(choose(IDS, subjects, 2)) == 2


def test_poorer_landmarks_come_first_and_every_method_once(pictured: Tables) -> None:
    assert [r.method for r in compared(pictured)] == ["poor", "rich"]
    assert compared(pictured)[0].detectors == ["dlib_hog", "mediapipe_mesh"]


def test_every_image_is_shown_thrice_a_method_with_whose_landmarks(pictured: Tables) -> None:
    with style():
        figure = landmarks_figure(pictured)
    (axes,) = figure.axes
    assert len(axes.images) == 3 * 2 * 3, "three images, two methods, three cells"
    lines = {c: [li for li in axes.lines if li.get_color() == c] for c in COLOURS.values()}
    red, green = lines[COLOURS["dlib_hog"]], lines[COLOURS["mediapipe_mesh"]]
    n_red, n_green = (sum(map(len, s.groups.values())) for s in (DLIB, MEDIAPIPE))
    assert len(red) == 3 * n_red, "on the originals of the method that rests on dlib"
    # On the originals of the other one; on all results but that in which no face was found again.
    assert len(green) == (3 + 6 - 1) * n_green
    texts = _texts(figure)
    assert texts.count("no landmarks") == 1
    assert texts.count("method error") == 2, "in both pictures of the result"
    assert texts.count("rich") == texts.count("poor") == 3


def test_landmarks_lie_on_the_face(pictured: Tables) -> None:
    """The window is the subject's box with room around it: 32 pixels and 0.28 of that each way."""
    with style():
        (axes,) = landmarks_figure(pictured).axes
    cell = axes.images[0].get_extent()  # left, right, bottom, top
    side = int(32 * 1.56)
    left = int(32 - side / 2)
    start, end = DLIB.groups["contour"][0]
    wanted = (_face(68).points[[start, end]] - left) * (cell[1] - cell[0]) / side
    line = next(li for li in axes.lines if li.get_color() == COLOURS["dlib_hog"])
    np.testing.assert_allclose(line.get_xdata(), cell[0] + wanted[:, 0], atol=1e-4)
    np.testing.assert_allclose(line.get_ydata(), cell[3] + wanted[:, 1], atol=1e-4)


def test_method_on_boxes_alone_shows_the_landmarks_of_the_observer(pictured: Tables) -> None:
    table = pictured.contrasts.assign(second="plain")
    archives = {**pictured.archives, "plain": pictured.archives["poor"]}
    files = pictured.landmarks
    assert files is not None
    known = replace(files, refound={**files.refound, "plain": files.refound["poor"]})
    changed = replace(pictured, contrasts=table, archives=archives, landmarks=known)
    with style():
        (axes,) = landmarks_figure(changed).axes
    assert not [li for li in axes.lines if li.get_color() == COLOURS["dlib_hog"]]


def test_same_input_gives_the_same_picture(pictured: Tables, tmp_path: Path) -> None:
    from anonbench.report._style import save

    for name in ("one.png", "two.png"):
        with style():
            save(landmarks_figure(pictured), tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
