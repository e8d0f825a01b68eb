"""Methods that see a whole data set before they anonymise it: all its faces, for one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from anonbench import anonymisers
from anonbench.anonymisers import Strength
from anonbench.anonymisers._optional import ChecksDetectors
from anonbench.anonymisers._prepared import Crowd, Member, Prepares
from anonbench.anonymisers._whose import ranked_boxes
from anonbench.io import ArchiveReader, ArchiveWriter, atomic, read_table, rows
from anonbench.ledger import Status
from anonbench.progress import LOGGER
from anonbench.protocols import sides_of
from anonbench.region_finder import RegionFinder, read_finder
from anonbench.regions import Part, Policy
from anonbench.strengths import resolve_strengths

LABELS = ("session", "expression", "gender")
"""Columns of the manifest that a method is told."""


def prepare_files(
    *,
    archive: Path | str,
    manifest: Path | str,
    pairs: Path | str,
    detections: Sequence[Path | str],
    subjects: Path | str,
    dataset: str,
    anonymiser: str,
    strengths: Sequence[Strength],
    region: Part,
    options: Mapping[str, Any],
    faces_policy: Policy,
    enrolment: str,
    seed: int,
    out_archive: Path | str,
    out_groups: Path | str,
) -> None:
    """Let a method look at all faces of a data set that it would anonymise.

    Parameters
    ----------
    archive, manifest, pairs : path
        As ingest wrote them.
    enrolment : str
        The data set's: images enrolled and images that probe are apart, since an attacker who
        anonymises his gallery does so by himself.
    out_archive, out_groups : path
        What the method leaves behind, for `anonbench.anonymise`.
    others
        As for `anonbench.anonymise.anonymise_files`.

    Raises
    ------
    ValueError
        If the method is not prepared, or cannot be on these data.
    """
    plugin = anonymisers.get(anonymiser)
    chosen = resolve_strengths(plugin.info, strengths)
    model = plugin.build(options)
    if not isinstance(model, Prepares):
        raise ValueError(f"{anonymiser} does not look at a data set before it anonymises it")
    if isinstance(model, ChecksDetectors):
        model.check_detectors([Path(path).stem for path in detections])
    table = read_table(manifest)
    sides = sides_of(table, enrolment, read_table(pairs))
    finder = read_finder(detections, subjects, region, faces_policy)
    members = found_members(table, sides, finder)
    if not members:
        raise ValueError(f"{dataset}: no face was found in any image, so there is none to look at")
    with (
        ArchiveReader(archive) as images,
        ArchiveWriter(out_archive) as out,
        atomic(out_groups) as partial,
    ):
        groups = model.prepare(Crowd(dataset, seed, members, images.read), chosen, out)
        groups.to_parquet(partial, index=False, engine="pyarrow", compression="zstd")
    for why, count in sorted(Counter(groups.loc[groups["group"] == "", "detail"]).items()):
        LOGGER.warning("%s by %s: %d images in no group: %s", dataset, anonymiser, count, why)


def found_members(
    manifest: pd.DataFrame, sides: Mapping[str, str], finder: RegionFinder
) -> tuple[Member, ...]:
    """Return the images whose subject's face the method's detectors find, ascending by image id."""
    members = []
    for row in rows(manifest.sort_values("image_id")):
        if row.status != Status.OK:
            continue
        name, (width, height) = str(row.image_id), (int(row.width), int(row.height))
        found = finder.find(name, width, height)
        if found.status != Status.OK:
            continue
        faces = [region.face for region in found.regions]
        own = faces[ranked_boxes([face.box for face in faces], finder.subjects[name])[0]]
        labels = {column: _text(getattr(row, column, "")) for column in LABELS}
        side = sides.get(name, "unused")
        members.append(Member(name, _text(row.subject), side, labels, own, width, height))
    return tuple(members)


def _text(value: Any) -> str:
    return "" if value is None or value != value else str(value).strip()
