"""What detectors need besides their own file: weights of the registry, and other detectors.

Nothing heavy is imported: the workflow needs this when it starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Needs:
    """What a detector loads unless its options name something else.

    Attributes
    ----------
    weights : str
        A model of `anonbench.weights`, replaced by the option ``weights``.
    faces : str
        The detector whose boxes it takes, replaced by the option ``faces``; empty if it finds
        faces itself. That one has its options in ``face_options``.
    """

    weights: str
    faces: str = ""


NEEDS = {
    "dsfd": Needs("dsfd_widerface"),
    "torchvision_keypoints": Needs("keypointrcnn_coco", faces="mtcnn"),
}
"""Detectors that need more than what comes with a Python package."""


def weights_of(detector: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the models of the registry that a detector would load, its helpers' included."""
    own = NEEDS.get(detector)
    if own is None:
        return ()
    models = [str(options.get("weights", own.weights))]
    for name, given in _helper(own, options):
        models += weights_of(name, given)
    return tuple(dict.fromkeys(models))


def parts_of(detector: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a detector and those whose boxes it takes, so that their code can be followed."""
    own = NEEDS.get(detector)
    below = _helper(own, options) if own else []
    return detector, *(part for name, given in below for part in parts_of(name, given))


def _helper(own: Needs, options: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the detector of faces and its options, as a list of one or none.

    One that takes boxes from another in its turn is left to the plug-in to refuse.
    """
    if not own.faces:
        return []
    name, given = str(options.get("faces", own.faces)), options.get("face_options")
    needed = NEEDS.get(name)
    return [] if needed and needed.faces else [(name, given if isinstance(given, Mapping) else {})]
