"""Whether the images of a method of the k-Same family are k-Same: found out on the images.

The theorem (Newton, Sweeney, Malin 2005) holds for a released set that shows every person once and
in which every image, all of it, is one of a picture that at least k people share. What fulfils less
is called k-Same-like here, with the reason. Gallery and probes are released apart: who attacks by
an anonymised gallery has anonymised it himself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from anonbench.io import METRIC_COLUMNS, ArchiveReader, member, read_table, rows, write_table
from anonbench.ledger import Status
from anonbench.protocols import sides_of

TASK = "guarantee"
LEAST, GUESS, LABEL = "people_per_output", "best_guess", "k_same"
"""Metrics: the fewest people who share an output; the largest share of one person in an output, so
the best that anybody can do who sees only that; and 1 for k-Same, 0 for k-Same-like."""


@dataclass(frozen=True)
class Guarantee:
    """What holds of the images of one strength.

    Attributes
    ----------
    people : int
        The fewest people who share an output; 0 where there is none.
    guess : float
        The largest share of one person's images among those that are one output; NaN for none.
    outputs : int
        Different pictures, those of the gallery and of the probes apart.
    reasons : tuple of str
        Why it is no k-Same; empty if it is.
    """

    people: int
    guess: float
    outputs: int
    reasons: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the images may be called."""
        return f"k-Same-like: {'; '.join(self.reasons)}" if self.reasons else "k-Same"


def guarantee(images: pd.DataFrame, k: int, identities: bool = True) -> Guarantee:
    """Return what holds of the outputs of one strength.

    Parameters
    ----------
    images : DataFrame
        A row an image that ingest accepted: subject, side (gallery, probe, both), status, digest
        (of the output), whole (whether the method changes the whole image).
    k : int
        How many people have to share an output.
    identities : bool
        Whether the data set says who is who.
    """
    good = images[images["status"] == Status.OK]
    outputs = good.groupby(["side", "digest"])["subject"]
    people = outputs.nunique()
    share = outputs.agg(lambda s: s.value_counts().iloc[0] / len(s))
    return Guarantee(
        int(people.min()) if len(people) else 0,
        float(share.max()) if len(share) else float("nan"),
        len(people),
        tuple(_reasons(images, good, people, k, identities)),
    )


def _reasons(
    images: pd.DataFrame, good: pd.DataFrame, people: pd.Series[int], k: int, identities: bool
) -> Iterator[str]:
    if not identities:
        yield "the data set does not say who is who"
    lost = images.loc[images["status"] != Status.OK, "status"].value_counts().sort_index()
    if len(lost):
        named = ", ".join(f"{count} {status}" for status, count in lost.items())
        yield f"{lost.sum()} of {len(images)} images are blacked out ({named})"
    if not good["whole"].all():
        yield "pixels outside of the face remain"
    few = people[people < k]
    if len(few):
        yield f"{len(few)} of {len(people)} pictures stand for fewer than {k} people"
    for side, own in images.groupby("side"):
        most = int(own["subject"].value_counts().max())
        if most > 1:
            yield f"up to {most} images of a person among those of {side}"


def guarantee_files(
    *,
    archive: Path | str,
    ledger: Path | str,
    manifest: Path | str,
    pairs: Path | str,
    dataset: str,
    method: str,
    enrolment: str,
    out: Path | str,
) -> None:
    """Write what holds of the images of a method, as rows of the metric table.

    Parameters
    ----------
    archive, ledger : path
        As `anonbench.anonymise` wrote them.
    manifest, pairs : path
        As ingest wrote them.
    dataset, method, enrolment : str
        Names, and what the data set's gallery is made of.
    out : path
        CSV file with `METRIC_COLUMNS`.
    """
    labels = read_table(manifest)
    sides = sides_of(labels, enrolment, read_table(pairs))
    table = _images(Path(archive), read_table(ledger), labels)
    table["side"] = table["image_id"].map(sides).fillna("unused")
    found: list[dict[str, object]] = []
    for strength, images in table.groupby("strength", sort=False):
        label = str(strength)
        keys = {"dataset": dataset, "method": method, "strength": label, "task": TASK}
        keys |= dict.fromkeys(("attack", "system", "policy"), "")
        held = guarantee(images, int(label), enrolment != "none")
        none = "" if held.outputs else "every image is blacked out"
        values = {LEAST: held.people if held.outputs else None, GUESS: held.guess}
        found += [
            {**keys, "metric": metric, "value": value, "n": held.outputs, "note": none}
            for metric, value in values.items()
        ]
        told = {"value": float(not held.reasons), "n": len(images), "note": held.name}
        found.append({**keys, "metric": LABEL, **told})
    write_table(pd.DataFrame(found, columns=list(METRIC_COLUMNS)), out)


def _images(archive: Path, ledger: pd.DataFrame, manifest: pd.DataFrame) -> pd.DataFrame:
    """Return a row an image and strength, of all images that ingest accepted."""
    known = manifest[manifest["status"] == Status.OK].set_index("image_id")
    own = ledger[ledger["image_id"].isin(known.index)]
    found = []
    with ArchiveReader(archive) as images:
        for row in rows(own):
            name = member(row.strength, row.image_id)
            # The same pixels are the same bytes: all images are written by one encoder.
            digest = hashlib.sha256(images.read_encoded(name)).hexdigest()
            size = [0, 0, int(known["width"][row.image_id]), int(known["height"][row.image_id])]
            whole = [int(edge) for edge in row.regions[:4]] in ([], size)
            found.append((row.image_id, row.strength, row.status, digest, whole))
    columns = ["image_id", "strength", "status", "digest", "whole"]
    table = pd.DataFrame(found, columns=columns)
    return table.assign(subject=table["image_id"].map(known["subject"]))
