"""What k-Same averages: pixels, principal components, or shape and texture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._face_frame import Frame, Picture, Points, apply, as_pixels
from anonbench.anonymisers._face_warp import Mesh
from anonbench.anonymisers._ksame_basis import Basis, basis_of
from anonbench.anonymisers._ksame_frame import landmarks
from anonbench.anonymisers._prepared import Crowd, Member
from anonbench.types import FloatArray, Pixels

EXAMPLES = 150
"""Faces that principal components are learned from, at most: so memory is bounded."""
SEEN = 32
"""Side in pixels of the grey picture of a face by which pixels tell who is near."""

Code = NDArray[np.float32]


class Model(Protocol):
    """Says how near faces are to each other and what their mean looks like."""

    def code(self, member: Member) -> Code:
        """Return the vector (D,) of a face; faces are as near as their vectors."""
        ...

    def mean(self, members: Sequence[Member], codes: Code) -> Pixels:
        """Return the mean of faces, a picture of the frame, given their vectors (N, D)."""
        ...


@dataclass(frozen=True)
class _Faces:
    """The faces of a crowd, in the frame."""

    crowd: Crowd
    frame: Frame

    def picture(self, member: Member) -> Picture:
        return self.frame.picture(self.crowd.read(member.image_id), landmarks(member))

    def shape(self, member: Member) -> Points:
        points = landmarks(member)
        return apply(self.frame.matrix(points), points)


@dataclass(frozen=True)
class PixelModel:
    """Pixels: near are faces whose grey pixels are, the mean is that of every pixel."""

    faces: _Faces

    @classmethod
    def of(cls, crowd: Crowd, frame: Frame, share: float) -> PixelModel:
        """Return the model of a crowd; the share of variance is not used."""
        return cls(_Faces(crowd, frame))

    def code(self, member: Member) -> Code:
        """Return the grey values of the face, a square of 32 pixels."""
        frame = self.faces.frame
        size = [frame.width, frame.height]
        left, top = np.clip(np.floor(frame.points.min(axis=0)), 0, size).astype(int)
        right, bottom = np.clip(np.ceil(frame.points.max(axis=0)), 0, size).astype(int)
        grey = cv2.cvtColor(self.faces.picture(member), cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey[top:bottom, left:right], (SEEN, SEEN), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32).ravel()

    def mean(self, members: Sequence[Member], codes: Code) -> Pixels:
        """Return the mean of all pixels of the frame."""
        return as_pixels(mean_of(self.faces.picture, members))


@dataclass(frozen=True)
class EigenModel:
    """Principal components: nearness and mean are those of the coordinates."""

    faces: _Faces
    basis: Basis

    @classmethod
    def of(cls, crowd: Crowd, frame: Frame, share: float) -> EigenModel:
        """Learn components that hold a share of variance from some of the faces."""
        faces = _Faces(crowd, frame)
        return cls(faces, _learned(crowd.members, faces.picture, share))

    def code(self, member: Member) -> Code:
        """Return the coordinates of the face."""
        return self.basis.code(self.faces.picture(member).ravel())

    def mean(self, members: Sequence[Member], codes: Code) -> Pixels:
        """Return the face at the mean of the coordinates."""
        frame = self.faces.frame
        flat = self.basis.rebuilt(codes.mean(axis=0))
        return as_pixels(flat.reshape(frame.height, frame.width, 3))


@dataclass(frozen=True)
class ShapeModel:
    """Shape and texture apart, as in active appearance models (Gross et al. 2006).

    Shape is where the landmarks are, texture the picture warped to the mean shape. A face is the
    coordinates of both, and a mean face the mean texture, warped to the mean shape.

    Attributes
    ----------
    weight : float
        What a pixel of shape counts, in grey levels of texture: both vary as much (Cootes et al.
        2001).
    """

    faces: _Faces
    mesh: Mesh
    shape: Basis
    texture: Basis
    weight: float

    @classmethod
    def of(cls, crowd: Crowd, frame: Frame, share: float) -> ShapeModel:
        """Learn components that hold a share of variance from some of the faces."""
        faces, mesh = _Faces(crowd, frame), Mesh(frame)

        def flat(member: Member) -> FloatArray:
            return faces.shape(member).ravel()

        def warped(member: Member) -> Picture:
            return mesh.warped(faces.picture(member), faces.shape(member), frame.points)

        shape = _learned(crowd.members, flat, share)
        texture = _learned(crowd.members, warped, share)
        weight = np.sqrt(texture.variance / max(shape.variance, 1e-9))
        return cls(faces, mesh, shape, texture, float(weight))

    def code(self, member: Member) -> Code:
        """Return the coordinates of shape, weighted, and of texture."""
        points = self.faces.shape(member)
        picture = self.mesh.warped(self.faces.picture(member), points, self.mesh.frame.points)
        shape = self.shape.code(points.ravel().astype(np.float32))
        return np.concatenate([self.weight * shape, self.texture.code(picture.ravel())])

    def mean(self, members: Sequence[Member], codes: Code) -> Pixels:
        """Return the face at the mean of the coordinates."""
        frame, code = self.mesh.frame, codes.mean(axis=0)
        count = len(self.shape.axes)
        points = self.shape.rebuilt(code[:count] / max(self.weight, 1e-9)).reshape(-1, 2)
        texture = self.texture.rebuilt(code[count:]).reshape(frame.height, frame.width, 3)
        return as_pixels(self.mesh.warped(texture, frame.points, points.astype(np.float64)))


def mean_of(function: Callable[[Member], Picture], members: Sequence[Member]) -> Picture:
    """Return the mean of pictures of members, of which two are held at a time."""
    total: NDArray[np.float64] | None = None
    for member in members:
        picture = function(member).astype(np.float64)
        total = picture if total is None else total + picture
    if total is None:
        raise ValueError("there is no mean of nobody")
    return np.asarray(total / len(members), np.float32)


def _learned(
    members: Sequence[Member], function: Callable[[Member], FloatArray], share: float
) -> Basis:
    """Return components of what a function says of members, evenly spaced among all."""
    count = min(EXAMPLES, len(members))
    chosen = [members[k * len(members) // count] for k in range(count)]
    first = function(chosen[0]).ravel()
    examples = np.empty((count, first.size), np.float32)
    for row, member in zip(examples, chosen, strict=True):
        row[:] = function(member).ravel()
    return basis_of(examples, share)
