"""Solids seen by parallel rays: where each ray ends, by sphere tracing (Hart, 1996), and how the surface lies there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from demeanour.miniature.drawing.scenes import Objects
from demeanour.miniature.drawing.solids import DISTANCES, RADII, SAFETY

STEPS = 44
TOUCH = 0.004   # a ray has arrived when it is as near as this, in units of the solid
COMPACT_EVERY = 4
NEARBY = 0.008   # of a point: where its normal is measured


class Hits(NamedTuple):
    """Where objects are seen, a row for each pixel of each object; (k,) or (k, 3).

    Attributes:
        object: Row of ``Objects``.
        pixel: Of the picture, row by row from its top left corner.
        point: In the solid's own frame.
        normal: Unit vector, in the picture's frame.
        depth: Of the point towards the viewer, in half sides of the picture from the object's centre.
        coverage: How much of the pixel the object fills: 1 but for the outline.
    """

    object: Tensor
    pixel: Tensor
    point: Tensor
    normal: Tensor
    depth: Tensor
    coverage: Tensor


@dataclass(frozen=True)
class _Rays:
    object: Tensor
    pixel: Tensor
    origin: Tensor
    direction: Tensor
    stretch: Tensor
    width: Tensor   # of a pixel, in units of the solid


def trace(objects: Objects, side: int, device: torch.device) -> Hits:
    """What of each object is seen, as if it were alone.

    Args:
        objects: What to look at.
        side: Pixels of the picture's side.
        device: Where to compute.

    Returns:
        The pixels that show an object; objects hide each other later.
    """
    found = []
    for solid in np.unique(objects.solid):
        rows = np.flatnonzero(objects.solid == solid)
        rays = _rays(objects, rows, side, device)
        found.append(_march(int(solid), rays, objects.rotation, objects.scale, device))
    return Hits(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _rays(objects: Objects, rows: np.ndarray, side: int, device: torch.device) -> _Rays:
    """The rays that pass the ball about an object, in the object's frame, from where they enter the ball."""
    axis = (torch.arange(side, device=device, dtype=torch.float32) + 0.5) / side * 2 - 1
    centre = torch.from_numpy(objects.centre[rows]).to(device)
    scale = torch.from_numpy(objects.scale[rows]).to(device)
    stretch = torch.from_numpy(objects.stretch[rows]).to(device)
    across = (axis[None, :] - centre[:, :1]) / scale[:, None]
    up = (-axis[None, :] - centre[:, 1:]) / scale[:, None]
    reach = RADII[objects.solid[rows[0]]] * stretch.clamp_min(1)
    inside = across[:, None, :] ** 2 + up[:, :, None] ** 2 < reach[:, None, None] ** 2
    which, i, j = inside.nonzero(as_tuple=True)
    x, y = across[which, j], up[which, i]
    z = (reach[which] ** 2 - x * x - y * y).sqrt()
    turned = torch.from_numpy(objects.rotation[rows]).to(device)[which]   # rows of R are columns of its inverse
    origin = x[:, None] * turned[:, 0] + y[:, None] * turned[:, 1] + z[:, None] * turned[:, 2]
    return _Rays(
        torch.from_numpy(rows).to(device)[which], i * side + j, origin, -turned[:, 2], stretch[which],
        2 / side / scale[which],
    )  # fmt: skip


def _march(solid: int, rays: _Rays, rotation: np.ndarray, scale: np.ndarray, device: torch.device) -> Hits:
    count = len(rays.pixel)
    length = -2 * (rays.origin * rays.direction).sum(1)   # of the way through the ball
    nearest, at_nearest = torch.empty(count, device=device), torch.empty(count, device=device)
    active = torch.arange(count, device=device)
    origin, direction, stretch = rays.origin.unbind(1), rays.direction.unbind(1), rays.stretch
    t = torch.zeros(count, device=device)
    least, at_least = torch.full((count,), 9.0, device=device), t
    for step in range(STEPS):
        x, y, z = (o + t * d for o, d in zip(origin, direction, strict=True))
        d = DISTANCES[solid](x, y / stretch, z) * stretch.clamp_max(1)
        at_least = torch.where(d < least, t, at_least)
        least = torch.minimum(d, least)
        t = t + d.clamp_min(0) * SAFETY
        last = step == STEPS - 1
        if step % COMPACT_EVERY == COMPACT_EVERY - 1 or last:
            going = (d > TOUCH) & (t < length) & (not last)
            done = ~going
            nearest[active[done]], at_nearest[active[done]] = least[done], at_least[done]
            if not going.any():
                break
            active, t, length, stretch = active[going], t[going], length[going], stretch[going]
            least, at_least = least[going], at_least[going]
            origin, direction = (tuple(part[going] for part in parts) for parts in (origin, direction))
    coverage = (1 - (nearest - TOUCH) / rays.width).clamp(0, 1)
    seen = coverage > 0
    point = (rays.origin + at_nearest[:, None] * rays.direction)[seen]
    which = rays.object[seen]
    turned = torch.from_numpy(rotation).to(device)[which]
    normal = torch.einsum("kij,kj->ki", turned, _gradient(solid, point, rays.stretch[seen]))
    depth = torch.einsum("kj,kj->k", turned[:, 2], point) * torch.from_numpy(scale).to(device)[which]
    return Hits(which, rays.pixel[seen], point, normal, depth, coverage[seen])


def _gradient(solid: int, point: Tensor, stretch: Tensor) -> Tensor:
    """Unit normals by differences along the corners of a tetrahedron."""
    x, y, z = point.unbind(1)
    total = torch.zeros_like(point)
    for a, b, c in ((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0)):
        d = DISTANCES[solid](x + NEARBY * a, (y + NEARBY * b) / stretch, z + NEARBY * c)
        total += torch.stack([a * d, b * d, c * d], dim=1)
    return functional.normalize(total, dim=1)
