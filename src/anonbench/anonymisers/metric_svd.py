"""Metric privacy on singular values: a region's first ones with noise, its vectors as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from anonbench.anonymisers._base import Info, Photo, Strength, each_replaced
from anonbench.anonymisers._entry import check_known, check_whole
from anonbench.types import FloatArray, Pixels

INFO = Info(
    label="Metric privacy (SVD)",
    reference="Fan 2019",
    strength="epsilon of a region, per unit of distance of its singular values",
    kind="float",
    minimum=1e-6,
    maximum=1e6,
    stronger="lower",
    strengths=(0.0003, 0.001, 0.01),
)


def noise(size: int, epsilon: float, generator: np.random.Generator) -> FloatArray:
    """Return a vector (size,) whose density falls as exp(-epsilon times its length).

    Its direction is uniform, and its length has the Gamma distribution of shape `size` and scale
    1 / epsilon: of so many dimensions, the shell of a radius has its power less one as volume.
    """
    direction = generator.standard_normal(size)
    length = generator.gamma(size, 1 / epsilon)
    found: FloatArray = length * direction / np.linalg.norm(direction)
    return found


def perturbed(
    patch: Pixels, epsilon: float, generator: np.random.Generator, *, values: int
) -> Pixels:
    """Replace a region (height, width, 3), uint8, by what its noisy singular values make of it.

    Of the grey region's singular values the first `values` are released with `noise`, with the
    singular vectors that belong to them; the others are left out. For two regions of one size that
    have these vectors in common, densities of the output differ at most by the factor
    exp(epsilon d), d being the Euclidean distance of the two vectors of singular values: metric
    privacy. Rounding and clipping come after that and take nothing away from it.
    """
    grey = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float64)
    left, singular, right = np.linalg.svd(grey, full_matrices=False)
    kept = min(values, len(singular))
    noisy = singular[:kept] + noise(kept, epsilon, generator)
    made = (left[:, :kept] * noisy) @ right[:kept]
    shades = np.clip(np.rint(made), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(shades[..., None], patch.shape))


@dataclass(frozen=True)
class MetricSvd:
    """The method with its options.

    Attributes
    ----------
    values : int
        How many singular values are released.
    """

    values: int = 4

    def anonymise(
        self, photos: Sequence[Photo], strength: Strength, generators: Sequence[np.random.Generator]
    ) -> list[Pixels]:
        """Replace every region; nothing outside changes.

        Raises
        ------
        ValueError
            Without an epsilon.
        """
        if strength is None:
            raise ValueError("metric privacy needs an epsilon")
        epsilon = float(strength)

        def change(patch: Pixels, own: np.random.Generator) -> Pixels:
            return perturbed(patch, epsilon, own, values=self.values)

        pairs = zip(photos, generators, strict=True)
        return [each_replaced(photo, change, own) for photo, own in pairs]


@dataclass(frozen=True)
class MetricSvdPlugin:
    """Builds `MetricSvd` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> MetricSvd:
        """Return the method.

        Raises
        ------
        ValueError
            For an option that does not exist or has a wrong value.
        """
        check_known(options, ("values",))
        check_whole("values", options.get("values", 1), 1)
        return MetricSvd(**options)


PLUGIN = MetricSvdPlugin()
