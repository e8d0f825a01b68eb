"""Control: the image as it is. An attack on it has to give the clear baseline exactly."""

from __future__ import annotations

import numpy as np

from anonbench.anonymisers._base import Info
from anonbench.anonymisers._whole import WholeImageMethod

PLUGIN = WholeImageMethod(
    Info(
        label="Original",
        reference="control: nothing is anonymised",
        control=True,
        needs_region=False,
    ),
    np.copy,
)
