"""Who is enrolled, who probes, and which attack compares which versions of the pictures."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Source = Literal["original", "anonymised"]
Indices = NDArray[np.int64]

ENROLMENTS = ("first", "session", "split", "all_pairs", "pairs")


@dataclass(frozen=True)
class Attack:
    """Which version of the pictures is enrolled and which one probes."""

    name: str
    gallery: Source
    probe: Source


_ATTACKS = (
    Attack("baseline", "original", "original"),
    Attack("naive", "original", "anonymised"),
    Attack("reverse", "anonymised", "original"),
    Attack("parrot", "anonymised", "anonymised"),
    # Each picture against its own anonymised version: a near-duplicate match, reported apart.
    Attack("same_image", "original", "anonymised"),
    # No attacks either: outputs against each other, of one subject and of two.
    Attack("same_subject", "anonymised", "anonymised"),
    Attack("different_subjects", "anonymised", "anonymised"),
)
# Newton, Sweeney and Malin, "Preserving privacy by de-identifying face images", TKDE 2005.
ATTACKS = MappingProxyType({attack.name: attack for attack in _ATTACKS})
ATTACKERS = ("naive", "reverse", "parrot")
"""Attacks on anonymised pictures: the most successful one is what privacy is judged by."""
DISTANCES = ("same_image", "same_subject", "different_subjects")
"""What is no attack: only distances are told of it (Nagaraj 2021)."""


@dataclass(frozen=True)
class Pairs:
    """Explicit comparisons: image indices, mated flags and fold numbers, all (N,)."""

    first: Indices
    second: Indices
    mated: NDArray[np.bool_]
    fold: Indices


@dataclass(frozen=True)
class Partition:
    """Images of a data set and their part in the evaluation.

    Attributes
    ----------
    enrolment : str
    image_ids : (N,) str, ascending; all labelled images, failed ones included
    usable : (N,) bool, False where the manifest's status is not ``ok``
    subjects : (N,) int64 codes into `subject_names`
    subject_names : tuple of str, ascending
    gallery, probe : image indices, ascending
    every_image_both : every image is enrolled and probes (never compared with itself)
    pairs : explicit comparisons, or None for all of gallery x probe
    n_unlabelled : images left out as they have no subject
    """

    enrolment: str
    image_ids: NDArray[np.str_]
    usable: NDArray[np.bool_]
    subjects: Indices
    subject_names: tuple[str, ...]
    gallery: Indices
    probe: Indices
    every_image_both: bool
    pairs: Pairs | None
    n_unlabelled: int


def partition(
    manifest: pd.DataFrame, enrolment: str, pairs: pd.DataFrame | None = None
) -> Partition:
    """Divide the images of a manifest into gallery and probes.

    Parameters
    ----------
    manifest : DataFrame with image_id, subject, status and, as needed, session and split
        Row order is of no account. Images whose status is not ``ok`` stay in and count as
        failed samples.
    enrolment : str
        ``first``: each subject's first image by image_id is enrolled, the others probe.
        ``session``: each subject's first session is enrolled, its other sessions probe.
        ``split``: the manifest says ``gallery`` or ``probe``. ``all_pairs``: every image on
        both sides. ``pairs``: exactly the comparisons of `pairs`.
        A subject with one image serves in the non-mated comparisons.
    pairs : DataFrame with image_a, image_b, mated, fold; for ``pairs`` only

    Raises
    ------
    ValueError
        If the enrolment is unknown, labels that it needs are missing, image_ids repeat, or no
        mated or no non-mated comparison is left.
    """
    if enrolment not in ENROLMENTS:
        raise ValueError(f"unknown enrolment '{enrolment}'; choose one of {', '.join(ENROLMENTS)}")
    table, n_unlabelled = _labelled(manifest)
    names, codes = np.unique(table["subject"].to_numpy(dtype=str), return_inverse=True)
    gallery, probe, explicit = _sides(table, codes, enrolment, pairs)
    result = Partition(
        enrolment=enrolment,
        image_ids=table["image_id"].to_numpy(dtype=str),
        usable=(table["status"] == "ok").to_numpy(dtype=bool),
        subjects=codes.astype(np.int64),
        subject_names=tuple(str(name) for name in names),
        gallery=gallery,
        probe=probe,
        every_image_both=enrolment == "all_pairs",
        pairs=explicit,
        n_unlabelled=n_unlabelled,
    )
    _require_comparisons(result)
    return result


def sides_of(manifest: pd.DataFrame, enrolment: str, pairs: pd.DataFrame) -> dict[str, str]:
    """Return what each labelled image is used for: gallery, probe, both or unused.

    Without an enrolment, all of them are probes.
    """
    if enrolment == "none":
        return dict.fromkeys(map(str, manifest["image_id"]), "probe")
    part = partition(manifest, enrolment, pairs)
    enrolled, probes = (
        np.isin(np.arange(len(part.image_ids)), s) for s in (part.gallery, part.probe)
    )
    names = {(True, True): "both", (True, False): "gallery", (False, True): "probe"}
    return {
        str(image): names.get((bool(g), bool(p)), "unused")
        for image, g, p in zip(part.image_ids, enrolled, probes, strict=True)
    }


def _labelled(manifest: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Rows with a subject, sorted by image_id, and how many have none."""
    missing = {"image_id", "subject", "status"} - set(manifest.columns)
    if missing:
        raise ValueError(f"manifest lacks the columns {', '.join(sorted(missing))}")
    repeated = manifest["image_id"][manifest["image_id"].duplicated()]
    if len(repeated):
        raise ValueError(f"manifest names {len(repeated)} images twice, e.g. {repeated.iloc[0]}")
    labelled = manifest[_text(manifest["subject"]) != ""]
    if labelled.empty:
        raise ValueError("no image has a subject: recognition needs subject labels")
    order = np.argsort(labelled["image_id"].to_numpy(dtype=str), kind="stable")
    return labelled.iloc[order].reset_index(drop=True), len(manifest) - len(labelled)


def _sides(
    table: pd.DataFrame, codes: NDArray[Any], enrolment: str, pairs: pd.DataFrame | None
) -> tuple[Indices, Indices, Pairs | None]:
    """Gallery and probe indices, and the explicit pairs if those are asked for."""
    everyone = np.arange(len(table), dtype=np.int64)
    if enrolment == "pairs":
        explicit = _explicit_pairs(pairs, table, codes)
        return np.unique(explicit.first), np.unique(explicit.second), explicit
    if enrolment == "all_pairs":
        return everyone, everyone, None
    enrolled = _enrolled(table, codes, enrolment)
    return everyone[enrolled], everyone[~enrolled], None


def _enrolled(table: pd.DataFrame, codes: NDArray[Any], enrolment: str) -> NDArray[np.bool_]:
    """(N,) bool: the image belongs to the gallery."""
    if enrolment == "first":
        enrolled = np.zeros(len(table), dtype=bool)
        enrolled[np.unique(codes, return_index=True)[1]] = True
        return enrolled
    values = _column(table, enrolment)
    if enrolment == "session":
        numeric = pd.to_numeric(values, errors="coerce")
        keys = numeric if numeric.notna().all() else values
        order = pd.Series(np.unique(keys.to_numpy(), return_inverse=True)[1])
        return (order == order.groupby(codes).transform("min")).to_numpy(dtype=bool)
    strange = sorted(set(values) - {"gallery", "probe"})
    if strange:
        raise ValueError(
            f"enrolment 'split' knows the values gallery and probe, not {', '.join(strange[:5])}; "
            "correct the split labels or choose another enrolment, such as 'first'"
        )
    return (values == "gallery").to_numpy(dtype=bool)


def _column(table: pd.DataFrame, name: str) -> pd.Series[Any]:
    """Return a label column that must have no gaps."""
    values = _text(table[name]) if name in table.columns else pd.Series([""] * len(table))
    absent = table["image_id"][values == ""]
    if len(absent):
        raise ValueError(
            f"enrolment '{name}' needs a {name} for every image; {len(absent)} of {len(table)} "
            f"have none, e.g. {absent.iloc[0]}: add it to the labels or choose another "
            "enrolment, such as 'first'"
        )
    return values


def _explicit_pairs(pairs: pd.DataFrame | None, table: pd.DataFrame, codes: Any) -> Pairs:
    if pairs is None or pairs.empty:
        raise ValueError(
            "enrolment 'pairs' needs a pair list, and the data set has none; choose another "
            "enrolment, such as 'first'"
        )
    index = pd.Index(table["image_id"].astype(str))
    sides = [index.get_indexer(pd.Index(pairs[c].astype(str))) for c in ("image_a", "image_b")]
    for side, column in zip(sides, ("image_a", "image_b"), strict=True):
        if (side < 0).any():
            name = pairs[column].to_numpy()[side < 0][0]
            raise ValueError(
                f"{np.count_nonzero(side < 0)} pairs name an image that has no labelled row in "
                f"the manifest, e.g. {name}"
            )
    first, second = (np.asarray(side, dtype=np.int64) for side in sides)
    mated = pairs["mated"].to_numpy(dtype=bool)
    wrong = (first == second) | ((codes[first] == codes[second]) != mated)
    if wrong.any():
        example = pairs.iloc[int(wrong.argmax())]
        raise ValueError(
            f"{np.count_nonzero(wrong)} pairs compare an image with itself or contradict the "
            f"subject labels, e.g. {example['image_a']} and {example['image_b']}"
        )
    return Pairs(first, second, mated, pairs["fold"].to_numpy(dtype=np.int64))


def _require_comparisons(result: Partition) -> None:
    """Refuse what cannot be evaluated, saying what would help."""
    n_subjects = len(result.subject_names)
    if n_subjects < 2:
        raise ValueError(f"{n_subjects} subject: verification needs at least two")
    if result.pairs is not None:
        mated, nonmated = bool(result.pairs.mated.any()), not bool(result.pairs.mated.all())
    else:
        by_gallery = np.bincount(result.subjects[result.gallery], minlength=n_subjects)
        by_probe = np.bincount(result.subjects[result.probe], minlength=n_subjects)
        same = by_gallery * by_probe
        nonmated = bool(result.gallery.size * result.probe.size > same.sum())
        mated = bool((same > (by_gallery if result.every_image_both else 0)).any())
    if not mated:
        raise ValueError(
            f"enrolment '{result.enrolment}' leaves no mated comparison: no subject has both a "
            "gallery and another probe image; more images per subject, or another enrolment, "
            "are needed"
        )
    if not nonmated:
        raise ValueError(f"enrolment '{result.enrolment}' leaves no non-mated comparison")


def _text(values: pd.Series[Any]) -> pd.Series[Any]:
    """Labels as text, gaps as the empty string."""
    return values.fillna("").astype(str).str.strip()
