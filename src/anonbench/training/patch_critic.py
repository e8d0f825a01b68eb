"""A critic that scores a picture patch by patch (Isola et al. 2017), in place of CIAGAN's own."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class PatchCritic(nn.Module):
    """Convolutions alone: every score is that of a patch of 70 x 70 pixels.

    Parameters
    ----------
    input_channels : int
        Channels of the picture and of the landmark drawing together.
    width : int
        Channels of the first layer; published: 64.
    """

    def __init__(self, input_channels: int = 6, width: int = 64) -> None:
        super().__init__()
        widths = (input_channels, width, 2 * width, 4 * width, 8 * width)
        self.layers = nn.ModuleList()
        for k in range(4):
            stride = 2 if k < 3 else 1
            layer = [nn.Conv2d(widths[k], widths[k + 1], 4, stride, padding=1)]
            norm = [nn.InstanceNorm2d(widths[k + 1])] if k else []
            self.layers.append(nn.Sequential(*layer, *norm))
        self.score = nn.Conv2d(widths[-1], 1, 4, padding=1)
        self.apply(_published_start)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores (N, 1, h, w) of pictures, then landmarks, (N, 6, height, width)."""
        return self.judged(x)[0]

    def judged(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the scores, and what each layer made of the pictures."""
        inner = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            inner.append(x)
        scores: Tensor = self.score(x)
        return scores, inner


def _published_start(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
