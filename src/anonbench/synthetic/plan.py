"""What a rendered set holds: which subjects in which views, and which shard each image lies in.

Plain arithmetic, without any numerical library: the configuration and the workflow read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator, model_validator

from anonbench.config_block import Block, Distinct

Expression = Literal["neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger"]
Split = Literal["train", "evaluation"]
Subsampling = Literal["4:2:0", "4:2:2", "4:4:4"]

_BASE_60 = {14520: "4:2:0", 14522: "4:2:2", 14644: "4:4:4"}

EXPRESSIONS: tuple[Expression, ...] = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger",
)  # fmt: skip
"""All expressions, in the order in which a set counts them."""

SEEDS: dict[Split, range] = {"evaluation": range(10_000), "train": range(10_000, 100_000)}
"""Subject seeds of each split: nobody of the one is in the other."""

LABELS = "labels.csv"
PLAN_FILE = "plan.json"


class ImageName(NamedTuple):
    """One image: what is asked of the renderer.

    Attributes
    ----------
    seed : int
        Of the subject.
    expression : str
    view : int
        From 0; pose, light and background differ between views.
    """

    seed: int
    expression: Expression
    view: int

    @property
    def subject(self) -> str:
        """Name of the subject, e.g. ``s0007``."""
        return f"s{self.seed:04d}"

    @property
    def path(self) -> str:
        """Name of the file, e.g. ``s0007_happiness_1.jpg``."""
        return f"{self.subject}_{self.expression}_{self.view}.jpg"


@dataclass(frozen=True)
class Shard:
    """A few subjects whose images travel in one archive.

    Attributes
    ----------
    number : int
        From 0, within the set.
    seeds : tuple of int
        Of its subjects.
    views, expressions, size, quality, subsampling
        As in `FacePlan`: with them a shard says all about its images.
    """

    number: int
    seeds: tuple[int, ...]
    views: int
    expressions: tuple[Expression, ...]
    size: int
    quality: int
    subsampling: Subsampling

    @property
    def stem(self) -> str:
        """Name of its files without suffix, e.g. ``faces-000``."""
        return f"faces-{self.number:03d}"

    @property
    def archive(self) -> str:
        """File name of its archive."""
        return f"{self.stem}.tar"

    @property
    def rows(self) -> str:
        """Path of its label rows, relative to the set's folder."""
        return f"rows/{self.stem}.csv"

    def images(self) -> list[ImageName]:
        """Return its images in the order of the archive and of the labels: by file name."""
        names = (
            ImageName(seed, expression, view)
            for seed in self.seeds
            for expression in self.expressions
            for view in range(self.views)
        )
        return sorted(names, key=lambda name: name.path)


class FacePlan(Block):
    """What a rendered set holds."""

    split: Split = "train"
    """Where the subjects come from; no subject is in both. Training has 90,000, evaluation
    10,000."""
    first: int = Field(default=0, ge=0)
    """Number of the first subject, counted from the first of the split."""
    subjects: int = Field(default=60, ge=1)
    """How many subjects."""
    views: int = Field(default=2, ge=1)
    """Images of each subject in each expression; pose, light and background differ."""
    expressions: Annotated[list[Expression], Distinct] = Field(
        default=list(EXPRESSIONS), min_length=1
    )
    """Which expressions; the order makes no difference."""
    size: int = Field(default=256, ge=64, le=4096)
    """Width and height in pixels."""
    quality: int = Field(default=95, ge=1, le=100)
    """JPEG quality, on libjpeg's scale."""
    subsampling: Subsampling = "4:2:0"
    """How coarsely JPEG keeps colour; 4:4:4 keeps all of it."""
    subjects_per_shard: int = Field(default=6, ge=1)
    """Subjects in one archive, which is also one job."""

    @field_validator("subsampling", mode="before")
    @classmethod
    def _not_base_60(cls, value: object) -> object:
        # `dvc exp run -S` writes it without quotes, which YAML 1.1 reads as 4 * 60**2 + 2 * 60 + 0.
        return _BASE_60.get(value, value) if isinstance(value, int) else value

    @field_validator("expressions")
    @classmethod
    def _in_order(cls, value: list[Expression]) -> list[Expression]:
        return [e for e in EXPRESSIONS if e in value]

    @model_validator(mode="after")
    def _in_range(self) -> FacePlan:
        known = len(SEEDS[self.split])
        if self.first + self.subjects > known:
            raise ValueError(
                f"first {self.first} and {self.subjects} subjects: "
                f"the split {self.split} has {known} subjects"
            )
        return self

    @property
    def seeds(self) -> range:
        """Seeds of the subjects."""
        start = SEEDS[self.split].start + self.first
        return range(start, start + self.subjects)

    @property
    def images(self) -> int:
        """Number of images."""
        return self.subjects * self.views * len(self.expressions)

    @property
    def n_shards(self) -> int:
        """Number of shards; the last may hold fewer subjects."""
        return -(-self.subjects // self.subjects_per_shard)

    def shard(self, number: int) -> Shard:
        """Return a shard by its number.

        Raises
        ------
        IndexError
            If the set has no such shard.
        """
        if not 0 <= number < self.n_shards:
            raise IndexError(f"no shard {number}: the set has {self.n_shards}")
        start = number * self.subjects_per_shard
        return Shard(
            number=number,
            seeds=tuple(self.seeds[start : start + self.subjects_per_shard]),
            views=self.views,
            expressions=tuple(self.expressions),
            size=self.size,
            quality=self.quality,
            subsampling=self.subsampling,
        )

    def shards(self) -> Iterator[Shard]:
        """Iterate over all shards."""
        return (self.shard(number) for number in range(self.n_shards))


def split_of(seed: int) -> Split:
    """Return the split that a subject seed belongs to; ValueError if to none."""
    for split, seeds in SEEDS.items():
        if seed in seeds:
            return split
    raise ValueError(f"{seed} is no subject seed: they run from 0 to {SEEDS['train'].stop - 1}")
