"""Data sets of any size for the scaling study: the bundled faces over and over, with noise."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clones import BUNDLED, need_faces
from faces_look import decode, read_encoded, read_labels

from anonbench.io import encode_png
from anonbench.seeds import generator
from anonbench.types import Pixels

NOISE = 2
"""Largest change of a pixel's channel, in grey levels: no two images of a set are the same, and a
detector sees the same face."""

PER_SUBJECT = 14
"""As in the bundled set, so that there a subject of the study is one of its subjects."""


@dataclass(frozen=True, order=True)
class Size:
    """How large a run is."""

    images: int
    subjects: int
    strengths: int

    @classmethod
    def of(cls, images: int, subjects: int = 0, strengths: int = 1) -> Size:
        """Return a size; without `subjects`, with `PER_SUBJECT` images each.

        Raises
        ------
        ValueError
            If a number is below 1, or a subject would have no two images to compare.
        """
        size = cls(images, subjects or -(-images // PER_SUBJECT), strengths)
        if min(images, size.subjects, strengths) < 1 or images < 2 * size.subjects:
            raise ValueError(f"{size}: all numbers are at least 1, and images 2 a subject")
        return size

    def __str__(self) -> str:
        return f"{self.images} images, {self.subjects} subjects, {self.strengths} strengths"


def sources() -> list[bytes]:
    """Return the bundled faces as files, in the order of their names."""
    need_faces()
    return list(read_encoded(BUNDLED, read_labels(BUNDLED)))


def noisy(pixels: Pixels, number: int) -> Pixels:
    """Return an image with the noise of image `number`: uniform whole numbers up to `NOISE`."""
    change = generator(0, "scaling", number).integers(-NOISE, NOISE, pixels.shape, np.int8, True)
    return np.clip(pixels.astype(np.int16) + change, 0, 255).astype(np.uint8)


def subject_of(number: int, size: Size) -> int:
    """Return whose image `number` is; subjects follow each other, their sizes differ by one."""
    return number * size.subjects // size.images


def write_data_set(folder: Path, size: Size, faces: Sequence[bytes]) -> None:
    """Write a data set of type `folder`: labels.csv, and a PNG file an image.

    Image `k` is bundled image ``k mod len(faces)`` with noise of its own, whatever the size.

    Parameters
    ----------
    folder : Path
        Is made.
    size : Size
        Images and subjects.
    faces : sequence of bytes
        Image files, see `sources`.
    """
    folder.mkdir(parents=True)
    rows = []
    for k in range(size.images):
        subject = f"p{subject_of(k, size):05d}"
        path = f"{subject}/{k:06d}.png"
        (folder / subject).mkdir(exist_ok=True)
        (folder / path).write_bytes(encode_png(noisy(decode(faces[k % len(faces)]), k)))
        rows.append((path, subject))
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("path", "subject"), *rows])
