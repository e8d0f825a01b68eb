"""How transforms are trained against a face classifier: the block `training_adversarial`.

Defaults are the published recipe of Ren, Lee and Ryoo (2018) as far as it is known, but for the
task, which is expressions instead of actions. `transform: convolution` is Narula's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from anonbench.training.round_settings import Count, Positive, RoundSettings, Weight

ADVERSARIAL_DETECTOR = "dlib_hog"
"""Whose boxes are enlarged."""
ENLARGED = 2.2
"""A crop is so many times as wide and high as the face's box, as in Ren's training."""
EASING = 1500.0, 5.0
"""Parts of the plain softmax beside the angular loss, at first and in the end, where a classifier
learns from nothing: with few of them at first it does not begin to learn."""
Side = Annotated[int, Field(gt=0, multiple_of=16)]


class AdversarialTraining(RoundSettings):
    """Training of a transform against a face classifier: `snakemake train_adversarial`."""

    transform: Literal["modifier", "convolution"] = "modifier"
    """`modifier`: Ren's network. `convolution`: Narula's first convolutions."""
    size: Side = 256
    """Width and height in pixels of what the transform sees."""
    channels: Positive = 64
    """Of the transform's first layer (modifier), or between its layers (convolution)."""
    blocks: Positive = 9
    """Residual blocks of the modifier."""
    layers: Positive = 1
    """Convolutions of Narula's transform; one is a linear filter."""
    kernel: Positive = 7
    """Width of their filters in pixels, odd."""
    classifier: Literal["sphereface", "plain"] = "sphereface"
    """Who tells people apart. `sphereface`: SphereFace-20 with its angular loss. `plain`: a small
    network with cross-entropy."""
    classifier_channels: Positive = 64
    """Of its first layers."""
    classifier_size: tuple[Side, Side] = (112, 96)
    """Height and width in pixels at which it, and the task, see a face."""
    seen: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of a crop's height, around its middle, that they see. A crop is 2.2 times as high as
    the face's box, so at 0.6 they see what the box holds and some hair and chin."""
    originals: bool = True
    """Whether the classifier learns from faces as they are besides modified ones (Ren). Narula's
    head for people stands on transformed pictures alone."""
    held_back: Positive = 1
    """Pictures of each subject that nothing learns from, to see whom the classifier tells."""
    rounds: Positive = 100_000
    """Steps of the transform. Published: 12 passes over CASIA-WebFace, a third-party reproduction
    says."""
    batch: Positive = 16
    """Faces a step."""
    rate: Annotated[float, Field(gt=0)] = 3e-4
    """Learning rate of transform and classifier (Adam, betas 0.5 and 0.999)."""
    task_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Learning rate of the task's network, which learns together with the transform."""
    difference: Weight = 0.5
    """Weight of the mean absolute difference, of -1..1, from the face as it is: Ren's lambda, and
    the modifier's strength."""
    adversarial: Weight = 1.0
    """Weight of the classifier's loss, which the transform raises: Narula's beta, and the strength
    of his transform."""
    task: Weight = 1.0
    """Weight of the cross-entropy of expressions on modified faces; 0: no task."""
    task_channels: Positive = 16
    """Of the task's first convolution."""
    easing: tuple[Weight, Weight] = EASING
    """How much of the plain softmax is left in the angular loss at the start, and in the end."""
    easing_fall: Weight = 0.1
    """After n rounds the first of them is divided by 1 + this times n."""

    # Beyond the published recipe.
    start: str = ""
    """Another training of this block, with networks of the same sizes, to begin with."""
    pace: Annotated[float, Field(gt=0)] = 1.0
    """At how many times the rate the transform learns, so that the classifier can follow it."""
    warm_up: Count = 0
    """First rounds in which the transform is told nothing of the classifier."""
    more_originals: Count = 0
    """Faces as they are that classifier and task learn from in each round besides the batch."""
    bounded: bool = False
    """Whether a face that the classifier is no better than a guess at counts no more."""
    shift: Annotated[int, Field(ge=0)] = 0
    """Pixels by which a face is moved at random, at most a sixteenth of `size`."""
    fresh_rounds: Count = 0
    """Steps of a classifier that learns from nothing, on what the trained transform makes of the
    faces, to see whether they can still be told apart; 0: it is not asked."""
    fresh_batch: Positive = 32
    """Faces in each of them."""
    fresh_rate: Annotated[float, Field(gt=0)] = 1e-3
    """Their learning rate, which falls to 0 over the last half."""
    quality: Literal[""] = ""
    """KID is not measured here."""

    @model_validator(mode="after")
    def _sizes(self) -> AdversarialTraining:
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel: {self.kernel} is even, so a filter has no middle")
        if self.shift > room(self.size):
            raise ValueError(f"shift: at most a sixteenth of the size, {room(self.size)} pixels")
        return self

    @property
    def strength(self) -> float:
        """What entries of the catalogue call the strength."""
        return self.difference if self.transform == "modifier" else self.adversarial


def room(size: int) -> int:
    """Return how many pixels beyond a crop, on every side, are stored to move it by."""
    return size // 16
