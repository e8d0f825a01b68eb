"""The code behind rules and DVC stages, so that an edit reruns what depends on it and no more."""

from __future__ import annotations

import os
from pathlib import Path

from anonbench import sources
from anonbench.detector_needs import parts_of
from anonbench.workflow.inputs import Inputs

_LAST_STAGES = {
    "summarise": ("summarise", "provenance"),
    "report": ("draw_figures", "report"),
    "check": ("check",),
}


class CodeFiles(Inputs):
    """Files of code, and their digests."""

    def library(
        self,
        script: str,
        *,
        dataset: str = "",
        method: str = "",
        recogniser: str = "",
        network: str = "",
        detector: str = "",
        methods: bool = False,
    ) -> list[str]:
        """Return the files of the library that a rule's script needs, as inputs of the rule.

        Parameters
        ----------
        script : str
            Name of the script in ``workflow/scripts``.
        dataset, method, recogniser, network, detector : str
            What the rule works on: their plug-ins are chosen by name and thus not imported.
        methods : bool
            Whether the rule asks all methods of the run for their labels.
        """
        files = self._library(script, dataset, method, recogniser, network, detector)
        for name in self.methods if methods else ():
            files = sorted({*files, *self._library(script, method=name)})
        return [os.path.relpath(f) for f in files]

    def _library(
        self,
        script: str,
        dataset: str = "",
        method: str = "",
        recogniser: str = "",
        network: str = "",
        detector: str = "",
    ) -> list[Path]:
        plugins = []
        if dataset:
            plugins.append(f"anonbench.datasets.{self.params.datasets[dataset].type}")
        if method:
            plugins.append(f"anonbench.anonymisers.{self.params.method(method).anonymiser}")
        if recogniser:
            plugins.append(f"anonbench.recognisers.{self.params.recognisers[recogniser].type}")
        if network:
            plugins.append(f"anonbench.expressions.{self.params.expressions[network].type}")
        asked = [*([detector] if detector else []), *self._asked(script)]
        for name in asked:
            parts = parts_of(name, self.detector_options(name))
            plugins += [f"anonbench.detectors.{part}" for part in parts]
        return sources.closure([self.root / "workflow" / "scripts" / f"{script}.py"], plugins)

    def _asked(self, script: str) -> list[str]:
        """Return the detectors that a script asks by itself."""
        return self.params.detection.subject if script == "locate" else []

    def code(self) -> dict[str, dict[str, str]]:
        """Return the digests of all code behind every DVC stage, and of weights.

        DVC cannot follow imports; its stages depend on these digests instead, so that an edited
        anonymiser reruns the methods built on it and no others.
        """
        groups: dict[str, dict[str, list[Path]]] = {
            "stage": {"detect": self._stage("detect", "locate", "gather")},
            "dataset": {d: self._stage("ingest", dataset=d) for d in self.datasets},
            "method": {},
        }
        for detector in self.params.detectors:
            groups["stage"]["detect"] += self._library("detect", detector=detector)
        infos = [f for method in self.methods for f in self._library("summarise", method=method)]
        for stage, scripts in _LAST_STAGES.items():
            # All but the last ask the methods for labels or identity strengths.
            groups["stage"][stage] = self._stage(*scripts) + (infos if stage != "check" else [])
        chain = self._stage("embed", "score", "measure", "gather")
        for detector in self.params.redetectors:
            chain += self._library("detect", detector=detector)
        for recogniser in self.recognisers:
            chain += self._library("embed", recogniser=recogniser)
        if self.networks:
            chain += self._stage("classify", "score_expressions")
        for network in self.networks:
            chain += self._library("classify", network=network)
        for method in self.methods:
            more = ["prepare", "vouch"] if self.is_prepared(method) else []
            groups["method"][method] = chain + self._stage("anonymise", *more, method=method)
        used = {k: v for n in self.networks for k, v in self.weights(n).items()}
        # All methods' images are looked at by these.
        used |= self.detector_weights(*self.params.redetectors)
        found = sources.digests(groups, self.root)
        if own := self.detector_weights(*self.params.detectors, *self.params.detection.subject):
            found["stage"]["detect"] = sources.joined(found["stage"]["detect"], own)
        for method in self.methods:
            # Not among all weights: those of one method would rerun every other.
            if own := self.method_weights(method):
                found["method"][method] = sources.joined(found["method"][method], own)
        return {**found, "weights": used}

    def _stage(self, *scripts: str, **names: str) -> list[Path]:
        own = [self.root / "workflow" / "scripts" / f"{s}.py" for s in scripts]
        return own + [f for s in scripts for f in self._library(s, **names)]

    def all_sources(self) -> list[str]:
        """Return every file of the library and every script."""
        folders = (self.root / "src" / "anonbench", self.root / "workflow" / "scripts")
        files = [f for folder in folders for f in folder.rglob("*.py")]
        return [os.path.relpath(f) for f in sorted(files)]
