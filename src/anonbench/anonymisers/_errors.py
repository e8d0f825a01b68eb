"""Failures that the engine tells apart."""

from __future__ import annotations


class MissingImageError(FileNotFoundError):
    """Somebody else's method delivered no image: the ledger says `missing`, the output is black."""
