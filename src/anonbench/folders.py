"""Anonymise a folder of images, outside the workflow."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from anonbench import anonymisers as methods
from anonbench import detectors as plugins
from anonbench.anonymise import anonymise_files
from anonbench.anonymisers import Strength
from anonbench.decode import read_image
from anonbench.detect import detect_files
from anonbench.io import ArchiveReader, ArchiveWriter, atomic, member, read_table, rows, write_table
from anonbench.registry import unknown_name
from anonbench.strengths import resolve_strengths
from anonbench.subjects import subject_files

SUFFIXES = {
    ".jpg",
    ".jpeg",
    ".png",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    ".webp",
    ".ppm",
    ".jp2",
    ".avif",
}
LEDGER = "ledger.csv"


class FolderError(ValueError):
    """A folder that cannot be anonymised; the message names it and the reason."""


def anonymise_folder(
    source: Path,
    target: Path,
    *,
    anonymiser: str,
    strength: float | None,
    region: str,
    detectors: Sequence[str],
    faces: str,
    seed: int,
    max_pixels: int = 50_000_000,
) -> Counter[str]:
    """Anonymise every image below a folder into another.

    Parameters
    ----------
    source, target : Path
        Folders; `target` must be empty or not exist, and must not lie inside `source`.
    anonymiser : str
        A name of `anonbench.anonymisers`.
    strength : float or None
        None for the method's own default, where it has one.
    region, detectors, faces, seed
        See `anonbench.anonymise.anonymise_files`.
    max_pixels : int
        Larger images are not decoded.

    Returns
    -------
    Counter
        Number of images by status. Images that cannot be read have no output; all others have
        one, black where the method failed.

    Raises
    ------
    FolderError
        If a folder cannot be used.
    ValueError
        For an unknown method, or a wrong strength or option.
    """
    images = _images(source, target)
    for name in detectors:
        plugins.get(name)
    # Before the detection, which may take hours.
    strengths = _strengths(anonymiser, strength)
    part = _one_of(region, ("face", "eyes", "eyes_glasses"), "region")
    policy = _one_of(faces, ("all", "largest", "central"), "faces policy")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        manifest = _pack(source, images, work, max_pixels)
        tables = {name: work / f"{name}.parquet" for name in detectors}
        for name, table in tables.items():
            detect_files(archive=work / "images.tar", detector=name, options={}, out=table)
        subject_files(
            archive=work / "images.tar",
            manifest=work / "manifest.parquet",
            order=list(detectors),
            detections=tables,
            options={},
            policy="central" if faces == "central" else "largest",
            out=work / "subjects.parquet",
        )
        anonymise_files(
            archive=work / "images.tar",
            manifest=work / "manifest.parquet",
            detections=list(tables.values()),
            subjects=work / "subjects.parquet",
            dataset=source.name,
            method=anonymiser,
            anonymiser=anonymiser,
            strengths=strengths,
            region=part,
            options={},
            faces_policy=policy,
            seed=seed,
            out_archive=work / "out.tar",
            out_ledger=work / "ledger.parquet",
        )
        ledger = read_table(work / "ledger.parquet").drop(columns=["regions"])
        _unpack(work / "out.tar", ledger, target)
    detail = manifest.set_index("image_id")["detail"]
    ledger["detail"] = ledger["detail"].where(
        ledger["detail"] != "", ledger["image_id"].map(detail)
    )
    write_table(ledger, target / LEDGER)
    return Counter(map(str, ledger["status"]))


def _one_of(value: str, known: tuple[str, ...], kind: str) -> Any:
    if value not in known:
        raise unknown_name(kind, value, known)
    return value


def _strengths(anonymiser: str, strength: float | None) -> tuple[Strength, ...]:
    """Return the one strength to use: the one given, or the method's middle default."""
    info = methods.get(anonymiser).info
    if strength is None and info.strengths:
        return (info.strengths[len(info.strengths) // 2],)
    return resolve_strengths(info, [strength])


def _images(source: Path, target: Path) -> list[Path]:
    if not source.is_dir():
        raise FolderError(f"{source}: no such folder")
    if target.resolve().is_relative_to(source.resolve()):
        raise FolderError(f"{target} lies inside {source}: results would be taken for input")
    if target.exists() and any(target.iterdir()):
        raise FolderError(f"{target} is not empty: nothing is overwritten, name another folder")
    found = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not found:
        raise FolderError(f"{source}: no image (looked for {', '.join(sorted(SUFFIXES))})")
    return found


def _pack(source: Path, images: Sequence[Path], work: Path, max_pixels: int) -> pd.DataFrame:
    """Write archive and manifest as ingest does, for images without labels."""
    found = []
    with ArchiveWriter(work / "images.tar") as out:
        for path in images:
            name = path.relative_to(source).as_posix()
            read = read_image(path, max_pixels=max_pixels, min_side=1)
            height, width = read.pixels.shape[:2] if read.pixels is not None else (0, 0)
            if read.pixels is not None:
                out.add(name, read.pixels)
            found.append((name, name, str(read.status), read.detail, width, height))
    columns = ["image_id", "subject", "status", "detail", "width", "height"]
    table = pd.DataFrame(found, columns=columns)
    write_table(table, work / "manifest.parquet")
    return table


def _unpack(archive: Path, ledger: pd.DataFrame, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with ArchiveReader(archive) as images:
        names = {row.image_id: member(row.strength, row.image_id) for row in rows(ledger)}
        outputs = output_names(list(names))
        for image_id, name in names.items():
            if name not in images:
                continue
            with atomic(target / outputs[image_id]) as partial:
                partial.write_bytes(images.read_encoded(name))


def output_names(names: Sequence[str]) -> dict[str, str]:
    """Return the name of each image's result: its suffix becomes ``.png``.

    Files that differ in their suffix alone keep it before the new one (``a.jpg.png``), and all
    files do where that alone would meet another's result, so that none is lost.
    """
    stems = {name: str(Path(name).with_suffix("")) for name in names}
    counts = Counter(stems.values())
    short = {n: f"{n if counts[stem] > 1 else stem}.png" for n, stem in stems.items()}
    return short if len(set(short.values())) == len(short) else {n: f"{n}.png" for n in names}
