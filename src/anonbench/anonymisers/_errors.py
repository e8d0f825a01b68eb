"""Failures that the engine tells apart."""

from __future__ import annotations


class MissingImageError(FileNotFoundError):
    """Somebody else's method delivered no image: the ledger says `missing`, the output is black."""


class DegenerateFaceError(ValueError):
    """A face that cannot be replaced as a whole: in profile, upside down, tiny, elsewhere."""
