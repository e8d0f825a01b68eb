"""What a configuration names: entries of the catalogues, blocks, patterns of wildcards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from anonbench.config import CONTROLS, Params
from anonbench.parts import Parts
from anonbench.trainings import KINDS, Trainings


@dataclass(frozen=True)
class Names:
    """Names and blocks of one configuration.

    Attributes
    ----------
    params : Params
        The validated configuration.
    root : Path
        The project's folder.
    """

    params: Params
    root: Path

    # Names

    @property
    def datasets(self) -> list[str]:
        """Data sets of the run."""
        return self.params.run.datasets

    @property
    def methods(self) -> list[str]:
        """Controls and methods of the run."""
        return self.params.all_methods

    @property
    def controls(self) -> list[str]:
        """The methods that every run includes."""
        return list(CONTROLS)

    @property
    def recognisers(self) -> list[str]:
        """Recognisers of the run."""
        return self.params.run.recognisers

    @property
    def networks(self) -> list[str]:
        """Expression networks of the run; there may be none."""
        return self.params.run.expressions

    @property
    def attacks(self) -> list[str]:
        """What is scored: the clear baseline, the run's attacks, and three kinds of distances."""
        distances = ("same_image", "same_subject", "different_subjects")
        return ["baseline", *self.params.protocol.attacks, *distances]

    def pattern(self, catalogue: str) -> str:
        """Return the regular expression that a wildcard of a catalogue is constrained to.

        ``cut`` are the data sets that are worked on in parts.
        """
        names = {
            "datasets": list(self.params.datasets),
            "cut": self.parts.cut,
            "methods": [*self.params.methods, *self.methods],
            "recognisers": list(self.params.recognisers),
            "expressions": list(self.params.expressions),
            "detectors": [
                *self.params.detectors, *self.params.redetectors, *self.trainings.detectors(),
            ],
            **{f"training_{kind}": list(self.trainings.of(kind)) for kind in KINDS},
        }[catalogue]  # fmt: skip
        # An empty pattern would match an empty name; this one matches nothing.
        return "|".join(sorted(set(names))) or "(?!)"

    @property
    def trainings(self) -> Trainings:
        """What generators are trained."""
        return Trainings(self.params)

    @cached_property
    def parts(self) -> Parts:
        """What large data sets are cut into."""
        return Parts(self.params)

    # Blocks, as plain values that Snakemake can compare between runs

    def dataset(self, name: str) -> dict[str, Any]:
        """Return the entry of a data set."""
        return self.params.datasets[name].model_dump()

    def method(self, name: str) -> dict[str, Any]:
        """Return the entry of a method or control."""
        return self.params.method(name).model_dump()

    def recogniser(self, name: str) -> dict[str, Any]:
        """Return the entry of a recogniser."""
        return self.params.recognisers[name].model_dump()

    def network(self, name: str) -> dict[str, Any]:
        """Return the entry of an expression network."""
        return self.params.expressions[name].model_dump()

    def block(self, name: str) -> dict[str, Any]:
        """Return a block of the configuration."""
        content: dict[str, Any] = getattr(self.params, name).model_dump()
        return content

    def detector_options(self, name: str) -> dict[str, Any]:
        """Return the options of a detector."""
        return self.params.detection.options.get(name, {})

    def subject_policy(self, dataset: str) -> str:
        """Return which face of an image is the subject's."""
        return self.params.datasets[dataset].subject_policy
