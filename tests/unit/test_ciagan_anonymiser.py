"""CIAGAN as an anonymiser: identities, geometry, and that nothing of the face comes through."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray

from anonbench import anonymisers, weights
from anonbench.anonymise import anonymise_files
from anonbench.anonymisers import Photo, Region
from anonbench.anonymisers._ciagan_frame import outline
from anonbench.anonymisers._ciagan_identity import Identities, identities
from anonbench.anonymisers._ciagan_landmarks import DLIB
from anonbench.anonymisers._ciagan_network import _OnnxNetwork, _TorchNetwork, network
from anonbench.anonymisers._ciagan_onnx import graph
from anonbench.anonymisers._ciagan_place import Place, place
from anonbench.anonymisers._ciagan_view import SCALINGS
from anonbench.anonymisers._ciagan_weights import trained
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._paste import painted_over, paste
from anonbench.anonymisers._whose import ranked
from anonbench.anonymisers.ciagan import Ciagan, _Ready
from anonbench.detect import face_row, table_of
from anonbench.io import ArchiveReader, ArchiveWriter, read_table, write_table
from anonbench.ledger import Status
from anonbench.models.ciagan import Generator
from anonbench.onnx_graph import session
from anonbench.training.export import write_half
from anonbench.types import Box, Face, Pixels
from anonbench.weights import WeightsError
from made_ciagan import face_in, landmarks_in, write_official

ROOT = Path(__file__).parents[2]
WIDTH, HEIGHT = 200, 220
BOX = Box(50, 60, 150, 180)
SHAPE = (HEIGHT, WIDTH, 3)
SAYS = {
    "architecture": "CIAGAN", "landmarks": "dlib", "groups": "contour,nose,mouth",
    "scaling": "sharp", "codes": "5",
}  # fmt: skip
DATA = DataSet("set", ("anna", "bert", "cleo"), 7)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights that nobody trained: the official file, and one of the project's."""
    place = tmp_path_factory.mktemp("weights")
    write_official(place)
    torch.manual_seed(4)
    write_half(Generator(identities=6).state_dict(), place / "ciagan_dlib.safetensors", SAYS)
    return place


@pytest.fixture(autouse=True)
def made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(weights.VARIABLE, str(folder))
    own = dataclasses.replace(weights.MODELS["ciagan_dlib"], bundled=False)
    monkeypatch.setitem(weights.MODELS, "ciagan_dlib", own)
    yield


@pytest.fixture(scope="module")
def arrays() -> dict[str, NDArray[Any]]:
    torch.manual_seed(5)
    return {name: value.numpy() for name, value in Generator(identities=9).state_dict().items()}


class Fake:
    """A network that returns one colour, or what it is shown of the face."""

    def __init__(self, colour: float | None = None) -> None:
        self.colour = colour
        self.views: list[NDArray[np.float32]] = []
        self.codes: list[int] = []

    def draw(self, views: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.float32]:
        self.views += list(views)
        self.codes += codes.tolist()
        faces = views[:, 3:].transpose(0, 2, 3, 1)
        return faces if self.colour is None else np.full_like(faces, self.colour)


def build(**options: Any) -> Ciagan:
    model = anonymisers.get("ciagan").build({"weights": "ciagan_dlib", **options})
    assert isinstance(model, Ciagan)
    return model


def ready(colour: float | None = None, **options: Any) -> tuple[Ciagan, Fake]:
    """Return the method with another network in its place."""
    model, fake = build(**options), Fake(colour)
    chosen = identities(model._options, 5, DATA)
    model._loaded = _Ready(fake, chosen, DLIB, DLIB.shown, SCALINGS["sharp"])
    return model, fake


def picture(seed: int = 0, shape: tuple[int, ...] = SHAPE) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def photo(pixels: Pixels | None = None, *faces: Face, name: str = "a/1.jpg") -> Photo:
    pixels = picture() if pixels is None else pixels
    pixels.setflags(write=False)
    whole = (0, 0, pixels.shape[1], pixels.shape[0])
    regions = tuple(Region(*whole, face) for face in faces or (face_in(BOX),))
    return Photo(name, "bert", pixels, regions)


def run(model: Ciagan, *photos: Photo) -> list[Pixels]:
    return model.anonymise(photos, None, [np.random.default_rng(0) for _ in photos])


def placed(points: NDArray[np.generic], shape: tuple[int, ...] = SHAPE, **more: Any) -> Place:
    return place(points, shape, DLIB, SCALINGS["sharp"], **more)


def mask_of(found: Place, shape: tuple[int, ...] = SHAPE) -> NDArray[np.bool_]:
    mask = np.zeros(shape[:2], bool)
    mask[found.window.area] = found.replaced
    return mask


# Options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "weights: has to name a model"),
        ({"weights": 3}, "weights: has to name a model"),
        ({"weights": "x", "wieghts": 1}, "unknown option 'wieghts'; did you mean 'weights'"),
        ({"weights": "x", "landmarks": "mtcnn"}, "landmarks: 'mtcnn' is not one of dlib, mediap"),
        ({"weights": "x", "scaling": "blurred"}, "scaling: 'blurred' is not one of published_tes"),
        ({"weights": "x", "identity": "random"}, "identity: 'random' is not one of next, fixed"),
        ({"weights": "x", "blend": "alpha"}, "blend: 'alpha' is not one of none, feather"),
        ({"weights": "x", "device": "gpu"}, "device: 'gpu' is not one of auto, cpu, cuda"),
        ({"weights": "x", "groups": "eyes"}, "groups: has to be a list"),
        ({"weights": "x", "groups": ["ears"]}, "unknown landmark group 'ears'"),
        ({"weights": "x", "identity": "fixed", "code": -1}, "code: -1 is no whole number"),
        ({"weights": "x", "identity": "fixed", "code": 1.5}, "code: 1.5 is no whole number"),
        ({"weights": "x", "identity": "fixed", "code": True}, "code: True is no whole number"),
        ({"weights": "x", "code": 2}, "code: only `identity: fixed`"),
        ({"weights": "x", "feather": 0.3}, "feather: 0.3 is outside of 0 to 0.25"),
        ({"weights": "x", "feather": "wide"}, "feather: 'wide' is no number"),
        ({"weights": "x", "feather": 0.1, "blend": "none"}, "feather: only `blend: feather`"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        anonymisers.get("ciagan").build(options)


def test_code_that_the_weights_do_not_have_ends_the_job() -> None:
    build(identity="fixed", code=4).begin(DATA)
    with pytest.raises(ValueError, match="code: 5, but the weights have 0 to 4"):
        build(identity="fixed", code=5).begin(DATA)


def test_weights_say_what_is_drawn_unless_the_entry_does() -> None:
    def decided(**options: Any) -> tuple[Any, ...]:
        model = build(**options)
        model.begin(DATA)
        assert model._loaded is not None
        return model._loaded.scheme.detector, model._loaded.groups, model._loaded.scaling

    shown = ("contour", "nose", "mouth")
    assert decided() == ("dlib_hog", shown, SCALINGS["sharp"])
    assert decided(weights="ciagan_celeba") == ("dlib_hog", shown, SCALINGS["published_training"])
    assert decided(groups=["eyes"], scaling="published_test") == (
        "dlib_hog", ("eyes",), SCALINGS["published_test"],
    )  # fmt: skip
    assert decided(groups=[])[1] == ()
    assert decided(landmarks="mediapipe")[:2] == ("mediapipe_mesh", (*shown, "eyes", "brows"))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"architecture": "DAN"}, "DAN"), ({"landmarks": "mtcnn"}, "mtcnn"),
        ({"groups": "ears"}, "ears"), ({"scaling": "x"}, "x"), ({"codes": "many"}, "many"),
    ],
)  # fmt: skip
def test_weights_that_say_something_else_of_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], problem: str
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    write_half({"w": torch.ones(2, 2)}, tmp_path / "ciagan_dlib.safetensors", {**SAYS, **change})
    with pytest.raises(WeightsError, match=rf"ciagan_dlib\.safetensors: not what.*{problem}"):
        trained("ciagan_dlib")
    with pytest.raises(ValueError, match="not what CIAGAN's generator"):
        build().check_detectors(["dlib_hog"])


def test_weights_of_another_network_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrays: dict[str, NDArray[Any]]
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    torch.save({"fc.weight": torch.ones(2, 2)}, tmp_path / "modelG.pth")
    with pytest.raises(WeightsError, match=r"modelG\.pth: no weights of CIAGAN.*encode_one_hot"):
        build(weights="ciagan_celeba").begin(DATA)
    lacking = {name: v for name, v in arrays.items() if name != "res2.in1.bias"}
    for made in (_OnnxNetwork, lambda a, s: _TorchNetwork(a, "cpu", s)):
        with pytest.raises(WeightsError, match=r"somewhere: no weights.*res2\.in1\.bias"):
            made(lacking, "somewhere")
    too_many = {**SAYS, "codes": "10"}
    state = {name: torch.from_numpy(values) for name, values in arrays.items()}
    write_half(state, tmp_path / "ciagan_dlib.safetensors", too_many)
    with pytest.raises(WeightsError, match="says 10 identities, but has room for 9"):
        build().begin(DATA)


def test_detectors_of_other_landmarks_are_an_error_before_any_work() -> None:
    build().check_detectors(["dlib_hog"])
    build(landmarks="mediapipe").check_detectors(["mediapipe_mesh"])
    with pytest.raises(ValueError, match=r"haar: dlib landmarks.*`detectors: \[dlib_hog\]`"):
        build().check_detectors(["haar", "dlib_hog"])
    with pytest.raises(ValueError, match=r"`detectors: \[mediapipe_mesh\]`"):
        build(landmarks="mediapipe").check_detectors(["dlib_hog"])
    # Weights that are not there say nothing; that they are missing is told elsewhere.
    build(weights="ciagan_mediapipe").check_detectors(["haar"])


def test_asking_for_the_method_imports_no_network() -> None:
    code = (
        "import sys; from anonbench import anonymisers\n"
        "model = anonymisers.get('ciagan').build({'weights': 'ciagan_dlib'})\n"
        "assert not {'torch', 'onnxruntime', 'mediapipe', 'dlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, check=True)


# The network


def test_onnx_reproduces_official_outputs(formula: ModuleType) -> None:
    state = formula.fill(Generator(), 1.0).state_dict()
    names = ("ciagan.landmark", "ciagan.masked")
    x = torch.cat([formula.check_input(n, (2, 3, 128, 128), 0) for n in names], dim=1).numpy()
    made = _OnnxNetwork({name: value.numpy() for name, value in state.items()}, "")
    drawn = made.draw(x, np.array([5, 1199])).transpose(0, 3, 1, 2)
    golden = ROOT.parent / "shared" / "golden" / "ciagan_generator_128.npz"
    expected = np.load(golden)["out"]
    assert np.abs(drawn - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("skips", [False, True])
def test_networks_agree_and_a_face_does_not_depend_on_its_neighbours(
    arrays: dict[str, NDArray[Any]], skips: bool
) -> None:
    views = np.random.default_rng(1).random((3, 6, 128, 128), np.float32)
    codes = np.array([0, 8, 3])
    torch.set_num_threads(1)
    one, other = network(arrays, "cpu", "", skips), _TorchNetwork(arrays, "cpu", "", skips)
    drawn = one.draw(views, codes)
    assert drawn.shape == (3, 128, 128, 3)
    assert np.abs(drawn - other.draw(views, codes)).max() <= 1e-4 * np.abs(drawn).max()
    for made in (one, other):
        together = made.draw(views, codes)
        assert (made.draw(views[::-1].copy(), codes[::-1].copy())[::-1] == together).all()
        assert (made.draw(views[1:2], codes[1:2])[0] == together[1]).all()
    swapped = one.draw(views, np.array([0, 7, 3]))
    assert (swapped[[0, 2]] == drawn[[0, 2]]).all()
    assert np.abs(swapped[1] - drawn[1]).max() > 1e-3
    without = network(arrays, "cpu", "", not skips).draw(views[:1], codes[:1])
    assert np.abs(without[0] - drawn[0]).max() > 1e-3


def test_the_number_of_threads_changes_nothing(arrays: dict[str, NDArray[Any]]) -> None:
    given = {
        "views": np.random.default_rng(2).random((1, 6, 128, 128), np.float32),
        "codes": np.array([3]),
    }
    file = graph(arrays)
    one, two = (session(file, threads).run(None, given)[0] for threads in (1, 2))
    assert (one == two).all()


def test_cuda_without_a_gpu_is_an_error(
    monkeypatch: pytest.MonkeyPatch, arrays: dict[str, NDArray[Any]]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="device: cuda, but PyTorch finds no GPU"):
        network(arrays, "cuda", "")
    assert isinstance(network(arrays, "auto", ""), _OnnxNetwork)


# Identities


def who(policy: str, image: str = "a/1.jpg", **change: Any) -> list[int]:
    settings: dict[str, Any] = {"subject": "bert", "codes": 1000, "data": DATA, "faces": [BOX]}
    settings |= change
    faces = [Region(0, 0, 9, 9, Face(box)) for box in settings["faces"]]
    given = Photo(image, settings["subject"], picture(), tuple(faces), settings.get("box"))
    chosen = Identities(policy, 17, settings["codes"], settings["data"])
    return chosen.of(given, np.random.default_rng(list(image.encode())))


def test_next_is_the_subjects_place_and_one_more() -> None:
    assert [who("next", subject=s) for s in DATA.subjects] == [[1], [2], [3]]
    assert who("next", subject="cleo", codes=3) == [0]
    # Folders of the published code are named by numbers.
    numbers = DataSet("set", tuple(sorted(map(str, range(12)))), 7)
    assert [who("next", subject=str(k), data=numbers) for k in (2, 10)] == [[3], [11]]
    with pytest.raises(ValueError, match="subject 'dora' is none"):
        who("next", subject="dora")


def test_fixed_is_fixed() -> None:
    assert who("fixed") == who("fixed", subject="cleo", image="c.jpg") == [17]


def test_per_subject_depends_on_subject_data_set_and_seed_alone() -> None:
    first = who("per_subject")
    assert first == who("per_subject", image="a/2.jpg")
    more = dataclasses.replace(DATA, subjects=(*DATA.subjects, "dora"))
    assert first == who("per_subject", data=more)
    others = [
        who("per_subject", subject="anna"),
        who("per_subject", data=dataclasses.replace(DATA, seed=8)),
        who("per_subject", data=dataclasses.replace(DATA, name="other")),
    ]
    assert first not in others
    drawn = {who("per_subject", subject=str(k), codes=4)[0] for k in range(100)}
    assert drawn == {0, 1, 2, 3}


def test_per_image_depends_on_the_photos_random_numbers() -> None:
    assert who("per_image") == who("per_image", subject="anna")
    assert len({who("per_image", image=f"{k}.jpg")[0] for k in range(30)}) > 25


@pytest.mark.parametrize("policy", ["next", "per_subject"])
def test_policies_that_rest_on_the_data_set_need_it(policy: str) -> None:
    with pytest.raises(ValueError, match="the data set has to be known first"):
        who(policy, data=None)


def test_the_policy_is_about_the_subject_and_others_follow() -> None:
    boxes = [Box(60, 0, 70, 10), Box(0, 0, 10, 10), Box(20, 0, 50, 30)]
    (alone,) = who("per_subject")
    for subject, ranks in ((0, [0, 1, 2]), (1, [2, 0, 1]), (2, [2, 1, 0])):
        found = who("per_subject", faces=boxes, box=boxes[subject])
        assert found == [(alone + rank) % 1000 for rank in ranks]
    # Without a box, the largest face is the subject's.
    assert who("per_subject", faces=boxes) == [(alone + rank) % 1000 for rank in (2, 1, 0)]
    assert who("fixed", faces=boxes, box=boxes[1], codes=18) == [1, 17, 0]
    with pytest.raises(ValueError, match="3 faces in one photo, but only 2 identities"):
        who("fixed", faces=boxes, codes=2)


def test_faces_are_ranked_by_what_they_share_with_the_subjects_box() -> None:
    boxes = [Box(0, 0, 10, 10), Box(8, 0, 18, 10)]
    regions = tuple(Region(0, 0, 9, 9, Face(box)) for box in boxes)
    assert ranked(Photo("x", "a", picture(), regions, Box(9, 0, 17, 10))) == [1, 0]


def test_the_network_gets_these_identities() -> None:
    model, fake = ready(0.5, identity="next")
    run(model, photo(), photo(None, face_in(Box(10, 30, 90, 110)), face_in(BOX)))
    assert fake.codes == [2, 3, 2]


# Geometry


@pytest.mark.parametrize("scaling", SCALINGS)
@pytest.mark.parametrize("size", [1.0, 3.0], ids=["reduced", "enlarged"])
def test_what_the_network_leaves_as_it_is_comes_back_in_place(scaling: str, size: float) -> None:
    # A slope of 0.9 grey levels a pixel: half a pixel off would be seen.
    height, width = int(HEIGHT * size), int(WIDTH * size)
    y, x = np.mgrid[:height, :width] / size
    slopes = np.stack([20 + 0.9 * x, 20 + 0.9 * y, 230 - 0.4 * x - 0.5 * y], axis=2)
    slopes = np.rint(slopes).astype(np.uint8)
    found = place(
        landmarks_in(Box(*(size * edge for edge in BOX))), slopes.shape, DLIB, SCALINGS[scaling]
    )
    landmarks, face, hole = found.shown(slopes, DLIB.shown)
    pasted = np.zeros_like(slopes)
    paste(pasted, face / 255, found, "none", 0.0)
    wrong = np.abs(pasted.astype(float) - slopes)[mask_of(found, slopes.shape)]
    assert wrong.mean(axis=0).max() < 0.45 and wrong.max() <= 2.5
    assert ((landmarks[..., 0] < 128) & hole).any() and (landmarks[..., 2] > 200).all()


def test_the_hole_is_the_outline_seen_by_the_network() -> None:
    found = placed(landmarks_in(BOX))
    rows, columns = np.nonzero(found.hole)
    left, top = found.in_view(found.window.left, found.window.top)
    right, bottom = found.in_view(found.window.right, found.window.bottom)
    # Its edges are drawn, thresholded and cut off at whole pixels of the crop.
    for edge, expected in ((columns.min(), left), (rows.min(), top), (columns.max() + 1, right),
                           (rows.max() + 1, bottom)):  # fmt: skip
        assert abs(edge - expected) < 3
    assert min(columns.min(), rows.min()) >= 1 and max(columns.max(), rows.max()) <= 126
    outside = placed(landmarks_in(BOX), as_hole=True).replaced & ~found.replaced
    assert outside.mean() < 0.05, "all that is the hole's is the outline's, but for a rim"


def test_views_reach_as_far_as_the_face_and_only_there() -> None:
    points, large = landmarks_in(BOX), (400, 400)
    for scaling in SCALINGS.values():
        long = points.copy()
        long[5:12, 1] += 35
        short, far = (place(p, large, DLIB, scaling) for p in (points, long))
        assert short.sides[:3] == far.sides[:3] and far.sides.bottom > short.sides.bottom
        assert not far.hole[-1].any() and far.hole[-8].any()
        if scaling.squashed:
            assert far.sides.bottom * 72 == pytest.approx(round(far.sides.bottom * 72))
    # Published views do not reach beyond what the photo shows.
    published = SCALINGS["published_training"]
    cut = place(long, (180, 400), DLIB, published).sides.bottom
    assert cut < place(long, large, DLIB, published).sides.bottom


def test_painting_over_takes_the_nearest_colours() -> None:
    found = placed(landmarks_in(BOX))
    pixels = picture()
    mask = mask_of(found)
    painted = painted_over(pixels, [found])
    assert (painted[~mask] == pixels[~mask]).all()
    clear = np.argwhere(~mask)
    for spot in np.argwhere(mask)[::500]:
        far = np.hypot(*(clear - spot).T)
        near = clear[far <= far.min() + 1]
        assert (pixels[tuple(near.T)] == painted[tuple(spot)]).all(axis=1).any()


# Nothing comes through


@pytest.mark.parametrize("blend", ["none", "feather", "poisson"])
def test_the_result_does_not_depend_on_the_face(blend: str) -> None:
    found = placed(landmarks_in(BOX), as_hole=blend == "none")
    mask = mask_of(found)
    other = picture().copy()
    other[mask] = picture(1)[mask]
    model, fake = ready(0.3, blend=blend)
    first, second = run(model, photo(), photo(other))
    assert (fake.views[0] == fake.views[1]).all(), "the network saw it"
    assert (first == second).all()
    assert (first[~mask] == picture()[~mask]).all()


@pytest.mark.parametrize("blend", ["none", "feather", "poisson"])
def test_the_background_stays_to_the_bit(blend: str) -> None:
    points = landmarks_in(BOX)
    (left, top), (right, bottom) = points.min(axis=0).astype(int), points.max(axis=0).astype(int)
    top = int(outline(points.astype(int))[:, 1].min())
    model, _ = ready(0.5, blend=blend)
    given = photo()
    (after,) = run(model, given)
    changed = (after != given.pixels).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() >= top and rows.max() <= bottom
    assert columns.min() >= left and columns.max() <= right
    region = model.changed(given.regions[0], WIDTH, HEIGHT)
    assert region == (left, top, right + 1, bottom + 1)


def test_hard_edge_is_what_was_drawn() -> None:
    model, _ = ready(0.2, blend="none")
    (after,) = run(model, photo())
    mask = mask_of(placed(landmarks_in(BOX), as_hole=True))
    assert (after[mask] == 51).all()


def test_feather_fades_into_the_surroundings() -> None:
    grey = np.full(SHAPE, 100, np.uint8)
    model, _ = ready(200 / 255, feather=0.04)
    (after,) = run(model, photo(grey))
    found = placed(landmarks_in(BOX))
    rim = 0.04 * found.width
    # Above the jaw's end the edge is upright, so the distance from it grows by one a pixel.
    row = after[95, :, 0].astype(float)
    inside = np.flatnonzero(row != 100)
    expected = 100 + 100 * np.minimum(1, np.arange(1, 40) / (rim + 1))
    assert np.abs(row[inside[0] :][:39] - expected).max() <= 0.5
    assert (row[inside[len(inside) // 4] : inside[-len(inside) // 4]] == 200).all()
    hard, _ = ready(200 / 255, feather=0)
    assert set(np.unique(run(hard, photo(grey))[0])) == {100, 200}


def test_poisson_takes_shade_from_around_and_structure_from_the_network() -> None:
    grey = np.full(SHAPE, 90, np.uint8)
    model, _ = ready(0.7, blend="poisson")
    (after,) = run(model, photo(grey))
    assert np.abs(after.astype(int) - 90).max() <= 2, "a plain face on a plain ground is the ground"


@pytest.mark.parametrize("blend", ["none", "feather", "poisson"])
def test_two_faces_are_both_replaced_and_neither_is_shown(blend: str) -> None:
    faces = face_in(Box(5, 30, 95, 130)), face_in(Box(80, 60, 190, 190))
    model, fake = ready(0.4, blend=blend)
    given = photo(None, *faces)
    hard = blend == "none"
    masks = [mask_of(placed(f.points, as_hole=hard)) for f in faces]
    assert (masks[0] & masks[1]).any(), "they overlap"
    (after,) = run(model, given)
    other = given.pixels.copy()
    other[masks[0] | masks[1]] = 255 - other[masks[0] | masks[1]]
    (again,) = run(model, photo(other, *faces))
    assert (after == again).all() and (fake.views[0] == fake.views[2]).all()
    assert (after[~(masks[0] | masks[1])] == given.pixels[~(masks[0] | masks[1])]).all()
    if blend != "poisson":
        for mask in masks:
            assert (after[mask] == 102).all(axis=1).mean() > 0.75


@pytest.mark.parametrize("blend", ["none", "feather", "poisson"])
@pytest.mark.parametrize(
    "box", [Box(-40, 40, 60, 160), Box(140, 40, 240, 160), Box(50, 140, 150, 260),
            Box(-40, 140, 60, 260)],
)  # fmt: skip
def test_a_face_that_the_photos_edge_cuts_off(box: Box, blend: str) -> None:
    points = landmarks_in(box)
    mask = mask_of(placed(points, as_hole=blend == "none"))
    assert mask[:, 0].any() or mask[:, -1].any() or mask[-1].any()
    other = picture().copy()
    other[mask] = 255 - other[mask]
    model, _ = ready(0.4, blend=blend)
    face = Face(box, points=points)
    first, second = run(model, photo(None, face), photo(other, face))
    assert (first == second).all() and (first[~mask] == picture()[~mask]).all()


def test_a_face_does_not_fade_where_the_photo_ends() -> None:
    box = Box(140, 40, 240, 160)
    model, _ = ready(0.4)
    (after,) = run(model, photo(None, face_in(box)))
    inside = np.flatnonzero(mask_of(placed(landmarks_in(box)))[:, -1])
    assert (after[inside[len(inside) // 2], -1] == 102).all()


# What fails closed


def turned(degrees: float) -> NDArray[np.float32]:
    points = landmarks_in(BOX) - BOX.centre
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return (points @ [[cosine, sine], [-sine, cosine]] + BOX.centre).astype(np.float32)


def profile() -> NDArray[np.float32]:
    """The nose sticks out of the outline."""
    points = landmarks_in(BOX)
    points[27:36, 0] -= 60
    return points


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (landmarks_in(Box(50, 60, 54, 65)), "inner eye corners are 1 pixels apart"),
        (turned(90), "inner eye corners are"), (turned(180), "inner eye corners are -"),
        (profile(), "a point of the nose lies .* outside of the outline"),
        (landmarks_in(Box(300, 60, 400, 180)), "outside of the photo"),
        (landmarks_in(Box(-1000, -1000, 4000, 5000)), "larger than the photo"),
        (np.full((68, 2), np.nan, np.float32), "not finite"),
        (np.where(np.arange(68)[:, None] == 8, np.inf, landmarks_in(BOX)), "not finite"),
        (landmarks_in(BOX) + np.float32([0, 70]) * (np.arange(68) == 8)[:, None], "beyond the cr"),
    ],
    ids=["tiny", "lying", "upside down", "profile", "elsewhere", "huge", "nan", "inf", "long"],
)  # fmt: skip
def test_a_face_that_would_not_be_replaced_as_a_whole(
    points: NDArray[np.float32], message: str
) -> None:
    with pytest.raises(DegenerateFaceError, match=message):
        placed(points, (400, 400) if "beyond" in message else SHAPE)
    model, _ = ready()
    region = Region(3, 4, 5, 6, Face(BOX, points=points))
    if message == "not finite":
        assert model.changed(region, WIDTH, HEIGHT) == (3, 4, 5, 6)


def test_a_rolled_head_is_replaced() -> None:
    found = placed(turned(20))
    mask = mask_of(found)
    inner = np.rint(turned(20)[36:]).astype(int)
    assert mask[inner[:, 1], inner[:, 0]].all()


def test_points_of_another_detector_say_what_to_do() -> None:
    model, _ = ready()
    for count in (0, 5, 468):
        with pytest.raises(ValueError, match=rf"{count} landmarks .*`detectors: \[dlib_hog\]`"):
            run(model, photo(None, Face(BOX, points=np.zeros((count, 2), np.float32))))


def test_a_face_that_fills_the_photo() -> None:
    found = placed(landmarks_in(BOX))
    inner = dataclasses.replace(
        found, window=found.window._replace(left=0, top=0, right=9, bottom=9),
        replaced=np.ones((9, 9), bool),
    )  # fmt: skip
    with pytest.raises(DegenerateFaceError, match="fills the whole photo"):
        painted_over(picture(0, (9, 9, 3)), [inner])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_output_that_is_not_finite(value: float) -> None:
    model, _ = ready(value)
    with pytest.raises(ValueError, match="not finite"):
        run(model, photo())


IDS = ("anna/1.jpg", "anna/2.jpg", "bert/1.jpg", "bert/2.jpg")


def engine(folder: Path, faces: dict[str, list[Face]], out: str = "out", **change: Any) -> Any:
    """Run the engine on noise; return its archive and its ledger by image."""
    with ArchiveWriter(folder / "images.tar") as archive:
        for k, name in enumerate(IDS):
            archive.add(name, picture(k))
    table = pd.DataFrame({"image_id": IDS, "status": "ok", "detail": ""})
    table["subject"] = [name.split("/")[0] for name in IDS]
    write_table(table, folder / "manifest.parquet")
    rows = [face_row(name, k, f) for name, found in faces.items() for k, f in enumerate(found)]
    write_table(table_of(rows), folder / "dlib_hog.parquet")
    boxes = [{"image_id": name, "status": "ok", **BOX._asdict()} for name in IDS]
    write_table(pd.DataFrame(boxes), folder / "subjects.parquet")
    settings: dict[str, Any] = {
        "detections": [folder / "dlib_hog.parquet"], "options": {"weights": "ciagan_dlib"},
        "batch_size": 4,
    }  # fmt: skip
    anonymise_files(
        archive=folder / "images.tar", manifest=folder / "manifest.parquet",
        subjects=folder / "subjects.parquet", dataset="set", method="m", anonymiser="ciagan",
        strengths=(), region="face", faces_policy="all", seed=7, out_archive=folder / f"{out}.tar",
        out_ledger=folder / f"{out}.parquet", **settings | change,
    )  # fmt: skip
    ledger = read_table(folder / f"{out}.parquet").set_index("image_id")
    return ArchiveReader(folder / f"{out}.tar"), ledger


def test_one_face_that_fails_blackens_its_photo_alone(tmp_path: Path) -> None:
    faces = {name: [face_in(BOX)] for name in IDS}
    whole, ledger = engine(tmp_path, faces, "whole")
    assert set(ledger["status"]) == {Status.OK}
    faces["anna/2.jpg"] = [Face(BOX, points=profile())]
    # Of two faces in a photo, one that fails is enough.
    faces["bert/1.jpg"] = [face_in(BOX), Face(Box(5, 5, 40, 40), points=turned(90))]
    archive, ledger = engine(tmp_path, faces)
    for name, detail in (("anna/2.jpg", "nose"), ("bert/1.jpg", "inner eye corners")):
        assert ledger.loc[name, "status"] == Status.METHOD_ERROR
        assert detail in ledger.loc[name, "detail"]
        assert not archive.read(f"none/{name}").any()
    for name in ("anna/1.jpg", "bert/2.jpg"):
        assert ledger.loc[name, "status"] == Status.OK
        assert (archive.read(f"none/{name}") == whole.read(f"none/{name}")).all()
    box = placed(landmarks_in(BOX)).window
    assert list(ledger.loc["anna/1.jpg", "regions"]) == list(box)


def test_same_bytes_whatever_the_batches(tmp_path: Path) -> None:
    faces = {name: [face_in(BOX)] for name in IDS}
    for out, size in (("one", 1), ("two", 2), ("all", 9)):
        engine(tmp_path, faces, out, batch_size=size)
    files = {(tmp_path / f"{out}.tar").read_bytes() for out in ("one", "two", "all")}
    assert len(files) == 1


def test_a_photo_without_a_face_is_black(tmp_path: Path) -> None:
    archive, ledger = engine(tmp_path, {name: [face_in(BOX)] for name in IDS[1:]})
    assert ledger.loc[IDS[0], "status"] == Status.NO_FACE
    assert not archive.read(f"none/{IDS[0]}").any() and archive.read(f"none/{IDS[1]}").any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"options": {"weights": "ciagan_mediapipe"}}, WeightsError, "comes without these weights"),
        ({"options": {"weights": "ciagan_dlib", "landmarks": "mediapipe"}}, ValueError, "has to s"),
    ],
)
def test_what_is_wrong_with_an_entry_ends_the_job(
    tmp_path: Path, change: dict[str, Any], error: type[Exception], message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("anonbench.weight_models.HASH_LIST", tmp_path / "none.sha256")
    with pytest.raises(error, match=message):
        engine(tmp_path, {name: [face_in(BOX)] for name in IDS}, **change)
    assert not (tmp_path / "out.tar").exists()
