"""Similarity and detection on results, by hand."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from skimage.metrics import structural_similarity

from anonbench.detect import detect_files, face_row, table_of
from anonbench.detectors import get
from anonbench.drawn import draw_face
from anonbench.io import ArchiveWriter, read_table, write_table
from anonbench.types import Box, Pixels
from anonbench.utility import MEASURES, regions_of, similarity, utility_files

BOX = Box(4, 4, 12, 12)


def grey(value: int = 100) -> Pixels:
    return np.full((16, 20, 3), value, np.uint8)


def test_identical_images() -> None:
    found = similarity(grey(), grey(), BOX, [(4, 4, 12, 12)])
    assert found == {
        "ssim_inside": 1, "ssim_outside": 1, "mse_inside": 0, "mse_outside": 0, "mse_region": 0,
        "unchanged_outside": 1,
    }  # fmt: skip


def test_errors_inside_and_outside_by_hand() -> None:
    after = grey()
    after[4:12, 4:8] = 110  # half of the box by 10: mean squared error 50
    after[0, 0, 0] = 103  # one channel of one pixel of the 256 outside by 3: 9 / 3 / 256
    found = similarity(grey(), after, BOX, [(4, 4, 8, 12)])
    assert found["mse_inside"] == pytest.approx(50)
    assert found["mse_outside"] == pytest.approx(3 / 256)
    assert found["mse_region"] == pytest.approx(100)
    assert found["unchanged_outside"] == 0
    assert found["ssim_inside"] < 1


def test_several_regions_are_one_area() -> None:
    after = grey()
    after[0:2, 0:2] = 104
    found = similarity(grey(), after, None, [(0, 0, 2, 2), (10, 10, 12, 12)])
    assert found["mse_region"] == pytest.approx(8), "4 pixels by 4, 4 by nothing"
    assert found["unchanged_outside"] == 1


def test_what_is_not_known_is_missing_and_not_zero() -> None:
    found = similarity(grey(), grey(), None, [])
    nan = {k for k, v in found.items() if np.isnan(v)}
    assert nan == {"ssim_inside", "ssim_outside", "mse_inside", "mse_outside", "unchanged_outside"}
    assert found["mse_region"] == 0, "without regions the whole image had to change"
    tiny = np.zeros((5, 5, 3), np.uint8)
    assert np.isnan(similarity(tiny, tiny, Box(0, 0, 3, 3), [])["ssim_inside"])


def test_box_beyond_the_image_is_cut() -> None:
    found = similarity(grey(), grey(90), Box(-10, -10, 100, 100), [])
    assert found["mse_inside"] == pytest.approx(100) and np.isnan(found["mse_outside"])


@pytest.mark.parametrize("size", [(7, 7), (8, 30), (61, 47)])
def test_structural_similarity_is_that_of_scikit_image(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    after = cv2.blur(before, (3, 3))
    luma = [cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in (before, after)]
    _, expected = structural_similarity(*luma, data_range=255, full=True)
    box = Box(2, 1, 6, 5)
    found = similarity(before, after, box, [])
    assert found["ssim_inside"] == pytest.approx(expected[1:5, 2:6].mean(), abs=1e-6)
    expected[1:5, 2:6] = np.nan
    assert found["ssim_outside"] == pytest.approx(np.nanmean(expected), abs=1e-6)


def test_regions_are_read_from_their_flat_list() -> None:
    assert regions_of(np.array([1, 2, 3, 4, 5, 6, 7, 8])) == [(1, 2, 3, 4), (5, 6, 7, 8)]
    assert regions_of([]) == []


STATES = [("kept", "ok"), ("black", "no_face"), ("lost", "unreadable"), ("hidden", "ok")]


@pytest.fixture()
def written(tmp_path: Path) -> pd.DataFrame:
    """One picture untouched, one blacked out, one without data, one with the face covered."""
    picture = draw_face(0, 0)
    box = get("haar").build({}).detect(picture)[0].box
    left, top, right, bottom = map(int, box)
    hidden = picture.copy()
    hidden[top:bottom, left:right] = 0
    with ArchiveWriter(tmp_path / "originals.tar") as out:
        for name in ("kept", "black", "hidden"):
            out.add(name, picture)
    with ArchiveWriter(tmp_path / "results.tar") as out:
        for name, pixels in (("kept", picture), ("black", 0 * picture), ("hidden", hidden)):
            out.add(f"5/{name}", pixels)
    region = [left, top, right, bottom]
    ledger = pd.DataFrame({
        "image_id": [n for n, _ in STATES], "strength": "5", "status": [s for _, s in STATES],
        "detail": "", "n_regions": 1, "regions": [region, [], [], region],
    })  # fmt: skip
    write_table(ledger, tmp_path / "ledger.parquet")
    subjects = pd.DataFrame([
        {"image_id": n, "status": "ok" if n != "lost" else s, **box._asdict()} for n, s in STATES
    ])  # fmt: skip
    write_table(subjects, tmp_path / "subjects.parquet")
    faces = get("haar").build({}).detect(picture)
    rows = [face_row(n, k, f) for n in ("kept", "black", "hidden") for k, f in enumerate(faces)]
    write_table(table_of(rows), tmp_path / "haar.parquet")
    detect_files(
        archive=tmp_path / "results.tar", detector="haar", options={}, boxes_only=True,
        out=tmp_path / "again.parquet",
    )  # fmt: skip
    utility_files(
        originals=tmp_path / "originals.tar", archive=tmp_path / "results.tar",
        ledger=tmp_path / "ledger.parquet", subjects=tmp_path / "subjects.parquet",
        detections={"haar": tmp_path / "haar.parquet"},
        redetections={"haar": tmp_path / "again.parquet"}, out=tmp_path / "out.parquet",
    )  # fmt: skip
    return read_table(tmp_path / "out.parquet").set_index("image_id")


def test_every_image_of_the_ledger_has_its_row(written: pd.DataFrame) -> None:
    assert set(written.index) == {n for n, _ in STATES}
    assert written["found_haar"].to_dict() == {"kept": 1, "black": 0, "lost": 0, "hidden": 0}
    assert written.loc["kept", "extra_haar"] == 0
    assert written.loc["lost", list(MEASURES)].isna().all()
    assert written.loc["kept", "mse_region"] == 0
    assert written.loc["black", "mse_region"] > 1000
    assert written.loc["hidden", "unchanged_outside"] == 1
    assert np.isnan(written.loc["black", "unchanged_outside"]), "all of it had to change"


def test_columns_are_there_even_if_nothing_could_be_measured(tmp_path: Path) -> None:
    for name in ("originals.tar", "results.tar"):
        with ArchiveWriter(tmp_path / name):
            pass
    ledger = {"image_id": ["x"], "strength": ["5"], "status": ["unreadable"], "regions": [[]]}
    write_table(pd.DataFrame(ledger), tmp_path / "ledger.parquet")
    subject = {"image_id": "x", "status": "unreadable", **Box(*[float("nan")] * 4)._asdict()}
    write_table(pd.DataFrame([subject]), tmp_path / "subjects.parquet")
    write_table(table_of([]), tmp_path / "haar.parquet")
    utility_files(
        originals=tmp_path / "originals.tar", archive=tmp_path / "results.tar",
        ledger=tmp_path / "ledger.parquet", subjects=tmp_path / "subjects.parquet",
        detections={"haar": tmp_path / "haar.parquet"},
        redetections={"haar": tmp_path / "haar.parquet"}, out=tmp_path / "out.parquet",
    )  # fmt: skip
    table = read_table(tmp_path / "out.parquet")
    assert set(MEASURES) | {"found_haar", "extra_haar"} < set(table.columns)
    assert table[list(MEASURES)].dtypes.eq(np.float64).all()
    assert table["found_haar"].tolist() == [0.0]
