"""What the trainings that go round by round have in common in the configuration."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from anonbench.config_block import Block

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]


class RoundSettings(Block):
    """A training of a generator in rounds, i.e. steps of its optimiser."""

    dataset: str
    """Key of `datasets`: what to train on."""
    validation: Share = 0.0
    """Share of subjects that are held out for sample sheets and the curve of KID. In the published
    recipe none is, and the sheets show subjects that were trained on."""
    rounds: Positive
    """Steps of the generator."""
    batch: Positive
    """Images a step."""
    rate: Annotated[float, Field(gt=0)]
    """Learning rate (Adam)."""

    # Beyond the published recipes.
    ema: Share = 0.0
    """Decay, a round, of the moving average of what is trained, which is kept in the end; 0: the
    last state is."""
    fall: Share = 0.0
    """Share of the rounds, at the end, in which the learning rate falls to 0."""
    clip: Weight = 0.0
    """Length to which longer gradients of a network are cut, so that one odd batch does not undo
    what was learnt; 0: none."""
    flip: Share = 0.0
    """Probability that an image is mirrored."""

    report_every: Positive = 1000
    """Rounds between checkpoints, sample sheets and points of the curve."""
    quality: str = ""
    """Expression network of the registry by whose features KID is measured; empty: it is not."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto`: CUDA where there is one, else the processor."""
    precision: Literal["float32", "bf16"] = "float32"
    """bf16: mixed precision."""

    def decisive(self) -> dict[str, Any]:
        """Return the settings that a round depends on: a training may go on for more rounds."""
        return self.model_dump(exclude={"report_every", *(() if self.fall else ("rounds",))})
