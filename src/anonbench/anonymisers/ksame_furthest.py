"""k-Same-furthest: a group gets the mean face of the group that is least like it."""

from __future__ import annotations

from anonbench.anonymisers._ksame import KSame, info
from anonbench.anonymisers._ksame_groups import furthest_groups
from anonbench.anonymisers._ksame_models import ShapeModel

PLUGIN = KSame(
    # The farther the other group, the more it is like anybody: more people are no farther away.
    info("k-Same-furthest", "Meng and Sun 2014", stronger=False),
    furthest_groups,
    ShapeModel.of,
    components=True,
)
