"""The scripts about CIAGAN: which views hold a face, and what goes onto the model card."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbench.anonymisers._ciagan_view import SCALINGS
from anonbench.detect import face_row, table_of
from anonbench.io import ArchiveWriter, member, write_table
from anonbench.types import Box, Face

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import ciagan_scalings as scalings  # noqa: E402
import drawn_faces  # noqa: E402


def square(reach: float) -> np.ndarray:
    """Return corners that reach so far from the middle of the crop, in halves of its size."""
    x, y = 89 * reach, 109 * reach
    return np.array([[89 - x, 109 - y], [89 + x, 109 - y], [89 + x, 109 + y], [89 - x, 109 + y]])


def test_which_holes_fit_by_hand() -> None:
    holes = [square(r) for r in (0.5, 0.7, 0.8)]
    inside, trained, size = scalings.seen(holes, SCALINGS["published_training"])
    # The view reaches 0.625; widened to 0.73 it is still one of the training, to 0.83 not.
    assert inside.tolist() == [True, False, False] and trained.tolist() == [True, True, False]
    assert size[0] == pytest.approx([128 * 0.5 / 0.625] * 2)
    assert size[1] == pytest.approx([128 * 0.7 / 0.73] * 2)
    inside, trained, _ = scalings.seen(holes, SCALINGS["published_test"])
    assert inside.all() and not trained.any()


def test_only_subjects_with_a_frame_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    points = np.full((68, 2), 100, np.float32)
    points[:17, 0], points[:17, 1] = np.linspace(60, 140, 17), 150
    profile = points.copy()
    points[39], points[42] = (90, 100), (110, 100)
    box = Box(60, 60, 140, 150)
    found = [
        face_row("a", 0, Face(box, points=points)),
        face_row("b", 0, Face(box, points=profile)),
    ]
    write_table(table_of(found), tmp_path / "dlib_hog.parquet")
    write_table(table_of([]), tmp_path / "mediapipe_mesh.parquet")
    located = pd.DataFrame({"image_id": ["a", "b"], "status": "ok"}).assign(**box._asdict())
    write_table(located, tmp_path / "subjects.parquet")
    assert scalings.main([str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("|")[3].strip() for line in lines[2:5]] == ["1", "1", "1"]
    assert len(lines) == 5, "nothing can be said of a detector that found nobody"


def test_a_card_tells_what_the_attacks_left(tmp_path: Path) -> None:
    def row(**changes: object) -> dict[str, object]:
        usual = {
            "dataset": "faces", "method": "m", "strength": "45", "policy": "detected",
            "attack": "naive", "metric": "fnmr_at_fmr_0.01", "value": 0.9, "low": 0.8, "high": 0.95,
        }  # fmt: skip
        return usual | changes

    rows = [
        row(),
        row(attack="parrot", value=0.25, low=0.2, high=0.3),
        row(metric="preservation", attack="", value=0.5, low=0.4, high=0.6),
        # Of another strength, method, data set and policy.
        row(strength="90", value=0), row(method="n", value=0), row(dataset="d", value=0),
        row(policy="aligned", value=0),
    ]  # fmt: skip
    write_table(pd.DataFrame(rows), tmp_path / "summary/metrics.csv")
    assert drawn_faces.attacks(tmp_path, "faces", "m", "45") == {
        "TMR at FMR 1 %, naive": "10.0 % (5.0 to 20.0)",
        "TMR at FMR 1 %, parrot": "75.0 % (70.0 to 80.0)",
        "expressions kept": "50.0 % (40.0 to 60.0)",
    }


def test_faces_are_looked_for_at_one_strength(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Bright:
        def detect(self, pixels: np.ndarray) -> list[int]:
            return [1] if pixels.mean() > 100 else []

        def build(self, _options: object) -> Bright:
            return self

    monkeypatch.setattr(drawn_faces.detectors, "get", lambda _name: Bright())
    with ArchiveWriter(tmp_path / "a.tar") as archive:
        for strength, shades in (("4", (0, 0)), ("45", (0, 200)), ("none", (200, 200))):
            for n, shade in enumerate(shades):
                pixels = np.full((4, 4, 3), shade, np.uint8)
                archive.add(member(strength, f"{n}"), pixels)
    shares = [drawn_faces.share_found(tmp_path / "a.tar", "x", s) for s in ("4", "45", "none")]
    assert shares == [0, 0.5, 1]
    with pytest.raises(ValueError, match="no images of strength 9"):
        drawn_faces.share_found(tmp_path / "a.tar", "x", "9")


def test_a_table_has_a_column_a_network() -> None:
    found = drawn_faces.table({"a": {"x": "1"}, "b": {"x": "2", "y": "3"}})
    assert found.splitlines() == [
        "|  | a | b |",
        "| --- | --- | --- |",
        "| x | 1 | 2 |",
        "| y |  | 3 |",
    ]
