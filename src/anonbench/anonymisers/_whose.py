"""Whose face each region of a photo is, and random numbers that belong to whom they are for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anonbench.anonymisers._base import Photo
from anonbench.anonymisers._optional import DataSet
from anonbench.seeds import generator as keyed
from anonbench.types import Box

POLICIES = ("per_subject", "per_image", "fixed")


def draws(
    policy: str, what: str, photo: Photo, generator: np.random.Generator, data: DataSet | None
) -> list[np.random.Generator]:
    """Return a source of random numbers for every region of a photo.

    The policy decides on the labelled subject's face. Nobody knows who the others are: theirs are
    told apart by their rank (see `ranked`).

    Parameters
    ----------
    policy : {"per_subject", "per_image", "fixed"}
        Whether the numbers are the same for all images of a subject, for none, or for everybody.
    what : str
        What they are for. Methods that are compared and say the same get the same numbers.
    photo : Photo
        The photo.
    generator : Generator
        The photo's own, for `per_image`.
    data : DataSet or None
        What the other two rest on.

    Raises
    ------
    ValueError
        If they need the data set, and it is not known.
    """
    order = ranked(photo)
    if policy == "per_image":
        sources = generator.spawn(len(order))
    elif data is None:
        raise ValueError(f"{policy}: the data set has to be known first")
    else:
        whose = (data.name, photo.subject) if policy == "per_subject" else ()
        sources = [keyed(data.seed, what, *whose, rank) for rank in range(len(order))]
    by_region = dict(zip(order, sources, strict=True))
    return [by_region[k] for k in range(len(order))]


def ranked(photo: Photo) -> list[int]:
    """Return the indices of a photo's regions: the subject's, then the others from left to right.

    Where the subject's face is not known, the largest counts as his.
    """
    return ranked_boxes([region.face.box for region in photo.regions], photo.subject_box)


def ranked_boxes(boxes: Sequence[Box], known: Box | None) -> list[int]:
    """Return the indices of boxes of faces in the order of `ranked`, given the subject's own."""
    left_to_right = sorted(range(len(boxes)), key=lambda k: boxes[k])
    shared = [box.area if known is None else box.intersection(known) for box in boxes]
    return sorted(left_to_right, key=lambda k: shared[k] < max(shared))
