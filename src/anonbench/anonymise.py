"""Anonymisation engine: from photos to an anonymised archive and a ledger; it fails closed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from anonbench import anonymisers
from anonbench.anonymisers import Anonymiser, Photo, Strength
from anonbench.anonymisers._errors import MissingImageError
from anonbench.anonymisers._optional import (
    ChangesMore,
    ChecksDetectors,
    ChecksStrengths,
    DataSet,
    KnowsDataSet,
)
from anonbench.io import ArchiveReader, ArchiveWriter, encode_png, member, read_table, write_table
from anonbench.ledger import COLUMNS, Status
from anonbench.parts import ALIGNED, share
from anonbench.progress import LOGGER, progress
from anonbench.region_finder import Found, RegionFinder, read_finder
from anonbench.regions import Part, Policy
from anonbench.seeds import generator
from anonbench.strengths import resolve_strengths, strength_label
from anonbench.types import Pixels

DETAIL_LENGTH = 300
"""Characters of an error message that the ledger keeps."""


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes
    ----------
    pixels : ndarray of shape (height, width, 3), uint8
        The anonymised image; all black unless `status` is OK.
    status : Status
        OK, METHOD_ERROR or MISSING.
    detail : str
        Why it failed.
    """

    pixels: Pixels
    status: Status = Status.OK
    detail: str = ""


def anonymise_photos(
    anonymiser: Anonymiser,
    photos: Sequence[Photo],
    strength: Strength,
    seed: int,
    key: Sequence[str] = (),
) -> list[Outcome]:
    """Anonymise a batch and black out whatever the method could not do.

    Parameters
    ----------
    anonymiser : Anonymiser
        A ready-made method.
    photos : sequence of Photo
        The batch. If the method raises on it, every photo is tried again by itself, so that one
        bad image does not blacken the others.
    strength : int, float or None
        The strength.
    seed : int
        The experiment's seed.
    key : sequence of str
        What else the random numbers depend on besides strength and image id: data set, method.

    Returns
    -------
    list of Outcome
        One a photo, in order.
    """
    label = strength_label(strength)
    generators = [generator(seed, *key, label, p.image_id) for p in photos]
    try:
        results = list(anonymiser.anonymise(photos, strength, generators))
        if len(results) != len(photos):
            raise ValueError(f"{len(results)} images came back for {len(photos)}")
    except Exception as error:  # whatever a method raises must not let an original through
        if len(photos) > 1:
            return [
                o for p in photos for o in anonymise_photos(anonymiser, [p], strength, seed, key)
            ]
        missing = isinstance(error, MissingImageError)
        detail = str(error) if missing else f"{type(error).__name__}: {error}"
        return [
            _black(p, Status.MISSING if missing else Status.METHOD_ERROR, detail) for p in photos
        ]
    return [_checked(p, r) for p, r in zip(photos, results, strict=True)]


def _checked(photo: Photo, result: Any) -> Outcome:
    """Accept a method's result only if it is an image like the original."""
    if not isinstance(result, np.ndarray):
        fault = f"{type(result).__name__} came back instead of an array"
    elif result.dtype != np.uint8:
        nan = result.dtype.kind == "f" and bool(np.isnan(result).any())
        fault = f"{result.dtype}{' with NaN' if nan else ''} came back instead of uint8"
    elif result.shape != photo.pixels.shape:
        fault = f"shape {result.shape} came back instead of {photo.pixels.shape}"
    else:
        return Outcome(result)
    return _black(photo, Status.METHOD_ERROR, fault)


def _black(photo: Photo, status: Status, detail: str) -> Outcome:
    line = " ".join(detail.split())[:DETAIL_LENGTH]
    return Outcome(np.zeros(photo.pixels.shape, np.uint8), status, line)


@dataclass(frozen=True)
class _Item:
    """An image of the manifest that waits for its batch; `photo` only where it can be processed."""

    image_id: str
    found: Found
    shape: tuple[int, int] | None = None
    photo: Photo | None = None


@dataclass
class _Job:
    """Takes the images one by one, works in batches, keeps the order of the manifest."""

    model: Anonymiser
    strengths: Sequence[Strength]
    seed: int
    key: tuple[str, ...]
    images: ArchiveReader
    out: ArchiveWriter
    finder: RegionFinder | None
    rows: list[tuple[str, str, str, str, int, list[int]]] = field(default_factory=list)
    waiting: list[_Item] = field(default_factory=list)

    def take(self, record: Any) -> None:
        """Decode an image and find its regions, or note why it has none."""
        name = str(record.image_id)
        if record.status != Status.OK:
            self.waiting.append(_Item(name, Found((), Status(record.status), record.detail)))
            return
        pixels = self.images.read(name)
        pixels.setflags(write=False)
        height, width = pixels.shape[:2]
        found = self.finder.find(name, width, height) if self.finder else Found()
        subject = self.finder.subjects.get(name) if self.finder else None
        photo = Photo(name, str(record.subject), pixels, found.regions, subject)
        ready = photo if found.status == Status.OK else None
        self.waiting.append(_Item(name, found, (height, width), ready))

    def flush(self) -> None:
        """Anonymise what waits with every strength; write image by image (so memory stays flat)."""
        photos = [item.photo for item in self.waiting if item.photo is not None]
        done = {strength_label(s): self._encoded(photos, s) for s in self.strengths}
        for item in self.waiting:
            for label, outcomes in done.items():
                data, status, detail = outcomes.get(item.image_id) or (
                    black_png(*item.shape) if item.shape else b"",
                    item.found.status,
                    item.found.detail,
                )
                if data:
                    self.out.add_encoded(member(label, item.image_id), data)
                detail = detail or item.found.detail
                count, flat = len(item.found.regions), self._changed(item)
                self.rows.append((item.image_id, label, str(status), detail, count, flat))
        self.waiting.clear()

    def _changed(self, item: _Item) -> list[int]:
        """Return the flat boxes that the method changes, for the ledger."""
        height, width = item.shape or (0, 0)
        more = self.model if isinstance(self.model, ChangesMore) else None
        boxes = (
            more.changed(r, width, height) if more else (r.left, r.top, r.right, r.bottom)
            for r in item.found.regions
        )
        return [int(edge) for box in boxes for edge in box]

    def _encoded(
        self, photos: Sequence[Photo], strength: Strength
    ) -> dict[str, tuple[bytes, Status, str]]:
        if not photos:
            return {}
        outcomes = anonymise_photos(self.model, photos, strength, self.seed, self.key)
        return {
            p.image_id: (encode_png(o.pixels), o.status, o.detail)
            for p, o in zip(photos, outcomes, strict=True)
        }


@lru_cache(maxsize=256)
def black_png(height: int, width: int) -> bytes:
    """Encode a black image."""
    return encode_png(np.zeros((height, width, 3), np.uint8))


def anonymise_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    detections: Sequence[Path | str],
    subjects: Path | str | None,
    dataset: str,
    method: str,
    anonymiser: str,
    strengths: Sequence[Strength],
    region: Part,
    options: Mapping[str, Any],
    faces_policy: Policy,
    seed: int,
    out_archive: Path | str,
    out_ledger: Path | str,
    prepared: Sequence[Path | str] = (),
    batch_size: int = ALIGNED,
    part: str | None = None,
) -> None:
    """Anonymise all images of a data set with all strengths of a method.

    Every image that ingest accepted appears in the archive with every strength: anonymised, or
    black where anything failed. Every image of the manifest has its rows in the ledger.

    Parameters
    ----------
    archive, manifest : path
        As ingest wrote them.
    detections : sequence of path
        Detection tables named ``<detector>.parquet``; per image the first with a face counts.
    subjects : path or None
        Subject table. Like `detections` not used by methods that need no region.
    dataset, method : str
        Names of the entries, for the random numbers.
    anonymiser : str
        A name of `anonbench.anonymisers`.
    strengths : sequence of int, float or None
        In the method's unit; empty for its defaults.
    region, faces_policy : str
        See `RegionFinder`.
    options : mapping
        Options of the anonymiser.
    seed : int
        The experiment's seed.
    out_archive, out_ledger : path
        Results. Archive members are ordered by image, then strength.
    prepared : sequence of path
        What `anonbench.prepare` wrote, for methods that see the whole data set first.
    batch_size : int
        Photos handed to the method at a time.
    part : str, optional
        The part of the manifest's images to work on, see `anonbench.parts`; all without.

    Raises
    ------
    ValueError
        For a wrong strength or option, or files that do not belong together.
    """
    plugin = anonymisers.get(anonymiser)
    chosen = resolve_strengths(plugin.info, strengths)
    model = plugin.build(options)
    if isinstance(model, ChecksStrengths):
        model.check_strengths(chosen)
    if isinstance(model, ChecksDetectors):
        model.check_detectors([Path(path).stem for path in detections])
    records: Sequence[Any] = _records(manifest)
    if isinstance(model, KnowsDataSet):
        labels = sorted({str(record.subject) for record in records})
        model.begin(DataSet(dataset, tuple(labels), seed, tuple(map(Path, prepared))))
    records = share(records, part)
    finder = None
    if plugin.info.needs_region:
        only = {str(record.image_id) for record in records} if part else None
        finder = read_finder(detections, subjects, region, faces_policy, only)
    with ArchiveReader(archive) as images, ArchiveWriter(out_archive) as out:
        _check_inputs(records, images, finder)
        job = _Job(model, chosen, seed, (dataset, method), images, out, finder)
        for record in progress(records, f"anonymise {dataset} by {method}"):
            job.take(record)
            if len(job.waiting) >= batch_size or record is records[-1]:
                job.flush()
    ledger = pd.DataFrame(job.rows, columns=list(COLUMNS)).astype({"n_regions": "int64"})
    write_table(ledger, out_ledger)
    failed = Counter(ledger["status"][ledger["status"] != str(Status.OK)])
    for status, count in sorted(failed.items()):
        LOGGER.warning("%s, %s: %d of %d %s", dataset, method, count, len(ledger), status)


def _records(manifest: Path | str) -> list[Any]:
    table = read_table(manifest)
    twice = table["image_id"][table["image_id"].duplicated()]
    if len(twice):
        raise ValueError(f"{manifest}: {twice.iloc[0]} is listed more than once")
    return list(table.itertuples(index=False))


def _check_inputs(
    records: Sequence[Any], images: ArchiveReader, finder: RegionFinder | None
) -> None:
    """Stop on tables of another run, rather than count what they lack as failures."""
    for record in records:
        if record.status != Status.OK:
            continue
        if record.image_id not in images:
            raise ValueError(f"{images.path}: no image {record.image_id}, which the manifest lists")
        if finder and record.image_id not in finder.subjects:
            raise ValueError(f"the subject table has no row for {record.image_id}")
