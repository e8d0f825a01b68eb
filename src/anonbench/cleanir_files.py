"""CLEANIR's official files as one that the anonymiser reads: safetensors, networks side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anonbench.io import atomic
from anonbench.weight_models import WeightsError

ABOUT = {"architecture": "CLEANIR", "identity_length": "512", "recogniser": "facenet"}


def convert_cleanir(encoder: Path | str, decoder: Path | str, out: Path | str) -> None:
    """Convert Keras files of CLEANIR's encoder and decoder.

    Parameters
    ----------
    encoder, decoder : path
        ``encoder.h5`` and ``decoder.h5``, as published. Nothing in them is run.
    out : path
        To write: ``.safetensors``, single precision, both networks under ``encoder.`` and
        ``decoder.``. The same files give the same bytes.

    Raises
    ------
    WeightsError
        If a file is not what it should be, or the one to write has another ending.
    """
    from safetensors.torch import save_file

    from anonbench.models.cleanir import Decoder, Encoder, keras_weights

    if Path(out).suffix != ".safetensors":
        raise WeightsError(f"{out}: the name of the file to write has to end in .safetensors")
    state: dict[str, Any] = {}
    for prefix, source, network in (
        ("encoder", encoder, Encoder()),
        ("decoder", decoder, Decoder()),
    ):
        try:
            found = keras_weights(source, network)
        except ValueError as error:
            raise WeightsError(f"{error}; it should be CLEANIR's {prefix}.h5") from None
        # PyTorch's counters of batches have no counterpart in Keras, and are not needed.
        state |= {f"{prefix}.{k}": v.contiguous() for k, v in found.items() if v.dim()}
    with atomic(out) as partial:
        save_file(state, partial, {"anonbench": json.dumps(ABOUT, sort_keys=True)})
        partial.chmod(0o644)
