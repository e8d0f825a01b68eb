"""What every expression network must do, with weights made by a formula."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from anonbench import expressions, weights
from anonbench.expressions import EXPRESSIONS, ExpressionNetwork
from anonbench.expressions._mini_xception_onnx import shapes
from anonbench.models.dan import DAN
from anonbench.types import Box, Pixels


def _dan(path: Path) -> None:
    draw = np.random.default_rng(0)
    state = DAN(7, 2).state_dict()
    for value in state.values():
        if value.dim() > 1:
            spread = 0.6 * np.sqrt(2 / np.prod(value.shape[1:]))
            value.copy_(torch.from_numpy(draw.normal(0, spread, tuple(value.shape))))
    torch.save({"model_state_dict": state}, path)


def _mini_xception(path: Path) -> None:
    draw = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for name, shape in shapes(7).items():
            layer, weight = name.split(".")
            spread = 0.2 if "kernel" in weight else 0.1
            values = draw.normal(0, spread, shape) + (weight in ("gamma", "moving_variance"))
            stored = np.abs(values).astype(np.float32)
            stored = stored if "variance" in weight else values.astype(np.float32)
            file[f"model_weights/{layer}/{layer}_1/{weight}:0"] = stored


MODELS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "dan": ("dan_rafdb", _dan), "mini_xception": ("mini_xception", _mini_xception),
}  # fmt: skip
"""A model by plug-in, and what writes weights for it."""


@pytest.fixture(scope="module", params=expressions.names())
def network(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> ExpressionNetwork:
    model, write = MODELS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(weights.VARIABLE, str(folder))
        # Made files have no hash that anybody could know.
        known = {**weights.MODELS, model: _without_hash(weights.MODELS[model])}
        patch.setattr(weights, "MODELS", known)
        write(weights.file(model))
        return expressions.get(request.param).build({"weights": model}, threads=1)


def _without_hash(model: weights.Model) -> weights.Model:
    return dataclasses.replace(model, known=None)


def pictures(n: int) -> list[Pixels]:
    draw = np.random.default_rng(5)
    return [draw.integers(0, 256, (120, 100, 3), np.uint8) for _ in range(n)]


POINTS = np.array([[68, 45], [60, 46], [32, 45], [40, 46], [50, 66]], np.float32)
FACE = Box(20, 20, 80, 95)


def test_every_network_is_described() -> None:
    assert set(MODELS) == set(expressions.names())
    for name in expressions.names():
        plugin = expressions.get(name)
        assert plugin.info.label and plugin.info.reference
        assert all(model in weights.MODELS for model in plugin.models({}))


def test_classes_are_the_benchmark_s(network: ExpressionNetwork) -> None:
    assert len(set(network.classes)) == len(network.classes)
    assert set(EXPRESSIONS) <= set(network.classes) <= {*EXPRESSIONS, "contempt"}


def test_answers_are_posteriors(network: ExpressionNetwork) -> None:
    crops = [network.crop(p, FACE, POINTS) for p in pictures(5)]
    assert len({c.shape for c in crops}) == 1 and crops[0].dtype == np.uint8
    found = network.classify(crops)
    assert found.probabilities.shape == (5, len(network.classes))
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    assert (found.probabilities >= 0).all()
    assert found.features.shape[0] == 5 and np.isfinite(found.features).all()
    assert len(np.unique(found.features, axis=0)) == 5


def test_an_answer_depends_on_its_crop_alone(network: ExpressionNetwork) -> None:
    crops = [network.crop(p, FACE, POINTS) for p in pictures(19)]
    together, backwards = network.classify(crops), network.classify(crops[::-1])
    assert (together.probabilities == backwards.probabilities[::-1]).all()
    assert (together.features == backwards.features[::-1]).all()
    assert (network.classify(crops[7:8]).probabilities[0] == together.probabilities[7]).all()


def test_nothing_to_classify(network: ExpressionNetwork) -> None:
    found = network.classify([])
    assert found.probabilities.shape == (0, len(network.classes))


def test_a_picture_is_left_as_it_was(network: ExpressionNetwork) -> None:
    picture = pictures(1)[0]
    before = picture.copy()
    network.classify([network.crop(picture, FACE, POINTS)])
    assert (picture == before).all()


@pytest.mark.parametrize("name", expressions.names())
def test_unknown_options_are_refused(name: str) -> None:
    with pytest.raises(TypeError):
        expressions.get(name).build({"no_such_option": 1}, threads=1)


@pytest.mark.parametrize("name", expressions.names())
def test_missing_weights_are_an_error(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    with pytest.raises(weights.WeightsError, match=r"missing; .*anonbench weights fetch"):
        expressions.get(name).build({}, threads=1)
