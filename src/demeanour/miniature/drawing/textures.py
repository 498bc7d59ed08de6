"""Textures as functions of a point in space: how much of the second colour shows, from 0 to 1.

Every edge is soft over a fraction of a pixel, so that a rounding error of a point never flips a pixel.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

TAU = 2 * torch.pi


def lattice(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    """Pseudo-random numbers in [0, 1) of integer points; integer arithmetic, the same on every device."""
    n = x.int() * 73856093 ^ y.int() * 19349663 ^ z.int() * 83492791 ^ seed.int() * 40503
    n = (n ^ (n >> 13 & 0x7FFFF)) * 1274126177
    n = (n ^ (n >> 16 & 0xFFFF)) * 668265263
    return (n >> 9 & 0xFFFF).float() / 65536


def noise(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    """Value noise in [0, 1], with features of about one unit."""
    i, j, k = x.floor(), y.floor(), z.floor()
    a, b, c = _smooth(x - i), _smooth(y - j), _smooth(z - k)
    total = torch.zeros_like(x)
    for dx in (0, 1):
        for dy in (0, 1):
            for dz in (0, 1):
                weight = (a if dx else 1 - a) * (b if dy else 1 - b) * (c if dz else 1 - c)
                total = total + weight * lattice(i + dx, j + dy, k + dz, seed)
    return total


def flat_noise(x: Tensor, y: Tensor, seed: Tensor) -> Tensor:
    """Value noise of the plane in [0, 1], with features of about one unit."""
    i, j = x.floor(), y.floor()
    a, b = _smooth(x - i), _smooth(y - j)
    zero = torch.zeros_like(x)
    below = lattice(i, j, zero, seed) * (1 - a) + lattice(i + 1, j, zero, seed) * a
    above = lattice(i, j + 1, zero, seed) * (1 - a) + lattice(i + 1, j + 1, zero, seed) * a
    return below * (1 - b) + above * b


def _smooth(t: Tensor) -> Tensor:
    return t * t * (3 - 2 * t)


def _soft(t: Tensor, width: float = 0.12) -> Tensor:
    """0 below zero, 1 above, with a soft edge."""
    return _smooth((t / width * 0.5 + 0.5).clamp(0, 1))


def _fraction(t: Tensor) -> Tensor:
    return t - t.floor()


def _centred(t: Tensor) -> Tensor:
    """Distance from the middle of a unit cell, from 0 to .5."""
    return (_fraction(t) - 0.5).abs()


def stripes(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    return _soft((TAU * 1.9 * (y + 0.15 * x)).sin(), 0.5)


def bricks(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    row = y * 3.4
    along = (x * 0.8 + z * 0.6) * 1.8 + 0.5 * torch.remainder(row.floor(), 2)
    return torch.maximum(_soft(_centred(row) - 0.37), _soft(_centred(along) - 0.42, 0.08))


def checks(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    a, b, c = (_soft((TAU / 2 * 2.4 * (t + 0.21)).sin(), 0.2) * 2 - 1 for t in (x, y, z))
    return a * b * c * 0.5 + 0.5


def zigzags(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    return _soft((TAU * (1.7 * y + 0.62 * _centred((x + 0.7 * z) * 1.6) * 2)).sin(), 0.5)


def swirls(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    warp = noise(x * 1.9, y * 1.9, z * 1.9, seed)
    return _soft((TAU * (2.6 * warp + 0.6 * x)).sin(), 0.6)


def ripples(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    away = ((x - 0.35) ** 2 + (y - 0.4) ** 2 + (z - 0.8) ** 2 + 1e-6).sqrt()
    return _soft((TAU * 2.6 * away).sin(), 0.5)


def waves(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    return _soft((TAU * 1.9 * x + 2.2 * (TAU * 0.9 * (y + 0.5 * z)).sin()).sin(), 0.5)


def speckles(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    return _soft(noise(x * 7, y * 7, z * 7, seed) - 0.62, 0.25)


def facets(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    value, _ = _cells(x * 2.6, y * 2.6, z * 2.6, seed)
    return value


def grains(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    fibres = noise(x * 9, y * 1.3, z * 9, seed)
    return _soft(fibres - 0.5, 0.5)


def plaid(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    upright = _soft((TAU * 1.7 * (x + 0.3 * z)).sin() - 0.2, 0.4)
    level = _soft((TAU * 1.7 * y).sin() - 0.2, 0.4)
    return 0.5 * (upright + level)


def tiles(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    lines = torch.maximum(_centred(x * 2.2 + 0.3), torch.maximum(_centred(y * 2.2 + 0.3), _centred(z * 2.2 + 0.1)))
    return _soft(lines - 0.40)


def cracks(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    _, edge = _cells(x * 2.2, y * 2.2, z * 2.2, seed)
    return _soft(0.13 - edge)


def scales(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    row = y * 3.2
    along = (x * 0.8 + z * 0.6) * 2.2 + 0.5 * torch.remainder(row.floor(), 2)
    arc = ((_fraction(along) - 0.5) ** 2 + (_fraction(row) * 0.75) ** 2 + 1e-6).sqrt()
    return _soft(0.5 - arc, 0.10) * (0.35 + 0.65 * _fraction(row))


def weave(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    u, v = (x + 0.6 * z) * 2.0, y * 2.0
    over = checks(u * 0.42, v * 0.42, torch.full_like(u, 0.2), seed)
    return over * _soft((TAU * 2 * u).sin(), 0.6) + (1 - over) * _soft((TAU * 2 * v).sin(), 0.6)


def dots(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> Tensor:
    u, v, w = x * 1.9 + 0.2, y * 1.9 + 0.1, z * 1.9 + 0.3
    away = ((_fraction(u) - 0.5) ** 2 + (_fraction(v) - 0.5) ** 2 + (_fraction(w) - 0.5) ** 2 + 1e-6).sqrt()
    return _soft(0.43 - away)


def _cells(x: Tensor, y: Tensor, z: Tensor, seed: Tensor) -> tuple[Tensor, Tensor]:
    """Worley cells: a number of the cell a point is in, and how much nearer its centre is than the next one."""
    i, j, k = x.floor(), y.floor(), z.floor()
    first, second = torch.full_like(x, 9.0), torch.full_like(x, 9.0)
    weight, value = torch.full_like(x, 1e-9), torch.zeros_like(x)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            for dz in (-1, 0, 1):
                a, b, c = i + dx, j + dy, k + dz
                px = a + 0.15 + 0.7 * lattice(a, b, c, seed) - x
                py = b + 0.15 + 0.7 * lattice(a, b, c, seed + 101) - y
                pz = c + 0.15 + 0.7 * lattice(a, b, c, seed + 202) - z
                away = (px * px + py * py + pz * pz + 1e-9).sqrt()
                second = torch.minimum(second, torch.maximum(first, away))
                first = torch.minimum(first, away)
                share = (-40 * away).exp()
                weight = weight + share
                value = value + share * lattice(a, b, c, seed + 303)
    return value / weight, second - first


TEXTURED: tuple[Callable[[Tensor, Tensor, Tensor, Tensor], Tensor], ...] = (
    stripes, bricks, checks, zigzags, swirls, ripples, waves, speckles,
    facets, grains, plaid, tiles, cracks, scales, weave, dots,
)  # fmt: skip
