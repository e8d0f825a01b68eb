"""dlib's network in PyTorch: for a GPU, and for bfloat16."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from anonbench.recognisers._dlib_network import Block, Convolution, Layers


class TorchNetwork(nn.Module):
    """The network as a function of chips.

    Parameters
    ----------
    layers : Layers
        Its weights.
    threads : int
        Threads of PyTorch on the processor.
    device : str
        ``cpu`` or ``cuda``.
    precision : str
        ``float32`` or ``bf16``.

    Raises
    ------
    ValueError
        If the device is ``cuda`` and PyTorch finds none.
    """

    def __init__(self, layers: Layers, threads: int, device: str, precision: str) -> None:
        super().__init__()
        if device == "cuda" and not torch.cuda.is_available():
            raise ValueError("device: cuda, but PyTorch finds no GPU here; device: cpu works")
        torch.set_num_threads(threads)
        # TensorFloat-32 has three digits, too few for embeddings that agree with dlib's.
        torch.backends.cudnn.allow_tf32 = False
        self._device = torch.device(device)
        self._type = torch.bfloat16 if precision == "bf16" else torch.float32
        self.stem = _convolution(layers.stem, stride=2, padding=0)
        self.blocks = nn.Sequential(*map(_Block, layers.blocks))
        self.head = nn.Parameter(torch.from_numpy(layers.head.copy()))
        self.to(self._device, self._type, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.eval()

    @torch.inference_mode()
    def forward(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return embeddings (N, 128) float32 of chips (N, 150, 150, 3) uint8."""
        # Seen as (N, 3, 150, 150), the chips already lie in memory as channels-last wants it.
        x = torch.from_numpy(chips).to(self._device).permute(0, 3, 1, 2).to(self._type)
        # The maximum of ReLUs is the ReLU of the maximum, which has a quarter of the numbers.
        x = functional.relu_(functional.max_pool2d(self.stem(x), 3, 2))
        x = self.blocks(x).mean(dim=(2, 3)) @ self.head
        embedded: NDArray[np.float32] = x.float().cpu().numpy()
        return embedded


def _convolution(c: Convolution, stride: int, padding: int) -> nn.Conv2d:
    outputs, inputs, rows, _ = c.kernel.shape
    layer = nn.Conv2d(inputs, outputs, rows, stride, padding, device="meta")
    # Without memory, and so without random numbers, until the weights are there.
    layer.weight = nn.Parameter(torch.from_numpy(c.kernel))
    layer.bias = nn.Parameter(torch.from_numpy(c.bias))
    return layer


class _Block(nn.Module):
    def __init__(self, block: Block) -> None:
        super().__init__()
        self.down = block.down
        stride, padding = (2, 0) if block.down else (1, 1)
        self.first = _convolution(block.first, stride, padding)
        self.second = _convolution(block.second, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(functional.relu_(self.first(x)))
        if self.down:
            x = functional.avg_pool2d(x, 2, 2)
            # dlib adds tensors of unequal size by padding the smaller with zeros at its end.
            channels, rows, columns = (
                max(a, b) for a, b in zip(x.shape[1:], y.shape[1:], strict=True)
            )
            x, y = _grow(x, channels, rows, columns), _grow(y, channels, rows, columns)
        return functional.relu_(y.add_(x))


def _grow(x: Tensor, channels: int, rows: int, columns: int) -> Tensor:
    missing = (0, columns - x.shape[3], 0, rows - x.shape[2], 0, channels - x.shape[1])
    return functional.pad(x, missing) if any(missing) else x
