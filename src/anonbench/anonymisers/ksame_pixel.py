"""k-Same-Pixel: every pixel is the mean of at least k people's, who all get the same picture."""

from __future__ import annotations

from anonbench.anonymisers._ksame import KSame, info
from anonbench.anonymisers._ksame_groups import nearest_groups
from anonbench.anonymisers._ksame_models import PixelModel

PLUGIN = KSame(
    info("k-Same-Pixel", "Newton, Sweeney and Malin 2005"), nearest_groups, PixelModel.of
)
