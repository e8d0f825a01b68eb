"""What every detector promises, whichever they are."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import made_keypoints
from anonbench import detectors, weights
from anonbench.detect import face_row, read_faces, table_of
from anonbench.detector_needs import NEEDS
from anonbench.detectors import Detector
from anonbench.drawn import draw_face
from anonbench.io import write_table
from anonbench.types import Face, Pixels

EMPTY = {
    "black": np.zeros((64, 64, 3), np.uint8),
    "white": np.full((120, 90, 3), 255, np.uint8),
    "one pixel": np.zeros((1, 1, 3), np.uint8),
    "a line": np.full((1, 200, 3), 128, np.uint8),
    "a strip": np.zeros((20, 300, 3), np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (100, 80, 3)).astype(np.uint8),
}

each = pytest.mark.parametrize("name", detectors.names())

IN_THE_FACE = {name: 5 for name in detectors.names() if name.endswith("_keypoints")}
"""How many of the first points belong to the face, where not all do: shoulders come last."""

MADE: dict[str, Callable[[Path], dict[str, Any]]] = {
    "dsfd": lambda folder: {"weights": str(made_keypoints.write_no_face(folder))},
    "torchvision_keypoints": lambda folder: {
        "weights": str(made_keypoints.write_no_person(folder)), "size": 64,
    },
}  # fmt: skip
"""What writes made-up weights of a detector, and returns options that name them."""


@cache
def build(name: str) -> Detector:
    if name not in NEEDS or there(name):
        return detectors.get(name).build({})
    folder = Path(tempfile.mkdtemp())
    try:
        return detectors.get(name).build(MADE[name](folder))
    finally:
        shutil.rmtree(folder)


def there(name: str) -> bool:
    """Tell whether a detector's own weights have been fetched."""
    return not weights.state(NEEDS[name].weights).problem


def finder(name: str) -> Detector:
    """Return a detector that finds faces; made-up weights of one that has to find them do not."""
    if name in NEEDS and not NEEDS[name].faces and not there(name):
        pytest.skip(
            f"{weights.file(NEEDS[name].weights)} is not there: made-up weights find no face"
        )
    return build(name)


@cache
def picture(subject: int) -> Pixels:
    pixels = draw_face(subject, 0)
    pixels.setflags(write=False)  # a detector that writes into its input fails
    return pixels


def plain(faces: list[Face]) -> list[tuple[object, ...]]:
    return [(f.box, repr(f.score), f.points.tolist(), f.eyes, f.eyes_glasses) for f in faces]


@each
def test_says_what_it_is(name: str) -> None:
    info = detectors.get(name).info
    assert info.label and info.reference and info.points >= 0


@each
def test_finds_a_drawn_face_with_the_landmarks_it_promises(name: str) -> None:
    faces = finder(name).detect(picture(0))
    assert len(faces) == 1
    face = faces[0]
    assert 30 < face.box.width < 192 and 30 < face.box.height < 192
    x, y = face.box.centre
    assert abs(x - 96) < 40 and abs(y - 105) < 40, "the face is in the middle of the picture"
    assert face.points.shape == (detectors.get(name).info.points, 2)
    assert face.points.dtype == np.float32
    grown = face.box.width / 4
    for px, py in face.points[: IN_THE_FACE.get(name)]:
        assert face.box.left - grown < px < face.box.right + grown
        assert face.box.top - grown < py < face.box.bottom + grown


@each
@pytest.mark.parametrize("kind", EMPTY)
def test_finds_nothing_where_nothing_is(name: str, kind: str) -> None:
    assert build(name).detect(EMPTY[kind].copy()) == []


@each
def test_does_not_depend_on_what_it_saw_before(name: str) -> None:
    first = plain(finder(name).detect(picture(0)))
    finder(name).detect(EMPTY["noise"].copy())
    finder(name).detect(picture(1))
    assert plain(finder(name).detect(picture(0))) == first


@each
def test_boxes_follow_the_picture(name: str) -> None:
    """A face 100 pixels further right is found 100 pixels further right."""
    wide = np.full((192, 392, 3), 120, np.uint8)
    places = []
    for left in (0, 100):
        wide[:] = 120
        wide[:, left : left + 192] = picture(2)
        (face,) = finder(name).detect(wide.copy())
        places.append(face.box)
    assert places[1].left - places[0].left == pytest.approx(100, abs=6)
    assert places[1].top == pytest.approx(places[0].top, abs=6)


@each
def test_two_faces_are_two_faces(name: str) -> None:
    both = np.concatenate([picture(0), picture(1)], axis=1)
    faces = finder(name).detect(both)
    assert len(faces) == 2
    assert sorted(f.box.centre[0] > 192 for f in faces) == [False, True]


@each
def test_table_gives_faces_back(name: str, tmp_path: Path) -> None:
    faces = finder(name).detect(picture(0))
    rows = [face_row("00/0.png", k, f) for k, f in enumerate(faces)]
    write_table(table_of(rows), tmp_path / "faces.parquet")
    assert plain(read_faces(tmp_path / "faces.parquet")["00/0.png"]) == plain(faces)


@each
def test_unknown_option_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="no_such_option"):
        detectors.get(name).build({"no_such_option": 1})


@pytest.fixture(scope="module", autouse=True)
def _forget() -> Iterator[None]:
    yield
    build.cache_clear()


def photographs() -> list[Path]:
    return sorted((Path(__file__).parents[3] / "shared/photos/lfw100").rglob("*.jpg"))[::50]


@each
@pytest.mark.slow
def test_finds_most_photographed_faces(name: str) -> None:
    paths = photographs()
    if not paths:
        pytest.skip("no photographs: ../shared/photos/lfw100 is not there")
    from anonbench.decode import read_image

    read = [read_image(p, max_pixels=10**7, min_side=1).pixels for p in paths]
    found = [bool(finder(name).detect(pixels)) for pixels in read if pixels is not None]
    assert len(found) == len(paths) and sum(found) >= 0.8 * len(found)


# Options that save work must not change what is found.


def test_haar_finds_the_same_faces_without_eyes_and_eyes_inside_faces() -> None:
    full = build("haar").detect(picture(0))
    lean = detectors.get("haar").build({"eyes": False}).detect(picture(0))
    assert [f.box for f in full] == [f.box for f in lean]
    assert full[0].eyes and not lean[0].eyes
    for eye in (*full[0].eyes, *full[0].eyes_glasses):
        assert eye.intersection(full[0].box) == eye.area > 0


def test_hog_finds_the_same_faces_without_landmarks() -> None:
    full = build("dlib_hog").detect(picture(0))
    lean = detectors.get("dlib_hog").build({"landmarks": False}).detect(picture(0))
    assert [(f.box, f.score) for f in full] == [(f.box, f.score) for f in lean]
    assert lean[0].points.shape == (0, 2)


def test_keypoints_are_on_the_same_faces_without_a_look_at_shoulders() -> None:
    full = build("mediapipe_keypoints").detect(picture(0))
    lean = detectors.get("mediapipe_keypoints").build({"shoulders": False}).detect(picture(0))
    assert [f.box for f in full] == [f.box for f in lean]
    assert np.array_equal(full[0].points[:5], lean[0].points[:5])


# Files that are missing or damaged


@pytest.mark.parametrize("name", NEEDS)
def test_missing_weights_say_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(weights.WeightsError) as error:
        detectors.get(name).build({})
    for part in ("missing", NEEDS[name].weights, "--from FILE"):
        assert part in str(error.value)


def test_missing_cascade_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        detectors.get("haar").build({"folder": str(tmp_path)})
    message = str(error.value)
    assert "haarcascade_frontalface_default.xml" in message and str(tmp_path) in message
    assert "opencv-contrib-python" in message and "detection.options.haar.folder" in message


@pytest.mark.parametrize(
    "content", [b"", b"not xml", b"<?xml version='1.0'?><opencv_storage/>", None]
)
def test_damaged_cascade_is_named(content: bytes | None, tmp_path: Path) -> None:
    from anonbench.detectors.haar import CASCADES, CascadeError, cascade_path

    for name in CASCADES.values():
        (tmp_path / name).write_bytes(cascade_path(name).read_bytes())
    eyes = tmp_path / CASCADES["eyes"]
    eyes.write_bytes(eyes.read_bytes()[:10_000] if content is None else content)
    with pytest.raises(CascadeError) as error:
        detectors.get("haar").build({"folder": str(tmp_path)})
    assert str(eyes) in str(error.value) and "reinstall" in str(error.value)
