"""Weights of DeepPrivacy's generators, and which of the two they are."""

from __future__ import annotations

from typing import NamedTuple

from anonbench import weights as registry
from anonbench.anonymisers._deepprivacy_frame import KEYPOINTS
from anonbench.anonymisers._own_weights import Arrays, check_finite, said
from anonbench.weights import WeightsError

MSG, V1 = "MSGGenerator", "DeepPrivacyV1"
FIRST = {MSG: "from_rgb.0.weight", V1: "encoder.from_rgb.conv.0.weight"}
"""A parameter that only the network has; its height is the number of channels."""
TOLD = {MSG: "decoder.pose_fcnn.pose_preprocessor.1.weight", V1: "decoder.conv1x1.conv.0.weight"}
"""The parameter whose width depends on the number of keypoints."""
FILL = {MSG: 127.5, V1: 128.0}
"""What the published networks see in place of the face, of 255."""


class Generator(NamedTuple):
    """A generator's weights.

    Attributes
    ----------
    arrays : dict
        By the names of `anonbench.models.deepprivacy`.
    network : str
        Which of its classes: ``MSGGenerator`` or ``DeepPrivacyV1``.
    channels : int
        At 128 pixels.
    fill : float
        What it sees in place of the face, 0..255.
    """

    arrays: Arrays
    network: str
    channels: int
    fill: float


def generator(model: str) -> Generator:
    """Return a model's verified weights.

    The network is told from its parameters, so that files that say nothing of themselves are read
    as official ones, of all published kinds (see `anonbench.models.deepprivacy.official_weights`).

    Raises
    ------
    WeightsError
        If they are missing, wrong, those of another network or not finite.
    """
    found, about, file = registry.arrays(model), said(model), registry.file(model)
    if file.suffix != ".safetensors":
        # Imports PyTorch, which reading such a file has done as well.
        from anonbench.models.deepprivacy import official_weights

        found = official_weights(found)
    network = next((name for name, key in FIRST.items() if key in found), "")
    if not network:
        keys = " nor ".join(FIRST.values())
        raise WeightsError(f"{file}: no weights of DeepPrivacy's generators, neither {keys} there")
    check_finite(found, str(file))
    channels = found[FIRST[network]].shape[0]
    width = found[TOLD[network]].shape[1] if TOLD[network] in found else 0
    if width != (2 * KEYPOINTS if network == MSG else 4 * channels + KEYPOINTS + 32):
        raise WeightsError(
            f"{file}: a generator that is not told of {KEYPOINTS} keypoints ({TOLD[network]} has "
            f"{width} columns); of the official ones, fdf128_rcnn512 and deep_privacy_V1 are"
        )
    fill = _fill(about, network, channels, str(file)) if about else FILL[network]
    return Generator(found, network, channels, fill)


def _fill(about: dict[str, str], network: str, channels: int, file: str) -> float:
    """Return what a file of the project says is seen in the hole, after checking the rest."""
    expected = {"architecture": "DeepPrivacy", "network": network, "channels": str(channels)}
    for name, value in expected.items():
        if about.get(name) != value:
            raise WeightsError(
                f"{file}: says {name} {about.get(name)!r}, but its parameters are those of "
                f"{value!r}; name a model of DeepPrivacy as the option weights"
            )
    try:
        fill = float(about["fill"])
    except (KeyError, ValueError):
        fill = float("nan")
    if not 0 <= fill <= 255:
        raise WeightsError(f"{file}: says fill {about.get('fill')!r}, no number of 0 to 255")
    return fill
