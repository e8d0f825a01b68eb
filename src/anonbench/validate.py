"""Checks before any work: strengths and options of the methods, data, weights and cascades."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anonbench import anonymisers
from anonbench.anonymisers._optional import ChecksDetectors, ChecksStrengths
from anonbench.bundled import absent
from anonbench.config import ConfigError, Params
from anonbench.dataset_checks import validate_dataset
from anonbench.detectors.haar import CASCADES, cascade_path
from anonbench.dlib_files import HASHES, weight_file
from anonbench.drawn_names import DRAWN_FOLDER
from anonbench.strengths import paired_strengths, resolve_strengths, strength_label
from anonbench.used_weights import used_weights, weights_problem


def check_methods(params: Params) -> None:
    """Check every method of the run against what its plug-in says of itself.

    Raises
    ------
    ConfigError
        For a strength of the wrong kind or out of range, an option that does not exist, or
        detectors that are of no use to a method; lists all of them by key.
    """
    problems = []
    labels: dict[str, list[str]] = {}
    for name in params.all_methods:
        entry = params.method(name)
        plugin = anonymisers.get(entry.anonymiser)
        key = "strengths"
        try:
            strengths = resolve_strengths(plugin.info, entry.strengths)
            labels[name] = [strength_label(s) for s in strengths]
            key = "options"
            model = plugin.build(entry.options)
            if isinstance(model, ChecksStrengths):
                model.check_strengths(strengths)
            key = "detectors"
            if isinstance(model, ChecksDetectors):
                model.check_detectors(entry.detectors)
        except ValueError as error:
            problems.append(f"  methods.{name}.{key}: {error}")
    problems += _contrast_problems(params, labels)
    if problems:
        raise ConfigError("\n".join(["the configuration cannot be used:", *problems]))


def _contrast_problems(params: Params, labels: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a line for each contrast of methods whose strengths do not belong together."""
    problems = []
    for contrast in params.used_contrasts:
        first, second = (labels.get(m, []) for m in contrast.methods)
        if not first or not second:
            continue  # the method's own problem is told already
        try:
            paired_strengths(contrast.methods, (first, second), contrast.strengths)
        except ValueError as error:
            problems.append(f"  contrasts.{contrast.name}: {error}")
    return problems


@dataclass(frozen=True)
class Problem:
    """Something wrong with the data; `fatal` if it cannot be used."""

    text: str
    fatal: bool


def check_data(params: Params) -> list[Problem]:
    """Check the data sets of the run without decoding their images.

    A data set that the workflow makes itself is not checked.
    """
    problems = []
    for name in params.run.datasets:
        entry = params.datasets[name]
        if Path(entry.path) == Path(DRAWN_FOLDER):
            continue
        if not Path(entry.path).exists():
            problems.append(Problem(f"error: datasets.{name}: {absent(name, entry.path)}", True))
            continue
        for line in validate_dataset(entry.type, Path(entry.path), entry.options):
            kind, _, text = line.partition(":")
            problems.append(Problem(f"{kind}: datasets.{name}:{text}", kind == "error"))
    return problems


def check_environment() -> list[tuple[str, str]]:
    """Return what the benchmark needs, each with its problem or an empty string."""
    checks: list[tuple[str, Callable[[], object]]] = [
        *((f"import {m}", lambda m=m: importlib.import_module(m)) for m in MODULES),
        *((f"weights {n}", lambda n=n: weight_file(n)) for n in HASHES),
        *((f"cascade {n}", lambda n=n: cascade_path(n)) for n in CASCADES.values()),
        ("one OpenCV", _one_opencv),
    ]
    return [(name, _problem(check)) for name, check in checks]


def check_weights(params: Params) -> list[tuple[str, str]]:
    """Return the models of the registry that the run would load, each with its problem if any."""
    used = used_weights(params.model_dump(mode="json"))
    return [(f"weights {name}", weights_problem(name)) for name in used]


MODULES = (
    "cv2", "dlib", "mediapipe", "onnxruntime", "torch", "facenet_pytorch", "skimage", "snakemake",
    "dvc",
)  # fmt: skip


def _problem(check: Callable[[], object]) -> str:
    try:
        check()
    except Exception as error:  # whatever goes wrong is what the user wants to read
        return f"{type(error).__name__}: {error}"
    return ""


def _one_opencv() -> None:
    """Raise if several distributions of OpenCV overwrite each other's files."""
    names = ("opencv-python", "opencv-contrib-python", "opencv-python-headless")
    found = [d.name for d in importlib.metadata.distributions() if d.name in names]
    if len(found) > 1:
        raise RuntimeError(f"{', '.join(found)} are all installed: keep opencv-contrib-python only")
