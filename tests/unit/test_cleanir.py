"""CLEANIR: sizes as published, Keras' arithmetic by hand, and Keras files."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import nn

from anonbench.models.cleanir import (
    HALF,
    Decoder,
    Encoder,
    _StridedConv,
    halves,
    keras_weights,
    rotated,
)
from made_cleanir import filled, save_as_keras


def test_sizes_are_the_published_ones() -> None:
    def size(network: nn.Module) -> int:
        # Keras counts the moving averages as well.
        return sum(v.numel() for v in network.state_dict().values() if v.dim())

    assert size(Encoder()) == 7_258_240
    assert size(Decoder()) == 13_897_027


def test_strided_convolutions_pad_right_and_below() -> None:
    taps = torch.arange(1.0, 10).view(1, 1, 3, 3)
    conv = _StridedConv(1, 1, 3)
    conv.weight.data, conv.bias.data = taps, torch.zeros(1)  # type: ignore[union-attr]
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 3, 3] = 1
    # The last pixel lies in the middle of the last window: with equal padding it would be its end.
    assert conv(x).detach().tolist() == [[[[0, 0], [0, 5]]]]
    assert _StridedConv(3, 1, 7)._around == (2, 3, 2, 3)
    assert _StridedConv(3, 1, 7)(torch.zeros(1, 3, 64, 64)).shape == (1, 1, 32, 32)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("kind", [Encoder, Decoder])
def test_keras_files_give_the_same_network(kind: type, whole: bool, tmp_path: Path) -> None:
    one, other = filled(kind(), 1), kind().eval()
    save_as_keras(one, tmp_path / "weights.h5", whole)
    other.load_state_dict(keras_weights(tmp_path / "weights.h5", other))
    state = one.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in other.state_dict().items() if v.dim())


def test_reshaped_codes_are_in_keras_order(tmp_path: Path) -> None:
    made = filled(Decoder(), 1)
    save_as_keras(made, tmp_path / "decoder.h5", whole=True)
    with h5py.File(tmp_path / "decoder.h5") as file:
        kernel = np.asarray(file["model_weights/dense_1/dense_1/kernel:0"])
        bias = np.asarray(file["model_weights/dense_1/dense_1/bias:0"])
    code = np.linspace(-1, 1, 1024, dtype=np.float32)
    keras = (code @ kernel + bias).reshape(4, 4, 512)
    ours = made.dense(torch.from_numpy(code)[None]).view(512, 4, 4).permute(1, 2, 0)
    np.testing.assert_allclose(ours.detach().numpy(), keras, atol=1e-5)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no")
    with pytest.raises(ValueError, match=r"text\.h5: no Keras file"):
        keras_weights(tmp_path / "text.h5", Encoder())
    save_as_keras(Decoder(), tmp_path / "decoder.h5", whole=False)
    with pytest.raises(ValueError, match="no layer could be res2conv_branch2a"):
        keras_weights(tmp_path / "decoder.h5", Encoder())


def test_pictures_become_codes_and_codes_pictures() -> None:
    encoder, decoder = filled(Encoder(), 1), filled(Decoder(), 2)
    pictures = torch.rand(3, 3, 64, 64, generator=torch.manual_seed(3)) * 2 - 1
    with torch.inference_mode():
        mean, spread = encoder(pictures)
        identity, attributes = halves(mean)
        out = decoder(identity, attributes)
        again = decoder(*halves(encoder(pictures[1:2])[0]))
    assert mean.shape == spread.shape == (3, 2 * HALF)
    assert torch.allclose(identity.norm(dim=1), torch.ones(3))
    assert out.shape == (3, 3, 64, 64) and out.abs().max() <= 1
    assert torch.allclose(out[1], again[0], atol=1e-5), "a picture depends on its batch"


def test_angles_by_hand() -> None:
    identity, towards = torch.zeros(2, 1, HALF)
    identity[0, 0] = 1
    towards[0, :2] = torch.tensor([0.6, 0.8])
    for degrees, expected in ((0, (1, 0)), (90, (0, 0.8)), (180, (-1, 0)), (60, (0.5, 0.692820))):
        found = rotated(identity, towards, degrees)[0]
        assert found[:2].tolist() == pytest.approx(expected, abs=1e-6)
        assert found[2:].abs().max() == 0
