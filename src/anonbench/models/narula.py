"""The transform of Narula, Feng and Chaspari (2020): the first convolutions of a network.

"Preserving privacy in image-based emotion recognition through user anonymization", ICMI. Sizes of
its layers are not known; these are ours.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

KERNEL = 7
"""Width and height of a filter in pixels."""
CHANNELS = 8
"""Between layers."""


class SharedConvolutions(nn.Module):
    """One or a few convolutions that turn a face into a picture of the same size.

    Parameters
    ----------
    layers : int
        Convolutions. A single one is a linear filter.
    kernel : int
        Width and height of their filters, odd.
    channels : int
        Between two layers.
    """

    def __init__(self, layers: int = 1, kernel: int = KERNEL, channels: int = CHANNELS) -> None:
        super().__init__()
        widths = (3, *([channels] * (layers - 1)), 3)
        self.layers = nn.ModuleList(
            nn.Conv2d(given, made, kernel) for given, made in pairwise(widths)
        )
        self._around = nn.ReflectionPad2d(kernel // 2)

    def forward(self, faces: Tensor) -> Tensor:
        """Return transformed faces.

        Parameters
        ----------
        faces : Tensor of shape (N, 3, height, width)
            Red, green, blue, -1..1.

        Returns
        -------
        Tensor of the same shape, -1..1
        """
        x = faces
        for k, layer in enumerate(self.layers):
            x = layer(self._around(nn.functional.relu(x) if k else x))
        return x.tanh()
