"""k-Same-M: shape and texture are averaged apart, so that features meet instead of ghosting."""

from __future__ import annotations

from anonbench.anonymisers._ksame import KSame, info
from anonbench.anonymisers._ksame_groups import nearest_groups
from anonbench.anonymisers._ksame_models import ShapeModel

PLUGIN = KSame(
    info("k-Same-M", "Gross, Sweeney, de la Torre and Baker 2006"),
    nearest_groups,
    ShapeModel.of,
    components=True,
)
