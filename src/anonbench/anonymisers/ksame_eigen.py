"""k-Same-Eigen: principal components of faces are averaged over groups of at least k people."""

from __future__ import annotations

from anonbench.anonymisers._ksame import KSame, info
from anonbench.anonymisers._ksame_groups import nearest_groups
from anonbench.anonymisers._ksame_models import EigenModel

PLUGIN = KSame(
    info("k-Same-Eigen", "Newton, Sweeney and Malin 2005"),
    nearest_groups,
    EigenModel.of,
    components=True,
)
