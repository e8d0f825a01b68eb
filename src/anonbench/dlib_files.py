"""dlib's weight files, as the package `face_recognition_models` ships them, checked by hash."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

from anonbench.hashing import sha256

HASHES = {
    "shape_predictor_5_face_landmarks.dat": (
        "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
    ),
    "shape_predictor_68_face_landmarks.dat": (
        "fbdc2cb80eb9aa7a758672cbfdda32ba6300efe9b6e6c7a299ff7e736b11b92f"
    ),
    "dlib_face_recognition_resnet_model_v1.dat": (
        "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
    ),
}

LICENCES = {
    "shape_predictor_5_face_landmarks.dat": "CC0",
    "shape_predictor_68_face_landmarks.dat": (
        "CC0; trained on iBUG 300-W, which excludes commercial use"
    ),
    "dlib_face_recognition_resnet_model_v1.dat": "CC0",
}
"""As https://github.com/davisking/dlib-models states them."""


class WeightFileError(RuntimeError):
    """A weight file is missing or is not the one it should be."""


@cache
def weight_file(name: str, folder: str | None = None) -> Path:
    """Return the path of one of dlib's weight files after checking its hash.

    Parameters
    ----------
    name : str
        A key of `HASHES`.
    folder : str, optional
        Where to look instead of the package.

    Raises
    ------
    WeightFileError
        If the file is missing or has another hash; the message says what to do.
    """
    if folder is None:
        # The package itself imports pkg_resources, which is slow and on its way out.
        spec = importlib.util.find_spec("face_recognition_models")
        if spec is None or spec.origin is None:
            raise WeightFileError(
                "the package face_recognition_models is not installed, and dlib's weights come "
                "with it: install requirements.lock"
            )
        folder = str(Path(spec.origin).parent / "models")
    path = Path(folder) / name
    if not path.is_file():
        raise WeightFileError(f"{path}: missing; reinstall face_recognition_models 0.3.0")
    found = sha256(path)
    if found != HASHES[name]:
        raise WeightFileError(
            f"{path}: SHA-256 is {found}, expected {HASHES[name]}; the file is damaged or another "
            "model: reinstall face_recognition_models 0.3.0"
        )
    return path
