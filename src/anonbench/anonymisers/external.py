"""Images that somebody else anonymised: a folder that mirrors the data set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from anonbench.anonymisers._base import Info, Photo, Strength
from anonbench.anonymisers._errors import MissingImageError
from anonbench.decode import own_limits
from anonbench.strengths import strength_label
from anonbench.types import Pixels

PLACEHOLDER = "{strength}"
SUFFIXES = (".png", ".jpg", ".jpeg")

INFO = Info(
    label="External",
    reference="images delivered by the user",
    strength="as the user's folders are named",
    kind="float",
    minimum=float("-inf"),
    maximum=float("inf"),
    needs_region=False,
)


@dataclass(frozen=True)
class External:
    """Finished images in a folder.

    An image is looked for under its manifest path, then under that path with the suffixes .png,
    .jpg and .jpeg. Images whose manifest paths differ in nothing but the suffix therefore need
    files of exactly their names.

    Parameters
    ----------
    path : str
        The folder; ``{strength}`` in it stands for the strength's label.
    """

    path: str

    def check_strengths(self, strengths: Sequence[Strength]) -> None:
        """Check before any work that there is a folder for every strength.

        Raises
        ------
        ValueError
            For a folder that does not exist, strengths without ``{strength}`` in the path, or the
            reverse.
        """
        if PLACEHOLDER in self.path and None in strengths:
            raise ValueError(f"external: {self.path} has {PLACEHOLDER}, but no strengths are given")
        if PLACEHOLDER not in self.path and tuple(strengths) != (None,):
            raise ValueError(f"external: strengths are given, but {self.path} has no {PLACEHOLDER}")
        for strength in strengths:
            if not self._folder(strength).is_dir():
                raise ValueError(f"external: no folder {self._folder(strength)}")

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Read the images; the generators are not used.

        Raises
        ------
        MissingImageError
            If an image was not delivered.
        ValueError
            If a file is unreadable, transparent or of another size; the message names it.
        """
        folder = self._folder(strength)
        return [read_delivered(find(folder, p.image_id), p.pixels.shape) for p in photos]

    def _folder(self, strength: Strength) -> Path:
        return Path(self.path.replace(PLACEHOLDER, strength_label(strength)))


def find(folder: Path, image_id: str) -> Path:
    """Return the delivered file of an image.

    Raises
    ------
    MissingImageError
        If there is none.
    ValueError
        If the name leads out of the folder.
    """
    name = PurePosixPath(image_id)
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"{image_id} leads out of {folder}")
    for path in _candidates(folder / name):
        if path.is_file():
            return path
    raise MissingImageError(f"no file for {image_id} in {folder}")


def _candidates(path: Path) -> Iterator[Path]:
    yield path
    yield from (path.with_suffix(suffix) for suffix in SUFFIXES)


def read_delivered(path: Path, shape: tuple[int, ...]) -> Pixels:
    """Read an image that has to have the shape (height, width, 3) of its original.

    Raises
    ------
    ValueError
        If it is unreadable, transparent or of another size; the message names the file.
    """
    try:
        # Other libraries switch Pillow's leniency on for everybody; a cut file is no image here.
        with own_limits(), Image.open(path) as image:
            if image.width * image.height != shape[0] * shape[1]:  # before decoding: may be huge
                raise ValueError(_size_message(path, image.height, image.width, shape))
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: not a readable image ({error})") from error
    pixels = np.asarray(upright)
    height, width = pixels.shape[:2]
    if (height, width) != shape[:2]:
        raise ValueError(_size_message(path, height, width, shape))
    if pixels[..., 3].min() < 255:
        raise ValueError(f"{path}: has transparent pixels, so its colours are not defined")
    return np.ascontiguousarray(pixels[..., :3])


def _size_message(path: Path, height: int, width: int, shape: tuple[int, ...]) -> str:
    return f"{path}: {width} x {height} pixels, but the original has {shape[1]} x {shape[0]}"


@dataclass(frozen=True)
class ExternalPlugin:
    """Builds `External` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> External:
        """Return the reader of the folder ``options["path"]``.

        Raises
        ------
        ValueError
            For a missing, empty or unknown option.
        """
        unknown = sorted(set(options) - {"path"})
        if unknown:
            raise ValueError(f"external: unknown option {', '.join(unknown)}; known: path")
        path = options.get("path")
        if not isinstance(path, str | Path) or not str(path):
            raise ValueError("external: the option path has to name a folder")
        return External(str(path))


PLUGIN = ExternalPlugin()
