"""Which pictures are shown, and how small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import pandas as pd

from anonbench.io import ArchiveReader, member, rows
from anonbench.types import Pixels

Failures = Mapping[tuple[str, str, str], str]
"""Status of images that a method blacked out, by method, strength and image."""


def choose_images(image_ids: Sequence[str], subjects: Mapping[str, str], n: int) -> list[str]:
    """Return the first image of each of the first `n` subjects.

    Nobody is chosen for how well it went.

    Parameters
    ----------
    image_ids : sequence of str
        Images that were read, in the order of the archive.
    subjects : mapping of str to str
        Subject by image.
    n : int
        Most images to return.
    """
    first: dict[str, str] = {}
    for image_id in image_ids:
        first.setdefault(subjects[image_id], image_id)
    return list(first.values())[:n]


def stored_images(reader: ArchiveReader, strength: str) -> list[str]:
    """Return the images that an archive holds at a strength, in its order."""
    prefix = member(strength, "")
    return [n.removeprefix(prefix) for n in reader.names() if n.startswith(prefix)]


def shrink(pixels: Pixels, limit: int) -> Pixels:
    """Return an image whose longer side is at most `limit` pixels, averaging over areas."""
    high, wide = pixels.shape[:2]
    scale = limit / max(high, wide)
    if scale >= 1:
        return pixels
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    smaller: Pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return smaller


def failures(ledger: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """Return the `Failures` in the ledger of one data set."""
    own = ledger[ledger["stage"] == "anonymise"]
    return {(r.method, r.strength, r.image_id): r.status for r in rows(own)}
