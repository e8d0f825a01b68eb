"""The benchmark against the plain experiment: both ways give the same numbers."""

from __future__ import annotations

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
    row = benchmark._row("5/naive", numbers(), ours, distance, distance + shift, mated)
    assert row["agrees"] is agrees
    missing = np.where(mated, distance, np.inf)
    assert not benchmark._row("5/naive", numbers(), ours, distance, missing, mated)["agrees"]


@pytest.mark.slow
def test_both_ways_agree_on_drawn_faces(tmp_path: Path) -> None:
    write_drawn_set(tmp_path / "drawn", subjects=3)
    arguments = ["--strengths", "5", "--variants", "numbers", "--cores", "1"]
    options = benchmark._options(["--data", str(tmp_path / "drawn"), *arguments])
    times, tables = benchmark.race(options)
    assert list(times["cores"]) == [1, 1]
    assert (times[["wall", "cpu"]] > 0).all(axis=None)
    (table,) = tables.values()
    assert list(table["strength/attack"]) == ["5/naive", "5/reverse", "5/parrot"]
    assert table["agrees"].all(), table.to_string()
    # 3 subjects, 3 probes each: enough of both kinds for the agreement to mean something.
    assert (table["mated"] > 0).all()
    assert (table["nonmated"] > 0).all()
