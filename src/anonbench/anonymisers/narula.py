"""Narula's transform: convolutions after which expressions are told, but not people."""

from __future__ import annotations

from anonbench.anonymisers._base import Info
from anonbench.anonymisers._modifier import ModifierPlugin

PLUGIN = ModifierPlugin(
    Info(
        label="Narula's transform",
        reference="Narula et al. 2020",
        strength="weight of the loss of who it is that the network was trained with",
        kind="float",
        minimum=0.0,
        maximum=1000.0,
        # A network for each strength, as of Ren's modifier.
        stronger="higher",
    ),
    "SharedConvolutions",
    "narula_rendered_{strength}",
)
