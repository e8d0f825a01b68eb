"""DP-Pix: means of cells with Laplace noise, so that m pixels of a region hide (Fan 2018)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._base import Info, Photo, Strength, each_replaced
from anonbench.anonymisers._entry import check_known, check_switch, check_whole
from anonbench.types import Pixels

LEVELS = 255.0
"""How far a pixel can be from another."""

INFO = Info(
    label="DP-Pix",
    reference="Fan 2018",
    strength="epsilon of a region, for regions that differ in at most m pixels",
    kind="float",
    minimum=1e-3,
    maximum=1e6,
    stronger="lower",
    strengths=(0.1, 0.5, 1.0, 3.0),
)


def edges(length: int, cell: int) -> NDArray[np.int64]:
    """Return where cells along a side begin and end.

    Cells are `cell` pixels long, the last one up to 2 cell - 1, so that none is smaller; a side
    shorter than a cell is one.
    """
    return np.array([*(k * cell for k in range(max(1, length // cell))), length], np.int64)


def sensitivity(smallest: int, m: int, channels: int) -> float:
    """Return by how much all means of cells together can change if m pixels do (L1 norm).

    Parameters
    ----------
    smallest : int
        Pixels of the smallest cell. A mean changes by at most 255 for each of its pixels, divided
        by their number, so the worst m pixels lie in the smallest cells; where a cell has fewer
        than m, the others change some other mean, by no more.
    m : int
        How many pixels differ.
    channels : int
        1 for grey, 3 for colour, all of which may change at once.
    """
    return channels * LEVELS * m / smallest


def dp_pix(
    patch: Pixels, epsilon: float, generator: np.random.Generator, *, cell: int, m: int, grey: bool
) -> Pixels:
    """Pixelise a region (height, width, 3), uint8, with noise.

    The means of all cells are released with Laplace noise of scale `sensitivity` / epsilon each,
    which is epsilon-differentially private for two regions of one size that differ in at most m
    pixels. Rounding and clipping come after that and take nothing away from it.
    """
    values = patch.astype(np.float64)
    if grey:
        values = cv2.cvtColor(patch, cv2.COLOR_RGB2GRAY).astype(np.float64)[..., None]
    rows, columns = (edges(n, cell) for n in patch.shape[:2])
    sums = np.add.reduceat(np.add.reduceat(values, rows[:-1], axis=0), columns[:-1], axis=1)
    counts = np.diff(rows)[:, None] * np.diff(columns)
    scale = sensitivity(int(counts.min()), m, values.shape[2]) / epsilon
    noisy = sums / counts[..., None] + generator.laplace(0.0, scale, sums.shape)
    shades = np.clip(np.rint(noisy), 0, LEVELS).astype(np.uint8)
    wide = np.repeat(np.repeat(shades, np.diff(rows), axis=0), np.diff(columns), axis=1)
    return np.ascontiguousarray(np.broadcast_to(wide, patch.shape))


@dataclass(frozen=True)
class DpPix:
    """The method with its options.

    Attributes
    ----------
    cell : int
        Side of a cell in pixels.
    m : int
        Regions that differ in so many pixels at most are told apart by no more than epsilon.
    grey : bool
        Whether the output is grey, as published; in colour noise is three times as strong.
    """

    cell: int = 16
    m: int = 16
    grey: bool = True

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
            raise ValueError("DP-Pix needs an epsilon")
        epsilon = float(strength)

        def change(patch: Pixels, own: np.random.Generator) -> Pixels:
            return dp_pix(patch, epsilon, own, cell=self.cell, m=self.m, grey=self.grey)

        pairs = zip(photos, generators, strict=True)
        return [each_replaced(photo, change, own) for photo, own in pairs]


@dataclass(frozen=True)
class DpPixPlugin:
    """Builds `DpPix` from the options of a method entry."""

    info: Info = INFO

    def build(self, options: Mapping[str, Any]) -> DpPix:
        """Return the method.

        Raises
        ------
        ValueError
            For an option that does not exist or has a wrong value.
        """
        check_known(options, ("cell", "m", "grey"))
        for name, value in options.items():
            if name == "grey":
                check_switch(name, value)
            else:
                check_whole(name, value, 1)
        return DpPix(**options)


PLUGIN = DpPixPlugin()
