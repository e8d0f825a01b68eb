"""What every recogniser promises, and that `dlib` gives the numbers of dlib itself."""

from __future__ import annotations

import importlib
import importlib.util
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dvc.api import DVCFileSystem
from numpy.typing import NDArray

from anonbench import detectors, recognisers
from anonbench.bundled import BUNDLED_FOLDER
from anonbench.decode import read_encoded, read_image
from anonbench.detectors import Detector
from anonbench.dlib_files import weight_file
from anonbench.drawn import draw_face
from anonbench.recognisers import Recogniser
from anonbench.recognisers._dlib_network import WeightError, load, read_tensors
from anonbench.recognisers._dlib_torch import TorchNetwork
from anonbench.recognisers.dlib import BATCH
from anonbench.types import Pixels

ROOT = Path(__file__).parents[2]
each = pytest.mark.parametrize("name", recognisers.names())


@cache
def build(name: str) -> Recogniser:
    return recognisers.get(name).build({}, threads=1)


@cache
def finder() -> Detector:
    return detectors.get("dlib_hog").build({})


@cache
def drawn() -> tuple[Pixels, ...]:
    pictures = tuple(draw_face(s, v) for s in range(3) for v in range(2))
    for picture in pictures:
        picture.setflags(write=False)
    return pictures


def chips(name: str, pictures: tuple[Pixels, ...]) -> list[Pixels]:
    model = build(name)
    found = [(p, f) for p in pictures for f in finder().detect(p)]
    return [model.align(p, model.landmarks(p, f)) for p, f in found]


@each
def test_says_what_it_is(name: str) -> None:
    info = recognisers.get(name).info
    assert info.label and info.reference and info.dimension > 0
    assert all(weight_file(w).is_file() for w in info.weights)


@each
def test_embeddings_have_the_shape_it_promises(name: str) -> None:
    faces = chips(name, drawn())
    assert len(faces) == len(drawn())
    assert all(c.shape == (150, 150, 3) and c.dtype == np.uint8 for c in faces)
    embedded = build(name).embed(faces)
    assert embedded.shape == (len(faces), recognisers.get(name).info.dimension)
    assert embedded.dtype == np.float32 and np.isfinite(embedded).all()
    assert build(name).embed([]).shape == (0, recognisers.get(name).info.dimension)


@each
def test_embedding_depends_on_its_chip_alone(name: str) -> None:
    """Neither on its neighbours nor on how many there are: to the bit."""
    faces = chips(name, drawn())
    together = build(name).embed(faces)
    np.testing.assert_array_equal(build(name).embed(faces[::-1])[::-1], together)
    np.testing.assert_array_equal(build(name).embed(faces[:1])[0], together[0])


def test_embedding_is_the_same_at_every_place_of_a_batch() -> None:
    first, *others = chips("dlib", drawn())
    model: Any = build("dlib")
    expected = model.embed([first])[0]
    rows = model._network(np.stack([first] * BATCH))
    np.testing.assert_array_equal(rows, np.tile(expected, (BATCH, 1)))
    # And beside others, in a full batch and in a part of one; equal ones would be embedded once.
    around = [np.roll(c, k, axis=1) for k in range(1, 9) for c in others][: BATCH + 3]
    for place in (BATCH // 2, BATCH + 2):
        mixed = [*around[:place], first, *around[place:]]
        np.testing.assert_array_equal(model.embed(mixed)[place], expected)


def test_equal_chips_are_embedded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = chips("dlib", drawn())
    model: Any = build("dlib")
    expected, network, batches = model.embed([first, second]), model._network, []
    monkeypatch.setattr(model, "_network", lambda batch: batches.append(batch) or network(batch))
    many = [first, second] * BATCH
    np.testing.assert_array_equal(model.embed(many), np.tile(expected, (BATCH, 1)))
    assert len(batches) == 1


@each
def test_same_subject_is_nearer_than_another(name: str) -> None:
    embedded = build(name).embed(chips(name, drawn()))
    distances = np.linalg.norm(embedded[:, None] - embedded[None], axis=2)
    subject = np.arange(len(embedded)) // 2
    mated = (subject[:, None] == subject) & ~np.eye(len(subject), dtype=bool)
    assert np.diag(distances).max() == 0
    assert distances[mated].mean() < distances[subject[:, None] != subject].mean()


@each
def test_unknown_option_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match="no_such_option"):
        recognisers.get(name).build({"no_such_option": 1}, threads=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "gpu"}, r"device: 'gpu' .*cpu or cuda"),
        ({"precision": "float16"}, r"precision: 'float16' .*float32 or bf16"),
        ({"precision": None}, r"precision: None .*float32 or bf16"),
    ],
)
def test_bad_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recognisers.get("dlib").build(options, threads=1)


def test_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(ValueError, match=r"device: cuda.*no GPU.*device: cpu"):
        recognisers.get("dlib").build({"device": "cuda"}, threads=1)


# The network against dlib's own


def difference(pictures: tuple[Pixels, ...]) -> float:
    first, second = (chips(name, pictures) for name in ("dlib", "dlib_native"))
    assert len(first) == len(second) >= len(pictures) * 0.9
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    embedded: list[NDArray[np.float32]] = [
        build(name).embed(first) for name in ("dlib", "dlib_native")
    ]
    return float(np.abs(embedded[0] - embedded[1]).max())


def test_network_agrees_with_dlib_on_drawn_faces() -> None:
    assert difference(drawn()) < 1e-5


def test_network_agrees_with_dlib_on_chips_without_a_face() -> None:
    rng = np.random.default_rng(0)
    odd = [
        np.zeros((150, 150, 3), np.uint8),
        np.full((150, 150, 3), 255, np.uint8),
        rng.integers(0, 256, (150, 150, 3)).astype(np.uint8),
    ]
    both = [build(name).embed(odd) for name in ("dlib", "dlib_native")]
    np.testing.assert_allclose(both[0], both[1], atol=1e-5)


def bundled(tmp_path: Path, count: int) -> tuple[Pixels, ...]:
    """Some of the faces that come with the repository, out of its own remote."""
    shard = tmp_path / "faces.tar"
    DVCFileSystem(str(ROOT)).get_file(f"{BUNDLED_FOLDER}/faces-000.tar", str(shard))
    with tarfile.open(shard) as tar:
        names = sorted(tar.getnames())
        files = [tar.extractfile(n) for n in names[:: len(names) // count][:count]]
        decoded = [read_encoded(f.read(), max_pixels=10**7, min_side=1) for f in files if f]
    return tuple(d.pixels for d in decoded if d.pixels is not None)


def test_network_agrees_with_dlib_on_bundled_faces(tmp_path: Path) -> None:
    pictures = bundled(tmp_path, 12)
    assert len(pictures) == 12
    assert difference(pictures) < 1e-5


@pytest.mark.parametrize(("precision", "allowed"), [("float32", 1e-5), ("bf16", 0.02)])
def test_network_in_pytorch_agrees_with_dlib(precision: str, allowed: float) -> None:
    """The way of `device: cuda`, here on the processor."""
    layers = load(weight_file("dlib_face_recognition_resnet_model_v1.dat"))
    faces = chips("dlib", drawn())
    embedded = TorchNetwork(layers, 1, "cpu", precision)(np.stack(faces))
    off = np.abs(embedded - build("dlib_native").embed(faces)).max()
    assert off < allowed
    if precision == "bf16":  # else the option would have done nothing
        assert off > 1e-5


def test_precision_reaches_the_network() -> None:
    faces = chips("dlib", drawn())
    coarse = recognisers.get("dlib").build({"precision": "bf16"}, threads=1).embed(faces)
    assert 1e-5 < np.abs(coarse - build("dlib").embed(faces)).max() < 0.02


def photographs() -> tuple[Pixels, ...]:
    folder = ROOT.parent / "shared/photos/lfw100"
    paths = sorted(folder.rglob("*.jpg"))[::25][:20]
    if not paths:
        pytest.skip("no photographs: ../shared/photos/lfw100 is not there")
    read = [read_image(p, max_pixels=10**7, min_side=1).pixels for p in paths]
    return tuple(p for p in read if p is not None)


@pytest.mark.slow
def test_network_agrees_with_dlib_on_photographs() -> None:
    pictures = photographs()
    assert len(pictures) == 20
    assert difference(pictures) < 1e-5


@pytest.mark.slow
@each
def test_embeddings_are_those_of_face_recognition(name: str) -> None:
    if importlib.util.find_spec("face_recognition") is None:
        pytest.skip("the package face_recognition is not installed")
    import face_recognition

    pictures = photographs()
    compared = 0
    for pixels in pictures:
        # Its default predictor is the one with five landmarks.
        expected = face_recognition.face_encodings(pixels)
        own = build(name).embed(chips(name, (pixels,)))
        assert len(expected) == len(own)
        if len(own):
            np.testing.assert_allclose(own, np.array(expected), atol=1e-5)
            compared += len(own)
    assert compared >= 18


def test_benchmark_measures_both(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    benchmark = importlib.import_module("embedder_speed")
    faces = chips("dlib", drawn())
    result = benchmark.measure(faces, [str(k // 2) for k in range(len(faces))], repeats=1)
    assert result["chips"] == len(faces) and 0 < result["difference"] < 1e-5
    assert result["ratio"] == pytest.approx(result["dlib_native_ms"] / result["dlib_ms"])
    assert 0 <= result["eer"] <= 1 and result["eer_difference"] < 1e-4
    # Nobody is there twice: no mated pairs, and so no error rate.
    assert "eer" not in benchmark.measure(faces[:2], ["a", "b"], repeats=1)
    for wrong in ([], [faces[0], faces[0]]):
        with pytest.raises(ValueError, match="no two equal"):
            benchmark.measure(wrong)


# Weights that are not what they should be


def test_wrong_weights_are_named(tmp_path: Path) -> None:
    data = weight_file("dlib_face_recognition_resnet_model_v1.dat").read_bytes()
    assert len(read_tensors(data)) == 2 * 29 + 1
    for content in (b"", b"not a network" * 100, data[: len(data) // 2]):
        path = tmp_path / "network.dat"
        path.write_bytes(content)
        with pytest.raises(WeightError, match="reinstall") as error:
            load(path)
        assert str(path) in str(error.value)
