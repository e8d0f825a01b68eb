"""Files of weights as arrays: safetensors, PyTorch's and Keras's; none may run code."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from anonbench.weight_models import WeightsError

Arrays = dict[str, NDArray[np.generic]]
Value = TypeVar("Value")
STATE_KEYS = ("model_state_dict", "state_dict", "running_average_generator", "netG")
"""Where checkpoints keep the model among other things, in order of preference."""
PARALLEL = "module."
"""What ``torch.nn.DataParallel`` puts before every name."""


def read(path: Path) -> Arrays:
    """Return the arrays of a file by name, without the prefix ``module.``.

    Parameters
    ----------
    path : Path
        ``.safetensors``, ``.pth``, ``.pt``, ``.ckpt`` or ``.hdf5``. Of a Keras file, names are
        ``LAYER.WEIGHT``, e.g. ``conv2d_1.kernel``.

    Raises
    ------
    WeightsError
        For another format, a file that cannot be read, or one that would have to run code.
    """
    readers: dict[str, Callable[[Path], Arrays]] = {
        ".safetensors": _read_safetensors, ".pth": _read_torch, ".pt": _read_torch,
        ".ckpt": _read_torch, ".hdf5": _read_keras,
    }  # fmt: skip
    if path.suffix not in readers:
        raise WeightsError(f"{path}: weights must be one of {', '.join(readers)}")
    found = readers[path.suffix](path)
    if all(name.startswith(PARALLEL) for name in found):
        found = {name.removeprefix(PARALLEL): values for name, values in found.items()}
    return {name: _single(values) for name, values in found.items()}


def about(path: Path) -> dict[str, str]:
    """Return what a safetensors file of the project says of itself; empty if it says nothing.

    Raises
    ------
    WeightsError
        If the file cannot be read, or says it in another form.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as content:
            said = json.loads((content.metadata() or {}).get("anonbench", "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from None
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        raise WeightsError(f"{path}: what it says of itself is no table of text")
    return said


def below(prefix: str, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters whose names begin with a prefix, by the rest of their names."""
    return {k.removeprefix(prefix): v for k, v in parameters.items() if k.startswith(prefix)}


def _single(values: NDArray[np.generic]) -> NDArray[np.generic]:
    return values.astype(np.float32) if values.dtype == np.float16 else values


def _read_safetensors(path: Path) -> Arrays:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, TypeError, KeyError) as error:
        raise WeightsError(f"{path}: not a readable safetensors file ({error})") from None


def _read_torch(path: Path) -> Arrays:
    import torch

    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(
            f"{path}: holds more than tensors, and loading it could run code, so it is refused "
            f"({_reason(error)}); save the state dict alone with torch.save, on a machine where "
            "the file is trusted"
        ) from None
    except Exception as error:  # a damaged file fails in many ways
        raise WeightsError(f"{path}: not a readable PyTorch file ({_reason(error)})") from None
    return {name: _array(tensor) for name, tensor in _state_dict(path, content).items()}


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def _state_dict(path: Path, content: Any) -> Mapping[str, Any]:
    """Return the tensors by name in what a checkpoint holds."""
    import torch

    inside = next(
        (content[key] for key in STATE_KEYS if isinstance(content, Mapping) and key in content),
        content,
    )
    if isinstance(inside, Mapping) and isinstance(inside.get("parameters"), Mapping):
        # DeepPrivacy's first code: the network grows while it is trained.
        if float(inside.get("transition_value", 1.0)) != 1.0:
            raise WeightsError(
                f"{path}: transition_value is {inside['transition_value']}: the checkpoint lies "
                "between two sizes of picture; take one of a finished transition"
            )
        inside = inside["parameters"]
    if not isinstance(inside, Mapping) or not inside:
        raise WeightsError(f"{path}: holds no state dict but {type(inside).__name__}")
    others = [str(name) for name, value in inside.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise WeightsError(
            f"{path}: neither a state dict nor a checkpoint with {' or '.join(STATE_KEYS)}; not "
            f"tensors: {', '.join(others[:5])}"
        )
    return inside


def _array(tensor: Any) -> NDArray[np.generic]:
    import torch

    # NumPy has no bfloat16.
    half = tensor.dtype in (torch.float16, torch.bfloat16)
    values: NDArray[np.generic] = (tensor.float() if half else tensor).numpy()
    return values


def _read_keras(path: Path) -> Arrays:
    import h5py

    found: Arrays = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            # LAYER/LAYER_1/kernel:0: the middle depends on the session that saved the file.
            parts = name.split("/")
            found[f"{parts[0]}.{parts[-1].partition(':')[0]}"] = item[()]

    try:
        with h5py.File(path, "r") as content:
            if "model_weights" not in content:
                raise WeightsError(
                    f"{path}: not a model that Keras saved, no 'model_weights' in it"
                )
            content["model_weights"].visititems(visit)
    except OSError as error:
        raise WeightsError(f"{path}: not a readable HDF5 file ({error})") from None
    return found
