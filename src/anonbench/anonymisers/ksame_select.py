"""k-Same-Select: k-Same-Pixel within images of one expression, or people of one gender."""

from __future__ import annotations

from anonbench.anonymisers._ksame import KSame, info
from anonbench.anonymisers._ksame_groups import nearest_groups
from anonbench.anonymisers._ksame_models import PixelModel

PLUGIN = KSame(
    info("k-Same-Select", "Gross, Airoldi, Malin and Sweeney 2005"),
    nearest_groups,
    PixelModel.of,
    select=True,
)
