"""Rasterisers: triangles seen by a camera, triangles seen by a lamp, and strands of hair.

All buffers are square. Pixel (row, column) covers [column, column + 1) x [row, row + 1); its centre
decides what it shows. "Nearer" is always the larger depth value.
"""

from __future__ import annotations

import math

from anonbench.synthetic.jit import jit
from anonbench.synthetic.structures import Floats, Indices, Singles

NOTHING = -1
"""Triangle number of a pixel that shows none."""


@jit
def draw_triangles(
    screen: Floats, triangles: Indices, first: int, depth: Singles, ids: Indices, weights: Singles
) -> None:
    """Draw triangles into a depth buffer, perspective-correct.

    Parameters
    ----------
    screen : ndarray of float64, shape (n, 3)
        Column, row and 1 / distance of each vertex.
    triangles : ndarray of int32, shape (m, 3)
        Vertex numbers.
    first : int
        Number of the first triangle in `ids`.
    depth : ndarray of float32, shape (size, size)
        1 / distance of what is seen so far, 0 for nothing. Changed in place, as the next two.
    ids : ndarray of int32, shape (size, size)
        Number of the triangle seen.
    weights : ndarray of float32, shape (size, size, 2)
        Weights of the triangle's first two vertices (barycentric coordinates on the surface).
    """
    size = depth.shape[0]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, z0 = screen[a, 0], screen[a, 1], screen[a, 2]
        x1, y1, z1 = screen[b, 0], screen[b, 1], screen[b, 2]
        x2, y2, z2 = screen[c, 0], screen[c, 1], screen[c, 2]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0.0:
            continue
        left = max(math.floor(min(x0, x1, x2)), 0)
        right = min(math.ceil(max(x0, x1, x2)), size - 1)
        top = max(math.floor(min(y0, y1, y2)), 0)
        bottom = min(math.ceil(max(y0, y1, y2)), size - 1)
        for row in range(top, bottom + 1):
            py = row + 0.5
            for column in range(left, right + 1):
                px = column + 0.5
                w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area
                w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area
                w2 = 1.0 - w0 - w1
                if w0 < 0.0 or w1 < 0.0 or w2 < 0.0:
                    continue
                z = w0 * z0 + w1 * z1 + w2 * z2
                if z <= depth[row, column]:
                    continue
                depth[row, column] = z
                ids[row, column] = first + t
                weights[row, column, 0] = w0 * z0 / z
                weights[row, column, 1] = w1 * z1 / z


@jit
def draw_depth(points: Floats, triangles: Indices, depth: Singles) -> None:
    """Draw the depth of triangles seen along the third axis, without perspective.

    Triangles that face away (clockwise, rows counted upwards) are left out.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 3)
        Column, row and height towards the viewer of each vertex.
    triangles : ndarray of int32, shape (m, 3)
        Vertex numbers.
    depth : ndarray of float32, shape (size, size)
        Greatest height so far. Changed in place.
    """
    size = depth.shape[0]
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        x0, y0, x1, y1 = points[a, 0], points[a, 1], points[b, 0], points[b, 1]
        x2, y2 = points[c, 0], points[c, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area <= 0.0:
            continue
        left = max(math.floor(min(x0, x1, x2)), 0)
        right = min(math.ceil(max(x0, x1, x2)), size - 1)
        top = max(math.floor(min(y0, y1, y2)), 0)
        bottom = min(math.ceil(max(y0, y1, y2)), size - 1)
        z0, z1, z2 = points[a, 2], points[b, 2], points[c, 2]
        step0, step1 = (y1 - y2) / area, (y2 - y0) / area
        for row in range(top, bottom + 1):
            py = row + 0.5
            px = left + 0.5
            w0 = ((x1 - px) * (y2 - py) - (x2 - px) * (y1 - py)) / area - step0
            w1 = ((x2 - px) * (y0 - py) - (x0 - px) * (y2 - py)) / area - step1
            for column in range(left, right + 1):
                w0 += step0
                w1 += step1
                w2 = 1.0 - w0 - w1
                if w0 >= 0.0 and w1 >= 0.0 and w2 >= 0.0:
                    z = w0 * z0 + w1 * z1 + w2 * z2
                    if z > depth[row, column]:
                        depth[row, column] = z


@jit
def splat_depth(points: Floats, radius: int, depth: Singles) -> None:
    """Draw each point into a depth buffer as a square of ``2 * radius + 1`` pixels.

    Parameters
    ----------
    points : ndarray of float64, shape (n, 3)
        Column, row and height, as in :func:`draw_depth`.
    radius : int
        Pixels on either side of the point's own.
    depth : ndarray of float32, shape (size, size)
        Greatest height so far. Changed in place.
    """
    size = depth.shape[0]
    for i in range(points.shape[0]):
        column, row = math.floor(points[i, 0]), math.floor(points[i, 1])
        for y in range(max(row - radius, 0), min(row + radius, size - 1) + 1):
            for x in range(max(column - radius, 0), min(column + radius, size - 1) + 1):
                if points[i, 2] > depth[y, x]:
                    depth[y, x] = points[i, 2]


@jit
def draw_strands(
    screen: Floats,
    colour: Floats,
    width: int,
    depth: Singles,
    image: Floats,
) -> None:
    """Draw strands as lines of interpolated colour, hidden by what is nearer.

    Parameters
    ----------
    screen : ndarray of float64, shape (strands, points, 3)
        Column, row and 1 / distance along each strand. A strand ends early where a value is NaN.
    colour : ndarray of float64, shape (strands, points, 3)
        Linear RGB.
    width : int
        Pixels across a strand.
    depth : ndarray of float32, shape (size, size)
        1 / distance seen so far. Changed in place, as the next one.
    image : ndarray of float64, shape (size, size, 3)
        Linear RGB.
    """
    size = depth.shape[0]
    for s in range(screen.shape[0]):
        for p in range(screen.shape[1] - 1):
            x0, y0, z0 = screen[s, p, 0], screen[s, p, 1], screen[s, p, 2]
            x1, y1, z1 = screen[s, p + 1, 0], screen[s, p + 1, 1], screen[s, p + 1, 2]
            if math.isnan(x1) or math.isnan(x0):
                break
            steps = max(math.ceil(max(abs(x1 - x0), abs(y1 - y0))), 1)
            steep = abs(y1 - y0) > abs(x1 - x0)
            for k in range(steps):
                f = k / steps
                column = math.floor(x0 + f * (x1 - x0))
                row = math.floor(y0 + f * (y1 - y0))
                z = z0 + f * (z1 - z0)
                for w in range(width):
                    x = column + w if steep else column
                    y = row if steep else row + w
                    if x < 0 or y < 0 or x >= size or y >= size or z <= depth[y, x]:
                        continue
                    depth[y, x] = z
                    for channel in range(3):
                        a, b = colour[s, p, channel], colour[s, p + 1, channel]
                        image[y, x, channel] = a + f * (b - a)
