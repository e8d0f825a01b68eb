"""What an anonymiser may offer beyond the contract; the engine asks whether it does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from anonbench.anonymisers._base import Region, Strength


@runtime_checkable
class ChecksStrengths(Protocol):
    """Can tell before any work whether it is ready for the strengths."""

    def check_strengths(self, strengths: Sequence[Strength]) -> None:
        """Raise ValueError for strengths that cannot be run."""
        ...


@runtime_checkable
class ChangesMore(Protocol):
    """Changes other pixels than those of the region, so the ledger has to say which."""

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return whole pixels (left, top, right, bottom) of an image, right, bottom exclusive."""
        ...
