"""The k-Same family: all of a group of at least k people get one and the same face.

The guarantee (Newton, Sweeney, Malin 2005): if a released set shows every person once, and every
image of it is one of a picture that at least k of them share, nobody can tell who it is more often
than once in k times. `anonbench.guarantee` checks on the results whether that holds.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from anonbench.anonymisers._base import Info, Photo, Region, Strength
from anonbench.anonymisers._face_frame import DETECTOR, Frame, apply
from anonbench.anonymisers._ksame_frame import frame_of, landmarks
from anonbench.anonymisers._ksame_groups import Codes, Group
from anonbench.anonymisers._ksame_models import Model
from anonbench.anonymisers._ksame_options import Options, parse
from anonbench.anonymisers._ksame_paste import changed_window, face_set_in, whole_picture
from anonbench.anonymisers._loaded_once import check_detectors
from anonbench.anonymisers._optional import DataSet
from anonbench.anonymisers._prepared import GROUP_COLUMNS, Crowd, Member
from anonbench.io import ArchiveReader, ArchiveWriter, member, read_table, rows
from anonbench.seeds import generator
from anonbench.strengths import strength_label
from anonbench.types import Pixels

COLUMNS = (*GROUP_COLUMNS, "shape")
"""`shape`: the landmarks in the frame, flat; to set faces in."""

Grouping = Callable[[Codes, int, Sequence[int]], list[Group]]
Learn = Callable[[Crowd, Frame, float], Model]


def info(label: str, reference: str, stronger: bool = True) -> Info:
    """Return what a method of the family says of itself."""
    return Info(
        label=label,
        reference=reference,
        strength="k, the least number of people who share a face",
        kind="int",
        minimum=2,
        maximum=1000,
        stronger="higher" if stronger else "none",
        strengths=(2, 5, 10),
    )


@dataclass(frozen=True)
class KSame:
    """A method of the family.

    Parameters
    ----------
    info : Info
        What the method says of itself.
    grouping : callable
        Forms the groups of a release.
    learn : callable
        Returns what is averaged, given crowd, frame and share of variance.
    components : bool
        Whether that has principal components.
    select : bool
        Whether all of a group share a label.
    """

    info: Info
    grouping: Grouping
    learn: Learn
    components: bool = False
    select: bool = False

    def build(self, options: Mapping[str, Any]) -> Anonymiser:
        """Return the method.

        Raises
        ------
        ValueError
            For an option that does not exist, or has a wrong value.
        """
        return Anonymiser(self, parse(options, self.components, self.select))


@dataclass
class _Work:
    """What preparing rests on, and how many pictures each strength has so far."""

    crowd: Crowd
    frame: Frame
    model: Model
    out: ArchiveWriter
    numbers: Counter[str] = field(default_factory=Counter)


class Anonymiser:
    """A method of the family with its options.

    Parameters
    ----------
    kind : KSame
        The method.
    options : Options
        Settings of the entry.
    """

    def __init__(self, kind: KSame, options: Options) -> None:
        self._kind = kind
        self.options = options
        self._groups: dict[tuple[str, str], Any] = {}
        self._pictures: ArchiveReader | None = None
        self._label = kind.info.label

    def check_detectors(self, detectors: Sequence[str]) -> None:
        """Check before any work that the detectors find the landmarks that faces are aligned by."""
        check_detectors(detectors, DETECTOR, f"{self._label} aligns faces by dlib's landmarks")

    def prepare(
        self, crowd: Crowd, strengths: Sequence[Strength], out: ArchiveWriter
    ) -> pd.DataFrame:
        """Group all faces for every strength; write the groups' pictures and say who has which.

        A release is a set with at most one image a person: the images of one side, with one label
        where the method selects, the first of every person, the second, and so on.

        Raises
        ------
        ValueError
            If no face can be used, or a label to select by is missing.
        """
        usable, refused = _usable(crowd.members)
        if not usable:
            raise ValueError(f"{self._label}: no face of {crowd.name} has usable landmarks")
        frame = frame_of(usable)
        crowd = replace(crowd, members=tuple(usable))
        work = _Work(crowd, frame, self._kind.learn(crowd, frame, self.options.variance), out)
        labels = [strength_label(s) for s in strengths]
        found: list[tuple[Any, ...]] = [
            (m.image_id, label, "", "", 0, why, []) for m, why in refused for label in labels
        ]
        for name, release in _releases(usable, self.options.by).items():
            codes = np.stack([work.model.code(m) for m in release])
            for strength in strengths:
                found += self._grouped(work, name, release, codes, strength)
        return pd.DataFrame(found, columns=list(COLUMNS))

    def _grouped(
        self, work: _Work, name: str, release: Sequence[Member], codes: Codes, strength: Strength
    ) -> Iterator[tuple[Any, ...]]:
        """Group a release and write the pictures of the groups; yield a row a member."""
        label = strength_label(strength)
        order = generator(work.crowd.seed, "k-Same", work.crowd.name, name).permutation(len(codes))
        try:
            groups = self._kind.grouping(codes, int(strength or 0), order.tolist())
        except ValueError as error:
            yield from ((m.image_id, label, name, "", 0, str(error), []) for m in release)
            return
        for group in groups:
            picture = f"{work.numbers[label]:06d}"
            work.numbers[label] += 1
            source = list(group.source)
            mean = work.model.mean([release[i] for i in source], codes[source])
            work.out.add(member(label, picture), mean)
            for i in group.members:
                points = landmarks(release[i])
                shape = apply(work.frame.matrix(points), points).ravel().tolist()
                yield release[i].image_id, label, name, picture, len(group.members), "", shape

    def begin(self, data: DataSet) -> None:
        """Read the groups.

        Raises
        ------
        ValueError
            If they have not been formed.
        """
        if not data.prepared:
            raise ValueError(
                f"{self._label} looks at the whole data set first: run it by the workflow"
            )
        pictures, table = data.prepared
        self._pictures = ArchiveReader(pictures)
        self._groups = {(r.image_id, r.strength): r for r in rows(read_table(table))}

    def changed(self, region: Region, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the whole image, or the window around the face where the background is kept."""
        if self.options.background == "replaced":
            return 0, 0, width, height
        return changed_window(region, width, height)

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Give every photo its group's picture; the generators are not used.

        Raises
        ------
        ValueError
            For a photo that is in no group; the message says why.
        """
        return [self._one(photo, strength_label(strength)) for photo in photos]

    def _one(self, photo: Photo, label: str) -> Pixels:
        row = self._groups.get((photo.image_id, label))
        if row is None or self._pictures is None:
            raise ValueError(f"{photo.image_id} was not seen when groups of {label} were formed")
        if not row.group:
            raise ValueError(row.detail)
        picture = self._pictures.read(member(label, row.group))
        if self.options.background == "replaced":
            return whole_picture(picture, photo.pixels.shape)
        shape = np.asarray(row.shape, np.float64).reshape(-1, 2)
        return face_set_in(photo, picture, shape, self.options.feather)


def _usable(members: Sequence[Member]) -> tuple[list[Member], list[tuple[Member, str]]]:
    """Return members with landmarks and a name, and the others with what is wrong with them."""
    usable: list[Member] = []
    refused = []
    for one in members:
        try:
            if not one.subject:
                raise ValueError("no label says who this is")
            landmarks(one)
            usable.append(one)
        except ValueError as error:
            refused.append((one, str(error)))
    return usable, refused


def _releases(members: Sequence[Member], by: str) -> dict[str, list[Member]]:
    """Sort images into sets with at most one image a person, by name of the set."""
    found: dict[str, list[Member]] = defaultdict(list)
    seen: Counter[tuple[str, str, str]] = Counter()
    for one in members:
        label = one.labels.get(by, "") if by else "all"
        if not label:
            raise ValueError(f"{one.image_id} has no label {by} to select by")
        key = one.side, label
        seen[(*key, one.subject)] += 1
        found[" ".join([*key, str(seen[(*key, one.subject)])])].append(one)
    return dict(sorted(found.items()))
