"""Files between stages: written atomically, the same bytes for the same content."""

from __future__ import annotations

import io
import json
import os
import sys
import tarfile
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import cv2
import numpy as np
import pandas as pd
import pyarrow
import pyarrow.compute
from numpy.typing import NDArray
from pyarrow import parquet

from anonbench.types import Pixels

PNG_SETTINGS = (
    cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
)  # fmt: skip
"""How zlib packs stored images: a third of the default's time for a tenth more size, and noise,
in which there is nothing to be found, in six tenths of the time that level 1 would take alone."""

METRIC_COLUMNS = (
    "dataset", "method", "strength", "task", "attack", "system", "policy", "metric",
    "value", "low", "high", "n", "note",
)  # fmt: skip
"""Columns of every metric table."""

CONFUSION_COLUMNS = (
    "dataset", "method", "strength", "system", "policy", "kind", "row", "column", "n",
)  # fmt: skip
"""Columns of every table of what expressions were taken for, before and after."""

REPLICATE_COLUMNS = (
    "dataset", "method", "strength", "attack", "system", "policy", "metric", "paired", "values",
)  # fmt: skip
"""Columns of every table of bootstrap replicates: `values` (B,) of a metric; `paired`: replicate b
draws the same subjects as replicate b of all other tables."""


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Give a temporary path that becomes `path` on success and vanishes on failure.

    Parameters
    ----------
    path : Path or str
        Final place; its folder is made.

    Yields
    ------
    Path
        Where to write, on the same file system.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f".{final.name}.{os.getpid()}.tmp")
    try:
        yield partial
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)


def encode_png(pixels: Pixels) -> bytes:
    """Encode RGB pixels as PNG bytes."""
    done, buffer = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), PNG_SETTINGS)
    if not done:
        raise ValueError(f"cannot encode an image of shape {pixels.shape}")
    return bytes(buffer)


def decode_png(data: bytes, name: str = "image") -> Pixels:
    """Decode PNG bytes to RGB pixels, (height, width, 3) uint8.

    Raises
    ------
    ValueError
        If the bytes are no image; the message names it.
    """
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ValueError(f"{name}: not a readable PNG")
    rgb: Pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return rgb


class ArchiveWriter:
    """A tar of PNG images with neutral metadata: the same images give the same bytes.

    Use as a context manager; the archive appears under its name only when it is complete.
    """

    def __init__(self, path: Path | str) -> None:
        self._atomic = atomic(path)
        self._tar: tarfile.TarFile

    def __enter__(self) -> Self:
        self._tar = tarfile.open(self._atomic.__enter__(), "w", format=tarfile.PAX_FORMAT)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._tar.close()
        except BaseException:
            # The last blocks could not be written: what there is must not get the archive's name.
            self._atomic.__exit__(*sys.exc_info())
            raise
        self._atomic.__exit__(kind, error, trace)

    def add(self, name: str, pixels: Pixels) -> None:
        """Append an image as member `name`.png."""
        self.add_encoded(name, encode_png(pixels))

    def add_encoded(self, name: str, data: bytes) -> None:
        """Append PNG bytes as member `name`.png."""
        entry = tarfile.TarInfo(f"{name}.png")
        entry.size = len(data)
        entry.mode = 0o644
        self._tar.addfile(entry, io.BytesIO(data))


class ArchiveReader:
    """Random access to the images of an archive by name, without extracting anything."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        with tarfile.open(self.path) as tar:
            self._places = {
                m.name.removesuffix(".png"): (m.offset_data, m.size) for m in tar if m.isfile()
            }
        self._file: IO[bytes] = self.path.open("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def names(self) -> tuple[str, ...]:
        """Return the image names in archive order."""
        return tuple(self._places)

    def read_encoded(self, name: str) -> bytes:
        """Return the PNG bytes of an image; KeyError if there is none of that name."""
        offset, size = self._places[name]
        self._file.seek(offset)
        return self._file.read(size)

    def read(self, name: str) -> Pixels:
        """Return an image's pixels, (height, width, 3) uint8 RGB."""
        return decode_png(self.read_encoded(name), f"{self.path}: {name}")


def member(strength: str, image_id: str) -> str:
    """Name of an anonymised image inside its method's archive."""
    return f"{strength}/{image_id}"


def original_of(name: str) -> str:
    """Return the image id in the name of an anonymised image."""
    return name.partition("/")[2]


def write_table(table: pd.DataFrame, path: Path | str, coordinates: str = "") -> None:
    """Write a table as .parquet or .csv, by the suffix of `path`.

    A column `coordinates` of long lists of floats, hardly one of them twice, is packed by their
    bytes instead of by a dictionary: half the size in a third of the time.
    """
    packed: dict[str, Any] = {}
    if coordinates:
        packed["use_dictionary"] = [c for c in table.columns if c != coordinates]
        packed["column_encoding"] = {f"{coordinates}.list.element": "BYTE_STREAM_SPLIT"}
    with atomic(path) as partial:
        if Path(path).suffix == ".parquet":
            table.to_parquet(partial, index=False, engine="pyarrow", compression="zstd", **packed)
        else:
            table.to_csv(partial, index=False, lineterminator="\n", float_format="%.9g")


_NUMBERS = frozenset({"value", "low", "high", "n", "sd", "correlation", "probability"})


def read_table(path: Path | str, only: Collection[str] | None = None) -> pd.DataFrame:
    """Read a table that `write_table` wrote. In CSV, key columns stay text and "" stays "".

    With `only`, of a .parquet the rows of those images: memory holds no others. Numbers are the
    columns value, low, high, n, sd, correlation and probability, and those whose name ends in one
    of these after an underscore.
    """
    if Path(path).suffix == ".parquet":
        chosen = None if only is None else _of_images(path, only)
        return pd.read_parquet(path, engine="pyarrow", filters=chosen)
    head = pd.read_csv(path, nrows=0).columns
    numbers = {c for c in head if str(c).rsplit("_", 1)[-1] in _NUMBERS}
    text: dict[Hashable, type[str]] = {c: str for c in head if c not in numbers}
    return pd.read_csv(
        path, dtype=text, keep_default_na=False, na_values={c: [""] for c in numbers}
    )


def _of_images(path: Path | str, only: Collection[str]) -> Any:
    """Return the filter that keeps the rows of some images; None for a table that has no rows."""
    if pyarrow.types.is_null(parquet.read_schema(path).field("image_id").type):
        return None
    return pyarrow.compute.field("image_id").isin(pyarrow.array(list(only), pyarrow.string()))


def rows(table: pd.DataFrame) -> Iterator[Any]:
    """Iterate over a table's rows as named tuples, whose types the checker leaves alone."""
    yield from table.itertuples(index=False)


def write_json(content: Any, path: Path | str) -> None:
    """Write JSON with sorted keys; not-a-number becomes null."""
    with atomic(path) as partial:
        text = json.dumps(_plain(content), indent=2, sort_keys=True, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


@dataclass(frozen=True)
class Embeddings:
    """Embeddings of one method, data set and recogniser.

    Attributes
    ----------
    image_ids : tuple of str, N
    strengths : tuple of str, S
    policies : tuple of str, P
        ``detected`` (the attacker finds the face himself) and/or ``aligned`` (he is told).
    embeddings : ndarray of shape (S, P, N, D), float32
        A row of NaN is a failed sample.
    status : ndarray of shape (S, P, N), str
        `anonbench.ledger.Status` values.
    """

    image_ids: tuple[str, ...]
    strengths: tuple[str, ...]
    policies: tuple[str, ...]
    embeddings: NDArray[np.float32]
    status: NDArray[np.str_]


def write_embeddings(content: Embeddings, path: Path | str) -> None:
    """Write embeddings as an .npz without pickles."""
    with atomic(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            image_ids=np.array(content.image_ids, dtype=np.str_),
            strengths=np.array(content.strengths, dtype=np.str_),
            policies=np.array(content.policies, dtype=np.str_),
            embeddings=content.embeddings.astype(np.float32),
            status=content.status.astype(np.str_),
        )


def read_embeddings(path: Path | str) -> Embeddings:
    """Read embeddings that `write_embeddings` wrote."""
    with np.load(path, allow_pickle=False) as data:
        return Embeddings(
            image_ids=tuple(map(str, data["image_ids"])),
            strengths=tuple(map(str, data["strengths"])),
            policies=tuple(map(str, data["policies"])),
            embeddings=data["embeddings"],
            status=data["status"],
        )
