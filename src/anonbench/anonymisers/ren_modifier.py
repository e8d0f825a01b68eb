"""Ren's modifier: a network that has learnt to keep a face's structure and to lose who it is."""

from __future__ import annotations

from anonbench.anonymisers._base import Info
from anonbench.anonymisers._modifier import ModifierPlugin

PLUGIN = ModifierPlugin(
    Info(
        label="Ren's modifier",
        reference="Ren et al. 2018",
        strength="weight of the difference that the network was trained with",
        kind="float",
        minimum=0.0,
        maximum=1000.0,
        # The more a difference costs, the more is kept. A network for each strength, so there are
        # no strengths of one's own: which there are depends on the weights.
        stronger="lower",
    ),
    "Modifier",
    "ren_rendered_{strength}",
)
