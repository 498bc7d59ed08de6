"""Solids as signed distances: how far a point is from the surface, negative inside.

Each solid stands upright (y up), shows its best side to +z, and fits into a ball of radius 1 about the origin. The
distances never overestimate by more than ``SAFETY`` allows, so that a ray may step by them (sphere tracing, Hart 1996).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SAFETY = 0.85   # of a distance is stepped: some of these are bounds, not distances


def _box(x: Tensor, y: Tensor, z: Tensor, a: float, b: float, c: float, rounding: float = 0.0) -> Tensor:
    qx, qy, qz = x.abs() - (a - rounding), y.abs() - (b - rounding), z.abs() - (c - rounding)
    outside = (qx.clamp_min(0) ** 2 + qy.clamp_min(0) ** 2 + qz.clamp_min(0) ** 2).sqrt()
    return outside + torch.maximum(qx, torch.maximum(qy, qz)).clamp_max(0) - rounding


def _extruded(flat: Tensor, z: Tensor, half: float, rounding: float = 0.04) -> Tensor:
    """A plane figure's distance, given thickness."""
    a, b = flat + rounding, z.abs() - (half - rounding)
    return torch.maximum(a, b).clamp_max(0) + (a.clamp_min(0) ** 2 + b.clamp_min(0) ** 2).sqrt() - rounding


def _length(*parts: Tensor) -> Tensor:
    total = parts[0] * parts[0]
    for part in parts[1:]:
        total = total + part * part
    return total.sqrt()


def _cylinder(x: Tensor, y: Tensor, z: Tensor, radius: float, half: float, rounding: float = 0.03) -> Tensor:
    """About the y axis."""
    return _extruded(_length(x, z) - radius, y, half, rounding)


def _segment(x: Tensor, y: Tensor, z: Tensor, half: float, radius: float) -> Tensor:
    """A rod with round ends along the y axis."""
    return _length(x, y - y.clamp(-half, half), z) - radius


def _torus(across: Tensor, up: Tensor, along: Tensor, large: float, small: float) -> Tensor:
    """Its axis is ``along``."""
    return _length(_length(across, up) - large, along) - small


def ball(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _length(x, y, z) - 0.78


def can(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _cylinder(x, y, z, 0.52, 0.74)


def cone(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    side = _length(x, z) * 0.908 + (y - 0.92) * 0.419
    return torch.maximum(side, -y - 0.72)


def cross(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return torch.minimum(_box(x, y, z, 0.86, 0.27, 0.27, 0.03), _box(x, y, z, 0.27, 0.86, 0.27, 0.03))


def cube(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _box(x, y, z, 0.58, 0.58, 0.58, 0.03)


def diamond(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return (x.abs() + y.abs() * 0.9 + z.abs() - 0.86) * 0.58


def dumbbell(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return torch.minimum(_length(x.abs() - 0.6, y, z) - 0.36, _segment(y, x, z, 0.6, 0.13))


def egg(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    across = _length(x, z) / (0.60 - 0.17 * y)
    return (_length(across, y / 0.88) - 1) * 0.4


def heart(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    across, up = x.abs() / 1.35, (y + 0.72) / 1.35
    lobe = _length(across - 0.25, up - 0.75) - 0.35355
    dip = _length(across, up - 1.0)
    tip = (0.5 * (across + up).clamp_min(0))
    point = _length(across - tip, up - tip) * torch.sign(across - up)
    flat = torch.where(across + up > 1, lobe, torch.minimum(dip, point.abs()) * torch.sign(point))
    return _extruded(flat * 1.35, z, 0.26, 0.06)


def hourglass(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    side = (_length(x, z) - 0.10 - 0.62 * y.abs()) * 0.85
    return torch.maximum(side, y.abs() - 0.80)


def mug(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    left = x + 0.14
    wall = torch.maximum(_cylinder(left, y, z, 0.52, 0.66), -_cylinder(left, y - 0.16, z, 0.42, 0.70))
    handle = torch.maximum(_torus(left - 0.56, y * 0.9, z, 0.33, 0.09), 0.5 - left)
    return torch.minimum(wall, handle)


def mushroom(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    cap = torch.maximum(_length(x, (y - 0.08) * 1.05, z) - 0.78, 0.10 - y)
    stem = _cylinder(x, y + 0.34, z, 0.24, 0.50, 0.06)
    return torch.minimum(cap, stem)


def pill(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _segment(x, y, z, 0.52, 0.38)


def pyramid(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    side = torch.maximum(x.abs(), z.abs()) * 0.894 + (y - 0.86) * 0.447
    return torch.maximum(side, -y - 0.56)


def ring(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _torus(x, y, z, 0.60, 0.25)


def star(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    sector = 2 * torch.pi / 5
    angle = torch.remainder(torch.atan2(x, y) + sector / 2, sector) - sector / 2
    radius = _length(x, y)
    across, out = radius * angle.abs().sin(), radius * angle.cos()
    # the edge from a tip (0, .95) to the dent between two tips
    edge = (across * 0.7265 + (out - 0.95) * 0.42) / 0.839
    return _extruded(edge, z, 0.24, 0.03)


def arrow(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    shaft = torch.maximum(y.abs() - 0.18, torch.maximum(x - 0.2, -x - 0.85))
    head = torch.maximum((x - 0.9) * 0.6 + y.abs() * 0.8, 0.1 - x)
    return _extruded(torch.minimum(shaft, head), z, 0.2)


def bowl(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    shell = (_length(x, y - 0.3, z) - 0.78).abs() - 0.07
    return torch.maximum(shell, y - 0.3)


def crescent(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    return _extruded(torch.maximum(_length(x, y) - 0.85, 0.72 - _length(x - 0.42, y)), z, 0.22)


def gear(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    radius = _length(x, y)
    teeth = (torch.atan2(y, x) * 8).cos().mul(2).clamp(-1, 1)
    flat = torch.maximum((radius - 0.76 - 0.12 * teeth) * 0.4, 0.26 - radius)
    return _extruded(flat, z, 0.22)


def jack(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    rods = torch.minimum(_segment(x, y, z, 0.7, 0.1), _segment(y, x, z, 0.7, 0.1))
    rods = torch.minimum(rods, _segment(x, z, y, 0.7, 0.1))
    a, b, c = x.abs(), y.abs(), z.abs()
    largest = torch.maximum(a, torch.maximum(b, c))
    end = (a * a + b * b + c * c - 2 * 0.72 * largest + 0.72**2).clamp_min(0).sqrt() - 0.2
    return torch.minimum(rods, end)


def snowman(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    lower = torch.minimum(_length(x, y + 0.48, z) - 0.48, _length(x, y - 0.17, z) - 0.36)
    return torch.minimum(lower, _length(x, y - 0.66, z) - 0.26)


def stairs(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    low = _box(x, y + 0.45, z, 0.75, 0.2, 0.45)
    middle = _box(x - 0.25, y + 0.05, z, 0.5, 0.2, 0.45)
    return torch.minimum(torch.minimum(low, middle), _box(x - 0.5, y - 0.35, z, 0.25, 0.2, 0.45))


def table(x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    top = _box(x, y - 0.42, z, 0.8, 0.09, 0.55, 0.02)
    return torch.minimum(top, _box(x.abs() - 0.66, y + 0.1, z.abs() - 0.42, 0.1, 0.5, 0.1, 0.02))


DISTANCES: tuple[Callable[[Tensor, Tensor, Tensor], Tensor], ...] = (
    ball, can, cone, cross, cube, diamond, dumbbell, egg, heart, hourglass, mug, mushroom, pill, pyramid, ring, star,
    arrow, bowl, crescent, gear, jack, snowman, stairs, table,
)  # fmt: skip

RADII = (   # of a ball about the origin that holds each solid, with a little to spare
    0.81, 0.92, 1.08, 0.96, 1.0, 0.97, 0.99, 0.91, 0.98, 1.03, 0.95, 0.89, 0.92, 1.17, 0.88, 1.0,
    0.93, 0.94, 0.9, 0.93, 0.95, 0.98, 1.11, 1.11,
)  # fmt: skip
