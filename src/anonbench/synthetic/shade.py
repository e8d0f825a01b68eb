"""What colour a pixel is: skin, clothes, eyes, teeth, frames, strands of hair.

Every function goes over the picture once and colours the pixels whose triangle is one of its own.
Colours are linear RGB. Diffuse light is the vertices' irradiance; highlights follow Blinn (1977)
for surfaces and Kajiya and Kay (1989) for hair, with Schlick's (1994) approximation of the Fresnel
term.
"""

from __future__ import annotations

import math

import numpy as np

from anonbench.synthetic.jit import jit
from anonbench.synthetic.skin_map import AXIS_Z, BOTTOM, HEIGHT, TOP, WIDTH
from anonbench.synthetic.structures import Floats, Indices, Singles

CHANNELS = 14
"""Columns of a skin vertex: normal, light, position, rest position, lips, inside of the mouth."""


@jit
def _pixel_weights(weights: Singles, row: int, column: int) -> tuple[float, float, float]:
    a, b = float(weights[row, column, 0]), float(weights[row, column, 1])
    return a, b, 1.0 - a - b


@jit
def _interpolate(
    ids: Indices,
    weights: Singles,
    triangles: Indices,
    vertices: Floats,
    first: int,
    row: int,
    column: int,
    out: Floats,
) -> bool:
    """Interpolate the vertices' columns at a pixel; False where it shows none of the triangles."""
    t = ids[row, column] - first
    if t < 0 or t >= triangles.shape[0]:
        return False
    wa, wb, wc = _pixel_weights(weights, row, column)
    a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
    for k in range(vertices.shape[1]):
        out[k] = wa * vertices[a, k] + wb * vertices[b, k] + wc * vertices[c, k]
    return True


@jit
def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
    size = math.sqrt(x * x + y * y + z * z) + 1e-12
    return x / size, y / size, z / size


@jit
def _view_and_half(
    x: float, y: float, z: float, camera: Floats, key: Floats
) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Return unit vectors from a place to the camera, and half-way to the key light."""
    view = _unit(camera[0] - x, camera[1] - y, camera[2] - z)
    return view, _unit(view[0] + key[0], view[1] + key[1], view[2] + key[2])


@jit
def _read(image: Singles, x: float, y: float) -> float:
    """Bilinear value of a map; columns wrap round, rows do not."""
    x, y = x - 0.5, y - 0.5
    column, row = math.floor(x), math.floor(y)
    fx, fy = x - column, y - row
    top, bottom = min(max(row, 0), HEIGHT - 1), min(max(row + 1, 0), HEIGHT - 1)
    left, right = column % WIDTH, (column + 1) % WIDTH
    upper = (1 - fx) * float(image[top, left]) + fx * float(image[top, right])
    lower = (1 - fx) * float(image[bottom, left]) + fx * float(image[bottom, right])
    return (1 - fy) * upper + fy * lower


@jit
def shade_skin(
    ids: Indices,
    weights: Singles,
    triangles: Indices,
    vertices: Floats,
    albedo: Singles,
    relief: Singles,
    folds: Singles,
    scalp: Singles,
    lip: Floats,
    shirt: Floats,
    numbers: Floats,
    camera: Floats,
    key: Floats,
    image: Floats,
) -> None:
    """Colour skin, lips, the inside of the mouth and clothes.

    Parameters
    ----------
    ids, weights : ndarray
        Seen triangles and places in them, see :func:`anonbench.synthetic.raster.draw_triangles`;
        the head's triangles are numbered from 0.
    triangles : ndarray of int32, shape (m, 3)
        The head's.
    vertices : ndarray of float64, shape (n, 14)
        See :data:`CHANNELS`.
    albedo : ndarray of float32, shape (3, height, width)
        Colour of the skin.
    relief, folds, scalp : ndarray of float32, shape (height, width)
        Maps of the skin.
    lip, shirt, camera, key : ndarray of float64, shape (3,)
        Colours, position of the camera, direction of the key light.
    numbers : ndarray of float64, shape (5,)
        Strength of the lips' colour, height of the neckline, strengths of key light and sky, gloss.
    image : ndarray of float64, shape (size, size, 3)
        Changed in place.
    """
    size = ids.shape[0]
    lip_strength, neckline, key_strength, sky, gloss = numbers
    v = np.zeros(14)
    for row in range(size):
        for column in range(size):
            if not _interpolate(ids, weights, triangles, vertices, 0, row, column, v):
                continue
            nx, ny, nz = _unit(v[0], v[1], v[2])
            x = (0.5 + math.atan2(v[9], v[11] - AXIS_Z) / (2 * math.pi)) * WIDTH
            y = (TOP - v[10]) / (TOP - BOTTOM) * HEIGHT
            line = neckline
            if v[11] > 0.2:
                line -= 0.3 * math.exp(-((v[9] / 0.45) ** 2))
            cloth = min(max((line - v[10]) / 0.012, 0.0), 1.0)
            lips, inside = v[12], v[13] * (1 - v[12])
            # relief: slopes across and upwards tilt the normal
            slope_x = _read(relief, x + 1, y) - _read(relief, x - 1, y)
            slope_y = _read(relief, x, y - 1) - _read(relief, x, y + 1)
            slope_x -= 6.0 * (_read(folds, x + 1, y) - _read(folds, x - 1, y))
            slope_y -= 6.0 * (_read(folds, x, y - 1) - _read(folds, x, y + 1))
            bare = (1 - cloth) * (1 - inside)
            ax, ay, az = _unit(nz, 0.0, -nx)
            ux, uy, uz = ny * az - nz * ay, nz * ax - nx * az, nx * ay - ny * ax
            tilt = -0.07 * bare
            bx, by, bz = _unit(
                nx + tilt * (slope_x * ax + slope_y * ux),
                ny + tilt * (slope_x * ay + slope_y * uy),
                nz + tilt * (slope_x * az + slope_y * uz),
            )
            turned = (bx - nx) * key[0] + (by - ny) * key[1] + (bz - nz) * key[2]
            diffuse = min(max(1 + 0.8 * turned, 0.55), 1.45)
            (vx, vy, vz), (hx, hy, hz) = _view_and_half(v[6], v[7], v[8], camera, key)
            half = max(bx * hx + by * hy + bz * hz, 0.0)
            facing = max(nx * vx + ny * vy + nz * vz, 0.0)
            fresnel = 0.04 + 0.96 * (1 - min(max(hx * vx + hy * vy + hz * vz, 0.0), 1.0)) ** 5
            light = (v[3] + v[4] + v[5]) / 3
            lobes = 0.7 * half**14 + 1.1 * half**50 * (1 + 1.2 * lips)
            shine = fresnel * lobes * key_strength * gloss
            shine *= min(light / (0.5 * key_strength + 0.3), 1.0)
            shine += 0.09 * sky * light * (1 - facing) ** 4
            shine *= bare * (1 - 0.6 * _read(scalp, x, y))
            fold = _read(folds, x, y)
            edge = math.exp(-(((line - v[10] - 0.05) / 0.03) ** 2))
            share = 0.85 * lips * lip_strength
            for k in range(3):
                colour = _read(albedo[k], x, y)
                colour *= math.exp(-(0.38 + 0.06 * k) * fold)
                colour = colour * (1 - share) + lip[k] * share
                flesh = 0.20 if k == 0 else 0.055
                colour = colour * (1 - inside) + flesh * inside
                colour = colour * (1 - cloth) + shirt[k] * (1 - 0.25 * edge) * cloth
                image[row, column, k] = colour * v[3 + k] * diffuse + shine


@jit
def shade_eyes(
    ids: Indices,
    weights: Singles,
    triangles: Indices,
    vertices: Floats,
    first: int,
    iris: Floats,
    pupil: float,
    lid: int,
    lamp: Floats,
    camera: Floats,
    key: Floats,
    image: Floats,
) -> None:
    """Colour eyeballs.

    `vertices` has 12 columns: normal, light, position, place on the unit sphere (gaze along +z).
    `pupil` is the pupil's radius in radians, `lid` how many pixels the upper lid's shadow reaches
    down, `lamp` the strengths of key light and sky.
    """
    size = ids.shape[0]
    last = first + triangles.shape[0]
    v = np.zeros(12)
    rim = math.radians(30.0)
    for row in range(size):
        for column in range(size):
            if not _interpolate(ids, weights, triangles, vertices, first, row, column, v):
                continue
            nx, ny, nz = _unit(v[0], v[1], v[2])
            sx, sy, sz = _unit(v[9], v[10], v[11])
            angle = math.acos(min(max(sz, -1.0), 1.0))
            around = math.atan2(sy, sx)
            coloured = min(max((rim - angle) / 0.05, 0.0), 1.0)
            open_ = min(max((angle - pupil) / 0.03, 0.0), 1.0)
            fibres = 0.78 + 0.22 * math.sin(around * 23 + 3 * math.sin(around * 7)) * math.sin(
                angle * 40 + around * 3
            )
            fibres *= 1 - 0.6 * min(max((angle - 0.78 * rim) / (0.22 * rim), 0.0), 1.0)
            (vx, vy, vz), (hx, hy, hz) = _view_and_half(v[6], v[7], v[8], camera, key)
            half = max(nx * hx + ny * hy + nz * hz, 0.0)
            mirror = 2 * (nx * vx + ny * vy + nz * vz) * ny - vy
            light = (v[3] + v[4] + v[5]) / 3
            above = 0
            while above < lid and row - above - 1 >= 0:
                seen = ids[row - above - 1, column]
                if seen < first or seen >= last:
                    break
                above += 1
            shade = 1 - 0.55 * math.exp(-2.2 * above / lid) if above < lid else 0.94
            lit = min(2.2 * light, 1.0)
            shine = 3.6 * lamp[0] * half**420 * lit + 0.012 * half**20 * lit
            shine += 0.028 * lamp[1] * min(max(1.5 * mirror, 0.0), 1.0) * lit * shade
            far = min(max((angle - rim) / 0.75, 0.0), 1.0)
            for k in range(3):
                white = (0.66 - 0.03 * k) * (1 - 0.2 * far) * (1 - 0.10 * k * far)
                colour = (iris[k] * fibres * open_ + 0.004) * coloured + white * (1 - coloured)
                image[row, column, k] = colour * v[3 + k] * 0.85 * shade + shine


@jit
def shade_plain(
    ids: Indices,
    weights: Singles,
    triangles: Indices,
    vertices: Floats,
    first: int,
    gloss: float,
    sharpness: float,
    camera: Floats,
    key: Floats,
    image: Floats,
) -> None:
    """Colour plain surfaces: teeth, gums, frames.

    `vertices` has 12 columns: normal, light, position, albedo.
    """
    size = ids.shape[0]
    v = np.zeros(12)
    for row in range(size):
        for column in range(size):
            if not _interpolate(ids, weights, triangles, vertices, first, row, column, v):
                continue
            nx, ny, nz = _unit(v[0], v[1], v[2])
            _, (hx, hy, hz) = _view_and_half(v[6], v[7], v[8], camera, key)
            shine = gloss * max(nx * hx + ny * hy + nz * hz, 0.0) ** sharpness
            for k in range(3):
                image[row, column, k] = (v[9 + k] + shine) * v[3 + k]


@jit
def _mean_light(guide: Floats, light: Floats, mean: Floats) -> None:
    """Average light along a guide, up to where it was cut."""
    mean[:] = 0.0
    count = 0
    for p in range(guide.shape[0]):
        if math.isnan(guide[p, 0]):
            break
        count += 1
        for k in range(3):
            mean[k] += light[p, k]
    for k in range(3):
        mean[k] /= max(count, 1)


@jit
def strand_colours(
    guides: Floats,
    light: Floats,
    tint: Floats,
    colour: Floats,
    camera: Floats,
    key: Floats,
    key_strength: float,
) -> Floats:
    """Return the colour along every strand.

    Parameters
    ----------
    guides : ndarray of float64, shape (g, points, 3)
        Positions along the guides.
    light : ndarray of float64, shape (g, points, 3)
        Irradiance there.
    tint : ndarray of float64, shape (g, followers)
        Brightness of each strand.
    colour, camera, key : ndarray of float64, shape (3,)
        Colour of the hair, position of the camera, direction of the key light.
    key_strength : float
        Of the key light.

    Returns
    -------
    ndarray of float64, shape (g, followers, points, 3)
        Linear RGB.
    """
    count, points = guides.shape[0], guides.shape[1]
    out = np.zeros((count, tint.shape[1], points, 3))
    pale = min((colour[0] + colour[1] + colour[2]) / 1.5, 1.0)  # pale hair passes light on
    mean = np.zeros(3)
    for g in range(count):
        _mean_light(guides[g], light[g], mean)
        for p in range(points):
            q = (
                p + 1
                if p + 1 < points and not math.isnan(guides[g, min(p + 1, points - 1), 0])
                else p
            )
            r = q - 1 if q > 0 else 0
            if math.isnan(guides[g, q, 0]):
                break
            tx, ty, tz = _unit(
                guides[g, q, 0] - guides[g, r, 0],
                guides[g, q, 1] - guides[g, r, 1],
                guides[g, q, 2] - guides[g, r, 2],
            )
            along = tx * key[0] + ty * key[1] + tz * key[2]
            place = guides[g, p]
            _, (hx, hy, hz) = _view_and_half(place[0], place[1], place[2], camera, key)
            sine = math.sqrt(max(1 - (tx * hx + ty * hy + tz * hz) ** 2, 0.0))
            diffuse = 0.55 + 0.45 * math.sqrt(max(1 - along * along, 0.0))
            root = 0.38 * (1 - 0.6 * pale)
            depth = 1 - root + root * min(1.0, p / (0.5 * points))
            wide, narrow = 0.05 * sine**12, 0.07 * sine**60
            for f in range(tint.shape[1]):
                own = tint[g, f] ** (1 - 0.5 * pale)
                for k in range(3):
                    shine = (
                        wide * (0.3 + 0.5 * math.sqrt(colour[k])) + narrow * 0.4
                    ) * key_strength
                    base = colour[k] * own * diffuse
                    spread = light[g, p, k] + 0.6 * pale * (mean[k] - light[g, p, k])
                    out[g, f, p, k] = (base + shine * own) * depth * spread
    return out
