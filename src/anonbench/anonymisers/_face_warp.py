"""Faces warped from landmarks to landmarks, piece by piece, with all that is around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from anonbench.anonymisers._face_frame import BROW_POINTS, Frame, Picture, Points

RISE = 0.9
"""How far above the brows the forehead's points lie, in distances from brows to the nose's tip."""


@dataclass(frozen=True)
class Mesh:
    """Triangles between landmarks, the forehead and the edges of the frame.

    The same triangles serve every face; the frame's edges stay where they are.
    """

    frame: Frame

    @cached_property
    def triangles(self) -> NDArray[np.int64]:
        """Corners of the triangles, (T, 3), as rows of `corners`."""
        return np.asarray(Delaunay(self.corners(self.frame.points)).simplices, np.int64)

    def corners(self, points: Points) -> Points:
        """Return all corners for landmarks (68, 2) in the frame: landmarks, forehead, edges."""
        up = RISE * (points[list(BROW_POINTS)].mean(axis=0) - points[30])
        width, height = self.frame.width - 1, self.frame.height - 1
        across, down = np.linspace(0, width, 4), np.linspace(0, height, 4)
        edges = [
            *((x, y) for x in across for y in (0, height)),
            *((x, y) for y in down[1:-1] for x in (0, width)),
        ]
        brows = np.clip(points[list(BROW_POINTS)] + up, 1, [width - 1, height - 1])
        return np.concatenate([points, brows, np.array(edges)])

    def warped(self, picture: Picture, points: Points, target: Points) -> Picture:
        """Return a picture of the frame with its landmarks taken to others.

        Parameters
        ----------
        picture : ndarray of shape (height, width, 3), float32
            A face in the frame.
        points, target : ndarray of shape (68, 2)
            Where its landmarks are, and where they shall be.
        """
        places = self._places(self.corners(target), self.corners(points))
        result = cv2.remap(
            picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        return np.asarray(result, np.float32)

    def _places(self, target: Points, source: Points) -> NDArray[np.float32]:
        """Return, for every pixel of the frame, where it comes from, (height, width, 2)."""
        # Of a pixel on the line between two triangles either is right. The last row is for none.
        number = np.full((self.frame.height, self.frame.width), len(self.triangles), np.int32)
        affine = np.zeros((len(self.triangles) + 1, 3, 2))
        affine[-1] = np.eye(3, 2)
        for k, corners in enumerate(self.triangles):
            basis = np.column_stack([target[corners], np.ones(3)])
            if abs(np.linalg.det(basis)) > 1e-6:  # else it has no pixels
                affine[k] = np.linalg.solve(basis, source[corners])
                cv2.fillConvexPoly(number, np.rint(target[corners]).astype(np.int32), k)
        y, x = np.mgrid[: self.frame.height, : self.frame.width]
        own = affine[number]
        places = x[..., None] * own[..., 0, :] + y[..., None] * own[..., 1, :] + own[..., 2, :]
        return np.asarray(places, np.float32)
