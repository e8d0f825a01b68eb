"""Data set types: one file a type, exporting ``PLUGIN``; see docs/data.md."""

from anonbench.datasets._base import (
    EXPRESSIONS,
    LABEL_COLUMNS,
    RECORD_COLUMNS,
    DataError,
    Dataset,
    DatasetType,
    Info,
    Place,
    Plugin,
)
from anonbench.registry import Registry

_REGISTRY: Registry[Plugin] = Registry(__name__, __file__, "data set type")
names = _REGISTRY.names
get = _REGISTRY.get

__all__ = [
    "EXPRESSIONS", "LABEL_COLUMNS", "RECORD_COLUMNS", "DataError", "Dataset", "DatasetType",
    "Info", "Place", "Plugin", "get", "names",
]  # fmt: skip
