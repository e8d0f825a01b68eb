"""Control: a black image. No attack on it may do better than chance."""

from __future__ import annotations

import numpy as np

from anonbench.anonymisers._base import Info
from anonbench.anonymisers._whole import WholeImageMethod

PLUGIN = WholeImageMethod(
    Info(
        label="Blank",
        reference="control: nothing is left",
        control=True,
        needs_region=False,
    ),
    np.zeros_like,
)
