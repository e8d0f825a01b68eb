"""The benchmark against the plain experiment: both ways give the same numbers."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

from anonbench.drawn import write_drawn_set
from anonbench.metrics.verification import equal_error_rate

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))
pytest.importorskip("face_recognition", reason="the benchmark's opponent is not installed")

import compare_face_recognition as benchmark  # noqa: E402
import plain_face_recognition as plain  # noqa: E402


def test_plain_eer_by_hand() -> None:
    # Accepted up to 0.3: 1 of 4 non-mated, and 1 of 4 mated is missed.
    assert plain.equal_error_rate([0.1, 0.2, 0.3, 0.6], [0.3, 0.5, 0.7, 0.8]) == 0.25
    assert plain.equal_error_rate([0.1, 0.2], [0.5, 0.6]) == 0.0
    assert plain.equal_error_rate([0.9], [0.1]) == 1.0
    assert np.isnan(plain.equal_error_rate([], [0.5]))


def test_plain_eer_is_the_librarys() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        mated = rng.normal(0.5, 0.2, rng.integers(1, 30)).round(2)
        nonmated = rng.normal(0.8, 0.2, rng.integers(1, 60)).round(2)
        expected = equal_error_rate(-mated, -nonmated).value
        assert plain.equal_error_rate(list(mated), list(nonmated)) == pytest.approx(expected)


def test_first_image_of_each_subject_is_enrolled() -> None:
    labels = {"a/1": "x", "a/2": "x", "b/1": "y", "c/1": "x"}
    assert plain.divide(labels) == (["a/1", "b/1"], ["a/2", "c/1"])


def numbers(**changes: float) -> dict[str, float]:
    return {"eer": 0.5, "fta": 0.25, "mated": 2, "nonmated": 2, **changes}


@pytest.mark.parametrize(
    ("ours", "shift", "agrees"),
    [
        (numbers(), 0.0, True),
        (numbers(), 5e-6, True),
        (numbers(), 1e-4, False),
        (numbers(eer=0.501), 0.0, False),
        (numbers(fta=0.26), 0.0, False),
        (numbers(mated=1), 0.0, False),
        (numbers(nonmated=3), 0.0, False),
        (numbers(eer=np.nan), 0.0, False),
    ],
)
def test_any_disagreement_is_seen(ours: dict[str, float], shift: float, agrees: bool) -> None:
    distance = np.array([[0.4, 0.5], [0.6, 0.7]])  # mated: 0.4 and 0.7; EER 1/2
    mated = np.eye(2, dtype=bool)
    row = benchmark._row("blur/5/naive", numbers(), ours, distance, distance + shift, mated)
    assert row["agrees"] is agrees
    missing = np.where(mated, distance, np.inf)
    assert not benchmark._row("blur/5/naive", numbers(), ours, distance, missing, mated)["agrees"]


def test_plain_pixelation_by_hand() -> None:
    grey = np.array([[9, 9, 9, 9], [9, 10, 30, 9], [9, 20, 40, 9]], np.uint8)
    image = np.repeat(grey[:, :, None], 3, axis=2)
    region = (1, 1, 3, 3)
    one = plain.pixelize(image, region, 1)
    assert (one[1:3, 1:3] == 25).all()
    one[1:3, 1:3] = image[1:3, 1:3]
    assert (one == image).all()  # nothing outside of the region changes
    assert (plain.pixelize(image, region, 5) == image).all()  # no more cells than pixels


@pytest.mark.parametrize("method", plain.METHODS)
@pytest.mark.parametrize("strength", [1, 5, 20, 90])
def test_plain_methods_are_the_librarys(method: str, strength: int) -> None:
    rng = np.random.default_rng(7)
    image = rng.integers(0, 256, (60, 80, 3), np.uint8)
    left, top, right, bottom = region = (10, 5, 57, 48)  # 47 x 43: cells that differ in size
    expected = image.copy()
    apply = importlib.import_module(f"anonbench.anonymisers.{method}").PLUGIN.function
    expected[top:bottom, left:right] = apply(image[top:bottom, left:right].copy(), strength, rng)
    assert (plain.METHODS[method](image, region, strength) == expected).all()


def test_methods_are_those_there_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.csv").touch()
    data = ["--data", str(tmp_path)]
    assert benchmark._options(data).methods == ["blur", "pixelize"]
    assert benchmark._options([*data, "--methods", "blur"]).methods == ["blur"]
    with pytest.raises(SystemExit):
        benchmark._options([*data, "--methods", "blur,blurr"])
    assert "methods are blur, pixelize" in capsys.readouterr().err


@pytest.mark.slow
def test_both_ways_agree_on_drawn_faces(tmp_path: Path) -> None:
    write_drawn_set(tmp_path / "drawn", subjects=3)
    arguments = ["--strengths", "15", "--variants", "numbers", "--cores", "1"]
    options = benchmark._options(["--data", str(tmp_path / "drawn"), *arguments])
    times, tables = benchmark.race(options)
    assert list(times["cores"]) == [1, 1]
    assert (times[["wall", "cpu"]] > 0).all(axis=None)
    (table,) = tables.values()
    attacks = ("naive", "reverse", "parrot")
    assert list(table["condition"]) == [
        f"{m}/15/{a}" for m in ("blur", "pixelize") for a in attacks
    ]
    assert table["agrees"].all(), table.to_string()
    # 3 subjects, 3 probes each: enough of both kinds for the agreement to mean something.
    assert (table["mated"] > 0).all()
    assert (table["nonmated"] > 0).all()
