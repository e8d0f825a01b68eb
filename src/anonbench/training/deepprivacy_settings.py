"""How DeepPrivacy is trained: the block `training_deepprivacy` of the configuration.

Defaults are the published recipe but for its progressive growing: the network has its full size
from the start. What goes beyond it is off.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from anonbench.training.round_settings import Count, Positive, RoundSettings, Share, Weight

DEEPPRIVACY_DETECTOR = "mediapipe_keypoints"
"""Whose boxes and keypoints faces are drawn by."""


class DeepPrivacyTraining(RoundSettings):
    """Training of DeepPrivacy on a data set of faces: `snakemake train_deepprivacy`."""

    network: Literal["DeepPrivacyV1", "MSGGenerator"] = "DeepPrivacyV1"
    """The paper's generator, or the one that its authors recommend."""
    channels: Positive = 128
    """Of the generator, at 128 pixels; a quarter of them leaves a sixteenth of its parameters."""
    critic_channels: Positive = 32
    """Of the critic's first layer."""
    rounds: Positive = 100_000
    """Steps of the generator. Published: about 40 million images in all sizes."""
    batch: Positive = 64
    """Images a step."""
    rate: Annotated[float, Field(gt=0)] = 0.00175
    """Learning rate of both networks (Adam, betas 0 and 0.99)."""
    penalty: Weight = 10.0
    """Weight of the critic's gradient penalty between true and drawn pictures (Gulrajani et al.
    2017)."""
    penalty_every: Positive = 1
    """Rounds between those with a penalty, which then weighs so many times as much."""
    drift: Weight = 0.001
    """Weight of the squared scores of true pictures, which keeps them near 0 (Karras et al.
    2018)."""
    jitter: Share = 0.02
    """Share of a box by which its edges are moved at random."""

    # Beyond the published recipe.
    momentum: Share = 0.0
    """First beta of Adam, for all networks."""
    critic: Literal["published", "patches"] = "published"
    """`patches`: instead of the Wasserstein critic, one that scores every patch of 70 x 70 pixels
    by itself (Isola et al. 2017), by least squares and without penalty; it learns sooner what is
    blurred. `critic_channels` is the width of either."""
    critic_pace: Weight = 1.0
    """The critic's rate, as a multiple of `rate`: weights of the patches' critic are not scaled."""
    matching: Weight = 0.0
    """Weight of the mean absolute difference of the patches' critic's inner features between the
    true and the drawn picture (Wang et al. 2018, pix2pixHD)."""
    warm_up: Count = 0
    """First rounds without critic, with reconstruction alone."""
    reconstruction: Weight = 0.0
    """Weight of the mean absolute difference from the true picture inside the box."""
    levels: Annotated[int, Field(ge=1, le=6)] = 1
    """Levels of the Laplacian pyramid on which the reconstruction is compared; 1: pixels."""
    adversarial: Weight = 1.0
    """Weight of the critic's score in the generator's loss."""

    @model_validator(mode="after")
    def _matched_by_patches(self) -> Self:
        if self.matching and self.critic != "patches":
            raise ValueError("matching is of the inner features of critic: patches")
        return self
