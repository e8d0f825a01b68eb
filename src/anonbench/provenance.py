"""Where the numbers come from: versions, hashes and parameters."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import anonbench
from anonbench.detectors.haar import CASCADES, cascade_path
from anonbench.dlib_files import HASHES, weight_file
from anonbench.hashing import sha256
from anonbench.io import write_json
from anonbench.used_weights import used_weights
from anonbench.weights import model, path

PACKAGES = (
    "numpy", "scipy", "pandas", "pyarrow", "pillow", "scikit-image", "opencv-contrib-python",
    "onnxruntime", "torch", "facenet-pytorch", "mediapipe", "dlib-bin", "face-recognition-models",
    "snakemake",
)  # fmt: skip
"""Libraries whose version can change a number."""


def version(package: str) -> str:
    """Return the installed version of a package, or that it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def weights(models: Iterable[str] = ()) -> dict[str, str]:
    """Return the SHA-256 of every weight file and cascade by name, and of some models' files.

    Raises
    ------
    anonbench.weights.WeightsError
        If a file of `models` is missing or not what it should be.
    """
    files = {name: weight_file(name) for name in HASHES}
    files |= {name: cascade_path(name) for name in CASCADES.values()}
    files |= {model(name).file: path(name) for name in models}
    return {name: sha256(place) for name, place in sorted(files.items())}


def provenance_file(
    *,
    inputs: Mapping[str, Path | str],
    parameters: Mapping[str, Any],
    code: Mapping[str, Any],
    out: Path | str,
) -> None:
    """Write what a reader needs to trace the numbers of a run.

    Nothing in it depends on the time or on the machine's name.

    Parameters
    ----------
    inputs : mapping of str to path
        Files whose content defines the data: the manifests, which hold every image's SHA-256.
    parameters : mapping
        The configuration with all defaults filled in.
    code : mapping
        Digests of the code behind every stage.
    out : path
        JSON file.
    """
    write_json(
        {
            "versions": {
                "anonbench": anonbench.__version__,
                "python": platform.python_version(),
                **{p: version(p) for p in PACKAGES},
            },
            "inputs": {name: sha256(place) for name, place in inputs.items()},
            "weights": weights(used_weights(parameters)),
            "parameters": dict(parameters),
            "code": dict(code),
        },
        out,
    )
