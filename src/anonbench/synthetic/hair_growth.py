"""How a strand of hair advances from its root: compiled loops over guides."""

from __future__ import annotations

import math

import numpy as np

from anonbench.synthetic.jit import jit
from anonbench.synthetic.structures import Floats

CENTRE = (0.0, 7.45, 0.30)
"""Middle of the head on the base mesh, in decimetres."""

FLOWS = {"out": 0, "back": 1, "forward": 2, "parting": 3, "down": 4, "knot": 5, "beard": 6}
"""Numbers of the styles' flows."""

_Y, _Z = CENTRE[1:]


@jit
def advance(
    roots: Floats,
    normals: Floats,
    rest: Floats,
    step: Floats,
    clearance: Floats,
    radii: Floats,
    points: int,
    flow: int,
    lift: float,
    turn: float,
    gravity: float,
    back: float,
    parting: float,
    fringe: bool,
    lowest: float,
) -> Floats:
    """Let guides grow; NaN from where one is cut."""
    out = np.full((roots.shape[0], points, 3), np.nan)
    for g in range(roots.shape[0]):
        px, py, pz = roots[g, 0], roots[g, 1], roots[g, 2]
        nx, ny, nz = normals[g, 0], normals[g, 1], normals[g, 2]
        dx, dy, dz = nx, ny, nz
        side = 1.0 if rest[g, 0] > parting else -1.0
        out[g, 0, 0], out[g, 0, 1], out[g, 0, 2] = px, py, pz
        for k in range(1, points):
            ox, oy, oz = px, py - _Y, pz - _Z
            radius = math.sqrt(ox * ox + oy * oy + oz * oz)
            ox, oy, oz = ox / radius, oy / radius, oz / radius
            if flow == 0:
                tx, ty, tz = ox, oy, oz
            elif flow == 1:
                tx, ty, tz = 0.25 * px, 0.1, -1.0
            elif flow == 2:
                tx, ty, tz = 0.35 * side, -0.15, 1.0 if pz > 0.3 else -0.2
                if pz < 0.5:
                    ty = -0.8
            elif flow == 3:
                if (oy > 0.55 or (oz > 0.3 and not fringe)) and abs(ox) < 0.6:
                    tx, ty, tz = side, -0.25, -back
                else:
                    tx, ty, tz = 0.0, -1.0, -0.6 * back
            elif flow == 4:
                tx, ty, tz = 0.4 * side, -0.9, 0.0
            elif flow == 5:
                tx, ty, tz = -px, 7.75 - py, -1.0 - pz
                far = math.sqrt(tx * tx + ty * ty + tz * tz)
                if far < 0.2:
                    break
            else:
                tx, ty, tz = 0.0, -1.0, 0.35
            inward = tx * ox + ty * oy + tz * oz
            if flow != 0 and flow != 6:
                tx, ty, tz = tx - inward * ox, ty - inward * oy, tz - inward * oz
            size = math.sqrt(tx * tx + ty * ty + tz * tz) + 1e-9
            share = turn if k > 1 else 1.0 - lift
            dx = dx * (1 - share) + tx / size * share
            dy = dy * (1 - share) + ty / size * share - gravity
            dz = dz * (1 - share) + tz / size * share
            size = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
            dx, dy, dz = dx / size, dy / size, dz / size
            px, py, pz = px + dx * step[g], py + dy * step[g], pz + dz * step[g]
            ox, oy, oz = px, py - _Y, pz - _Z
            radius = math.sqrt(ox * ox + oy * oy + oz * oz)
            row = min(int(math.acos(oy / radius) / math.pi * radii.shape[0]), radii.shape[0] - 1)
            column = int((math.atan2(ox, oz) / (2 * math.pi) + 0.5) * radii.shape[1])
            least = radii[row, column % radii.shape[1]] + clearance[g] * min(1.0, k / 3.0)
            if flow != 6 and radius < least:
                px, py, pz = (
                    ox / radius * least,
                    _Y + oy / radius * least,
                    _Z + oz / radius * least,
                )
            if flow != 6 and _over_face(px, py, pz):
                break
            if py < lowest:
                break
            out[g, k, 0], out[g, k, 1], out[g, k, 2] = px, py, pz
    return out


@jit
def _over_face(x: float, y: float, z: float) -> bool:
    """Whether hair here would hang over the brows, the eyes or the cheeks."""
    half = 0.62 if y > 6.9 else 0.62 - 0.25 * (6.9 - y)
    return z > 0.55 and y < 7.66 and y > 5.9 and abs(x) < half


@jit
def wind(guides: Floats, radius: float, pitch: Floats, step: Floats, phase: Floats) -> None:
    """Wind each guide round itself; the winding sets in within the first tenth of a decimetre."""
    for g in range(guides.shape[0]):
        for k in range(1, guides.shape[1]):
            if math.isnan(guides[g, k, 0]):
                break
            arc = k * step[g]
            angle = phase[g] + 2 * math.pi * arc / pitch[g]
            grown = radius * min(1.0, arc / 0.1)
            guides[g, k, 0] += grown * math.cos(angle)
            guides[g, k, 1] += grown * 0.6 * math.sin(angle + 1.0)
            guides[g, k, 2] += grown * math.sin(angle)
