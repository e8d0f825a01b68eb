"""Where a face lies in a photo: what CIAGAN is shown of it, and which pixels it replaces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from anonbench.anonymisers._ciagan_frame import (
    Frame,
    IntPoints,
    crop,
    draw_landmarks,
    draw_mask,
    frame_of,
    in_crop,
    outline,
)
from anonbench.anonymisers._ciagan_landmarks import Scheme
from anonbench.anonymisers._ciagan_view import (
    SIZE,
    SQUASHED,
    Scaling,
    Sides,
    grown,
    hole,
    view,
)
from anonbench.anonymisers._errors import DegenerateFaceError
from anonbench.anonymisers._window import Window, bounds, filled, whole
from anonbench.types import Pixels

MARGIN = 2
"""Pixels of a view that stay visible beyond the hole, at least."""
FARTHEST = 4
"""How often a crop may be as large as its photo: more would be a detector's mistake."""
SLACK = 0.03
"""Of a face's width: so far eyes, nose and mouth may stick out of its outline."""
INNER = ("eyes", "nose", "mouth")


@dataclass(frozen=True)
class Place:
    """A face in a photo.

    Attributes
    ----------
    frame : Frame
        The crop's place in the photo.
    sides : Sides
        The view's edges in the crop.
    scaling : Scaling
        How the view is made.
    points : ndarray of shape (K, 2), int64
        Landmarks in the crop.
    window : Window
        The smallest one around all that is replaced.
    replaced : ndarray of the window's shape, bool
        Which of its pixels are replaced.
    width : int
        The face's width in pixels of the photo.
    scheme : Scheme
        Whose landmarks they are.
    """

    frame: Frame
    sides: Sides
    scaling: Scaling
    points: IntPoints
    window: Window
    replaced: NDArray[np.bool_]
    width: int
    scheme: Scheme

    @property
    def hole(self) -> NDArray[np.bool_]:
        """Where the network is to draw, (128, 128)."""
        mask = draw_mask(self.points, self.scheme)
        return hole(view(mask, self.sides, self.scaling.squashed))

    def shown(
        self, pixels: Pixels, groups: tuple[str, ...]
    ) -> tuple[Pixels, Pixels, NDArray[np.bool_]]:
        """Return views of the landmarks and of the face, and the hole, each 128 x 128."""
        drawn = draw_landmarks(self.points, groups, self.scheme)
        views = (
            view(picture, self.sides, self.scaling.squashed)
            for picture in (drawn, _crop(pixels, self.frame))
        )
        return next(views), next(views), self.hole

    def in_view(self, x: float, y: float) -> tuple[float, float]:
        """Return a place of the photo in the view; both count from the first pixel's outer edge."""
        across = ((x - self.frame.left) / self.frame.width - 0.5) * 2
        down = ((y - self.frame.top) / self.frame.height - 0.5) * 2
        left, top, right, bottom = self.sides
        return (
            (across + left) / (left + right) * SIZE, (down + top) / (top + bottom) * SIZE,
        )  # fmt: skip


def corners_of(points: NDArray[np.generic], scheme: Scheme) -> IntPoints:
    """Return the outline of a face in whole pixels of its photo.

    Raises
    ------
    DegenerateFaceError
        If the points are not finite.
    ValueError
        If they are those of another detector.
    """
    return outline(whole(points, scheme.points, scheme.detector), scheme).astype(np.int64)


def place(
    points: NDArray[np.generic], shape: tuple[int, ...], scheme: Scheme, scaling: Scaling,
    as_hole: bool = False,
) -> Place:  # fmt: skip
    """Return where a face lies.

    Parameters
    ----------
    points : ndarray of shape (K, 2)
        Landmarks in the photo.
    shape : tuple of int
        The photo's height and width.
    scheme : Scheme
        Whose landmarks they are.
    scaling : Scaling
        How much is shown of the crop. Where the outline would not fit, the view reaches farther,
        on that side alone.
    as_hole : bool
        Whether what the network sees as hole is replaced, too, where it reaches beyond the outline.

    Raises
    ------
    DegenerateFaceError
        If not all of the face would be shown or replaced: in profile, upside down or tiny.
    ValueError
        If the points are those of another detector.
    """
    own = whole(points, scheme.points, scheme.detector)
    frame = frame_of(own, scheme)
    corners = outline(own, scheme).astype(np.int64)
    window = bounds(corners, shape)
    if window.empty:
        raise DegenerateFaceError("the face lies outside of the photo")
    if frame.width > FARTHEST * shape[1] or frame.height > FARTHEST * shape[0]:
        raise DegenerateFaceError("the face is larger than the photo")
    width = int(np.ptp(corners[:, 0])) + 1
    _check_inside(own, corners, scheme, SLACK * width)
    moved = in_crop(own, frame)
    found = Place(
        frame, _sides(window, frame, outline(moved, scheme).astype(np.int64), scaling), scaling,
        moved, window,
        filled(corners, window), width, scheme,
    )  # fmt: skip
    if not found.hole.any():
        raise DegenerateFaceError("the outline of the face is empty")
    if as_hole:
        found.replaced[...] |= _cells(found)
    return found


def _check_inside(points: IntPoints, corners: IntPoints, scheme: Scheme, slack: float) -> None:
    """Raise if parts of the face lie beyond what is replaced, and so would stay to be seen."""
    contour = corners.astype(np.float32)[:, None]
    for group in INNER:
        for k in {end for segment in scheme.groups[group] for end in segment}:
            inside = cv2.pointPolygonTest(contour, tuple(map(float, points[k])), True)
            if inside < -slack:
                raise DegenerateFaceError(
                    f"a point of the {group} lies {-inside:.0f} pixels outside of the outline"
                )


def _sides(window: Window, frame: Frame, corners: IntPoints, scaling: Scaling) -> Sides:
    """Return the edges of a view that holds all that is replaced."""
    x, y = frame.left + frame.width / 2, frame.top + frame.height / 2
    needed = [
        (x - window.left) / (frame.width / 2), (y - window.top) / (frame.height / 2),
        (window.right - x) / (frame.width / 2), (window.bottom - y) / (frame.height / 2),
    ]  # fmt: skip
    if scaling.grows:
        least = grown(scaling.sides, corners)
    else:
        # Published views do not grow, but then many a chin would stay. They end between pixels of
        # the squashed crop, and are at most as wide, so this leaves at least `MARGIN` of theirs.
        least, step = scaling.sides, SQUASHED / 2
        needed = [math.ceil((far + 2 * MARGIN / SIZE) * step) / step for far in needed]
    sides = Sides(*map(max, least, needed))
    if max(sides) > 1:
        raise DegenerateFaceError("the outline of the face reaches beyond the crop")
    return sides


def _cells(found: Place) -> NDArray[np.bool_]:
    """Return which pixels of the window have their middle in the hole."""
    window = found.window
    columns = [int(found.in_view(x + 0.5, 0)[0]) for x in range(window.left, window.right)]
    rows = [int(found.in_view(0, y + 0.5)[1]) for y in range(window.top, window.bottom)]
    return found.hole[np.ix_(rows, columns)]


def _crop(pixels: Pixels, frame: Frame) -> Pixels:
    """Return the crop; only what it shows of a large photo is copied."""
    seen = bounds(
        np.array([frame[:2], [frame.left + frame.width - 1, frame.top + frame.height - 1]]),
        pixels.shape,
    )
    moved = frame._replace(left=frame.left - seen.left, top=frame.top - seen.top)
    return crop(pixels[seen.area], moved)
