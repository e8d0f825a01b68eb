"""The command that measures a rendered face set: its arithmetic, by hand."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))

import contact_sheet  # noqa: E402
import faces_expression as expression  # noqa: E402
import faces_geometry as geometry  # noqa: E402
import faces_look as seen  # noqa: E402
import faces_numbers as numbers  # noqa: E402
import faces_text as text  # noqa: E402
import measure_faces as measure  # noqa: E402

from anonbench.types import Box, Face  # noqa: E402


def test_middle_by_hand() -> None:
    points = np.array([(60.0, 40.0), (20.0, 44.0), (38.0, 80.0)])
    # The eyes' middle is (40, 42); half-way to the mouth (39, 61).
    assert geometry.middle(points) == (39.0, 61.0)


def test_similarity_by_hand() -> None:
    source = np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
    # A quarter turn, twice the size, shifted by (5, -3).
    target = np.array([(5.0, -3.0), (5.0, -1.0), (3.0, -3.0)])
    matrix = geometry.similarity(source, target)
    assert matrix == pytest.approx(np.array([[0, -2, 5], [2, 0, -3]]), abs=1e-12)


def test_similarity_is_the_best_one() -> None:
    rng = np.random.default_rng(3)
    source, target = rng.normal(size=(2, 3, 2))
    best = geometry.similarity(source, target)

    def error(matrix: np.ndarray) -> float:
        moved = source @ matrix[:, :2].T + matrix[:, 2]
        return float(((moved - target) ** 2).sum())

    for a, b, x, y in rng.normal(scale=0.01, size=(50, 4)):
        other = best + np.array([[a, -b, x], [b, a, y]])
        assert error(other) >= error(best)


def test_similarity_refuses_a_single_place() -> None:
    with pytest.raises(ValueError, match="coincide"):
        geometry.similarity(np.ones((3, 2)), geometry.PLACES)


def test_crop_puts_eyes_and_mouth_in_their_places() -> None:
    places = geometry.PLACES * 2 + (20, 11)
    pixels = np.zeros((256, 256, 3), np.uint8)
    for channel, (x, y) in enumerate(places.astype(int)):
        pixels[y - 3 : y + 4, x - 3 : x + 4, channel] = 200
    aligned = geometry.crop(pixels, places)
    for channel, (x, y) in enumerate(geometry.PLACES.astype(int)):
        assert aligned[y, x].tolist() == [200 if c == channel else 0 for c in range(3)]
    assert geometry.hog(aligned).shape == (11 * 11 * 4 * 9,)


def test_a_box_holds_its_left_and_top_edge_only() -> None:
    box = Box(10, 20, 30, 40)
    assert seen.holds(box, 10, 20)
    assert seen.holds(box, 29.9, 39.9)
    assert not seen.holds(box, 30, 25)
    assert not seen.holds(box, 15, 40)
    faces = [Face(Box(50, 50, 60, 60)), Face(box)]
    assert seen.true_face(faces, 15, 25) is faces[1]
    assert seen.true_face(faces, 0, 0) is None


def test_share_by_hand() -> None:
    subjects = np.array(["a", "a", "b", "b"])
    half = numbers.share(np.array([True, True, False, False]), subjects)
    # Two subjects, one always found and one never: a replicate has 0, 1/2 or 1.
    assert (half.value, half.low, half.high, half.n) == (0.5, 0.0, 1.0, 4)
    # Nothing missed by two subjects: 1 - (1 - 0.05 ** (1 / 2)) is as low as it may be.
    every = numbers.share(np.ones(4, np.bool_), subjects)
    assert (every.value, every.high) == (1.0, 1.0)
    assert every.low == pytest.approx(0.05**0.5)


def test_intervals_are_over_subjects_not_images() -> None:
    rng = np.random.default_rng(0)
    events = rng.random(30) < 0.6
    few = numbers.share(events, np.arange(30).astype(np.str_))
    copied = numbers.share(np.repeat(events, 20), np.repeat(np.arange(30), 20).astype(np.str_))
    assert (few.value, few.low, few.high) == (copied.value, copied.low, copied.high)


def test_no_samples_and_one_subject_say_why() -> None:
    assert numbers.share(np.zeros(0, np.bool_), np.zeros(0, np.str_)).reason == "no samples"
    one = numbers.mean(np.array([1.0, 2.0]), np.array(["a", "a"]))
    assert one.value == 1.5
    assert np.isnan(one.low)
    assert "one subject" in one.reason


def _line(*places: float) -> np.ndarray:
    return np.array(places, np.float32)[:, None]


def test_error_rates_by_hand() -> None:
    # a: 0, 1 and b: 1.5, 3.5. Mated 1, 2; non-mated 1.5, 3.5, 0.5, 2.5.
    pairs = numbers.Pairs(_line(0, 1, 1.5, 3.5), np.array(["a", "a", "b", "b"]))
    assert sorted(pairs.mated) == [1.0, 2.0]
    assert sorted(pairs.nonmated) == [0.5, 1.5, 2.5, 3.5]
    # Up to 1.5: one of two mated is missed, two of four non-mated pass.
    eer, distance = pairs.eer()
    assert (eer.value, eer.n) == (0.5, 6)
    assert 1.5 <= distance < 2.0
    fmr, fnmr = pairs.rates_at(0.5)
    assert (fmr.value, fnmr.value) == (0.25, 1.0)
    assert pairs.quantile(0.5, mated=True).value == 1.5
    assert pairs.quantile(0.5, mated=False).value == 2.0


def test_failures_to_acquire_are_in_no_pair() -> None:
    subjects = np.array(["a", "a", "a", "b", "b"])
    with_failure = numbers.Pairs(_line(0, 1, np.nan, 1.5, 3.5), subjects)
    without = numbers.Pairs(_line(0, 1, 1.5, 3.5), subjects[[0, 1, 3, 4]])
    assert with_failure.eer() == without.eer()


def test_quantile_interval_surrounds_the_quantile() -> None:
    rng = np.random.default_rng(1)
    centres = rng.normal(size=(30, 1, 8))
    points = (centres + 0.4 * rng.normal(size=(30, 6, 8))).reshape(-1, 8).astype(np.float32)
    pairs = numbers.Pairs(points, np.repeat(np.arange(30), 6).astype(np.str_))
    for q in (0.05, 0.5, 0.95):
        for mated in (True, False):
            found = pairs.quantile(q, mated)
            assert found.low < found.value < found.high
            assert found.high - found.low < 0.5 * found.value


@pytest.mark.parametrize(
    ("subjects", "reason"), [(["a", "a"], "fewer than two"), (["a", "b"], "two images")]
)
def test_error_rates_that_do_not_exist_say_why(subjects: list[str], reason: str) -> None:
    pairs = numbers.Pairs(_line(0, 1), np.array(subjects))
    eer, distance = pairs.eer()
    assert np.isnan(eer.value)
    assert np.isnan(distance)
    assert reason in eer.reason
    assert reason in pairs.quantile(0.5, mated=True).reason
    assert reason in pairs.rates_at(0.6)[0].reason


def test_rank_one_by_hand() -> None:
    subjects = np.array(["a", "b", "a", "a", "b", "b"])
    enrolled = np.array([True, True, False, False, False, False])
    # Gallery a at 0, b at 10. Probes of a at 1 (right) and 6 (wrong), of b at 9 (right) and failed.
    found = numbers.rank_one(_line(0, 10, 1, 6, 9, np.nan), subjects, enrolled, ~enrolled)
    assert (found.value, found.n) == (0.5, 4)


def _turned(shape: np.ndarray, degrees: float, scale: float, shift: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return scale * shape @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) + shift


def test_procrustes_undoes_pose_size_and_place_but_no_reflection() -> None:
    shape = np.random.default_rng(5).normal(size=(20, 3))
    poses = np.stack([shape, _turned(shape, 25, 3.0, 7.0), _turned(shape, -170, 0.2, -1.0)])
    moved = expression.procrustes(poses, shape)
    assert moved[1] == pytest.approx(moved[0])
    assert moved[2] == pytest.approx(moved[0])
    assert np.linalg.norm(moved[0]) == pytest.approx(1.0)
    mirrored = expression.procrustes((shape * (-1, 1, 1))[None], shape)[0]
    assert np.abs(mirrored - moved[0]).max() > 0.05


def test_expressions_that_differ_are_told_apart_whatever_the_pose() -> None:
    rng = np.random.default_rng(7)
    base, change = rng.normal(size=(30, 3)), 0.3 * rng.normal(size=(2, 30, 3))
    labels = np.tile(["fear", "anger"], 20)
    subjects = np.repeat(np.arange(10), 4).astype(np.str_)
    shapes = [
        _turned(base + change[int(name == "fear")], rng.uniform(-40, 40), rng.uniform(1, 3), 5.0)
        for name in labels
    ]
    guessed = expression.predict(np.reshape(shapes, (40, -1)), labels, subjects, landmarks=True)
    assert guessed.tolist() == labels.tolist()


def test_a_subject_is_never_in_its_own_training_set() -> None:
    # Each subject has an expression of its own: whoever is tested shows what nobody else does.
    subjects = np.repeat(np.array(expression.EXPRESSIONS), 4)
    features = np.eye(28)
    assert not (expression.predict(features, subjects, subjects) == subjects).any()
    with pytest.raises(ValueError, match="two"):
        expression.predict(features[:4], subjects[:4], subjects[:4])


def test_confusion_by_hand() -> None:
    true, guessed = np.array(["x", "x", "y", "y"]), np.array(["x", "y", "y", ""])
    assert expression.confusion(true, guessed, ("x", "y")) == [[1, 1], [0, 1]]


def test_gallery_is_the_lowest_view_by_number() -> None:
    table = pd.DataFrame(
        {
            "subject": ["a", "a", "a", "b"],
            "expression": ["neutral", "neutral", "fear", "neutral"],
            "view": ["10", "2", "0", "1"],
        }
    )
    assert measure._first_neutral(table).tolist() == [False, True, False, True]


def _number(value: float) -> dict[str, float]:
    return {"value": value, "low": value, "high": value, "n": 1}


def test_goals_are_met_at_their_bound_and_missed_without_a_number() -> None:
    found = dict.fromkeys(seen.DETECTORS, _number(0.99)) | {"haar": _number(0.9899)}
    groups = {"male asian": _number(0.12), "female asian": _number(float("nan"))}
    measured = {
        "detection": {"found": found},
        "recognition": {
            "eer": _number(0.05), "eer_neutral": _number(0.011), "eer_by_group": groups,
        },
        "expression": {"hog": {"accuracy": _number(0.85)}},
    }  # fmt: skip
    missed = [goal["goal"] for goal in measure.goals(measured) if not goal["met"]]
    assert missed == ["found by haar", "EER, neutral", "EER, female asian"]


def test_numbers_as_text() -> None:
    number = {"value": 0.991, "low": 0.98, "high": 1.0, "n": 100}
    assert text.percent(number) == "99.10 % (98.00 to 100.00)"
    assert text.plain(number | {"low": float("nan")}) == "0.991"
    assert text.plain(dict.fromkeys(("value", "low", "high"), 12174.6)) == "12175 (12175 to 12175)"
    nothing = {"value": float("nan"), "low": 0.0, "high": 0.0, "n": 0, "reason": "no samples"}
    assert text.percent(nothing) == "not measured: no samples"
    assert text.table(("a", "b"), [(1, "x")]) == "| a | b |\n| --- | --- |\n| 1 | x |\n"


COLUMNS = {
    "view": "0", "session": "0", "split": "evaluation", "gender": "female", "ancestry": "asian",
    "skin_tone": "2.4", "hair_style": "bob", "hair_colour": "black", "facial_hair": "none",
    "glasses": "none", "makeup": "none", "left_eye_x": "40", "left_eye_y": "25",
    "right_eye_x": "24", "right_eye_y": "25", "mouth_x": "32", "mouth_y": "45", "extra": "kept",
}  # fmt: skip


def _write_set(folder: Path, subjects: tuple[str, ...]) -> pd.DataFrame:
    """Write grey images without any face, a shard a subject."""
    rows = []
    for age, subject in zip((17, 60, 30), subjects, strict=False):
        with tarfile.open(folder / f"faces-{subject}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for k, name in enumerate(sorted(expression.EXPRESSIONS)):
                data = io.BytesIO()
                Image.new("RGB", (64, 64), (100 + k,) * 3).save(data, "JPEG", quality=95)
                member = tarfile.TarInfo(f"{subject}_{name}_0.jpg")
                member.size = data.tell()
                data.seek(0)
                tar.addfile(member, data)
                row = {"path": member.name, "subject": subject, "expression": name}
                rows.append(COLUMNS | row | {"shard": f"faces-{subject}.tar", "age": str(age)})
    table = pd.DataFrame(rows)
    table.to_csv(folder / "labels.csv", index=False)
    return table


def test_labels_and_archives_have_to_fit(tmp_path: Path) -> None:
    table = _write_set(tmp_path, ("s0001", "s0000"))
    read = seen.read_labels(tmp_path)
    assert read["path"].tolist() == sorted(table["path"])
    for data, row in zip(seen.read_encoded(tmp_path, read), read.itertuples(), strict=True):
        level = 100 + sorted(expression.EXPRESSIONS).index(str(row.expression))
        assert abs(int(seen.decode(data).mean()) - level) <= 1
    table.iloc[1:].to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(seen.FaceSetError, match=r"1 images differ.*the archive only"):
        seen.read_labels(tmp_path)
    pd.concat([table, table[:1]]).to_csv(tmp_path / "labels.csv", index=False)
    with pytest.raises(seen.FaceSetError, match="twice"):
        seen.read_labels(tmp_path)


def test_attributes_by_hand(tmp_path: Path) -> None:
    counts = measure.attributes(_write_set(tmp_path, ("s0000", "s0001", "s0002")))
    assert counts["age_band"] == {"30 to 44": 1, "60 and above": 1, "below 18": 1}
    assert counts["gender_ancestry"] == {"female asian": 3}
    assert counts["skin_tone"] == {"2": 3}
    assert counts["images_by_expression"] == dict.fromkeys(sorted(expression.EXPRESSIONS), 3)


def test_contact_sheet_has_each_image_in_its_place(tmp_path: Path) -> None:
    _write_set(tmp_path, ("s0000", "s0001"))
    out = tmp_path / "sheet.png"
    assert contact_sheet.main([str(tmp_path), str(out), "--subjects", "s0001", "--size", "64"]) == 0
    sheet = np.asarray(Image.open(out))
    line, gap = contact_sheet.LINE, contact_sheet.GAP
    assert sheet.shape == (2 * line + 64, 7 * (64 + gap) - gap, 3)
    for k, name in enumerate(expression.EXPRESSIONS):
        level = 100 + sorted(expression.EXPRESSIONS).index(name)
        assert abs(int(sheet[2 * line + 32, k * (64 + gap) + 32, 0]) - level) <= 1
    assert contact_sheet.main([str(tmp_path), str(out), "--subjects", "s0009"]) == 2
    assert contact_sheet.main([str(tmp_path), str(out), "--view", "7"]) == 2


@pytest.mark.slow
def test_a_set_without_faces_misses_every_goal_and_says_why(tmp_path: Path) -> None:
    _write_set(tmp_path, ("s0000", "s0001"))
    out, page = tmp_path / "out.json", tmp_path / "out.md"
    arguments = [str(tmp_path), "--out", str(out), "--markdown", str(page), "--cores", "1"]
    assert measure.main(arguments) == 1
    found = json.loads(out.read_text())
    assert found["detection"]["found"]["all"]["value"] == 0.0
    assert len(found["detection"]["misses"]) == 14 * 4
    assert len(found["recognition"]["failures_to_acquire"]) == 14
    assert found["recognition"]["eer"]["value"] is None
    assert found["recognition"]["rank_1"]["value"] == 0.0
    assert found["expression"]["landmarks"]["accuracy"]["value"] is None
    assert found["image"]["luma_mean"]["value"] == pytest.approx(103.0, abs=0.5)
    assert found["image"]["luma_sd"]["value"] == pytest.approx(0.0, abs=0.01)
    assert "not measured: fewer than two subjects" in page.read_text()
    assert not any(goal["met"] for goal in found["goals"])
