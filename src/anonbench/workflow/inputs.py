"""What the rules' inputs are: data, detections, weights, and digests of what is no input."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from anonbench import sources
from anonbench.config import CONTROLS
from anonbench.drawn_names import DRAWN, DRAWN_FOLDER, drawn_paths
from anonbench.used_weights import detector_digests, digests_of
from anonbench.workflow.names import Names

NOTHING_TO_TRAIN_ON = (
    "what to train on: set training.dataset, as --configfile experiments/train_dan.yaml does"
)


class Inputs(Names):
    """Inputs of the rules."""

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
