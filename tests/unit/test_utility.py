"""Similarity and detection on results, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from skimage.metrics import structural_similarity

from anonbench.detect import detect_files, face_row, table_of
from anonbench.detectors import get
from anonbench.drawn import draw_face
from anonbench.face_change import SHAPE
from anonbench.head_pose import ANGLES
from anonbench.io import ArchiveWriter, read_table, write_table
from anonbench.landmark_error import ERRORS
from anonbench.similarity import MEASURES, _gradient, gradient_deviation, similarity
from anonbench.types import Box, Face, Pixels
from anonbench.utility import regions_of, utility_files

BOX = Box(4, 4, 12, 12)


def grey(value: int = 100) -> Pixels:
    return np.full((16, 20, 3), value, np.uint8)


def test_identical_images() -> None:
    found = similarity(grey(), grey(), BOX, [(4, 4, 12, 12)])
    assert found == {
        "ssim_inside": 1, "ssim_outside": 1, "mse_inside": 0, "mse_outside": 0, "mse_region": 0,
        "unchanged_outside": 1, "gmsd_inside": 0,
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
    assert nan == set(MEASURES) - {"mse_region"}
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
    assert written["clear_haar"].to_dict() == {"kept": 1, "black": 1, "lost": 0, "hidden": 1}
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
    assert set(MEASURES) | {"clear_haar", "found_haar", "extra_haar"} < set(table.columns)
    assert "nme" not in table, "nobody asked for landmarks"
    assert table[list(MEASURES)].dtypes.eq(np.float64).all()
    assert table["found_haar"].tolist() == [0.0]


# Gradient magnitude similarity deviation


def test_gradient_deviation_by_hand() -> None:
    # Halved: a flat 4 x 6 luma against one with a step of 30 between its third and fourth column.
    before = np.full((8, 12, 3), 60, np.uint8)
    after = before.copy()
    after[:, 6:] = 90
    # Prewitt's gradient is 30 in the two columns beside the step and 0 in the other four.
    values = np.array([1, 1, 170 / (30**2 + 170), 170 / (30**2 + 170), 1, 1])
    assert gradient_deviation(before, after) == pytest.approx(values.std(), rel=1e-6)


def naive_deviation(before: Pixels, after: Pixels) -> float:
    """Xue et al. 2014, eq. 3 to 6, pixel by pixel."""
    maps = []
    for image in (before, after):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(float)
        rows, columns = grey.shape[0] // 2, grey.shape[1] // 2
        half = np.zeros((rows, columns))
        for y in range(rows):
            for x in range(columns):
                half[y, x] = grey[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean()
        wide = np.pad(half, 1, mode="edge")
        size = np.zeros_like(half)
        for y in range(rows):
            for x in range(columns):
                part = wide[y : y + 3, x : x + 3]
                across = (part[:, 0].sum() - part[:, 2].sum()) / 3
                down = (part[0].sum() - part[2].sum()) / 3
                size[y, x] = np.sqrt(across**2 + down**2)
        maps.append(size)
    m1, m2 = maps
    alike = (2 * m1 * m2 + 170) / (m1**2 + m2**2 + 170)
    return float(np.sqrt(((alike - alike.mean()) ** 2).mean()))


@pytest.mark.parametrize("size", [(6, 6), (7, 9), (31, 24)])
def test_gradient_deviation_is_that_of_the_definition(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    before = rng.integers(0, 256, (*size, 3)).astype(np.uint8)
    after = cv2.blur(before, (3, 3))
    expected = naive_deviation(before, after)
    assert expected > 0.05
    assert gradient_deviation(before, after) == pytest.approx(expected, abs=1e-5)
    assert gradient_deviation(after, before) == pytest.approx(expected, abs=1e-5), "symmetric"


def test_gradient_deviation_is_that_of_the_face_alone() -> None:
    rng = np.random.default_rng(2)
    before = rng.integers(0, 256, (24, 20, 3)).astype(np.uint8)
    after = before.copy()
    after[:, 12:] = 0
    assert similarity(before, after, Box(0, 0, 12, 24), [])["gmsd_inside"] == 0
    found = similarity(before, after, Box(8, 3, 20, 24), [])["gmsd_inside"]
    assert found == gradient_deviation(before[3:, 8:], after[3:, 8:]) > 0
    assert np.isnan(similarity(before, after, Box(0, 0, 5, 20), [])["gmsd_inside"]), "too small"


# Landmarks


def mesh(left: float, top: float, side: float = 100) -> Face:
    """A face of 468 landmarks spread over a square, with eye corners half its side apart."""
    points = np.random.default_rng(3).uniform(0, side, (468, 2)).astype(np.float32)
    points[:2] = (0, 0), (side, side)
    points[[33, 263]] = (0.25 * side, 0.4 * side), (0.75 * side, 0.4 * side)
    points += np.array([left, top], np.float32)
    return Face(Box(left, top, left + side, top + side), points=points)


def measured(tmp_path: Path, own: list[Face], found: list[Face]) -> pd.Series[Any]:
    """The row of one image, in whose original the mesh found `own` and in whose result `found`."""
    picture = np.full((200, 200, 3), 90, np.uint8)
    for name, member in (("originals.tar", "x"), ("results.tar", "5/x")):
        with ArchiveWriter(tmp_path / name) as out:
            out.add(member, picture)
    ledger = {"image_id": ["x"], "strength": ["5"], "status": ["ok"], "regions": [[]]}
    write_table(pd.DataFrame(ledger), tmp_path / "ledger.parquet")
    subject = {"image_id": "x", "status": "ok", **Box(20, 20, 120, 120)._asdict()}
    write_table(pd.DataFrame([subject]), tmp_path / "subjects.parquet")
    for name, member, faces in (("a", "x", own), ("b", "5/x", found)):
        rows = [face_row(member, k, face) for k, face in enumerate(faces)]
        write_table(table_of(rows), tmp_path / f"{name}.parquet")
    utility_files(
        originals=tmp_path / "originals.tar", archive=tmp_path / "results.tar",
        ledger=tmp_path / "ledger.parquet", subjects=tmp_path / "subjects.parquet",
        detections={"mediapipe_mesh": tmp_path / "a.parquet"},
        redetections={"mediapipe_mesh": tmp_path / "b.parquet"}, out=tmp_path / "out.parquet",
        landmarks="mediapipe_mesh",
    )  # fmt: skip
    return read_table(tmp_path / "out.parquet").iloc[0]


def test_landmarks_are_compared_with_those_of_the_same_face(tmp_path: Path) -> None:
    # The subject moved by (3, 4) pixels, a tenth of the 50 between his eye corners; another face
    # that overlaps his box less comes first.
    row = measured(tmp_path, [mesh(20, 20)], [mesh(45, 30), mesh(23, 24), mesh(90, 90)])
    assert row["landmarks"] == "mediapipe_mesh"
    for name in ERRORS:
        assert row[name] == pytest.approx(0.1, abs=1e-6), name
    assert [row[f"{a}_error"] for a in ANGLES] == pytest.approx([0] * 3, abs=1e-4), "only moved"
    assert row["found_mediapipe_mesh"] == 1 and row["clear_mediapipe_mesh"] == 1


@pytest.mark.parametrize(
    ("own", "found", "clear"),
    [
        ([mesh(20, 20)], [], 1),
        ([mesh(20, 20)], [mesh(60, 60)], 1),  # overlaps by 3,600 / 16,400
        ([], [mesh(20, 20)], 0),
        ([mesh(120, 120, 60)], [mesh(20, 20)], 0),  # somebody else in the original
    ],
)
def test_no_such_face_is_no_error_of_zero(
    tmp_path: Path, own: list[Face], found: list[Face], clear: float
) -> None:
    row = measured(tmp_path, own, found)
    assert row[list(SHAPE)].isna().all()
    assert row["clear_mediapipe_mesh"] == clear


def test_gradients_are_roots_of_whole_numbers() -> None:
    """So that no sum of fractions makes the last bits depend on the order of additions."""
    pixels = np.random.default_rng(0).integers(0, 256, (131, 127, 3), np.uint8)
    squares = (12 * _gradient(pixels)) ** 2
    assert squares.dtype == np.float64 and squares.max() > 1e5
    np.testing.assert_allclose(squares, np.rint(squares), rtol=0, atol=1e-7)
