"""Pictures of faces: the same every time, with the face where the labels say."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from anonbench import detectors
from anonbench.seeds import generator
from anonbench.synthetic.expressions import EXPRESSIONS
from anonbench.synthetic.faceset import COLUMNS
from anonbench.synthetic.scene import PITCH, YAW, backdrop
from anonbench.synthetic.traits import draw_traits

if TYPE_CHECKING:
    from anonbench.synthetic.render import Rendered, Renderer
    from anonbench.synthetic.subject import Subject

ROOT = Path(__file__).parents[2]
SEEDS = (0, 1, 2, 9)
"""A few subjects: both genders, several ancestries, with and without glasses."""

Points = dict[str, np.ndarray]


class Studio:
    """Pictures that several tests look at, each taken once."""

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer
        self.subject = cache(renderer.subject)
        self.image = cache(self._image)

    def _image(self, seed: int, expression: str, view: int, size: int = 256) -> Rendered:
        return self.renderer.image(self.subject(seed), expression, view, size)


@pytest.fixture(scope="module")
def studio(renderer: Renderer) -> Studio:
    return Studio(renderer)


def points(rendered: Rendered) -> Points:
    """Labelled places, (x, y) in pixels."""
    told: Mapping[str, Any] = rendered.attributes
    return {
        name: np.array([told[f"{name}_x"], told[f"{name}_y"]], dtype=float)
        for name in ("left_eye", "right_eye", "mouth")
    }


def eye_distance(rendered: Rendered) -> float:
    at = points(rendered)
    return float(np.linalg.norm(at["left_eye"] - at["right_eye"]))


def disc(pixels: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    """Pixels within a radius of a place, shape (n, 3)."""
    rows, columns = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    off = np.hypot(columns + 0.5 - centre[0], rows + 0.5 - centre[1])
    out: np.ndarray = pixels[off <= radius].astype(float)
    return out


def cheeks(rendered: Rendered) -> list[np.ndarray]:
    """Skin below the left and below the right eye."""
    at, unit = points(rendered), eye_distance(rendered)
    down = at["mouth"] - (at["left_eye"] + at["right_eye"]) / 2
    down /= np.linalg.norm(down)
    places = [at[eye] + 0.6 * unit * down for eye in ("left_eye", "right_eye")]
    return [disc(rendered.pixels, place, 0.1 * unit) for place in places]


def test_pictures_are_whole(studio: Studio) -> None:
    for seed in SEEDS:
        rendered = studio.image(seed, "neutral", 0)
        pixels = rendered.pixels
        assert pixels.shape == (256, 256, 3) and pixels.dtype == np.uint8
        assert pixels.std() > 20 and 20 < pixels.mean() < 235
        assert ((pixels == 0) | (pixels == 255)).mean() < 0.1
        told = {**studio.subject(seed).attributes, **rendered.attributes}
        own = {"path", "subject", "session", "expression", "shard", "view", "split"}
        assert set(COLUMNS) - own - {"width", "height"} <= set(told)
        assert all(isinstance(value, str | int | float) for value in told.values())


def test_same_picture_twice_and_another_view_another(studio: Studio) -> None:
    first = studio.image(1, "happiness", 0)
    again = studio.renderer.image(studio.renderer.subject(1), "happiness", 0)
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert first.attributes == again.attributes
    for other in (studio.image(1, "happiness", 1), studio.image(1, "anger", 0)):
        assert np.abs(other.pixels.astype(int) - first.pixels).mean() > 5
        assert other.attributes["yaw"] != first.attributes["yaw"]


def test_same_picture_in_another_process(studio: Studio, makehuman: Path) -> None:
    code = (
        "import sys, hashlib, pathlib\n"
        "from anonbench.synthetic.faceset import load_renderer\n"
        "renderer = load_renderer(pathlib.Path(sys.argv[1]))\n"
        "renderer.image(renderer.subject(5), 'anger', 3, 64)\n"  # what came before is no matter
        "image = renderer.image(renderer.subject(2), 'surprise', 1, 256)\n"
        "print(hashlib.sha256(image.pixels.tobytes()).hexdigest(), image.attributes)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(makehuman)],
        capture_output=True,
        text=True,
        cwd=ROOT / "src",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    here = studio.image(2, "surprise", 1)
    digest = hashlib.sha256(here.pixels.tobytes()).hexdigest()
    assert done.stdout.strip() == f"{digest} {here.attributes}"


def test_sizes_show_the_same_picture(studio: Studio) -> None:
    large, small = studio.image(0, "happiness", 0), studio.image(0, "happiness", 0, 128)
    assert small.pixels.shape == (128, 128, 3)
    shrunk = cv2.resize(large.pixels, (128, 128), interpolation=cv2.INTER_AREA).astype(float)
    assert np.corrcoef(shrunk.ravel(), small.pixels.ravel())[0, 1] > 0.985
    assert abs(shrunk.mean() - small.pixels.mean()) < 2
    for name, value in small.attributes.items():
        scale = 2 if name[-2:] in ("_x", "_y") else 1
        assert float(large.attributes[name]) == pytest.approx(scale * float(value), abs=0.02)


def test_an_unknown_expression_is_told(studio: Studio) -> None:
    with pytest.raises(ValueError, match="no expression 'joy'"):
        studio.renderer.image(studio.subject(1), "joy", 0, 64)


def test_labels_are_in_range_and_vary(studio: Studio) -> None:
    told = [studio.image(1, name, view, 128).attributes for name in EXPRESSIONS for view in (0, 1)]
    table = {name: np.array([float(t[name]) for t in told]) for name in told[0]}
    assert np.abs(table["yaw"]).max() <= YAW and np.abs(table["pitch"]).max() <= PITCH
    assert (table["intensity"][:2] == 0).all() and (table["intensity"][2:] > 0.4).all()
    for name, values in table.items():
        assert values.std() > 0.01, name
    # A picture of a face in the middle, upright.
    for t in told:
        assert float(t["right_eye_x"]) < float(t["left_eye_x"])  # seen from the front
        assert max(float(t["left_eye_y"]), float(t["right_eye_y"])) < float(t["mouth_y"]) < 128
        middle = np.array([float(t["left_eye_x"]) + float(t["right_eye_x"]), 0]) / 2
        assert 32 < middle[0] < 96
    # The head tilts to the subject's right: the right eye of the picture goes up.
    tilt = table["right_eye_y"] - table["left_eye_y"]
    assert np.corrcoef(table["roll"], tilt)[0, 1] > 0.8


def test_eyes_and_mouth_are_where_the_labels_say(studio: Studio) -> None:
    for seed in SEEDS:
        for view in (0, 1):
            rendered = studio.image(seed, "neutral", view)
            at, unit = points(rendered), eye_distance(rendered)
            skin = np.mean([patch.mean() for patch in cheeks(rendered)])
            for eye in ("left_eye", "right_eye"):
                ball = disc(rendered.pixels, at[eye], 0.13 * unit)
                # Lashes, pupil and white: nothing on a face is as uneven.
                assert ball.mean(axis=1).std() > 2.5 * np.mean(
                    [patch.mean(axis=1).std() for patch in cheeks(rendered)]
                ), (seed, view, eye)
                assert np.percentile(ball.mean(axis=1), 10) < 0.6 * skin, (seed, view, eye)
            lips = disc(rendered.pixels, at["mouth"], 0.12 * unit).mean(axis=0)
            patch = np.mean([p.mean(axis=0) for p in cheeks(rendered)], axis=0)
            beard = studio.subject(seed).attributes["facial_hair"] != "none"
            if not beard:
                assert lips[1] / lips[0] < 0.96 * patch[1] / patch[0], (seed, view)  # redder
            assert lips.mean() < skin


def test_light_comes_from_where_the_labels_say(studio: Studio) -> None:
    azimuth, bias = [], []
    for name in EXPRESSIONS:
        for view in (0, 1):
            rendered = studio.image(1, name, view, 128)
            left, right = (patch.mean() for patch in cheeks(rendered))
            azimuth.append(float(rendered.attributes["light_azimuth"]))
            bias.append((left - right) / (left + right))
    assert np.corrcoef(azimuth, bias)[0, 1] > 0.75


def test_an_open_mouth_and_a_closed_one(studio: Studio) -> None:
    """A surprised mouth shows its dark inside or teeth; a neutral one shows lips."""

    def contrast(name: str) -> float:
        values = []
        for seed in SEEDS:
            rendered = studio.image(seed, name, 0)
            mouth = disc(rendered.pixels, points(rendered)["mouth"], 0.2 * eye_distance(rendered))
            values.append(mouth.mean(axis=1).std() / mouth.mean())
        return float(np.mean(values))

    assert contrast("surprise") > 1.3 * contrast("neutral")


def wearer() -> int:
    return next(s for s in range(600) if draw_traits(s).glasses == "rectangular")


def test_glasses_change_the_eyes_and_temples_alone(studio: Studio) -> None:
    with_glasses: Subject = studio.subject(wearer())
    without = replace(with_glasses, glasses=None)
    one = studio.image(wearer(), "neutral", 0)
    other = studio.renderer.image(without, "neutral", 0)
    assert one.attributes == other.attributes
    change = np.abs(one.pixels.astype(int) - other.pixels).max(axis=2)
    rows, columns = np.nonzero(change > 14)
    unit, at = eye_distance(one), points(one)
    assert len(rows) > 0.02 * unit**2 * 4
    middle = (at["left_eye"] + at["right_eye"]) / 2
    assert np.abs(rows - middle[1]).max() < 0.75 * unit
    assert np.abs(columns - middle[0]).max() < 1.9 * unit
    # Frames go round the eyes; the eyes themselves stay visible.
    for eye in ("left_eye", "right_eye"):
        assert disc(change[..., None], at[eye], 0.5 * unit).max() > 40
        assert np.median(disc(change[..., None], at[eye], 0.12 * unit)) < 30


def test_backdrop_is_seen_beside_the_head(studio: Studio) -> None:
    """The corners show the backdrop: bald heads leave it free."""
    subject = replace(studio.subject(1), hair=None, beard=None)
    rendered = studio.renderer.image(subject, "neutral", 0)
    painted = backdrop(generator(1, "picture", "neutral", 0, "backdrop"), 256)
    corner = (slice(0, 60), slice(0, 30)), (slice(0, 60), slice(226, 256))
    ratio = [rendered.pixels[c].mean(axis=(0, 1)) / (painted[c] ** (1 / 2.4)).mean(axis=(0, 1))
             for c in corner]  # fmt: skip
    assert ratio[0] == pytest.approx(ratio[1], rel=0.15)


@pytest.mark.parametrize("name", ["haar", "dlib_hog", "mediapipe_mesh"])
def test_detectors_find_the_face_where_it_is_labelled(name: str, studio: Studio) -> None:
    plugin = detectors.get(name)
    detector = plugin.build({})
    for seed in SEEDS:
        rendered = studio.image(seed, "neutral" if seed % 2 else "happiness", 0)
        faces = detector.detect(rendered.pixels)
        assert faces, (name, seed)
        at, unit = points(rendered), eye_distance(rendered)

        def holds(face: Any, at: Points = at) -> bool:
            left, top, right, bottom = face.box
            return all(left < x < right and top < y < bottom for x, y in at.values())

        found = [face for face in faces if holds(face)]
        assert len(found) == 1, (name, seed)
        assert 1.2 * unit < found[0].box.width < 4.5 * unit
        if name == "mediapipe_mesh":
            mesh = found[0].points
            corners = {"left_eye": (263, 362), "right_eye": (33, 133), "mouth": (13, 14)}
            for part, pair in corners.items():
                away = np.linalg.norm(mesh[list(pair)].mean(axis=0) - at[part])
                assert away < 0.14 * unit, (seed, part)
