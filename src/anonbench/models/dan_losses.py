"""The three losses that DAN is trained with; their sum, each with weight 1."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from anonbench.models.dan import FEATURES


class AffinityLoss(nn.Module):
    """Pulls features towards a learned centre of their class, relative to the centres' spread.

    ``mean_i ||f_i - c_y(i)||^2 / sum_d var_k c_kd`` (Wen et al. 2021, equation 3), as the official
    code computes it: unbiased variance, every entry of the samples x classes table clamped to
    1e-12..1e12, also those of other classes, which are 0.

    Parameters
    ----------
    classes : int
        Number of centres.
    """

    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        self.centers = nn.Parameter(torch.randn(classes, FEATURES))

    def forward(self, feature_map: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of feature maps (N, 512, height, width) with labels (N,)."""
        # Squares of large features leave the range in which half precision is of use.
        features = feature_map.float().mean(dim=(2, 3))
        distance = ((features - self.centers[labels]) ** 2).sum(dim=1)
        own = (distance / self.centers.var(dim=0).sum()).clamp(1e-12, 1e12)
        return own.mean() + 1e-12 * (len(self.centers) - 1)


class PartitionLoss(nn.Module):
    """Pushes attention heads apart: ``log(1 + H / mean variance over heads)`` (equation 7)."""

    def forward(self, heads: Tensor) -> Tensor:
        """Return the loss of heads (N, H, 512), after the log-softmax; 0 for a single head."""
        number = heads.shape[1]
        if number < 2:
            return heads.new_zeros(())
        spread = heads.float().var(dim=1).mean()
        return torch.log1p(number / (spread + torch.finfo(torch.float64).eps))
