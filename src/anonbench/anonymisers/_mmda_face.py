"""A face as a vector of shape and texture, and the face of a vector: what MMDA takes apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._face_frame import (
    BROW_POINTS,
    Frame,
    Picture,
    Points,
    apply,
    mean_shape,
)
from anonbench.anonymisers._face_warp import Mesh
from anonbench.types import FloatArray, Pixels

MARGIN = 0.06
"""How far texture reaches around landmarks and forehead, in widths of the face."""

FOREHEAD = 0.35
"""How far the forehead reaches above the middle of the brows, in distances from there to the
chin."""
TEMPLES = 0.4
"""How far it does so at the ends of the brows, by the same: heads are round."""


def outline(points: Points) -> Points:
    """Return the corners (K, 2) of a face: the hull of its landmarks (68, 2) and the forehead."""
    brows = points[list(BROW_POINTS)]
    rise = TEMPLES + (1 - TEMPLES) * np.sin(np.linspace(0, np.pi, len(brows)))
    up = FOREHEAD * rise[:, None] * (brows.mean(axis=0) - points[8])
    hull = cv2.convexHull(np.concatenate([points, brows + up]).astype(np.float32))
    return np.asarray(hull[:, 0], np.float64)


@dataclass(frozen=True)
class FaceCode:
    """Faces as vectors, and back.

    Attributes
    ----------
    frame : Frame
        Where landmarks lie on average: every face is turned, scaled and shifted until its own are
        nearest to these.
    weight : float
        What a pixel of shape counts, in grey levels of texture.
    """

    frame: Frame
    weight: float

    @cached_property
    def mesh(self) -> Mesh:
        """The triangles by which faces are warped."""
        return Mesh(self.frame)

    @cached_property
    def covered(self) -> NDArray[np.bool_]:
        """Which pixels of the frame texture has, (height, width)."""
        mask = np.zeros((self.frame.height, self.frame.width), np.uint8)
        corners = outline(self.frame.points)
        cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], 1)
        reach = 2 * round(MARGIN * float(np.ptp(self.frame.points[:, 0]))) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
        return np.asarray(cv2.dilate(mask, disc), bool)

    def shape(self, points: Points) -> Points:
        """Return landmarks (68, 2) of a photo in the frame."""
        return apply(self.frame.matrix(points), points)

    def texture(self, pixels: Pixels, points: Points) -> Picture:
        """Return a face of a photo, warped to the mean shape, as the frame shows it."""
        picture = self.frame.picture(pixels, points)
        return self.mesh.warped(picture, self.shape(points), self.frame.points)

    def vector(self, texture: Picture | Pixels, shape: Points) -> FloatArray:
        """Return the vector (D,), float32, of a texture of the frame and landmarks in it."""
        flat = texture[self.covered].ravel()
        return np.asarray(np.concatenate([self.weight * shape.ravel(), flat]), np.float32)

    def face(self, vector: FloatArray) -> tuple[Picture, Points]:
        """Return the picture of a vector (D,), in the frame, and where its landmarks are.

        Beyond what texture covers its colours go on.
        """
        points = vector[: self.frame.points.size].reshape(-1, 2).astype(np.float64) / self.weight
        texture = np.zeros((self.frame.height, self.frame.width, 3), np.float32)
        texture[self.covered] = vector[self.frame.points.size :].reshape(-1, 3)
        picture = self.mesh.warped(texture[self._nearest], self.frame.points, points)
        return picture, points

    @cached_property
    def _nearest(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the covered pixel that is nearest to each pixel of the frame."""
        labels = cv2.distanceTransformWithLabels(
            (~self.covered).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5,
            labelType=cv2.DIST_LABEL_PIXEL,
        )[1]  # fmt: skip
        rows, columns = np.nonzero(self.covered)
        place = np.zeros(labels.max() + 1, np.int64)
        place[labels[self.covered]] = np.arange(len(rows))
        return rows[place[labels]], columns[place[labels]]


def frame_for(shapes: Sequence[Points], width: int) -> Frame:
    """Return a frame in which the mean of landmarks (68, 2) of photos is so many pixels wide."""
    centred = np.stack([s - s.mean(axis=0) for s in shapes])
    unit = centred / np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True))
    mean = mean_shape(unit)
    mean = mean * (width / np.ptp(mean[:, 0]))
    corners = outline(mean)
    room = MARGIN * width + 2
    low, high = corners.min(axis=0) - room, corners.max(axis=0) + room
    size = np.ceil(high - low).astype(int)
    return Frame(int(size[0]), int(size[1]), mean - low)
