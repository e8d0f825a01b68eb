"""How a gallery of proxies is made: the block `training_proxies` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from anonbench.config_block import Block
from anonbench.training.round_settings import Positive

PROXY_DETECTOR = "mediapipe_mesh"
"""Whose landmarks tell expression and pose."""


class ProxyGallery(Block):
    """A gallery of faces and how expressions are told: `snakemake train_proxies`."""

    dataset: str
    """Key of `datasets`: whose faces they are. It has to have expressions."""
    people: Positive = 90
    """People in the gallery: the first ones of the data set that show every expression."""
    width: Annotated[int, Field(ge=24, le=512)] = 128
    """Width of a face's outline in a picture, in pixels."""
    margin: Annotated[float, Field(ge=0, le=1)] = 0.1
    """How much of its surroundings a picture shows, in widths of the outline."""
    quality: Annotated[int, Field(ge=50, le=100)] = 95
    """Of the pictures, as JPEG."""
    components: Positive = 60
    """Principal axes of landmarks within which expressions are told apart."""
