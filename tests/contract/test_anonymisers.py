"""What every anonymiser promises; a new file in the folder is tested without a word here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from anonbench import anonymisers, weights
from anonbench.anonymisers import Info, PatchMethod, Photo, Region, Strength
from anonbench.anonymisers._errors import MissingImageError
from anonbench.anonymisers._optional import DataSet, KnowsDataSet
from anonbench.anonymisers._prepared import Crowd, Member, Prepares
from anonbench.anonymisers.deepprivacy import DeepPrivacy
from anonbench.anonymisers.proxy_face import ProxyFace
from anonbench.io import encode_png
from anonbench.seeds import generator
from anonbench.strengths import resolve_strengths, strength_label
from anonbench.types import Box, Pixels
from made_ciagan import face_in, write_official
from made_cleanir import write_made
from made_crowd import prepared
from made_deepprivacy import keypoints_of
from made_deepprivacy import write_made as write_deepprivacy
from made_mmda import write_made as write_mmda
from made_modifier import write_made as write_modifier
from made_proxies import mesh_in
from made_proxies import write_made as write_proxies

NAMES = anonymisers.names()
WIDTH, HEIGHT = 220, 200
FACE = face_in(Box(30, 20, 190, 180))
INNER = Region(40, 30, 170, 170, FACE)
REGIONS = {
    "inner": INNER,
    "one pixel": Region(50, 60, 51, 61, FACE),
    "corner pixel": Region(WIDTH - 1, HEIGHT - 1, WIDTH, HEIGHT, FACE),
    "border": Region(0, 0, 35, 40, FACE),
    "column": Region(7, 3, 8, 190, FACE),
    "row": Region(3, 7, 190, 8, FACE),
    "whole": Region(0, 0, WIDTH, HEIGHT, FACE),
}


def picture(seed: int = 0) -> Pixels:
    """Return smooth blobs with some contours, all values well inside 0..255."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(40, 215, (12, 13, 3)).astype(np.float32)
    image = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    image = np.clip(image, 5, 250).astype(np.uint8)
    image.setflags(write=False)
    return image


def photo(region: Region = INNER, name: str = "a/b.jpg", seed: int = 0) -> Photo:
    return Photo(name, "a", picture(seed), (region,))


def info(name: str) -> Info:
    return anonymisers.get(name).info


@pytest.fixture
def delivered(tmp_path: Path) -> Path:
    """Return a folder as another tool would deliver it: blurred images."""
    for k, name in enumerate(("a/b.jpg", "c/d.jpg", "e.jpg")):
        path = (tmp_path / name).with_suffix(".png")
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode_png(cv2.blur(picture(k), (9, 9))))
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def made_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let networks find weights that nobody trained."""
    folder = tmp_path_factory.mktemp("weights")
    write_official(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(weights.VARIABLE, str(folder))
        made = write_made(folder / "cleanir.safetensors")
        patch.setitem(OPTIONS, "cleanir", {"weights": str(made)})
        made = write_deepprivacy(folder / "deepprivacy.safetensors")
        patch.setitem(OPTIONS, "deepprivacy", {"weights": str(made)})
        for name, kind in (("ren_modifier", "Modifier"), ("narula", "SharedConvolutions")):
            made = write_modifier(folder / f"{name}.safetensors", kind)
            patch.setitem(OPTIONS, name, {"weights": str(made)})
        made = write_mmda(folder / "mmda.safetensors")
        patch.setitem(OPTIONS, "mmda", {"weights": str(made)})
        made = write_proxies(folder / "proxies.safetensors")
        patch.setitem(OPTIONS, "proxy_face", {"weights": str(made)})
        yield


OPTIONS: dict[str, dict[str, object]] = {"ciagan": {"weights": "ciagan_celeba"}}
"""Options by plug-in, of those that do not work without any."""


def crowd() -> Crowd:
    """Return as many people as the methods' own strengths need, the tests' photos among them."""
    known = {"a/b.jpg": 0, "c/d.jpg": 1, "e.jpg": 2, "x": 21, **{f"p{k}": k for k in range(3, 21)}}
    labels = {"expression": "neutral"}
    people = tuple(Member(n, n, "probe", labels, FACE, WIDTH, HEIGHT) for n in sorted(known))
    return Crowd("set", 7, people, lambda name: picture(known[name]))


@cache
def seen(name: str, folder: Path):
    """Return a method that has seen the crowd."""
    return prepared(name, crowd(), folder / name)


@pytest.fixture(scope="module", autouse=True)
def where_prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what methods make of the crowd for all tests of the module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FOLDERS, "prepared", tmp_path_factory.mktemp("prepared"))
        yield
        seen.cache_clear()


FOLDERS: dict[str, Path] = {}


def build(name: str, delivered: Path):
    options = {"path": str(delivered)} if name == "external" else OPTIONS.get(name, {})
    model = anonymisers.get(name).build(options)
    if isinstance(model, Prepares):
        return seen(name, FOLDERS["prepared"])
    if isinstance(model, KnowsDataSet):
        model.begin(DataSet("set", ("a",), 7))
    return model


def strengths(name: str) -> tuple[Strength, ...]:
    return resolve_strengths(info(name), ())


OTHER_LANDMARKS = {DeepPrivacy: keypoints_of, ProxyFace: mesh_in}
"""What methods rest on that do not on 68 landmarks: a function of the face's box."""


def with_landmarks(given: Photo, of) -> Photo:
    """Return a photo whose faces have other landmarks instead of 68."""
    faces = [replace(r.face, points=of(r.face.box)) for r in given.regions]
    regions = (replace(r, face=f) for r, f in zip(given.regions, faces, strict=True))
    return replace(given, regions=tuple(regions))


def run(model, photos: list[Photo], strength: Strength) -> list[Pixels]:
    if type(model) in OTHER_LANDMARKS:
        photos = [with_landmarks(p, OTHER_LANDMARKS[type(model)]) for p in photos]
    generators = [generator(7, "set", strength_label(strength), p.image_id) for p in photos]
    return model.anonymise(photos, strength, generators)


def distance(a: Pixels, b: Pixels) -> float:
    return float(np.sqrt(np.mean((a.astype(float) - b.astype(float)) ** 2)))


@pytest.mark.parametrize("name", NAMES)
def test_info_is_complete(name: str) -> None:
    about = info(name)
    assert about.label and about.reference
    assert about.kind in ("int", "float", "none")
    assert about.stronger in ("higher", "lower", "none")
    if about.kind == "none":
        assert about.strengths == () and about.identity is None and about.strength == ""
        assert about.stronger == "none"
    else:
        assert about.strength, "says what its strength means"
        assert about.minimum < about.maximum
        assert resolve_strengths(about, about.strengths), "its own defaults are allowed"
        if about.identity is not None:
            assert about.minimum <= about.identity <= about.maximum
            assert about.identity not in about.strengths
    assert about.control == (name in ("original", "blank"))


@pytest.mark.parametrize("name", NAMES)
def test_every_module_is_documented(name: str) -> None:
    assert importlib.import_module(f"anonbench.anonymisers.{name}").__doc__


@pytest.mark.parametrize("name", NAMES)
def test_every_method_is_on_the_list_of_methods(name: str) -> None:
    listed = Path(__file__).parents[2] / "docs" / "methods.md"
    assert f"`{name}`" in listed.read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_unknown_option_is_an_error(name: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        anonymisers.get(name).build({"no_such_option": 1})


@pytest.mark.parametrize("place", REGIONS)
@pytest.mark.parametrize("name", NAMES)
def test_shape_type_and_input(name: str, place: str, delivered: Path) -> None:
    model = build(name, delivered)
    for strength in strengths(name):
        given = photo(REGIONS[place])
        before = given.pixels.copy()
        (after,) = run(model, [given], strength)
        assert isinstance(after, np.ndarray)
        assert after.dtype == np.uint8
        assert after.shape == before.shape
        assert np.array_equal(given.pixels, before), "input changed"
        assert not np.shares_memory(after, given.pixels), "output is a view of the input"


@pytest.mark.parametrize("name", NAMES)
def test_same_key_same_bytes_in_any_batch_and_order(name: str, delivered: Path) -> None:
    model, strength = build(name, delivered), strengths(name)[-1]
    photos = [photo(name=n, seed=k) for k, n in enumerate(("a/b.jpg", "c/d.jpg", "e.jpg"))]
    together = run(model, photos, strength)
    backwards = run(model, photos[::-1], strength)[::-1]
    fresh = build(name, delivered)
    alone = [run(fresh, [p], strength)[0] for p in photos]
    for a, b, c in zip(together, backwards, alone, strict=True):
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)


@pytest.mark.parametrize("place", REGIONS)
@pytest.mark.parametrize("name", [n for n in NAMES if isinstance(anonymisers.get(n), PatchMethod)])
def test_nothing_changes_outside_and_nothing_leaks_in(
    name: str, place: str, delivered: Path
) -> None:
    model, region = build(name, delivered), REGIONS[place]
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[region.top : region.bottom, region.left : region.right] = True
    given = photo(region)
    inverted = given.pixels.copy()
    inverted[~inside] = 255 - inverted[~inside]
    for strength in strengths(name):
        (after,) = run(model, [given], strength)
        assert np.array_equal(after[~inside], given.pixels[~inside])
        other = Photo(given.image_id, "a", inverted, (region,))
        (elsewhere,) = run(model, [other], strength)
        assert np.array_equal(after[inside], elsewhere[inside]), "outside pixels bled in"


@pytest.mark.parametrize("name", [n for n in NAMES if info(n).needs_region])
def test_all_regions_change(name: str, delivered: Path) -> None:
    """Of two faces, neither may be left as it is."""
    boxes = (10, 10, 90, 90), (110, 100, 215, 195)
    regions = tuple(Region(*box, face_in(Box(*box))) for box in boxes)
    given = Photo("x", "a", picture(), regions)
    strongest = max(
        strengths(name),
        key=lambda s: 0 if s is None else s * (1, -1)[info(name).stronger == "lower"],
    )
    (after,) = run(build(name, delivered), [given], strongest)
    for r in given.regions:
        area = np.s_[r.top : r.bottom, r.left : r.right]
        assert (after[area] != given.pixels[area]).any(axis=2).mean() > 0.5


@pytest.mark.parametrize("name", [n for n in NAMES if info(n).identity is not None])
def test_identity_strength_is_the_identity(name: str, delivered: Path) -> None:
    given = photo()
    strength = resolve_strengths(info(name), (info(name).identity,))[0]
    (after,) = run(build(name, delivered), [given], strength)
    assert np.array_equal(after, given.pixels)


def ordered(about: Info) -> bool:
    """Tell whether a method's own strengths are in an order; some depend on weights alone."""
    return about.stronger != "none" and bool(about.strengths)


@pytest.mark.parametrize("name", [n for n in NAMES if ordered(info(n))])
def test_stronger_is_farther_from_the_original(name: str, delivered: Path) -> None:
    given, model = photo(), build(name, delivered)
    order = sorted(strengths(name), reverse=info(name).stronger == "lower")
    far = [distance(run(model, [given], s)[0], given.pixels) for s in order]
    assert len(far) >= 2
    assert (np.diff(far) > -0.02 * max(far)).all(), dict(zip(order, far, strict=True))
    assert far[-1] > far[0]


def test_controls() -> None:
    given = photo()
    (original,) = run(anonymisers.get("original").build({}), [given], None)
    (blank,) = run(anonymisers.get("blank").build({}), [given], None)
    assert np.array_equal(original, given.pixels)
    assert not blank.any()


# Values by hand


def patch_of(name: str, patch: Pixels, strength: Strength) -> Pixels:
    height, width = patch.shape[:2]
    region = Region(0, 0, width, height, FACE)
    (after,) = run(anonymisers.get(name).build({}), [Photo("x", "a", patch, (region,))], strength)
    return after


def grey(rows: list[list[int]]) -> Pixels:
    return np.repeat(np.array(rows, np.uint8)[..., None], 3, axis=2)


def test_pixelize_four_by_four_to_two_by_two() -> None:
    patch = grey([[0, 4, 10, 10], [8, 12, 10, 10], [100, 100, 7, 9], [200, 200, 11, 13]])
    expected = [[6, 6, 10, 10], [6, 6, 10, 10], [150, 150, 10, 10], [150, 150, 10, 10]]
    assert np.array_equal(patch_of("pixelize", patch, 2), grey(expected))


def test_pixelize_cuts_the_middle_pixel_in_half() -> None:
    # Cells of 1.5 pixels: (2 a + b) / 3 = 30 and (b + 2 c) / 3 = 110; both directions alike.
    patch = grey([[0, 90, 120]] * 3)
    assert np.array_equal(patch_of("pixelize", patch, 2), grey([[30, 30, 110]] * 3))


def test_pixelize_leaves_a_side_that_has_fewer_pixels() -> None:
    patch = grey([[1, 3, 5, 7, 20, 40], [9, 11, 13, 15, 60, 80]])
    expected = [[3, 3, 3, 22, 22, 22], [11, 11, 11, 52, 52, 52]]  # means 3, 22.3, 11, 51.7
    assert np.array_equal(patch_of("pixelize", patch, 2), grey(expected))
    assert np.array_equal(patch_of("pixelize", patch, 99), patch)


@pytest.mark.parametrize("cells", [1, 7, 10, 99])
def test_pixelize_has_no_more_colours_than_cells(cells: int) -> None:
    patch = np.random.default_rng(0).integers(0, 256, (101, 103, 3), dtype=np.uint8)
    after = patch_of("pixelize", patch, cells)
    changes = (after[:, 1:] != after[:, :-1]).any(axis=(0, 2)).sum()
    assert changes == cells - 1, "number of cells along the width"


def test_lowres_to_one_pixel_is_the_mean() -> None:
    patch = grey([[0, 50], [100, 250]])
    assert np.array_equal(patch_of("lowres", patch, 1), grey([[100, 100], [100, 100]]))


def test_box_blur_of_an_impulse() -> None:
    patch = np.zeros((7, 7, 3), np.uint8)
    patch[3, 3] = (90, 180, 9)
    expected = np.zeros_like(patch)
    expected[2:5, 2:5] = (10, 20, 1)
    assert np.array_equal(patch_of("blur", patch, 3), expected)


def test_box_blur_with_even_kernel_as_opencv() -> None:
    patch = np.zeros((5, 5, 3), np.uint8)
    patch[2, 2] = 100
    expected = np.zeros_like(patch)
    expected[2:4, 2:4] = 25  # the window reaches up and left, so the impulse spreads down and right
    assert np.array_equal(patch_of("blur", patch, 2), expected)


def test_box_blur_repeats_the_border() -> None:
    # Rows alike, so only the width counts: (0 + 0 + 30) / 3, (0 + 30 + 90) / 3, (30 + 90 + 90) / 3.
    assert np.array_equal(patch_of("blur", grey([[0, 30, 90]] * 3), 3), grey([[10, 40, 70]] * 3))


@pytest.mark.parametrize("sigma", [0.8, 2.0, 5.0])
def test_gaussian_blur_of_a_step(sigma: float) -> None:
    after = patch_of("gaussian_blur", grey([[0] * 40 + [200] * 40] * 9), sigma)[4, :, 0]
    offsets = np.arange(-40, 41)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    step = np.repeat([0.0, 200.0], 80)
    expected = np.convolve(step, kernel / kernel.sum(), "same")[40:120]
    # What is cut off beyond three standard deviations is 0.3 % of the step.
    assert np.abs(after - expected).max() <= 1.5


@pytest.mark.parametrize(
    ("strength", "count"), [(0, 0), (0.5, 1), (2.5, 3), (5, 5), (50, 50), (90, 91), (100, 101)]
)
def test_noise_replaces_exactly_that_many_pixels(strength: float, count: int) -> None:
    # 101 pixels: 0.505, 2.525, 5.05, 50.5 (half to even), 90.9. A pixel keeps its colour by chance
    # once in 16.8 million.
    patch = np.full((1, 101, 3), 128, np.uint8)
    changed = (patch_of("noise", patch, strength) != 128).any(axis=2).sum()
    assert changed == count


def test_noise_at_100_percent_is_uniform() -> None:
    after = patch_of("noise", np.full((200, 200, 3), 128, np.uint8), 100)
    assert abs(after.mean() - 127.5) < 1  # standard error 0.21
    counts = np.bincount(after.ravel(), minlength=256)
    expected = after.size / 256
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert 180 < chi2 < 345  # 255 degrees of freedom: 255 +- 4 x 22.6
    assert abs(np.corrcoef(after.reshape(-1, 3).T)[0, 1]) < 0.025, "channels are independent"


def test_blackout_and_mask() -> None:
    given = Photo("x", "a", picture(), (Region(60, 50, 150, 70, FACE),))
    (black,) = run(anonymisers.get("blackout").build({}), [given], None)
    (bar,) = run(anonymisers.get("mask").build({}), [given], None)
    for after, (left, right) in ((black, (60, 150)), (bar, (30, 190))):
        expected = given.pixels.copy()
        expected[50:70, left:right] = 0
        assert np.array_equal(after, expected)


def test_superpixel_finds_four_flat_quarters() -> None:
    patch = np.zeros((40, 40, 3), np.uint8)
    patch[:20, :20], patch[:20, 20:] = (200, 30, 30), (30, 200, 30)
    patch[20:, :20], patch[20:, 20:] = (30, 30, 200), (220, 220, 220)
    assert np.array_equal(patch_of("superpixel", patch, 4), patch)


def test_superpixel_of_one_segment_is_the_mean() -> None:
    patch = grey([[10, 20], [30, 60]])
    assert np.array_equal(patch_of("superpixel", patch, 1), grey([[30, 30], [30, 30]]))


@pytest.mark.parametrize("count", [25, 50, 100, 200])
def test_superpixel_makes_about_as_many_segments(count: int) -> None:
    colours = np.unique(patch_of("superpixel", picture(), count).reshape(-1, 3), axis=0)
    assert 0.6 * count <= len(colours) <= 1.4 * count


def test_edges_draws_the_one_contour() -> None:
    patch = grey([[20] * 20 + [220] * 20] * 30)
    after = patch_of("edges", patch, 1.0)
    assert set(np.unique(after)) == {0, 255}
    columns = np.flatnonzero(after[..., 0].any(axis=0))
    assert len(columns) == 1 and columns[0] in (19, 20)
    assert not patch_of("edges", grey([[90] * 20] * 20), 1.0).any()


# Images that somebody else anonymised


def external(path: Path, **extra: object):
    return anonymisers.get("external").build({"path": str(path), **extra})


def test_external_reads_what_was_delivered(delivered: Path) -> None:
    (after,) = run(external(delivered), [photo(name="c/d.jpg", seed=1)], None)
    assert np.array_equal(after, cv2.blur(picture(1), (9, 9)))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".jpeg", ".webp"])
def test_external_accepts_same_and_common_suffixes(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"x{suffix}"), picture()[..., ::-1])
    (after,) = run(external(tmp_path), [photo(name="x.webp")], None)
    assert distance(after, picture()) < 5


def test_external_prefers_the_file_of_exactly_that_name(tmp_path: Path) -> None:
    (tmp_path / "x.bmp").write_bytes(encode_png(np.full((HEIGHT, WIDTH, 3), 9, np.uint8)))
    (tmp_path / "x.png").write_bytes(encode_png(picture()))
    (after,) = run(external(tmp_path), [photo(name="x.bmp")], None)
    assert (after == 9).all()


def test_external_uses_a_folder_per_strength(tmp_path: Path) -> None:
    for label, value in (("5", 50), ("0.5", 5)):
        (tmp_path / f"s{label}").mkdir()
        shade = np.full((HEIGHT, WIDTH, 3), value, np.uint8)
        (tmp_path / f"s{label}" / "x.png").write_bytes(encode_png(shade))
    model = external(tmp_path / "s{strength}")
    model.check_strengths((5.0, 0.5))
    for strength, value in ((5.0, 50), (0.5, 5)):
        assert (run(model, [photo(name="x.jpg")], strength)[0] == value).all()
    with pytest.raises(ValueError, match="s7"):
        model.check_strengths((5.0, 7.0))
    with pytest.raises(ValueError, match="no strengths"):
        model.check_strengths((None,))
    with pytest.raises(ValueError, match="has no"):
        external(tmp_path).check_strengths((5.0,))


def test_external_names_what_is_wrong(tmp_path: Path) -> None:
    encoded = encode_png(picture())
    files = {
        "size.png": encode_png(np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8)),
        "turned.png": encode_png(np.zeros((WIDTH, HEIGHT, 3), np.uint8)),
        "empty.png": b"",
        "text.png": b"<html>not found</html>",
        "cut.png": encoded[: len(encoded) // 2],
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=name):
            run(external(tmp_path), [photo(name=name)], None)


def test_external_refuses_a_cut_jpeg_and_transparent_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # face_recognition does this to every program that imports it.
    monkeypatch.setattr("PIL.ImageFile.LOAD_TRUNCATED_IMAGES", True)
    data = cv2.imencode(".jpg", picture())[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    alpha = np.dstack([picture(), np.full((HEIGHT, WIDTH), 254, np.uint8)])
    cv2.imwrite(str(tmp_path / "alpha.png"), alpha)
    for name in ("cut.jpg", "alpha.png"):
        with pytest.raises(ValueError, match=name):
            run(external(tmp_path), [photo(name=name)], None)


def test_external_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingImageError, match=r"a/b\.jpg"):
        run(external(tmp_path), [photo()], None)


def test_external_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(encode_png(picture()))
    (tmp_path / "in").mkdir()
    for name in ("../secret.png", str(tmp_path / "secret.png")):
        with pytest.raises(ValueError, match="out of"):
            run(external(tmp_path / "in"), [photo(name=name)], None)


@pytest.mark.parametrize("options", [{}, {"path": ""}, {"path": 3}, {"path": "x", "paht": "y"}])
def test_external_options(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="path"):
        anonymisers.get("external").build(options)
