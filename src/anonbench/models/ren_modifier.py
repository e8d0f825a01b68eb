"""The face modifier of Ren, Lee and Ryoo (2018), "Learning to anonymize faces", ECCV.

The generator of CycleGAN (Zhu et al. 2017) with nine residual blocks.
"""

from __future__ import annotations

from torch import Tensor, nn

SIZE = 256
"""Width and height of a face in pixels."""
BLOCKS = 9


class Modifier(nn.Module):
    """Turns a face into one of the same pose and action, but of somebody else.

    Names and shapes of parameters are those of the official checkpoints without the running
    statistics of normalisation, which old ones hold and nothing uses.

    Parameters
    ----------
    channels : int
        Of the first layer.
    blocks : int
        Residual blocks in the middle.
    """

    def __init__(self, channels: int = 64, blocks: int = BLOCKS) -> None:
        super().__init__()
        c = channels
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3), nn.Conv2d(3, c, 7), *_normalised(c),
            nn.Conv2d(c, 2 * c, 3, 2, 1), *_normalised(2 * c),
            nn.Conv2d(2 * c, 4 * c, 3, 2, 1), *_normalised(4 * c),
            *(ResidualBlock(4 * c) for _ in range(blocks)),
            nn.ConvTranspose2d(4 * c, 2 * c, 3, 2, 1, output_padding=1), *_normalised(2 * c),
            nn.ConvTranspose2d(2 * c, c, 3, 2, 1, output_padding=1), *_normalised(c),
            nn.ReflectionPad2d(3), nn.Conv2d(c, 3, 7), nn.Tanh(),
        )  # fmt: skip

    def forward(self, faces: Tensor) -> Tensor:
        """Return modified faces.

        Parameters
        ----------
        faces : Tensor of shape (N, 3, height, width)
            Red, green, blue, -1..1; as trained, 256 x 256 pixels. Sides are multiples of four.

        Returns
        -------
        Tensor of the same shape, -1..1
        """
        modified: Tensor = self.model(faces)
        return modified


class ResidualBlock(nn.Module):
    """Two convolutions whose result is added to what they are given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), *_normalised(channels),
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels),
        )  # fmt: skip

    def forward(self, given: Tensor) -> Tensor:
        """Return the sum, of the input's shape."""
        result: Tensor = given + self.conv_block(given)
        return result


def _normalised(channels: int) -> tuple[nn.Module, nn.Module]:
    """Return what follows a convolution: each image's channels are normalised by themselves."""
    return nn.InstanceNorm2d(channels), nn.ReLU(inplace=True)
