"""Which models of the registry an experiment uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anonbench import expressions


def used_weights(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models of the registry that the run's expression networks would load, sorted.

    Parameters
    ----------
    parameters : mapping
        The configuration with all defaults filled in.
    """
    catalogue = parameters.get("expressions", {})
    names: set[str] = set()
    for name in parameters.get("run", {}).get("expressions", ()):
        entry = catalogue[name]
        names |= set(expressions.get(entry["type"]).models(entry.get("options", {})))
    return tuple(sorted(names))
