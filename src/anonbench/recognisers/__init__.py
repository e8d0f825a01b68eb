"""Face recognition systems: one file each, exporting ``PLUGIN``."""

from anonbench.recognisers._base import Info, Plugin, Recogniser, RecogniserPlugin
from anonbench.registry import Registry

_REGISTRY: Registry[Plugin] = Registry(__name__, __file__, "recogniser")
names = _REGISTRY.names
get = _REGISTRY.get

__all__ = ["Info", "Plugin", "Recogniser", "RecogniserPlugin", "get", "names"]
