"""Which models of the registry an experiment uses.

Nothing heavy is imported: the workflow needs this when it starts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from anonbench import weights
from anonbench.detector_needs import weights_of
from anonbench.strengths import PLACEHOLDER, by_strength

CATALOGUES = ("methods", "expressions")
"""Those whose entries may load models of the registry."""


@dataclass(frozen=True)
class Use:
    """A model that an entry of a catalogue, or a detector, would load.

    Attributes
    ----------
    catalogue, entry : str
        Where it is named: a key of the configuration, and a key there.
    model : str
        Its name in the registry.
    named : str
        The key that makes the run use it.
    """

    catalogue: str
    entry: str
    model: str
    named: str

    @property
    def problem(self) -> str:
        """What is wrong with the model's file and what to do; empty if it can be used."""
        return weights_problem(self.model)

    @property
    def message(self) -> str:
        """The problem, and how to do without."""
        return (
            f"{self.catalogue}.{self.entry}: {self.problem}. Without {self.entry}, take it out of "
            f"{self.named}"
        )


def uses(parameters: Mapping[str, Any]) -> list[Use]:
    """Return all models of the registry that the entries and detectors of a run would load.

    Parameters
    ----------
    parameters : mapping
        The configuration with all defaults filled in.
    """
    options = parameters.get("detection", {}).get("options", {})
    return [
        *(
            Use(catalogue, name, model, f"run.{catalogue}")
            for catalogue, name, entry in _entries(parameters, *CATALOGUES)
            for model in models_of(catalogue, entry)
        ),
        *(
            Use("detection", name, model, named)
            for name, named in _detectors(parameters).items()
            for model in weights_of(name, options.get(name, {}))
        ),
    ]


def _entries(
    parameters: Mapping[str, Any], *catalogues: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield catalogue, name and content of all entries of a run."""
    for catalogue in catalogues:
        for name in parameters.get("run", {}).get(catalogue, ()):
            yield catalogue, name, parameters.get(catalogue, {}).get(name, {})


def _detectors(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return the detectors of a run, each with the first key that names it."""
    found: dict[str, str] = {}
    for catalogue, entry, content in _entries(parameters, "methods", "recognisers", "expressions"):
        if "detector" in content:
            found.setdefault(content["detector"], f"{catalogue}.{entry}.detector")
        for name in content.get("detectors", ()):
            found.setdefault(name, f"{catalogue}.{entry}.detectors")
    detection = parameters.get("detection", {})
    for key in ("subject", "utility"):
        for name in detection.get(key, ()):
            found.setdefault(name, f"detection.{key}")
    return found


def models_of(catalogue: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models that one entry would load.

    It names them in its option `weights`, perhaps with ``{strength}`` in the name, which stands for
    each of its strengths; an expression network without it has some of its own.

    Parameters
    ----------
    catalogue : str
        One of `CATALOGUES`.
    entry : mapping
        An entry of it, as plain values.
    """
    options = entry.get("options", {})
    if "weights" in options:
        name = str(options["weights"])
        if PLACEHOLDER in name:
            return tuple(by_strength(name, strength) for strength in entry.get("strengths", ()))
        return (name,)
    if catalogue != "expressions":
        return ()
    try:
        from anonbench import expressions
    except ImportError as error:
        # A bare Snakemake cannot ask the plug-in; the job checks its weights itself.
        if (error.name or "").startswith("anonbench"):
            raise
        return ()
    return expressions.get(entry["type"]).models(options)


def digests_of(catalogue: str, entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of the models that one entry would load, by name, as they are now."""
    return _digests(models_of(catalogue, entry))


def detector_digests(detector: str, options: Mapping[str, Any]) -> dict[str, str]:
    """Return the SHA-256 of the models that a detector would load, by name, as they are now."""
    return _digests(weights_of(detector, options))


def _digests(models: Iterable[str]) -> dict[str, str]:
    return {m: weights.state(m).digest or "absent" for m in models}


def used_weights(parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models that a run would load, sorted; see `uses`."""
    return tuple(sorted({use.model for use in uses(parameters)}))


def weights_problem(model: str) -> str:
    """Return what is wrong with a model's file and what to do; empty if it can be used.

    Nothing is recorded: files whose SHA-256 nobody published pass until they have been used.
    """
    try:
        return weights.state(model).problem
    except (ValueError, weights.WeightsError) as error:
        return str(error)
