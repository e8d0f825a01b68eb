"""Anonymisers: one file a method, exporting ``PLUGIN``; see docs/add-a-method.md."""

from anonbench.anonymisers._base import (
    Anonymiser,
    Info,
    PatchMethod,
    Photo,
    Plugin,
    Region,
    Strength,
)
from anonbench.registry import Registry

_REGISTRY: Registry[Plugin] = Registry(__name__, __file__, "anonymiser")
names = _REGISTRY.names
get = _REGISTRY.get

__all__ = [
    "Anonymiser", "Info", "PatchMethod", "Photo", "Plugin", "Region", "Strength", "get", "names",
]  # fmt: skip
