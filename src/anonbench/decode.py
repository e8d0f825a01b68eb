"""Any image file to 8-bit RGB pixels, or the reason why not."""

from __future__ import annotations

import bz2
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import ExifTags, Image, ImageFile, ImageOps, UnidentifiedImageError

from anonbench.ledger import Status
from anonbench.types import Pixels

# Pillow registers only the commonest formats by itself.
Image.init()

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
"""Accepted formats, recognised by content; others would run rarely used decoders on strangers'
files."""


@dataclass(frozen=True)
class Decoded:
    """An image file after reading.

    Attributes
    ----------
    status : Status
        ``ok``, ``unreadable``, ``too_large`` or ``too_small``.
    detail : str
        Why not; or what had to be converted.
    pixels : ndarray of shape (height, width, 3), uint8, or None
        RGB as a viewer shows it; None unless the status is ``ok``.
    sha256 : str
        Digest of the file's bytes; empty where it could not be read.
    """

    status: Status
    detail: str = ""
    pixels: Pixels | None = None
    sha256: str = ""


@contextmanager
def own_limits() -> Iterator[None]:
    """Switch Pillow's size limit off, `read_image` has its own, and its leniency too.

    Both are globals of Pillow; they get their old values back.
    """
    limit, lenient = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES
    Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = None, False
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES = limit, lenient


def read_image(path: Path, *, max_pixels: int, min_side: int) -> Decoded:
    """Read an image file; ``.bz2`` is unpacked on the fly.

    The EXIF orientation is applied, nothing else of the metadata is used: colour profiles are
    ignored. Of several frames the first counts. Transparent pixels are laid over white, as a
    viewer does, so that nothing hidden becomes visible. Of 16-bit values the high byte is kept,
    which undoes both ways of widening 8 bits (v * 257 and v * 256).

    Parameters
    ----------
    path : Path
    max_pixels : int
        Images of more pixels are not decoded; the size is taken from the header.
    min_side : int
        Images with a shorter side, in pixels, are refused.

    Returns
    -------
    Decoded
        Never raises for a bad file, only where memory runs out.
    """
    try:
        if not path.is_file():
            reason = "not a regular file" if path.exists() else "file not found"
            return Decoded(Status.UNREADABLE, reason)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if file.tell() == 0:
                return Decoded(Status.UNREADABLE, "the file is empty", sha256=digest)
            file.seek(0)
            packed = path.suffix.lower() == ".bz2"
            with bz2.open(file) if packed else nullcontext(file) as stream:
                decoded = _decode(stream, max_pixels, min_side)
    except OSError as error:
        return Decoded(Status.UNREADABLE, error.strerror or str(error))
    return replace(decoded, sha256=digest)


def read_encoded(data: bytes, *, max_pixels: int, min_side: int) -> Decoded:
    """Read an image file whose bytes are in memory, a member of an archive; see `read_image`."""
    digest = hashlib.sha256(data).hexdigest()
    if not data:
        return Decoded(Status.UNREADABLE, "the file is empty", sha256=digest)
    return replace(_decode(io.BytesIO(data), max_pixels, min_side), sha256=digest)


def _decode(stream: IO[bytes] | bz2.BZ2File, max_pixels: int, min_side: int) -> Decoded:
    try:
        with Image.open(stream, formats=FORMATS) as image:
            refused = _refuse_size(image.size, max_pixels, min_side)
            if refused is not None:
                return refused
            is_png = image.format == "PNG"
            if is_png:
                image.verify()  # decoding alone does not look at the checksums
        if is_png:
            stream.seek(0)
        with Image.open(stream, formats=FORMATS) as image:
            notes: list[str] = []
            pixels = _pixels(image, notes)
            _note_frames(image, notes)
        return Decoded(Status.OK, "; ".join(notes), pixels)
    except Image.DecompressionBombError as error:
        return Decoded(Status.TOO_LARGE, str(error))
    except UnidentifiedImageError:
        return Decoded(Status.UNREADABLE, f"no image of a known format ({', '.join(FORMATS)})")
    except MemoryError:
        raise
    except Exception as error:  # decoders raise almost anything for damaged files
        return Decoded(Status.UNREADABLE, f"damaged: {error or type(error).__name__}")


def _refuse_size(size: tuple[int, int], max_pixels: int, min_side: int) -> Decoded | None:
    width, height = size
    if width * height > max_pixels:
        reason = f"{width} x {height} pixels, more than the limit of {max_pixels}"
        return Decoded(Status.TOO_LARGE, reason)
    if min(width, height) < min_side:
        reason = f"{width} x {height} pixels, a side is shorter than {min_side}"
        return Decoded(Status.TOO_SMALL, reason)
    return None


def _pixels(image: Image.Image, notes: list[str]) -> Pixels:
    image.load()
    try:
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            ImageOps.exif_transpose(image, in_place=True)
            notes.append("EXIF orientation applied")
    except Exception:  # the pixels are there, whatever the metadata look like
        notes.append("EXIF unreadable, orientation unknown")
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM"):
        notes.append("16 bits reduced to 8")
        grey = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.mode in ("I", "F"):
        raise ValueError("32-bit pixels have no defined 8-bit scale; convert the image")
    if image.has_transparency_data:
        notes.append("transparency laid over white")
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    elif image.mode != "RGB":
        notes.append(f"converted from {image.mode}")
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _note_frames(image: Any, notes: list[str]) -> None:
    try:
        frames = int(getattr(image, "n_frames", 1))
    except Exception:  # a damaged later frame does not spoil the first
        notes.append("first frame used, others damaged")
        return
    if frames > 1:
        notes.append(f"first of {frames} frames used")
