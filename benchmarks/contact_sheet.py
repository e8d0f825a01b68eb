"""Lay out a rendered face set for the eye: a row a subject, a column an expression, full size.

``python benchmarks/contact_sheet.py DIR OUT.png [--subjects s0000,s0001 | --count 8] [--view 0]``
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from faces_expression import EXPRESSIONS
from faces_look import FaceSetError, decode, read_encoded, read_labels
from PIL import Image, ImageDraw, ImageFont

from anonbench.io import atomic
from anonbench.types import Pixels

LINE = 22
"""Height in pixels of a line of text."""
GAP = 2
FILTER = Image.Resampling.LANCZOS
PAPER, INK, MISSING = "#ffffff", "#1a1a1a", "#d0d0d0"
ABOUT = ("gender", "age", "ancestry", "skin_tone", "hair_style", "hair_colour", "facial_hair",
         "glasses", "makeup")  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        table = read_labels(options.folder)
        subjects = choose(table, options.subjects, options.count, options.first)
        if options.view not in set(table["view"]):
            raise FaceSetError(f"the set has no view {options.view}")
    except (FaceSetError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    picture = sheet(options.folder, table, subjects, options.view, options.size)
    with atomic(options.out) as partial:
        kind = "JPEG" if options.out.suffix.lower() in (".jpg", ".jpeg") else "PNG"
        picture.save(partial, format=kind, quality=90)
    print(f"{options.out}: {picture.width} x {picture.height} pixels, {len(subjects)} subjects")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="labels.csv and faces-*.tar")
    parser.add_argument("out", type=Path, help="PNG or JPEG file")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--subjects", type=lambda text: text.split(","), help="s0000,s0001")
    which.add_argument("--count", type=int, default=8, help="so many subjects")
    parser.add_argument("--first", type=int, default=0, help="subjects skipped before --count")
    parser.add_argument("--size", type=int, default=256, help="side of an image in pixels")
    parser.add_argument("--view", default="0")
    return parser.parse_args(arguments)


def choose(
    table: pd.DataFrame, wanted: Sequence[str] | None, count: int, first: int = 0
) -> list[str]:
    """Return the subjects wanted, or `count` of them in the order of their names.

    Raises
    ------
    FaceSetError
        If a subject is not in the set, or none is left.
    """
    every = sorted(set(table["subject"]))
    if wanted is None:
        chosen = every[first : first + count]
        if not chosen:
            raise FaceSetError(f"no subjects from {first}: the set has {len(every)}")
        return chosen
    unknown = [name for name in wanted if name not in every]
    if unknown:
        raise FaceSetError(f"not in the set: {', '.join(unknown)}")
    return list(wanted)


def sheet(
    folder: Path, table: pd.DataFrame, subjects: Sequence[str], view: str, size: int
) -> Image.Image:
    """Draw the sheet; an image that the set lacks is a grey square."""
    rows = table[table["subject"].isin(subjects) & (table["view"] == view)]
    keys = zip(rows["subject"], rows["expression"], strict=True)
    images = dict(zip(keys, map(decode, read_encoded(folder, rows)), strict=True))
    width = len(EXPRESSIONS) * (size + GAP) - GAP
    picture = Image.new("RGB", (width, LINE + len(subjects) * (LINE + size)), PAPER)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=15)
    for k, name in enumerate(EXPRESSIONS):
        draw.text((k * (size + GAP) + 4, 2), name, INK, font)
    for row, subject in enumerate(subjects):
        top = LINE + row * (LINE + size)
        draw.text((4, top + 2), caption(table, subject), INK, font)
        for k, name in enumerate(EXPRESSIONS):
            cell = _cell(images.get((subject, name)), size)
            picture.paste(cell, (k * (size + GAP), top + LINE))
    return picture


def _cell(pixels: Pixels | None, size: int) -> Image.Image:
    if pixels is None:
        return Image.new("RGB", (size, size), MISSING)
    image = Image.fromarray(pixels)
    # At its own size nothing may soften what is to be judged.
    return image if image.size == (size, size) else image.resize((size, size), FILTER)


def caption(table: pd.DataFrame, subject: str) -> str:
    """Return what the labels say of a subject, in one line."""
    about = table[table["subject"] == subject].iloc[0].copy()
    about["skin_tone"] = f"{float(about['skin_tone']):.1f}"
    told = [f"{n.replace('_', ' ')} {about[n]}" for n in ABOUT if about[n] not in ("", "none")]
    return ", ".join([subject, *told])


if __name__ == "__main__":
    sys.exit(main())
