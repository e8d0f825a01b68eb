"""Proxy replacement: who is chosen, geometry, that no pixel is copied, how galleries are made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from anonbench import anonymisers
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._proxy_gallery import loaded
from anonbench.anonymisers._proxy_place import place, toned
from anonbench.anonymisers.proxy_face import ProxyFace
from anonbench.detect import face_row, table_of
from anonbench.io import ArchiveWriter, write_table
from anonbench.training.make_proxies import proxy_files
from anonbench.training.proxy_settings import ProxyGallery
from anonbench.types import Box, Face, Pixels
from anonbench.weights import WeightsError
from made_proxies import PEOPLE, gallery, mesh_in, write_made

HEIGHT, LENGTH = 220, 200
BOX = Box(50, 60, 150, 180)
BLENDS = ("none", "feather", "poisson")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_made(tmp_path_factory.mktemp("weights") / "made.safetensors")


def build(made: Path, **options: Any) -> ProxyFace:
    model = anonymisers.get("proxy_face").build({"weights": str(made), **options})
    assert isinstance(model, ProxyFace)
    model.begin(DataSet("set", ("anna", "bert"), 7))
    return model


def face(box: Box = BOX, **change: float) -> Face:
    return Face(box, points=mesh_in(box, **change))


def picture(seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, LENGTH, 3), np.uint8)


def photo(pixels: Pixels, *found: Face, subject: str = "anna") -> Photo:
    regions = tuple(Region(0, 0, LENGTH, HEIGHT, f) for f in found or (face(),))
    return Photo(f"{subject}/1.jpg", subject, pixels, regions)


def run(model: ProxyFace, given: Photo, k: int = 3, seed: int = 0) -> Pixels:
    return model.anonymise([given], k, [np.random.default_rng(seed)])[0]


def hole(found: Face) -> np.ndarray:
    mask = np.zeros((HEIGHT, LENGTH), bool)
    spot = place(found.points, (HEIGHT, LENGTH))
    mask[spot.window.area] = spot.replaced
    return mask


def middle(pixels: Pixels) -> np.ndarray:
    """Return the colour of the middle of the face."""
    return pixels[110:130, 90:110].reshape(-1, 3).mean(axis=0)


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "weights: has to name a model .* proxies_rendered"),
        ({"weights": "x", "proxy": 1}, "unknown option 'proxy'; did you mean 'proxies'"),
        ({"weights": "x", "proxies": "random"}, "proxies: 'random' is not one of per_subject"),
        ({"weights": "x", "blend": "crop"}, "blend: 'crop' is not one of none, feather, poisson"),
        ({"weights": "x", "tone": 1}, "tone: 1 is neither true nor false"),
        ({"weights": "x", "feather": 0.1, "blend": "poisson"}, "feather: only `blend: feather`"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        anonymisers.get("proxy_face").build(options)


def test_what_the_gallery_does_not_have_is_an_error_before_any_work(made: Path) -> None:
    build(made).check_strengths([1, PEOPLE])
    with pytest.raises(ValueError, match=rf"{PEOPLE + 1}: .* has {PEOPLE} people"):
        build(made).check_strengths([PEOPLE + 1])
    with pytest.raises(ValueError, match=r"dlib_hog: .*`detectors: \[mediapipe_mesh\]`"):
        build(made).check_detectors(["dlib_hog"])
    for k in (None, 1.0, 0, PEOPLE + 1):
        with pytest.raises(ValueError, match="people"):
            build(made).anonymise([photo(picture())], k, [np.random.default_rng(0)])


# Choice


def test_the_nearest_in_expression_and_pose_is_taken() -> None:
    people = gallery(4)
    everybody = np.arange(4)
    for opened, wanted in ((0.02, 0), (0.19, 1), (0.5, 1)):
        points = mesh_in(BOX, opened=opened).astype(np.float64)
        number = people.nearest(points, everybody)
        assert number == wanted, "of those that are equally near, the first"
        assert people.nearest(points, np.array([2, 3])) == 4 + wanted
    assert people.nearest(mesh_in(BOX, opened=0.2).astype(float), np.array([1])) == 3


def test_turned_heads_have_a_pose() -> None:
    look = gallery(1).look
    straight, turned = (look.of(mesh_in(BOX, turned=t).astype(float)) for t in (0, 20))
    assert abs(turned[1] - straight[1]) == pytest.approx(2, abs=0.4), "20 degrees in units of 10"


def test_where_and_how_large_a_face_is_does_not_matter() -> None:
    look = gallery(1).look
    points = mesh_in(BOX, opened=0.1).astype(np.float64)
    angle = np.deg2rad(25)
    turn = 1.7 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    np.testing.assert_allclose(look.of(points @ turn.T + [5, -9]), look.of(points), atol=1e-5)


def test_pixels_do_not_decide(made: Path) -> None:
    """Whoever is in the photo, the same landmarks get the same proxy."""
    model, inside = build(made, tone=False), hole(face())
    first, second = picture(), picture()
    second[inside] = picture(9)[inside]
    assert np.array_equal(run(model, photo(first)), run(model, photo(second)))


def test_who_is_drawn_depends_on_the_policy(made: Path) -> None:
    grey = np.full((HEIGHT, LENGTH, 3), 128, np.uint8)

    def colour(policy: str, subject: str, seed: int, k: int = 1) -> tuple[int, ...]:
        model = build(made, proxies=policy, tone=False)
        return tuple(np.rint(middle(run(model, photo(grey, subject=subject), k, seed))).astype(int))

    assert colour("per_subject", "anna", 0) == colour("per_subject", "anna", 1)
    assert colour("per_subject", "anna", 0) != colour("per_subject", "bert", 0)
    assert colour("per_image", "anna", 0) == colour("per_image", "bert", 0)
    assert len({colour("per_image", "anna", s) for s in range(6)}) > 3
    assert colour("fixed", "anna", 0) == colour("fixed", "bert", 1)
    # Among all of them nothing is left to chance.
    assert colour("per_image", "anna", 0, PEOPLE) == colour("per_subject", "bert", 1, PEOPLE)


def test_every_face_of_a_photo_gets_a_proxy_of_its_own(made: Path) -> None:
    grey = np.full((HEIGHT, LENGTH, 3), 128, np.uint8)
    boxes = Box(5, 20, 95, 120), Box(105, 90, 195, 200)
    after = run(build(made, tone=False), photo(grey, *(face(b) for b in boxes)), 1)
    colours = [after[70, 50], after[145, 150]]
    assert all((c != 128).any() for c in colours) and (colours[0] != colours[1]).any()


# Geometry


@pytest.mark.parametrize("blend", BLENDS)
def test_nothing_outside_changes_and_no_pixel_is_copied(made: Path, blend: str) -> None:
    options = {"blend": blend, "tone": False}
    model, inside = build(made, **options), hole(face())
    first, second = picture(), picture()
    second[inside] = picture(1)[inside]
    after = [run(model, photo(p)) for p in (first, second)]
    assert np.array_equal(*after)
    assert np.array_equal(after[0][~inside], first[~inside])
    assert (after[0][inside] != first[inside]).any(axis=1).mean() > 0.98
    rows, columns = np.nonzero(inside)
    window = model.changed(photo(first).regions[0], LENGTH, HEIGHT)
    assert window == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


def test_of_tone_no_more_than_the_mean_gets_in(made: Path) -> None:
    model, inside = build(made), hole(face())
    first, second = picture(), picture()
    order = np.random.default_rng(4).permutation(int(inside.sum()))
    # Where no proxy lies nothing is counted; the outlines of all faces are alike here.
    second[inside] = second[inside][order]
    after = [run(model, photo(p)).astype(int) for p in (first, second)]
    assert np.abs(after[0] - after[1]).max() <= 3
    second[inside] //= 2
    assert np.abs(after[0] - run(model, photo(second)).astype(int)).max() > 20


def test_tone_by_hand() -> None:
    fresh = np.full((2, 2, 3), (100, 50, 200), np.uint8)
    own = np.zeros((2, 2, 3), np.uint8)
    own[0, 0], own[0, 1] = (40, 40, 180), (60, 60, 220)
    covered = np.array([[True, True], [False, False]])
    assert toned(fresh, covered, own)[1, 1].tolist() == [50, 50, 200]
    own[0] = 0
    assert toned(fresh, covered, own)[0, 0].tolist() == [33, 17, 67], "a third at least"
    own[0] = 255
    assert toned(fresh, covered, own)[0, 0].tolist() == [255, 150, 255], "three times at most"


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.full((468, 2), np.nan), "landmarks are not finite"),
        (np.full((468, 2), 50.0), "the face is 1 x 1 pixels large"),
        (np.linspace([10, 10], [150, 170], 468), "nearly on a line"),
        (mesh_in(Box(900, 900, 990, 990)), "outside of the photo"),
        (mesh_in(Box(-900, -900, 990, 990)), "larger than the photo"),
    ],
)
def test_no_face_is_passed_through(made: Path, points: np.ndarray, message: str) -> None:
    bad = Face(BOX, points=points.astype(np.float32))
    for found in ((bad,), (face(), bad)):
        with pytest.raises(DegenerateFaceError, match=message):
            run(build(made), photo(picture(), *found))
    given = photo(picture(), bad).regions[0]
    assert build(made).changed(given, LENGTH, HEIGHT) == (0, 0, LENGTH, HEIGHT)


def test_landmarks_of_another_detector_are_named(made: Path) -> None:
    with pytest.raises(ValueError, match=r"68 landmarks .*`detectors: \[mediapipe_mesh\]`"):
        run(build(made), photo(picture(), Face(BOX, points=np.zeros((68, 2), np.float32))))


# The file


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"architecture": "MMDA"}, "not what a gallery of proxies says .*architecture 'MMDA'"),
        ({"people": "some"}, "not what a gallery of proxies says"),
        ({"people": "3"}, f"do not belong together .{PEOPLE} people instead of 3"),
    ],
)
def test_wrong_galleries_are_named(tmp_path: Path, change: dict[str, str], message: str) -> None:
    path = write_made(tmp_path / "wrong.safetensors", **change)
    with pytest.raises(WeightsError, match=message) as error:
        loaded(str(path))
    assert str(path) in str(error.value)


def test_a_gallery_comes_back_as_it_was(made: Path) -> None:
    before, after = gallery(), loaded(str(made))
    assert after.jpegs == before.jpegs and after.size == PEOPLE
    np.testing.assert_allclose(after.looks, before.looks, atol=1e-4)
    assert np.array_equal(after.people, before.people)


# Making one


def write_data(folder: Path, people: int, expressions: tuple[str, ...]) -> dict[str, Path]:
    """Write what ingest and detect leave behind, of people who open their mouths."""
    names = {"archive": "images.tar", "manifest": "manifest.parquet",
             "subjects": "subjects.parquet", "detections": "mediapipe_mesh.parquet"}  # fmt: skip
    paths = {key: folder / name for key, name in names.items()}
    draw = np.random.default_rng(8)
    rows, found = [], {}
    with ArchiveWriter(paths["archive"]) as archive:
        for n in range(people):
            for k, expression in enumerate(expressions):
                name = f"s{n}/{expression}.png"
                rows.append({"image_id": name, "subject": f"s{n}", "expression": expression})
                points = mesh_in(BOX, opened=0.1 * k) + draw.normal(0, 0.2, (468, 2))
                found[name] = Face(BOX, points=points.astype(np.float32))
                archive.add(name, np.full((HEIGHT, LENGTH, 3), 20 + n, np.uint8))
    write_table(pd.DataFrame(rows), paths["manifest"])
    boxes = pd.DataFrame({"image_id": list(found), "status": "ok"}).assign(**BOX._asdict())
    write_table(boxes, paths["subjects"])
    write_table(table_of(face_row(name, 0, f) for name, f in found.items()), paths["detections"])
    return paths


def make(folder: Path, data: dict[str, Path], **recipe: Any) -> dict[str, Path]:
    names = {"weights": "w.safetensors", "quality": "q.csv", "samples": "s.png"}
    out = {key: folder / name for key, name in names.items()}
    small = {"dataset": "toy", "people": 3, "width": 32, "components": 5}
    settings = ProxyGallery(**small | recipe)
    proxy_files(**data, **out, settings=settings)
    return out


def test_a_gallery_is_made_of_people_who_show_everything(tmp_path: Path) -> None:
    data = write_data(tmp_path, 20, ("neutral", "fear", "surprise"))
    table = pd.read_parquet(data["manifest"])
    table.loc[table["image_id"] == "s1/fear.png", "expression"] = "neutral"
    write_table(table, data["manifest"])
    out = make(tmp_path, data)
    kept = {key: path.read_bytes() for key, path in out.items()}
    assert kept == {key: path.read_bytes() for key, path in make(tmp_path, data).items()}
    made = loaded(str(out["weights"]))
    assert made.size == 3 and len(made.jpegs) == 9
    # s1 does not show fear: the first three others do, by name.
    shades = [made.picture(n)[20, 20, 0] for n in range(9)]
    assert np.abs(np.array(shades, int) - np.repeat([20, 30, 31], 3)).max() <= 1
    quality = pd.read_csv(out["quality"]).set_index("measure")["value"]
    assert quality["faces"] == 60 and quality["right"] > 0.8
    assert quality["between_expressions"] > 0.5 > quality["between_people"]
    # Told by the landmarks that the mouths open: the same expression is nearest.
    for k in range(3):
        points = mesh_in(Box(0, 0, 300, 360), opened=0.1 * k).astype(np.float64)
        assert made.nearest(points, np.array([1])) == 3 + k


def test_too_few_people_are_an_error(tmp_path: Path) -> None:
    data = write_data(tmp_path, 2, ("neutral", "fear"))
    with pytest.raises(ValueError, match=r"manifest\.parquet: 2 people show every expression.* 3"):
        make(tmp_path, data)
    table = pd.read_parquet(data["manifest"])
    write_table(table.assign(expression=""), data["manifest"])
    with pytest.raises(ValueError, match="no face of known expression"):
        make(tmp_path, data)
