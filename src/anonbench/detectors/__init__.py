"""Face detectors: one file each, exporting ``PLUGIN``."""

from anonbench.detectors._base import Detector, DetectorPlugin, Info, Plugin
from anonbench.registry import Registry

_REGISTRY: Registry[Plugin] = Registry(__name__, __file__, "detector")
names = _REGISTRY.names
get = _REGISTRY.get

__all__ = ["Detector", "DetectorPlugin", "Info", "Plugin", "get", "names"]
