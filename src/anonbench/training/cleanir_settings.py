"""How CLEANIR is trained: the block `training_cleanir` of the configuration.

Defaults are the published recipe; what goes beyond it is off.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from anonbench.training.round_settings import Count, Positive, RoundSettings, Weight

CLEANIR_DETECTOR = "dlib_hog"
"""Whose landmarks say where a face ends."""


class CleanirTraining(RoundSettings):
    """Training of CLEANIR on a data set of faces: `snakemake train_cleanir`."""

    recogniser: str = "dlib"
    """Recogniser whose embeddings the half of the code for who is seen learns. The published one is
    FaceNet."""
    rounds: Positive = 200_000
    """Steps. Published: up to 300 passes over 152,507 faces, of which 42 are shown."""
    batch: Positive = 32
    """Faces a step. The published loss adds up reconstruction and identity over a batch, and
    averages divergence: with other batches, `divergence` weighs more or less."""
    rate: Annotated[float, Field(gt=0)] = 1e-4
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
    warm_up: Count = 0
    """First rounds without critic."""
    adversarial: Weight = 0.0
    """Weight of a critic's verdict on every patch of 70 x 70 pixels (Isola et al. 2017), by least
    squares, summed over the batch (Larsen et al. 2016 have such autoencoders); 0: no critic."""
    matching: Weight = 0.0
    """Weight of the mean absolute difference of the critic's inner features between the true and
    the drawn face (Wang et al. 2018, pix2pixHD), summed over the batch."""
    critic_width: Positive = 64
    """Channels of the critic's first block."""
    shift: Annotated[int, Field(ge=0, le=8)] = 0
    """Pixels by which a face is moved at random, of 64."""

    @model_validator(mode="after")
    def _matched_by_a_critic(self) -> Self:
        if self.matching and not self.adversarial:
            raise ValueError("matching is of the critic's features: set adversarial")
        return self
