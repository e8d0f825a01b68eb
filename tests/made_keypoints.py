"""What tests of detectors with a network need: made-up weights by which they find nobody.

Found by name, since pytest puts the folder of ``tests/conftest.py`` on the path. PyTorch stores one
number for a parameter in which all are equal, so the files are small.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

SURE = 20.0
"""So sure are the networks that there is nobody: their answer before the softmax."""


def write_no_person(folder: Path) -> Path:
    """Write weights of a keypoint R-CNN for which every box is background."""
    import torch

    from anonbench.models.keypoint_rcnn import network

    state = _zeros(network)
    state["roi_heads.box_predictor.cls_score.bias"] = torch.tensor([SURE, -SURE])
    return _written(folder / "no_person.pth", state)


def write_no_face(folder: Path) -> Path:
    """Write weights of a DSFD for which no box is a face."""
    import torch

    from anonbench.models.dsfd import Dsfd

    state = _zeros(Dsfd)
    for level in range(6):
        name = f"conf.{level}.conv4.bias"
        # The finest map has three answers for no face and then one for a face.
        sign = 1 if level == 0 else -1
        answers = torch.zeros(state[name].shape)
        answers[:4] = sign * torch.tensor([SURE, SURE, SURE, -SURE])
        state[name] = answers
    return _written(folder / "no_face.pth", state)


def _zeros(network: Callable[[], Any]) -> dict[str, Any]:
    """Return a network's state of zeros, but for ones as variances."""
    import torch

    with torch.device("meta"):
        shapes = network().state_dict()
    return {
        name: torch.full((), float("running_var" in name), dtype=values.dtype).expand(values.shape)
        for name, values in shapes.items()
    }


def _written(path: Path, state: dict[str, Any]) -> Path:
    import torch

    torch.save(state, path)
    return path
