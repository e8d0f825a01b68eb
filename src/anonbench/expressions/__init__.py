"""Facial expression networks: one file each, exporting ``PLUGIN``."""

from anonbench.expressions._base import (
    EXPRESSIONS,
    Classified,
    ExpressionNetwork,
    ExpressionPlugin,
    Info,
    Plugin,
)
from anonbench.registry import Registry

_REGISTRY: Registry[Plugin] = Registry(__name__, __file__, "expression network")
names = _REGISTRY.names
get = _REGISTRY.get

__all__ = [
    "EXPRESSIONS",
    "Classified",
    "ExpressionNetwork",
    "ExpressionPlugin",
    "Info",
    "Plugin",
    "get",
    "names",
]
