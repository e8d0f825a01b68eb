"""The picture being drawn: camera and buffers."""

from __future__ import annotations

import numpy as np

from anonbench.synthetic.figure import Surface
from anonbench.synthetic.raster import NOTHING, draw_strands, draw_triangles
from anonbench.synthetic.scene import DISTANCE
from anonbench.synthetic.structures import Floats

_NEARER = 1 + 1e-4  # strands lie on the skin, not in it
_STRAND = 0.0054  # decimetres across


class Canvas:
    """A square picture seen by a camera that looks along -z.

    Parameters
    ----------
    size : int
        Height and width in pixels.
    centre : ndarray of float64, shape (3,)
        Point in the middle of the picture, in decimetres.
    frame : float
        Height of what the picture shows at `centre`, in decimetres.
    """

    def __init__(self, size: int, centre: Floats, frame: float) -> None:
        self.size, self.centre = size, centre
        self.camera = centre + np.array([0.0, 0.0, DISTANCE])
        self.scale = size / frame
        self.depth = np.zeros((size, size), dtype=np.float32)
        self.ids = np.full((size, size), NOTHING, dtype=np.int32)
        self.weights = np.zeros((size, size, 2), dtype=np.float32)
        self._next = 0

    def project(self, points: Floats) -> Floats:
        """Return column, row and 1 / distance of points, shape (..., 3)."""
        offset = points - self.centre
        nearness = 1 / (DISTANCE - offset[..., 2])
        focal = self.scale * DISTANCE
        column = self.size / 2 + focal * offset[..., 0] * nearness
        row = self.size / 2 - focal * offset[..., 1] * nearness
        return np.stack([column, row, nearness], axis=-1)

    def draw(self, surface: Surface, behind: Floats | float = 0.0) -> int:
        """Draw a surface; return the number of its first triangle.

        `behind` moves vertices back in the question of what hides what, but not in the picture, by
        decimetres: what lies under the skin does not come through it where the two nearly touch.
        """
        first = self._next
        screen = self.project(surface.vertices)
        screen[:, 2] /= 1 + behind * screen[:, 2]
        draw_triangles(
            screen,
            surface.triangles,
            first,
            self.depth,
            self.ids,
            self.weights,
        )
        self._next += len(surface.triangles)
        return first

    def cover(self, surface: Surface, values: Floats) -> Floats:
        """Return a value of a surface's vertices wherever it would be seen, without drawing it.

        Parameters
        ----------
        surface : Surface
            What to look at; hidden by what is drawn already.
        values : ndarray of float64, shape (n,) or (n, k)
            One, or k of them, for each vertex.

        Returns
        -------
        ndarray of float64, shape (size, size) or (size, size, k)
            Interpolated values, 0 where the surface is not seen.
        """
        ids, weights = np.full_like(self.ids, NOTHING), np.empty_like(self.weights)
        screen = self.project(surface.vertices)
        draw_triangles(screen, surface.triangles, 0, self.depth.copy(), ids, weights)
        rows, columns = np.nonzero(ids != NOTHING)
        corner = values[surface.triangles[ids[rows, columns]]]
        a, b = weights[rows, columns].T.reshape(2, -1, *[1] * (values.ndim - 1))
        out = np.zeros(ids.shape + values.shape[1:])
        out[rows, columns] = a * corner[:, 0] + b * corner[:, 1] + (1 - a - b) * corner[:, 2]
        return out

    def draw_strands(self, strands: Floats, colour: Floats, image: Floats) -> None:
        """Draw strands (guides, followers, points, 3) of given colours into an image."""
        screen = self.project(strands)
        screen[..., 2] *= _NEARER
        shape = (-1, strands.shape[2], 3)
        draw_strands(
            screen.reshape(shape),
            colour.reshape(shape),
            max(1, round(self.scale * _STRAND)),
            self.depth,
            image,
        )
