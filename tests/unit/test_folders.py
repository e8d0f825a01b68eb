"""The command on a folder of images: nothing passes through, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from anonbench.cli import app
from anonbench.drawn import draw_face
from anonbench.folders import output_names
from anonbench.io import decode_png, encode_png


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["anonymise", *map(str, arguments)])


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces as PNG and JPEG, a landscape, a broken file, and a text that is no image."""
    folder = tmp_path_factory.mktemp("photos")
    face = draw_face(0, 0)
    (folder / "deep").mkdir()
    (folder / "deep" / "face.png").write_bytes(encode_png(face))
    (folder / "twin.png").write_bytes(encode_png(face))
    cv2.imwrite(str(folder / "twin.jpg"), cv2.cvtColor(face, cv2.COLOR_RGB2BGR))
    (folder / "LANDSCAPE.PNG").write_bytes(encode_png(np.full((80, 90, 3), 200, np.uint8)))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not much of an image")
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.fixture(scope="module")
def target(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "made" / "here"
    result = run(source, folder, "--method", "pixelize", "--strength", "5")
    assert result.exit_code == 0, result.output
    return folder


def read(path: Path) -> np.ndarray:
    return decode_png(path.read_bytes())


def ledger(target: Path) -> pd.DataFrame:
    return pd.read_csv(target / "ledger.csv", dtype=str, keep_default_na=False).set_index(
        "image_id"
    )


def test_every_image_is_in_the_ledger(target: Path) -> None:
    assert ledger(target)["status"].to_dict() == {
        "deep/face.png": "ok", "twin.png": "ok", "twin.jpg": "ok", "LANDSCAPE.PNG": "no_face",
        "broken.jpg": "unreadable", "empty.png": "unreadable",
    }  # fmt: skip
    assert set(ledger(target)["strength"]) == {"5"}


def test_unreadable_files_have_a_reason_and_no_output(target: Path) -> None:
    table = ledger(target)
    assert table.loc["broken.jpg", "detail"] and table.loc["empty.png", "detail"]
    assert not list(target.rglob("broken*")) and not list(target.rglob("empty*"))


def test_files_that_differ_in_their_suffix_are_both_kept(target: Path) -> None:
    found = {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()}
    assert found == {
        "deep/face.png", "twin.png.png", "twin.jpg.png", "LANDSCAPE.png", "ledger.csv",
    }  # fmt: skip


def test_image_without_a_face_comes_out_black(target: Path) -> None:
    landscape = read(target / "LANDSCAPE.png")
    assert landscape.shape == (80, 90, 3) and not landscape.any()


def test_face_is_changed_and_the_rest_is_not(target: Path) -> None:
    before, after = draw_face(0, 0), read(target / "deep" / "face.png")
    changed = (before != after).any(axis=2)
    assert changed[80:130, 70:120].mean() > 0.9, "the face"
    assert not changed[:20].any() and not changed[:, :10].any(), "the background"


def test_summary_and_warning_are_printed(source: Path, tmp_path: Path) -> None:
    result = run(source, tmp_path / "out", "--method", "blackout")
    assert "3 ok" in result.output and "1 no_face" in result.output
    assert "2 unreadable" in result.output and "not ok" in result.output


def test_result_depends_on_content_and_seed_only(
    source: Path, target: Path, tmp_path: Path
) -> None:
    arguments = ("--method", "noise", "--strength", "30")
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(source, tmp_path / name, *arguments, "--seed", seed).exit_code == 0
    first, same, other = (read(tmp_path / n / "deep" / "face.png") for n in "abc")
    assert (first == same).all() and (first != other).any()


def test_faces_can_be_chosen(tmp_path: Path) -> None:
    both = np.concatenate([draw_face(0, 0), draw_face(1, 0)], axis=1)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(encode_png(both))
    changed = {}
    for faces in ("all", "largest"):
        assert run(tmp_path / "in", tmp_path / faces, "--faces", faces).exit_code == 0
        difference = (read(tmp_path / faces / "1.png") != both).any(axis=2)
        changed[faces] = (bool(difference[:, :192].any()), bool(difference[:, 192:].any()))
    assert changed["all"] == (True, True) and sorted(changed["largest"]) == [False, True]


# Refusals: nothing is written


def refused(tmp_path: Path, *arguments: object) -> str:
    before = sorted(tmp_path.rglob("*"))
    result = run(*arguments)
    assert result.exit_code == 1, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert sorted(tmp_path.rglob("*")) == before
    return result.output


@pytest.fixture()
def small(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").write_bytes(encode_png(draw_face(0, 0)))
    return tmp_path / "in"


def test_target_inside_source_is_refused(small: Path, tmp_path: Path) -> None:
    assert "lies inside" in refused(tmp_path, small, small / "out")
    assert "lies inside" in refused(tmp_path, small, small)


def test_target_that_is_not_empty_is_refused(small: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep me")
    assert "not empty" in refused(tmp_path, small, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep me"


def test_source_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("")
    assert "no image" in refused(tmp_path, tmp_path / "in", tmp_path / "out")
    assert "no such folder" in refused(tmp_path, tmp_path / "nothing", tmp_path / "out")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--method", "blurr"), "did you mean 'blur'"),
        (("--method", "blur", "--strength", "2.5"), "2.5"),
        (("--method", "noise", "--strength", "500"), "500"),
        (("--method", "blackout", "--strength", "5"), "no strengths"),
        (("--detector", "hare"), "did you mean 'haar'"),
        (("--region", "nose"), "unknown region"),
        (("--faces", "some"), "unknown faces policy"),
        (("--method", "external"), "path"),
    ],
)
def test_mistakes_are_named_before_any_detection(
    arguments: tuple[str, ...], words: str, small: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def detected(**_: object) -> None:
        raise AssertionError("hours of detection before a mistake was noticed")

    if "external" not in arguments:  # its options are looked at by the engine
        monkeypatch.setattr("anonbench.folders.detect_files", detected)
    assert words in refused(tmp_path, small, tmp_path / "out", *arguments)


def test_damaged_weights_are_a_message_and_no_traceback(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonbench.dlib_files import WeightFileError

    def damaged(*_: object) -> None:
        raise WeightFileError("predictor.dat: damaged; reinstall")

    monkeypatch.setattr("anonbench.subjects.weight_file", damaged)
    assert "predictor.dat" in refused(tmp_path, small, tmp_path / "out")


# Names of results


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a.jpg", "b/a.jpg"], ["a.png", "b/a.png"]),
        (["a.jpg", "a.png"], ["a.jpg.png", "a.png.png"]),
        (["a.b.jpg", "a.c.jpg"], ["a.b.png", "a.c.png"]),
        # The third's short name is the first's long one.
        (["x.jpg", "x.png", "x.jpg.png"], ["x.jpg.png", "x.png.png", "x.jpg.png.png"]),
    ],
)
def test_results_have_names_of_their_own(names: list[str], expected: list[str]) -> None:
    assert list(output_names(names).values()) == expected
