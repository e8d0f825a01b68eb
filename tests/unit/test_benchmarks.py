"""The benchmark command: what it writes, and what the scaling study is made of."""

from __future__ import annotations

import argparse
import io
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from anonbench import config
from anonbench.datasets.folder import PLUGIN
from anonbench.io import decode_png

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import everything  # noqa: E402
import page  # noqa: E402
import scaling  # noqa: E402
import scaling_data as data  # noqa: E402
import scaling_plot as plot  # noqa: E402
from page import END, START, Result, Row  # noqa: E402

TITLES = {"speed": "how fast", "memory": "how much"}


def face(value: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((32, 24, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_table_marks_what_is_met_missed_failed_and_quick() -> None:
    done = Result(
        [Row("a", "1 s", "12 s", 12.0, "≥ 10", True), Row("b", "7 s", "", None, "≤ 5 s", False)]
    )
    rows = page.table({"speed": done}, TITLES).splitlines()[2:]
    assert rows == [
        "| a | 1 s | 12 s | 12 | ≥ 10 | yes |",
        "| b | 7 s |  |  | ≤ 5 s | **no** |",
        "| how much | not measured: run `--only memory` |  |  |  |  |",
    ]
    failed = {"speed": Result(done.rows, quick=True), "memory": Result(reason="no\n a|b")}
    rows = page.table(failed, TITLES).splitlines()[2:]
    assert rows[1] == "| b (quick) | 7 s |  |  | ≤ 5 s |  |"
    assert rows[2] == "| how much | not measured: no a/b |  |  |  |  |"


def test_page_names_missed_goals_and_reasons() -> None:
    missed = Result([Row("b", "7 s", "", None, "≤ 5 s", False)], ["as it is"], commit="abc")
    text = page.page({"speed": missed, "memory": Result(reason="why not")}, TITLES, {"cores": "2"})
    assert "Goals missed: b." in text
    assert "## How fast\n\n- as it is\n" in text
    assert "- not measured: why not\n" in text
    assert "| speed | 0.0 | abc |" in text
    assert "| memory |" not in text
    assert page.marked(text) == page.table(
        {"speed": missed, "memory": Result(reason="why not")}, TITLES
    )


def test_markers_keep_everything_around_them() -> None:
    text = f"before\n{START}\nold\n{END}\nafter {{x}}\n"
    new = page.replace_marked(text, "| new |\n")
    assert new == f"before\n{START}\n| new |\n{END}\nafter {{x}}\n"
    assert page.replace_marked(new, "| new |\n") == new
    assert page.marked(new) == "| new |\n"


@pytest.mark.parametrize(
    "text", ["", START, END, f"{END}{START}", f"{START}{START}{END}", f"{START}{END}{END}"]
)
def test_odd_markers_are_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="expected one"):
        page.replace_marked(text, "x")


def test_readme_quotes_the_page() -> None:
    quoted = page.marked((ROOT / "README.md").read_text(encoding="utf-8"))
    assert quoted == page.marked(everything.PAGE.read_text(encoding="utf-8"))
    assert quoted.startswith("| what |")


def test_numbers_of_other_parts_are_kept_on_the_same_machine(tmp_path: Path) -> None:
    out = tmp_path / "benchmarks.md"
    result = Result([Row("a", "1 s", "", 2.0, "≥ 1", True)], ["note"], load=0.5, commit="abc")
    everything.write({"curves": result, "scaling": Result(reason="no")}, {"cores": "2"}, out)
    assert everything._kept(out, {"cores": "2"}) == {"curves": result}
    assert everything._kept(out, {"cores": "4"}) == {}


def test_reason_has_no_path_of_the_machine() -> None:
    error = FileNotFoundError(f"{ROOT}/data/faces is not there\nmore")
    assert everything._reason(error) == "data/faces is not there"
    assert everything._reason(KeyError()) == "KeyError"


def test_machine_has_no_name_and_no_path() -> None:
    import platform

    text = str(page.machine())
    assert "/" not in text
    assert platform.node() not in text


def test_noise_is_small_keyed_and_reaches_its_bounds() -> None:
    grey = np.full((64, 64, 3), 100, np.uint8)
    change = data.noisy(grey, 7).astype(int) - 100
    assert set(np.unique(change)) == {-2, -1, 0, 1, 2}
    assert (data.noisy(grey, 7) == change + 100).all()
    assert (data.noisy(grey, 8) != change + 100).any()
    # No wrapping around at either end.
    assert data.noisy(np.zeros_like(grey), 7).max() == 2
    assert data.noisy(np.full_like(grey, 255), 7).min() == 253


def test_data_set_is_the_same_every_time_and_grows_at_its_end(tmp_path: Path) -> None:
    faces = [face(60), face(120), face(180)]
    for name, images in (("once", 28), ("again", 28), ("larger", 42)):
        data.write_data_set(tmp_path / name, data.Size.of(images), faces)
    once, again, larger = (
        {str(p.relative_to(tmp_path / n)): p.read_bytes() for p in (tmp_path / n).rglob("*.png")}
        for n in ("once", "again", "larger")
    )
    assert once == again
    assert once.items() < larger.items()
    assert len(set(larger.values())) == 42
    fifth = decode_png(once["p00000/000005.png"]).astype(int)  # 5 mod 3: the third face
    assert np.abs(fifth - 180).max() == 2
    read = PLUGIN.read(tmp_path / "once", {})
    assert read.records["subject"].value_counts().to_dict() == {"p00000": 14, "p00001": 14}
    assert not read.notes


@pytest.mark.parametrize(("images", "subjects"), [(28, 0), (30, 7), (2000, 500), (29, 14)])
def test_images_are_divided_evenly(images: int, subjects: int) -> None:
    size = data.Size.of(images, subjects)
    counts = np.bincount([data.subject_of(k, size) for k in range(images)])
    assert len(counts) == size.subjects
    assert counts.max() - counts.min() <= 1
    assert counts.min() >= 2


@pytest.mark.parametrize(("images", "subjects"), [(0, 0), (1, 0), (10, 6), (10, -1)])
def test_sizes_without_comparisons_are_refused(images: int, subjects: int) -> None:
    with pytest.raises(ValueError, match="at least"):
        data.Size.of(images, subjects)


def test_experiment_is_valid_and_chooses_its_strengths() -> None:
    params = config.load(ROOT / "params.yaml")
    changed = config.parse(config.merge(params.model_dump(), scaling.experiment(3)))
    assert changed.methods["blur_face"].strengths == [30, 40, 50]
    assert changed.detectors == changed.redetectors == ["dlib_hog"]


def options(*arguments: str) -> argparse.Namespace:
    return scaling._options(arguments)


def test_sizes_of_a_study_come_once() -> None:
    chosen = scaling.sizes(options("--images", "28,56", "--subjects", "2,4", "--subjects-at", "28",
                                   "--strengths", "1,2", "--strengths-at", "56"))  # fmt: skip
    assert [(s.images, s.subjects, s.strengths) for s in chosen] == [
        (28, 2, 1), (28, 4, 1), (56, 4, 1), (56, 4, 2)
    ]  # fmt: skip
    assert len(scaling.sizes(options())) == 5 + 3 + 3
    assert not scaling.sizes(options("--images", "", "--subjects", "", "--strengths", ""))
    with pytest.raises(SystemExit):
        options("--strengths", "9")


def rows(images: list[int], seconds: list[float], memory: list[float]) -> pd.DataFrame:
    return pd.concat(
        pd.DataFrame({"images": n, "subjects": -(-n // 14), "strengths": 1, "cores": 1,
                      "stage": ["embed", "whole run"], "jobs": 3, "seconds": [s, s],
                      "cpu_seconds": s, "memory_mib": [m, math.nan]})
        for n, s, m in zip(images, seconds, memory, strict=True)
    )[scaling.COLUMNS]  # fmt: skip


def test_line_by_hand() -> None:
    fixed, slope, r2, exponent = plot.line([1, 2, 4], [3, 6, 12])
    assert (fixed, slope, r2, exponent) == pytest.approx((0, 3, 1, 1), abs=1e-9)
    # Mean 2, line 1.5 x - 1: residuals 0.5, -1, 0.5 of deviations -1, -1, 2.
    assert plot.line([1, 2, 3], [1, 1, 4])[:3] == pytest.approx((-1, 1.5, 0.75))
    assert plot.line([1, 2, 4], [1, 4, 16])[3] == pytest.approx(2)
    assert np.isnan(plot.line([1, 2], [1, 2])[2:]).all()
    assert np.isnan(plot.line([3], [1])).all()


def test_study_says_whether_time_is_linear_and_memory_flat(tmp_path: Path) -> None:
    csv = tmp_path / "scaling.csv"
    assert page.scaling(csv).reason
    rows([28, 56, 112], [38, 66, 122], [100, 101, 102]).to_csv(csv, index=False)
    linear = page.scaling(csv)
    assert [r.met for r in linear.rows] == [True, True]
    assert "10 s + 1000 ms an image" in linear.rows[0].ours
    rows([28, 56, 112], [1, 4, 16], [100, 150, 200]).to_csv(csv, index=False)
    steep = page.scaling(csv)
    assert [r.met for r in steep.rows] == [False, False]
    assert "embed (2.00)" in " ".join(steep.notes)
    assert "embed (100 to 200 MiB)" in " ".join(steep.notes)
    rows([28, 56], [1, 2], [1, 1]).to_csv(csv, index=False)
    assert "too few" in page.scaling(csv).reason


def test_finished_sizes_are_not_run_again() -> None:
    table = rows([28], [1], [1])
    assert scaling._finished(table, data.Size.of(28))
    assert not scaling._finished(table, data.Size.of(28, strengths=2))
    assert not scaling._finished(table[table["stage"] == "embed"], data.Size.of(28))


def test_plot_is_drawn(tmp_path: Path) -> None:
    plot.draw(rows([28, 56, 112], [1, 2, 4], [1, math.nan, 1]), tmp_path / "scaling.png")
    assert Image.open(tmp_path / "scaling.png").size > (1000, 800)
