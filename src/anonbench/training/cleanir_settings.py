"""How CLEANIR is trained: the block `training_cleanir` of the configuration.

Defaults are the published recipe; what goes beyond it is off.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from anonbench.config_block import Block

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]

CLEANIR_DETECTOR = "dlib_hog"
"""Whose landmarks say where a face ends."""


class CleanirTraining(Block):
    """Training of CLEANIR on a data set of faces: `snakemake train_cleanir`."""

    dataset: str
    """Key of `datasets`: what to train on."""
    recogniser: str = "dlib"
    """Recogniser whose embeddings the half of the code for who is seen learns. The published one is
    FaceNet."""
    validation: Share = 0.0
    """Share of subjects that are held out for sample sheets and curves."""
    rounds: Positive = 200_000
    """Steps. Published: up to 300 passes over 152,507 faces, of which 42 are shown."""
    batch: Positive = 32
    """Faces a step. The published loss adds up reconstruction and identity over a batch, and
    averages divergence: with other batches, `divergence` weighs more or less."""
    rate: float = Field(default=1e-4, gt=0)
    """Learning rate (Adam)."""
    decay: Weight = 1e-6
    """The rate is divided by 1 + `decay` times the round, as Keras does."""
    reconstruction: Weight = 0.3
    """Weight of the cross-entropy of pixels, summed."""
    divergence: Weight = 0.7
    """Weight of the divergence of codes from the normal distribution, averaged over the batch."""
    identity: Weight = 1000.0
    """Weight of 1 minus the cosine of the half for who is seen and the embedding, summed."""

    # Beyond the published recipe.
    levels: Annotated[int, Field(ge=1, le=5)] = 1
    """See `sharpness`."""
    sharpness: Weight = 0.0
    """Weight of the mean absolute difference on `levels` levels of a Laplacian pyramid, summed over
    the batch."""
    sure: bool = False
    """Whether noise is added to the half for all else only, so that who is seen is learnt from
    codes as they are used."""
    flip: Share = 0.0
    """Probability that a face is mirrored."""
    shift: Annotated[int, Field(ge=0, le=8)] = 0
    """Pixels by which a face is moved at random, of 64."""
    ema: Share = 0.0
    """Decay, a round, of the moving average of the networks that is kept in the end; 0: the last
    ones are."""
    fall: Share = 0.0
    """Share of the rounds, at the end, in which the learning rate falls to 0."""

    report_every: Positive = 1000
    """Rounds between checkpoints, sample sheets and points of the curve."""
    quality: str = ""
    """Expression network of the registry by whose features KID is measured; empty: it is not."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: CUDA where there is one, else the processor."""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: mixed precision."""
