"""DAN: golden outputs of the official network, its losses by hand, and ONNX against PyTorch."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from anonbench import expressions, weights
from anonbench.expressions._batches import BATCH
from anonbench.expressions.dan import Dan, check
from anonbench.models.dan import DAN, dan_of, size_of
from anonbench.models.dan_losses import AffinityLoss, PartitionLoss
from anonbench.weight_models import AFFECTNET, RAFDB

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"


def made(classes: int, heads: int = 4) -> dict[str, NDArray[np.generic]]:
    """Weights in which no two entries are alike and nothing vanishes or explodes."""
    draw = np.random.default_rng(classes)
    arrays = {}
    for name, value in DAN(classes, heads).state_dict().items():
        shape = tuple(value.shape)
        if name.endswith("num_batches_tracked"):
            arrays[name] = np.array(1, np.int64)
        elif name.endswith("running_var"):
            arrays[name] = draw.uniform(0.5, 2, shape).astype(np.float32)
        elif len(shape) > 1:
            deviation = 0.5 * math.sqrt(2 / np.prod(shape[1:]))
            arrays[name] = draw.normal(0, deviation, shape).astype(np.float32)
        else:
            low = 0.7 if name.endswith("weight") else -0.1
            arrays[name] = draw.uniform(low, low + 0.3, shape).astype(np.float32)
    return arrays


@pytest.mark.parametrize("classes", [7, 8])
def test_official_outputs_are_reproduced(classes: int, formula: ModuleType) -> None:
    golden = np.load(GOLDEN / f"dan_{classes}.npz")
    network = formula.fill(DAN(classes), 0.3)
    with torch.inference_mode():
        output = network(formula.check_input("dan", (2, 3, 224, 224), 0, -2, 2))
    found = {
        "logits": output.logits,
        "feature_mean": output.feature_map.mean(dim=(2, 3)),
        "heads": output.heads,
    }
    assert set(found) == set(golden.files)
    for name, value in found.items():
        expected = golden[name]
        assert value.shape == expected.shape
        assert np.abs(value.numpy() - expected).max() <= 1e-4 * np.abs(expected).max(), name


@pytest.mark.parametrize("classes", [7, 8])
def test_parameters_are_named_as_in_official_checkpoints(classes: int, formula: ModuleType) -> None:
    listed = (GOLDEN / "keys" / f"dan_{classes}.txt").read_text().splitlines()
    own = [f"{k} {tuple(v.shape)}" for k, v in DAN(classes).state_dict().items()]
    assert own == [line.strip() for line in listed]
    assert len(own) == 275


def test_number_of_parameters() -> None:
    counts = [sum(p.numel() for p in DAN(c).parameters()) for c in (7, 8)]
    assert counts == [19_723_733, 19_724_248]


def test_size_follows_from_weights() -> None:
    arrays = made(8, heads=2)
    assert size_of(arrays) == (8, 2)
    network = dan_of(arrays)
    assert not network.training
    assert torch.equal(network.fc.weight, torch.from_numpy(np.asarray(arrays["fc.weight"])))
    with pytest.raises(ValueError, match="not the weights of a DAN"):
        size_of({"conv1.weight": np.zeros(1)})
    del arrays["cat_head1.sa.conv_1x3.0.bias"]
    with pytest.raises(ValueError, match="conv_1x3"):
        dan_of(arrays)


def test_affinity_loss_by_hand() -> None:
    loss = AffinityLoss(2)
    with torch.no_grad():
        loss.centers.zero_()
        loss.centers[0, 0], loss.centers[1, 0] = 1.0, 3.0
    # The spread is the unbiased variance of (1, 3), 2. Features (1, 0, ...) and (0, 2, 0, ...).
    maps = torch.zeros(2, 512, 2, 2)
    maps[0, 0], maps[1, 1] = 1.0, 2.0
    value = loss(maps, torch.tensor([0, 1]))
    # Distances 0 (clamped to 1e-12) and 3^2 + 2^2 = 13.
    assert value.item() == pytest.approx(13 / 2 / 2, rel=1e-6)
    value.backward()
    assert loss.centers.grad is not None and loss.centers.grad.abs().sum() > 0


def test_partition_loss_by_hand() -> None:
    heads = torch.zeros(1, 4, 512)
    heads[0, 0] = 2.0
    # Unbiased variance of (2, 0, 0, 0): mean 0.5, squares 2.25 + 3 * 0.25 = 3, over 3.
    assert PartitionLoss()(heads).item() == pytest.approx(math.log(1 + 4 / 1.0), rel=1e-6)
    assert PartitionLoss()(torch.ones(1, 4, 512)).item() == pytest.approx(
        math.log(4 / np.finfo(np.float64).eps), rel=1e-5
    )
    assert PartitionLoss()(torch.ones(3, 1, 512)).item() == 0.0


@pytest.mark.parametrize(("model", "heads"), [("dan_rafdb", 4), ("dan_affectnet8", 2)])
def test_onnx_is_the_network(
    model: str, heads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint as the authors save it: by the registry, ONNX and the order of its classes."""
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    classes = len(weights.model(model).classes)
    network = dan_of(made(classes, heads))
    torch.save(
        {"iter": 21, "model_state_dict": network.state_dict(), "optimizer_state_dict": {}},
        weights.file(model),
    )
    plugin = expressions.get("dan")
    own = plugin.build({"weights": model, "crop": "image"}, threads=1)
    draw = np.random.default_rng(0)
    pictures = [draw.integers(0, 256, (90, 120, 3), np.uint8) for _ in range(3)]
    crops = [own.crop(p, None, None) for p in pictures]
    assert crops[0].shape == (224, 224, 3)
    found = own.classify(crops)
    mean, deviation = (np.array(v, np.float32) for v in (
        (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))  # fmt: skip
    images = (np.stack(crops).astype(np.float32) / 255 - mean) / deviation
    with torch.inference_mode():
        output = network(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    expected = output.logits.softmax(dim=1).numpy()
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-5)
    pooled = output.feature_map.mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(found.features, pooled, atol=1e-4 * np.abs(pooled).max())
    assert own.classes == (RAFDB if model == "dan_rafdb" else (*AFFECTNET, "contempt"))
    assert plugin.models({"weights": model}) == (model,)


def test_a_crop_does_not_depend_on_its_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(weights.VARIABLE, str(tmp_path))
    torch.save(dan_of(made(7, 1)).state_dict(), weights.file("dan_rafdb"))
    own = Dan(weights="dan_rafdb")
    draw = np.random.default_rng(1)
    crops = [draw.integers(0, 256, (224, 224, 3), np.uint8) for _ in range(BATCH + 1)]
    together, alone = own.classify(crops), own.classify(crops[-1:])
    assert together.probabilities.shape == (BATCH + 1, 7)
    assert (together.probabilities[-1] == alone.probabilities[0]).all()
    assert (together.features[-1] == alone.features[0]).all()
    assert own.classify([]).probabilities.shape == (0, 7)


def test_other_weights_are_refused() -> None:
    arrays = made(7, 1)
    assert check(arrays, 7, "x.pth") == 1
    with pytest.raises(weights.WeightsError, match="7 classes, but the model has 8"):
        check(arrays, 8, "x.pth")
    with pytest.raises(weights.WeightsError, match="no weights of a DAN"):
        check({"a": np.zeros(1)}, 7, "x.pth")
    arrays["fc.weight"] = np.full_like(arrays["fc.weight"], np.nan)
    with pytest.raises(weights.WeightsError, match=r"fc\.weight is not finite"):
        check(arrays, 7, "x.pth")
