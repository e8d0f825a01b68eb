"""Verify, normalise and pack the images of a data set."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from anonbench import datasets
from anonbench.dataset_checks import subject_notes
from anonbench.datasets import RECORD_COLUMNS, DataError, Dataset
from anonbench.decode import Decoded, own_limits, read_encoded, read_image
from anonbench.io import ArchiveWriter, encode_png, write_table
from anonbench.ledger import Status
from anonbench.progress import progress
from anonbench.types import Pixels

MANIFEST_COLUMNS = (
    *RECORD_COLUMNS, "width", "height", "sha256", "pixel_sha256", "status", "detail",
    "duplicate_of",
)  # fmt: skip
"""Columns of manifest.parquet."""

PAIR_COLUMNS = ("image_a", "image_b", "mated", "fold")
"""Columns of pairs.parquet."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Packed:
    """A verified image, ready for the archive; `png` is empty unless the status is ok."""

    status: Status
    detail: str
    sha256: str
    pixel_sha256: str = ""
    width: int = 0
    height: int = 0
    png: bytes = b""


def ingest_files(
    *,
    dataset_type: str,
    root: Path,
    options: Mapping[str, Any],
    max_pixels: int = 50_000_000,
    min_side: int = 24,
    duplicates: Literal["keep", "drop"] = "keep",
    out_archive: Path,
    out_manifest: Path,
    out_pairs: Path,
    workers: int | None = None,
) -> None:
    """Verify every labelled image, convert it to 8-bit RGB and pack it.

    The manifest has one row per labelled image, bad ones included; the archive holds the good
    ones by image_id. The same files give the same bytes, in whatever order the labels come. All
    three outputs appear when all are complete. Images stream through: memory holds a few at a
    time.

    Parameters
    ----------
    dataset_type : str
        Name of a plug-in of `anonbench.datasets`.
    root : Path
        The data set's folder.
    options : mapping
        Options of the type.
    max_pixels, min_side : int
        Limits in pixels, see `anonbench.decode.read_image`.
    duplicates : {"keep", "drop"}
        Whether images with the same pixels as an earlier image go into the archive. Either way
        ``duplicate_of`` names the first by image_id.
    out_archive, out_manifest, out_pairs : Path
        Outputs; see `MANIFEST_COLUMNS` and `PAIR_COLUMNS`.
    workers : int, optional
        Decoding threads; the number of usable cores unless given. No effect on the result.

    Raises
    ------
    DataError
        If the labels cannot be used or no image at all can be read.
    ValueError
        For an unknown type, option or value of `duplicates`.
    OSError
        If an output cannot be written; it names the file.
    """
    if duplicates not in ("keep", "drop"):
        raise ValueError(f"duplicates is {duplicates!r}; choose keep or drop")
    dataset = datasets.get(dataset_type).records(root, options)
    for note in (*dataset.notes, *subject_notes(dataset)):
        _log.warning("%s", note)
    verify = partial(_verify, dataset, root, max_pixels=max_pixels, min_side=min_side)
    with _all_or_nothing(out_archive, out_manifest, out_pairs) as (archive, manifest, pairs):
        with _naming(out_archive), own_limits(), ArchiveWriter(archive) as writer:
            packed = _in_order(verify, dataset.records["path"], workers or _usable_cores())
            with closing(packed):
                table = _pack(dataset.records, packed, writer, drop=duplicates == "drop")
            _report(table, root)
        with _naming(out_manifest):
            write_table(table, manifest)
        with _naming(out_pairs):
            write_table(_pair_table(dataset), pairs)


def pixel_digest(pixels: Pixels) -> str:
    """Return the SHA-256 of an image's size and RGB bytes, in hexadecimal digits."""
    digest = hashlib.sha256(f"{pixels.shape[1]}x{pixels.shape[0]} ".encode())
    digest.update(pixels.tobytes())
    return digest.hexdigest()


def _verify(dataset: Dataset, root: Path, path: str, **limits: int) -> _Packed:
    image = _read(dataset, root, path, **limits)
    if image.pixels is None:
        return _Packed(image.status, image.detail, image.sha256)
    height, width = image.pixels.shape[:2]
    return _Packed(
        image.status, image.detail, image.sha256,
        pixel_digest(image.pixels), width, height, encode_png(image.pixels),
    )  # fmt: skip


def _read(dataset: Dataset, root: Path, path: str, **limits: int) -> Decoded:
    """Read an image from its own file or out of its archive."""
    place = dataset.places.get(path)
    if place is None:
        return read_image(root / path, **limits)
    try:
        data = place.read()
    except OSError as error:
        return Decoded(Status.UNREADABLE, error.strerror or str(error))
    return read_encoded(data, **limits)


def _in_order(
    function: Callable[[str], _Packed], items: Iterable[str], workers: int
) -> Generator[_Packed, None, None]:
    """Map with threads (decoders and encoders release the lock), in order, few at a time."""
    pending: deque[Future[_Packed]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _pack(
    records: pd.DataFrame, packed: Iterable[_Packed], writer: ArchiveWriter, *, drop: bool
) -> pd.DataFrame:
    """Write the archive and return the manifest."""
    first: dict[str, tuple[str, str]] = {}
    rows = []
    names = list(zip(records["image_id"], records["subject"], strict=True))
    for (image_id, subject), p in zip(progress(names, "ingest"), packed, strict=True):
        status, detail, duplicate_of = p.status, p.detail, ""
        if status is Status.OK:
            duplicate_of, owner = first.setdefault(p.pixel_sha256, (image_id, subject))
            if duplicate_of == image_id:
                duplicate_of = ""
            elif owner != subject:
                detail = "; ".join(filter(None, [detail, f"same pixels under subject {owner}"]))
            if duplicate_of and drop:
                status = Status.DUPLICATE
            else:
                writer.add_encoded(image_id, p.png)
        rows.append(
            (p.width, p.height, p.sha256, p.pixel_sha256, str(status), detail, duplicate_of)
        )
    found = pd.DataFrame(rows, columns=list(MANIFEST_COLUMNS[len(RECORD_COLUMNS) :]))
    return pd.concat([records, found.astype({"width": "int64", "height": "int64"})], axis=1)


def _report(manifest: pd.DataFrame, root: Path) -> None:
    """Log what was found; refuse a data set of which nothing can be read."""
    counts = Counter(manifest["status"])
    bad = manifest[~manifest["status"].isin([Status.OK, Status.DUPLICATE])]
    if not counts[Status.OK]:
        first = bad.iloc[0]
        raise DataError(
            f"{root}: none of the {len(manifest)} labelled images can be used; "
            f"the first, {first['path']}: {first['detail']}; correct path: or the labels"
        )
    shown = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    _log.info("%d images verified: %s", len(manifest), shown)
    for row in bad.head(3).itertuples():
        _log.warning("%s: %s (%s)", row.path, row.detail, row.status)
    if len(bad) > 3:
        _log.warning("%d images cannot be used; the manifest names them all", len(bad))
    same = manifest[manifest["duplicate_of"] != ""]
    if len(same):
        across = int(same["detail"].str.contains("same pixels under subject").sum())
        _log.warning(
            "%d images repeat the pixels of an earlier one, %d of them under another subject: "
            "first %s = %s",
            len(same), across, same["image_id"].iloc[0], same["duplicate_of"].iloc[0],
        )  # fmt: skip


def _pair_table(dataset: Dataset) -> pd.DataFrame:
    table = dataset.pairs
    if table is None:
        table = pd.DataFrame({name: pd.Series(dtype=object) for name in PAIR_COLUMNS})
    return table[list(PAIR_COLUMNS)].astype({"mated": bool, "fold": "int64"})


@contextmanager
def _all_or_nothing(*finals: Path) -> Iterator[list[Path]]:
    """Give places to write to beside the outputs; they become the outputs if all goes well."""
    for final in finals:
        with _naming(final):
            final.parent.mkdir(parents=True, exist_ok=True)
    staged = [final.with_name(f".{final.stem}.partial{final.suffix}") for final in finals]
    try:
        yield staged
        for part, final in zip(staged, finals, strict=True):
            with _naming(final):
                part.replace(final)
    finally:
        for part in staged:
            part.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the output's name into errors of the operating system, which often lack it."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise OSError(f"cannot write {path}: {error}") from error
        raise OSError(error.errno, f"cannot write: {error.strerror}", str(path)) from error


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1
