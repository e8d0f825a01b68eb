"""From the configuration to the names, inputs and parameters of the workflow's rules.

Imported when Snakemake reads the Snakefile, so nothing heavy is imported here: only what the
configuration needs. What takes more is imported inside the function that needs it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from anonbench import sources
from anonbench.bundled import absent
from anonbench.config import CONTROLS, Params, parse
from anonbench.detector_needs import parts_of
from anonbench.drawn_names import DRAWN, DRAWN_FOLDER, drawn_paths
from anonbench.parts import STAGES, Parts, part_file
from anonbench.report.names import contrast_stems, figure_names
from anonbench.trainings import BLOCKS, KINDS, Trainings
from anonbench.used_weights import detector_digests, digests_of, uses

NOT_PART_OF_A_RUN = {"rendered", "training", "part_size", *BLOCKS}
"""Blocks of the configuration that no result of the benchmark depends on."""

NOTHING_TO_TRAIN_ON = (
    "what to train on: set training.dataset, as --configfile experiments/train_dan.yaml does"
)


@dataclass(frozen=True)
class Plan:
    """One configuration, seen by the rules.

    Attributes
    ----------
    params : Params
        The validated configuration.
    root : Path
        The project's folder.
    """

    params: Params
    root: Path

    @classmethod
    def of(cls, config: Mapping[str, Any], root: Path) -> Plan:
        """Validate Snakemake's `config`.

        Raises
        ------
        snakemake.exceptions.WorkflowError
            If it cannot be used; the message lists every problem by its key.
        """
        from snakemake.exceptions import WorkflowError

        try:
            params = parse(config, "the configuration (params.yaml and --configfile)")
            _check_plugins(params)
            _check_folders(params)
            _check_weights(params)
        except ValueError as error:
            raise WorkflowError(str(error)) from None
        return cls(params, root)

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

    # Inputs

    def drawn_files(self) -> list[str]:
        """Return the files of the data set that the project draws itself."""
        images = drawn_paths(DRAWN["subjects"], DRAWN["views"])
        return [f"{DRAWN_FOLDER}/labels.csv", *(f"{DRAWN_FOLDER}/{p}" for p in images)]

    def is_drawn(self, dataset: str) -> bool:
        """Tell whether the workflow makes the data set itself."""
        return Path(self.params.datasets[dataset].path) == Path(DRAWN_FOLDER)

    def dataset_inputs(self, dataset: str) -> list[str]:
        """Return the input files of a data set's ingest.

        The images of other people's data sets are not listed one by one: 200,000 of them would
        slow every start down. `fingerprint` notices their changes.
        """
        if self.is_drawn(dataset):
            return self.drawn_files()
        folder = Path(self.params.datasets[dataset].path)
        rendered = self.params.rendered
        if folder == Path(rendered.out):
            return [rendered.labels, *rendered.archives()]
        labels = folder / "labels.csv"
        shards = sorted(folder.glob("*.tar")) if self.is_sharded(dataset) else []
        return [str(file) for file in (labels, *shards) if file.is_file()]

    def training_input(self, pattern: str) -> str:
        """Fill ``{dataset}`` of a path with the data set to train on.

        Snakemake hides what an input function raises, and shows the name of an input that is not
        there: where no data set is named, that name says what to do.
        """
        dataset = self.params.training.dataset
        return pattern.format(dataset=dataset) if dataset else NOTHING_TO_TRAIN_ON

    def is_sharded(self, dataset: str) -> bool:
        """Tell whether the images are in a few archives, which can be inputs one by one."""
        return self.params.datasets[dataset].type == "shards"

    def fingerprint(self, dataset: str) -> str:
        """Return a digest of names, sizes and times of everything that a data set reads.

        Empty where all of it is among `dataset_inputs`.
        """
        if self.is_drawn(dataset) or self.is_sharded(dataset):
            return ""
        entry = self.params.datasets[dataset]
        # Options may name files elsewhere, a list of identities to leave out for instance.
        named = [Path(v) for v in entry.options.values() if isinstance(v, str)]
        return folder_fingerprint(Path(entry.path), *(p for p in named if p.is_file()))

    def external_fingerprint(self, method: str) -> str:
        """Return a digest of the finished images of an `external` method; empty for others."""
        entry = self.params.method(method)
        path = str(entry.options.get("path", ""))
        if entry.anonymiser != "external" or not path:
            return ""
        return folder_fingerprint(Path(path.split("{strength}")[0]))

    def method_detections(self, method: str, dataset: str) -> list[str]:
        """Return the detection tables that a method takes its regions from."""
        return [f"results/detect/{dataset}/{d}.parquet" for d in self._method_detectors(method)]

    def _method_detectors(self, method: str) -> list[str]:
        """Return the detectors of a method; controls look at no face and wait for none."""
        return [] if method in CONTROLS else self.params.method(method).detectors

    def is_prepared(self, method: str) -> bool:
        """Tell whether a method looks at the whole data set before it anonymises it."""
        return sources.is_prepared(self.params.method(method).anonymiser)

    def prepared(self, method: str, dataset: str) -> list[str]:
        """Return what preparing a method leaves behind; nothing for one that is not prepared."""
        stem = f"results/anonymise/{method}/{dataset}.prepared"
        return [f"{stem}.tar", f"{stem}.parquet"] if self.is_prepared(method) else []

    def guarantees(self, methods: Sequence[str]) -> list[str]:
        """Return the files on what holds of the images of those methods that are prepared."""
        return [
            f"results/anonymise/{method}/{dataset}.guarantee.csv"
            for dataset in self.datasets
            for method in methods
            if self.is_prepared(method)
        ]

    def known_faces(self, detector: str) -> str | list[str]:
        """Return the pattern of a detector's table on the originals; nothing if there is none."""
        made = detector in self.params.detectors
        return f"results/detect/{{dataset}}/{detector}.parquet" if made else []

    def attacker_detections(self, recogniser: str) -> str:
        """Return the pattern of the tables in which a recogniser finds the faces of a method."""
        detector = self.params.recognisers[recogniser].detector
        return f"results/redetect/{{method}}/{{dataset}}.{detector}.parquet"

    def network_detections(self, network: str) -> str:
        """Return the pattern of the tables in which an expression network finds faces."""
        detector = self.params.expressions[network].detector
        return f"results/redetect/{{method}}/{{dataset}}.{detector}.parquet"

    def weights(self, network: str) -> dict[str, str]:
        """Return the SHA-256 of the weights of an expression network, by model.

        Their content, not their time, decides whether anything is classified again: they are
        brought anew into every clone.
        """
        return digests_of("expressions", self.network(network))

    def method_weights(self, method: str) -> dict[str, str]:
        """Return the same of a method; nothing for one without a network."""
        return digests_of("methods", self.method(method))

    def detector_weights(self, *detectors: str) -> dict[str, str]:
        """Return the same of detectors; nothing for those that come with a Python package."""
        return {
            model: found
            for detector in detectors
            for model, found in detector_digests(detector, self.detector_options(detector)).items()
        }

    # Code

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

    # Outputs

    def scores(self, kind: str) -> list[str]:
        """Return the score files of one kind of all methods, data sets and recognisers."""
        return [
            f"results/score/{method}/{dataset}.{recogniser}.{kind}"
            for dataset in self.datasets
            for method in self.methods
            for recogniser in self.recognisers
        ]

    def expressions(self, kind: str) -> list[str]:
        """Return the files of one kind of all methods, data sets and expression networks."""
        return [
            f"results/expression/{method}/{dataset}.{network}.{kind}"
            for dataset in self.datasets
            for method in self.methods
            for network in self.networks
        ]

    def no_expressions(self, methods: Sequence[str]) -> list[str]:
        """Return the files that say of methods that no network looks at them; none if one does."""
        if self.networks:
            return []
        return [f"results/{s}/{m}/none.json" for m in methods for s in ("classify", "expression")]

    def per_method(self, pattern: str) -> list[str]:
        """Fill ``{method}`` and ``{dataset}`` of a path, in the order of `scores`."""
        return [
            pattern.format(method=method, dataset=dataset)
            for dataset in self.datasets
            for method in self.methods
        ]

    @property
    def timed_stages(self) -> list[str]:
        """The rules whose time the report gives, in the order of the data."""
        prepared = any(map(self.is_prepared, self.methods))
        return [
            "ingest", "detect", "locate", *(["prepare"] if prepared else []), "anonymise",
            *(["vouch"] if prepared else []), "redetect", "embed", "measure", "score",
            *(("classify", "score_expressions") if self.networks else ()),
            *((f"gather_{stage}" for stage in STAGES) if self.parts.cut else ()),
            "summarise", "draw_figures",
        ]  # fmt: skip

    def job_files(self, rule: str, pattern: str) -> list[str]:
        """Fill the wildcards of a file of each job of a rule, which may work on parts."""
        if rule.startswith("gather_"):
            return self.fill(pattern, self.parts.cut)
        cut = self.parts.cut if rule in STAGES else []
        whole = [d for d in self.datasets if d not in cut]
        methods = self.methods
        if rule in ("prepare", "vouch"):
            methods = [m for m in methods if self.is_prepared(m)]
        found = self.fill(pattern, whole, methods) if whole or "{dataset}" not in pattern else []
        for dataset in cut:
            for part in self.parts.names(dataset):
                found += self.fill(part_file(pattern, part), [dataset])
        return found

    def fill(
        self,
        pattern: str,
        datasets: Sequence[str] | None = None,
        methods: Sequence[str] | None = None,
    ) -> list[str]:
        """Fill the wildcards of a path with all that the run has of them, or what is named."""
        on_results = "{method}" in pattern
        names = {
            "dataset": self.datasets if datasets is None else datasets,
            "method": self.methods if methods is None else methods,
            "recogniser": self.recognisers,
            "network": self.networks,
            "detector": self.params.redetectors if on_results else self.params.detectors,
        }
        used = [name for name in names if f"{{{name}}}" in pattern]
        return [
            pattern.format(**dict(zip(used, values, strict=True)))
            for values in product(*(names[name] for name in used))
        ]

    def summary(self) -> dict[str, Any]:
        """Return what the last stages need of the configuration."""
        used = self.params.used_contrasts
        return {
            "datasets": self.datasets,
            "methods": {m: self.method(m) for m in self.methods},
            "recognisers": self.recognisers,
            "expressions": {n: self.network(n) for n in self.networks},
            "attacks": self.params.protocol.attacks,
            "policies": self.params.protocol.policies,
            "contrasts": [c.model_dump() for c in used],
            "left_out": [c.name for c in self.params.contrasts if c not in used],
            "landmarks": self.params.detection.landmarks,
            "metrics": self.block("metrics"),
            "leaks": self.block("leaks"),
            "seed": self.params.seed,
        }

    def resolved(self) -> dict[str, Any]:
        """Return the configuration with all defaults, catalogues cut down to what the run uses."""
        content = self.params.model_dump(exclude=NOT_PART_OF_A_RUN)
        for catalogue in ("datasets", "methods", "recognisers", "expressions"):
            used = content["run"][catalogue]
            content[catalogue] = {k: v for k, v in content[catalogue].items() if k in used}
        return content

    def figure_names(self) -> list[str]:
        """Return the file names of the figures of one data set."""
        protocol = self.params.protocol
        return figure_names(
            self.recognisers,
            protocol.attacks,
            protocol.policies,
            self.networks,
            contrast_stems(self.summary()),
        )

    def pictured(self) -> tuple[list[str], list[str]]:
        """Return the methods of the figure of landmarks, and the detectors whose it shows.

        The compared methods; their own detectors and the one that looks at all images. Both are
        empty where there is no such figure.
        """
        if "landmarks" not in contrast_stems(self.summary()):
            return [], []
        methods = list(dict.fromkeys(m for c in self.params.used_contrasts for m in c.methods))
        own = [d for m in methods for d in self._method_detectors(m)]
        return methods, list(dict.fromkeys([*own, self.params.detection.landmarks]))

    def faces_pictured(self) -> list[str]:
        """Return the patterns of tables of faces of the originals, by detector of `pictured`."""
        return [f"results/detect/{{dataset}}/{d}.parquet" for d in self.pictured()[1]]

    def refound_pictured(self) -> list[str]:
        """Return the patterns of tables of faces found again, by method of `pictured`."""
        detector = self.params.detection.landmarks
        return [f"results/redetect/{m}/{{dataset}}.{detector}.parquet" for m in self.pictured()[0]]

    def figure_labels(self, name: str) -> dict[str, str]:
        """Return what Snakemake's own report says of a figure: which one, of what."""
        kind, *rest = name.rsplit(".", 1)[0].split(".")
        keys: tuple[str, ...] = ("recogniser", "attacker")
        if kind in ("expressions", "confusion"):
            keys = ("network", "policy")
        elif len(rest) == 3:
            keys = ("attack", *keys)
        return {"figure": kind.replace("_", " "), **dict(zip(keys, rest, strict=False))}

    def figures(self) -> list[str]:
        """Return the figure files of all data sets."""
        return [
            f"results/figures/{d}/{name}" for d in self.datasets for name in self.figure_names()
        ]


_LAST_STAGES = {
    "summarise": ("summarise", "provenance"),
    "report": ("draw_figures", "report"),
    "check": ("check",),
}


def _check_plugins(params: Params) -> None:
    """Check strengths and options before any work, where the libraries to do so are at hand.

    A bare Snakemake that builds environments for its rules has none; the job checks again.
    """
    try:
        from anonbench.validate import check_methods
    except ImportError as error:
        if (error.name or "").startswith("anonbench"):
            raise
        return
    check_methods(params)


def _check_folders(params: Params) -> None:
    """Raise ValueError if the data of the run is not there; the message says what to do."""
    made = {Path(DRAWN_FOLDER), Path(params.rendered.out)}
    for name in params.run.datasets:
        path = params.datasets[name].path
        if not Path(path).is_dir() and Path(path) not in made:
            raise ValueError(f"data set {name!r}: {absent(name, path)}")


def _check_weights(params: Params) -> None:
    """Raise ValueError if weights of the run cannot be used; the message says what to do."""
    for use in uses(params.model_dump()):
        if use.problem:
            raise ValueError(use.message)


def folder_fingerprint(folder: Path, *more: Path) -> str:
    """Return a digest of the names, sizes and times of all files of a folder, and of `more`."""
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
    ]
    total = hashlib.sha256()
    for path in sorted([*found, *more]):
        # A link to nowhere is the ingest's to report; here it only must not stop the start.
        state = path.stat() if path.exists() else path.lstat()
        total.update(
            f"{os.path.relpath(path, folder)}:{state.st_size}:{state.st_mtime_ns}\n".encode()
        )
    return total.hexdigest()[:16]
