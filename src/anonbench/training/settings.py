"""How an expression network is trained: the block `training` of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from anonbench.config_block import Block

Positive = Annotated[int, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Augmentation(Block):
    """What happens to training images at random; 0 leaves a step out."""

    flip: Share = 0.5
    """Probability of a mirror image."""
    geometry: Share = 1.0
    """Probability of rotation, scale and shift; DAN's recipe for RAF-DB has 0.2."""
    rotation: float = Field(default=8.0, ge=0, le=180)
    """Degrees, up to which an image is turned."""
    scale: float = Field(default=0.08, ge=0, lt=1)
    """Share by which an image may grow or shrink."""
    shift: float = Field(default=0.04, ge=0, lt=1)
    """Share of the width by which an image may be off."""
    colour: float = Field(default=0.2, ge=0, lt=1)
    """Range of brightness, contrast and saturation around 1."""
    erasing: Share = 0.2
    """Probability that a rectangle is erased."""
    erased: Annotated[tuple[float, float], Field(min_length=2)] = (0.02, 0.25)
    """Least and largest share of the image that is erased."""


class Training(Block):
    """Training of DAN on a data set with expressions: `snakemake train_dan`."""

    dataset: str = ""
    """Key of `datasets`: what to train on."""
    name: str = "dan_rendered"
    """What the files are called."""
    start: str = ""
    """Weights of the registry to start from: `resnet18_msceleb` for the official recipe; empty for
    random ones."""
    crop: Literal["landmarks", "box", "image"] = "landmarks"
    """How faces are cut out, as in the options of an expression network."""
    padding: float = Field(default=0.35, ge=0)
    """Surroundings that an aligned crop shows."""
    size: Positive = 112
    """Width and height of the network's input in pixels; 224 in the official recipe."""
    heads: Positive = 4
    """Attention heads."""
    validation: Share = 0.05
    """Share of subjects that are held out, to see how training goes."""
    epochs: Positive = 16
    """How often every image is seen; 40 in the official recipe for RAF-DB."""
    batch: Positive = 64
    """Images a step; 256 in the official recipe."""
    optimiser: Literal["sgd", "adam"] = "adam"
    """SGD has momentum 0.9."""
    rate: float = Field(default=0.001, gt=0)
    """Learning rate at the start (its peak, for `cosine`)."""
    decay: float = Field(default=1e-4, ge=0)
    """Weight decay."""
    schedule: Literal["cosine", "step", "exponential"] = "cosine"
    """`cosine` rises through the first epoch and falls to 0. `step`: a tenth after every 10 epochs
    (RAF-DB). `exponential`: 0.6 times every epoch (AffectNet)."""
    balance: Literal["none", "sampler", "weights"] = "none"
    """Rare classes: drawn more often, weighed more in the loss, or neither."""
    affinity: float = Field(default=1.0, ge=0)
    """Weight of the affinity loss."""
    partition: float = Field(default=1.0, ge=0)
    """Weight of the partition loss."""
    auxiliary: float = Field(default=1.0, ge=0)
    """Weight of the cross-entropy of a linear classifier on the backbone's features, which is
    thrown away in the end. Heads pass on only in what they differ, too little for a backbone that
    knows nothing yet; 0 in the official recipe, whose backbone comes trained."""
    augmentation: Augmentation = Augmentation()
    """Random changes to training images."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: CUDA where there is one, else the processor."""
    precision: Literal["float32", "bf16"] = "bf16"
    """bf16: mixed precision."""
