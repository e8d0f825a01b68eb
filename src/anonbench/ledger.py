"""What happened to every image: the vocabulary of the per-image ledger."""

from __future__ import annotations

from enum import StrEnum

COLUMNS = ("image_id", "strength", "status", "detail", "n_regions", "regions")
"""Columns of an anonymisation ledger, one row per image and strength. `regions` holds what the
method had to change as a flat list of left, top, right, bottom in pixels; empty for the whole
image."""


class Status(StrEnum):
    """State of one image after a stage; everything but `OK` is a failure that stays counted."""

    OK = "ok"
    UNREADABLE = "unreadable"
    """Not an image, truncated, or empty: found at ingest."""
    TOO_LARGE = "too_large"
    """More pixels than the data set's limit: not decoded."""
    TOO_SMALL = "too_small"
    """Fewer pixels on a side than any detector can use."""
    DUPLICATE = "duplicate"
    """Same pixels as an earlier image, and the data set says to drop those."""
    NO_FACE = "no_face"
    """The method's detector found no face: the output is blacked out."""
    NO_REGION = "no_region"
    """A face without the region asked for (its eyes, say): the output is blacked out."""
    SUBJECT_MISSED = "subject_missed"
    """The method's detector found other faces only: the output is blacked out."""
    METHOD_ERROR = "method_error"
    """The method raised or broke its contract: the output is blacked out."""
    MISSING = "missing"
    """An external method delivered no image: the output is black."""
    OTHER_FACE = "other_face"
    """The attacker found faces, but none that is the subject's: failure to acquire."""


INGEST_FAILURES = frozenset(
    {Status.UNREADABLE, Status.TOO_LARGE, Status.TOO_SMALL, Status.DUPLICATE}
)
"""States of an image that is in the labels but not in the archive."""
