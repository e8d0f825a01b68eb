"""What a run makes: files of scores, figures and times, and what its last stages are told."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

from anonbench.parts import STAGES, part_file
from anonbench.report.names import contrast_stems, figure_names
from anonbench.trainings import BLOCKS
from anonbench.workflow.code_files import CodeFiles

NOT_PART_OF_A_RUN = {"rendered", "training", "part_size", *BLOCKS}
"""Blocks of the configuration that no result of the benchmark depends on."""


class Outputs(CodeFiles):
    """Outputs of the rules."""

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
