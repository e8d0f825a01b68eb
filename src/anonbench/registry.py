"""Plug-ins by file name: one module of a package is one plug-in, found without importing it."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

PACKAGES = ("anonymisers", "datasets", "detectors", "expressions", "recognisers")
"""The packages that hold plug-ins."""


class UnknownNameError(ValueError):
    """A name that no plug-in, key or entry has; the message names the nearest that exist."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Build the error for an unknown `name` of a `kind`, with the nearest known names.

    Parameters
    ----------
    kind : str
        What was looked for, as the message calls it, e.g. ``"anonymiser"``.
    name : str
        The name that was not found.
    known : iterable of str
        The names that exist.

    Returns
    -------
    UnknownNameError
        To be raised by the caller.
    """
    choices = sorted(known)
    near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UnknownNameError(f"unknown {kind} {name!r}{hint} Known: {', '.join(choices) or 'none'}")


class Registry(Generic[T]):
    """The plug-ins of one package.

    A module whose name does not begin with an underscore is a plug-in of that name and holds it as
    ``PLUGIN``. Names come from the file system, so that listing imports nothing heavy.

    Parameters
    ----------
    package : str
        Dotted name of the package, e.g. ``"anonbench.anonymisers"``.
    folder : str
        The package's ``__file__`` or folder.
    kind : str
        What a plug-in is called in messages.
    """

    def __init__(self, package: str, folder: str, kind: str) -> None:
        self.package = package
        self.kind = kind
        path = Path(folder)
        self._folder = path.parent if path.suffix else path

    def names(self) -> tuple[str, ...]:
        """Return the names of all plug-ins, sorted."""
        modules = pkgutil.iter_modules([str(self._folder)])
        return tuple(sorted(m.name for m in modules if not m.name.startswith("_")))

    def get(self, name: str) -> T:
        """Import and return the plug-in called `name`.

        Raises
        ------
        UnknownNameError
            If there is none; the message names the nearest.
        """
        if name not in self.names():
            raise unknown_name(self.kind, name, self.names())
        plugin: T = importlib.import_module(f"{self.package}.{name}").PLUGIN
        return plugin


def plugin_names(package: str) -> tuple[str, ...]:
    """Return the plug-ins of one of `PACKAGES` without importing even the package.

    The workflow validates a configuration where none of the numerical libraries is installed.
    """
    folder = Path(__file__).parent / package
    return Registry[object](f"anonbench.{package}", str(folder), package).names()
