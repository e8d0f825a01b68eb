"""The scripts about CIAGAN: which views hold a face, and what goes onto the model card."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbench.anonymisers._ciagan_view import SCALINGS
from anonbench.detect import face_row, table_of
from anonbench.io import write_table
from anonbench.types import Box, Face

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

import ciagan_scalings as scalings  # noqa: E402


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
