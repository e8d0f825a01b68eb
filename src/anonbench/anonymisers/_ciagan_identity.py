"""Whose face CIAGAN draws: from photos to identity codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anonbench.anonymisers._base import Photo
from anonbench.anonymisers._ciagan_options import Options
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._whose import ranked
from anonbench.seeds import generator as keyed


@dataclass(frozen=True)
class Identities:
    """Chooses identities.

    Attributes
    ----------
    policy : str
        ``next`` (as the published test: the subject's place among all, and one more), ``fixed``,
        ``per_subject`` or ``per_image``.
    fixed : int
        The identity of the policy ``fixed``.
    codes : int
        How many identities there are.
    data : DataSet or None
        What `next` and `per_subject` rest on.
    """

    policy: str
    fixed: int
    codes: int
    data: DataSet | None

    def of(self, photo: Photo, generator: np.random.Generator) -> list[int]:
        """Return an identity for every region of a photo, all different.

        The policy decides on the labelled subject's face. Nobody knows who the others are: they get
        the identities that follow, from left to right.

        Raises
        ------
        ValueError
            If there are more faces than identities, or the data set is not known.
        """
        count = len(photo.regions)
        if count > self.codes:
            raise ValueError(f"{count} faces in one photo, but only {self.codes} identities")
        first = self._first(photo, generator)
        chosen = [0] * count
        for place, k in enumerate(ranked(photo)):
            chosen[k] = (first + place) % self.codes
        return chosen

    def _first(self, photo: Photo, generator: np.random.Generator) -> int:
        if self.policy == "fixed":
            return self.fixed
        if self.policy == "per_image":
            return int(generator.integers(self.codes))
        if self.data is None:
            raise ValueError(f"identity {self.policy}: the data set has to be known first")
        if self.policy == "next":
            return (_place(photo.subject, self.data.subjects) + 1) % self.codes
        # Not keyed by the method: methods that are compared give a subject the same identity.
        draw = keyed(self.data.seed, "identity", self.data.name, photo.subject)
        return int(draw.integers(self.codes))


def _place(subject: str, subjects: Sequence[str]) -> int:
    """Return the place of a subject among all; names that are numbers are ordered as such."""
    numbers = all(name.isdecimal() for name in subjects)
    ordered = sorted(subjects, key=lambda name: (int(name) if numbers else 0, name))
    if subject not in ordered:
        raise ValueError(f"subject {subject!r} is none of the data set's")
    return ordered.index(subject)


def identities(options: Options, codes: int, data: DataSet | None) -> Identities:
    """Return the policy of an entry.

    Raises
    ------
    ValueError
        For a fixed identity that the weights do not have.
    """
    if options.code >= codes:
        raise ValueError(f"code: {options.code}, but the weights have 0 to {codes - 1}")
    return Identities(options.identity, options.code, codes, data)
