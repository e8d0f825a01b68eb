"""Mini-Xception: the network out of its file, against the same network written in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

from anonbench import expressions, weights
from anonbench.expressions import EXPRESSIONS
from anonbench.expressions._batches import BATCH
from anonbench.expressions._mini_xception_onnx import check, graph, shapes
from anonbench.expressions.mini_xception import MiniXception
from anonbench.onnx_graph import session
from anonbench.types import Pixels
from anonbench.weight_formats import read

FILE = Path(__file__).parents[3] / "shared/weights/mini_xception" / (
    "fer2013_mini_XCEPTION.102-0.66.hdf5"
)  # fmt: skip
Arrays = Mapping[str, NDArray[np.generic]]


def made() -> dict[str, NDArray[np.float32]]:
    """Make weights by a formula: no two layers alike, variances and gains positive."""
    arrays = {}
    for n, (name, shape) in enumerate(shapes(7).items()):
        values = np.sin(np.arange(np.prod(shape)) * 0.7 + n).reshape(shape)
        if name.endswith(("gamma", "moving_variance")):
            values = 1 + 0.5 * values
        elif "kernel" in name:
            values = values * np.sqrt(3 / (np.prod(shape) / shape[-1]))
        arrays[name] = values.astype(np.float32)
    return arrays


def keras_file(path: Path, arrays: Arrays) -> Path:
    """Write arrays as Keras 2 does."""
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            layer, weight = name.split(".")
            file[f"model_weights/{layer}/{layer}_1/{weight}:0"] = values
        file["optimizer_weights/Adam/iterations:0"] = 3
    return path


def reference(arrays: Arrays, grey: NDArray[np.uint8]) -> tuple[torch.Tensor, torch.Tensor]:
    """Run the network layer by layer in double precision, nothing folded."""
    a = {name: torch.from_numpy(np.array(v, np.float64)) for name, v in arrays.items()}

    def kernel(name: str) -> torch.Tensor:
        return a[name].permute(3, 2, 0, 1)

    def norm(x: torch.Tensor, n: int) -> torch.Tensor:
        g, b, m, v = (
            a[f"batch_normalization_{n}.{w}"]
            for w in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return functional.batch_norm(x, m, v, g, b, eps=1e-3)

    def separable(x: torch.Tensor, n: int) -> torch.Tensor:
        each = a[f"separable_conv2d_{n}.depthwise_kernel"].permute(2, 3, 0, 1)
        x = functional.conv2d(x, each, padding=1, groups=x.shape[1])
        return functional.conv2d(x, kernel(f"separable_conv2d_{n}.pointwise_kernel"))

    x = (torch.from_numpy(grey.astype(np.float64))[:, None] / 255 - 0.5) * 2
    x = norm(functional.conv2d(x, kernel("conv2d_1.kernel")), 1).relu()
    x = norm(functional.conv2d(x, kernel("conv2d_2.kernel")), 2).relu()
    # As the file's own configuration wires them: shortcut, its norm, two separable ones, theirs.
    for short, sn, s1, n1, s2, n2, pad in (
        (3, 3, 1, 4, 2, 5, (0, 1, 0, 1)),  # 60 points
        (4, 6, 3, 7, 4, 8, (0, 1, 0, 1)),  # 30
        (5, 9, 5, 10, 6, 11, (1, 1, 1, 1)),  # 15
        (6, 12, 7, 13, 8, 14, (0, 1, 0, 1)),  # 8
    ):
        aside = norm(functional.conv2d(x, kernel(f"conv2d_{short}.kernel"), stride=2), sn)
        x = norm(separable(x, s1), n1).relu()
        x = norm(separable(x, s2), n2)
        x = functional.max_pool2d(functional.pad(x, pad, value=-torch.inf), 3, 2) + aside
    features = x.mean((2, 3))
    x = functional.conv2d(x, kernel("conv2d_7.kernel"), a["conv2d_7.bias"], padding=1)
    return x.mean((2, 3)).softmax(1), features


def crops(count: int, seed: int = 0) -> list[Pixels]:
    values = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8)
    return list(values.repeat(8, axis=1).repeat(8, axis=2))


def agree(arrays: Arrays, tolerance: float) -> NDArray[np.float32]:
    grey = np.stack([c[:, :, 1] for c in crops(5)])
    found = session(graph(arrays), threads=1).run(None, {"crops": grey})
    for ours, theirs in zip(found, reference(arrays, grey), strict=True):
        expected = theirs.numpy()
        assert np.ptp(expected, axis=0).max() > 1e-3, "nothing to compare"
        np.testing.assert_allclose(ours, expected, atol=tolerance * np.abs(expected).max())
    probabilities: NDArray[np.float32] = found[0]
    return probabilities


def test_network_agrees_with_pytorch_on_weights_made_by_a_formula() -> None:
    probabilities = agree(made(), 1e-5)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)


@pytest.mark.skipif(not FILE.is_file(), reason="the file of FER2013 is not in ../shared")
def test_network_agrees_with_pytorch_on_the_published_weights() -> None:
    arrays = read(FILE)
    check(arrays, 7, FILE)
    agree(arrays, 1e-5)


@pytest.fixture()
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MiniXception:
    """The plug-in with weights made by a formula."""
    entry = weights.MODELS["mini_xception"]
    made_file = keras_file(tmp_path / "made.hdf5", made())
    ours = weights.Model(**{**vars(entry), "file": made_file.name, "known": None})
    monkeypatch.setitem(weights.MODELS, "mini_xception", ours)
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    built = expressions.get("mini_xception").build({}, threads=1)
    assert isinstance(built, MiniXception)
    return built


def test_a_crop_is_classified_by_its_luminance(network: MiniXception) -> None:
    # Y = 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601), as in OpenCV's grey images, on which it was
    # trained. Multiples of 100 are far from where rounding decides.
    picture = crops(1)[0] // 100 * 100
    grey = np.rint(picture @ np.array([0.299, 0.587, 0.114])).astype(np.uint8)
    expected, features = (x.numpy() for x in reference(made(), grey[None]))
    found = network.classify([picture])
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)
    np.testing.assert_allclose(found.features, features, atol=1e-4 * np.abs(features).max())


def test_a_result_does_not_depend_on_the_other_crops(network: MiniXception) -> None:
    pictures = crops(BATCH + 3)
    together = network.classify(pictures)
    assert together.probabilities.shape == (BATCH + 3, 7) and together.features.shape[1] == 128
    assert len(np.unique(together.probabilities, axis=0)) == BATCH + 3
    for k in (0, BATCH, BATCH + 2):
        alone = network.classify([pictures[k]])
        np.testing.assert_array_equal(alone.probabilities[0], together.probabilities[k])
        np.testing.assert_array_equal(alone.features[0], together.features[k])
    turned = network.classify(pictures[::-1])
    np.testing.assert_array_equal(turned.probabilities[::-1], together.probabilities)


def test_no_crop_is_no_row(network: MiniXception) -> None:
    none = network.classify([])
    assert none.probabilities.shape == (0, 7) and none.features.shape == (0, 128)


def test_classes_are_named_in_the_order_of_fer2013(network: MiniXception) -> None:
    theirs = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    ours = {"angry": "anger", "happy": "happiness", "sad": "sadness"}
    assert network.classes == tuple(ours.get(c, c) for c in theirs)
    assert set(network.classes) == set(EXPRESSIONS)


def test_what_it_loads_is_said_before() -> None:
    assert expressions.get("mini_xception").models({}) == ("mini_xception",)


def test_other_networks_are_refused(tmp_path: Path) -> None:
    path, right = tmp_path / "network.hdf5", made()
    check(right, 7, path)
    missing = {k: v for k, v in right.items() if k != "conv2d_5.kernel"}
    with pytest.raises(weights.WeightsError, match=r"network\.hdf5.*conv2d_5\.kernel is missing"):
        check(missing, 7, path)
    with pytest.raises(weights.WeightsError, match=r"conv2d_7\.kernel is \(3, 3, 128, 7\), exp"):
        check(right, 8, path)
    with pytest.raises(weights.WeightsError, match=r"dense_1\.kernel is not of this network"):
        check({**right, "dense_1.kernel": right["conv2d_7.bias"]}, 7, path)
    with pytest.raises(weights.WeightsError, match=r"conv2d_7\.bias is not finite"):
        check({**right, "conv2d_7.bias": np.full(7, np.nan, np.float32)}, 7, path)


def test_keras_file_is_read_by_layer(tmp_path: Path) -> None:
    expected = made()
    found = read(keras_file(tmp_path / "made.hdf5", expected))
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_other_hdf5_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.hdf5"
    path.write_bytes(b"no HDF5")
    with pytest.raises(weights.WeightsError, match=r"other\.hdf5: not a readable HDF5 file"):
        read(path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    with pytest.raises(weights.WeightsError, match="not a model that Keras saved"):
        read(path)
