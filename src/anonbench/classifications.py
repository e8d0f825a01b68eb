"""What an expression network says of the images of a method, as a file between two stages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbench.io import atomic


@dataclass(frozen=True)
class Classifications:
    """Answers of one network to the images of one method and data set.

    Attributes
    ----------
    image_ids : tuple of str, N
    strengths : tuple of str, S
    policies : tuple of str, P
        See `anonbench.views.Views`.
    classes : tuple of str, C
        The network's classes in its own order.
    probabilities : ndarray of shape (S, P, N, C), float32
        Posteriors; a row of NaN is an image without a crop.
    status : ndarray of shape (S, P, N), str
        `anonbench.ledger.Status` values.
    features : ndarray of shape (S, N, F), float16
        Of the policy `feature_policy`; NaN without a crop. F is 0 if the network saw no crop.
    """

    image_ids: tuple[str, ...]
    strengths: tuple[str, ...]
    policies: tuple[str, ...]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    status: NDArray[np.str_]
    features: NDArray[np.floating[Any]]

    @property
    def feature_policy(self) -> str:
        """The policy whose crops the features are of."""
        return feature_policy(self.policies)


def feature_policy(policies: tuple[str, ...]) -> str:
    """Return the policy whose features are kept: the one with crops of most images."""
    return "aligned" if "aligned" in policies else policies[0]


def write_classifications(content: Classifications, path: Path | str) -> None:
    """Write answers as a compressed .npz without pickles."""
    with atomic(path) as partial, partial.open("wb") as file:
        np.savez_compressed(
            file,
            image_ids=np.array(content.image_ids, dtype=np.str_),
            strengths=np.array(content.strengths, dtype=np.str_),
            policies=np.array(content.policies, dtype=np.str_),
            classes=np.array(content.classes, dtype=np.str_),
            probabilities=content.probabilities.astype(np.float32),
            status=content.status.astype(np.str_),
            features=content.features.astype(np.float16),
        )


def read_classifications(path: Path | str) -> Classifications:
    """Read answers that `write_classifications` wrote."""
    with np.load(path, allow_pickle=False) as data:
        return Classifications(
            image_ids=tuple(map(str, data["image_ids"])),
            strengths=tuple(map(str, data["strengths"])),
            policies=tuple(map(str, data["policies"])),
            classes=tuple(map(str, data["classes"])),
            probabilities=data["probabilities"],
            status=data["status"],
            features=data["features"],
        )
