"""How MMDA's subspaces are learnt: the block `training_mmda` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from anonbench.config_block import Block
from anonbench.training.round_settings import Positive, Share

MMDA_DETECTOR = "dlib_hog"
"""Whose landmarks are a face's shape."""


class MmdaTraining(Block):
    """Subspaces of gender, ancestry, age and identity: `snakemake train_mmda`."""

    dataset: str
    """Key of `datasets`: what to learn from. It has to have gender, age and ethnicity."""
    width: Annotated[int, Field(ge=24, le=256)] = 96
    """Width of the mean face's landmarks in pixels: how fine texture is."""
    components: Positive = 300
    """Principal axes that are kept, at most. Published: all, which is one less than there are
    images; each takes as many numbers as a face."""
    ages: Annotated[tuple[int, ...], Field(min_length=1)] = (40, 60)
    """Years at which a class of age begins; the first is for all who are younger."""
    identity: Share = 0.3
    """Share of variance between people from which a direction belongs to identity. Published: as
    near to 1 as can be, but with few axes no direction is there."""
    validation: Share = 0.05
    """Share of subjects that are held out, to see how well new faces are coded."""
