"""What is behind the solids and in front of them: backgrounds, floors with shadows, occluders. All flat."""

from __future__ import annotations

import torch
from torch import Tensor

from demeanour.miniature.drawing.scenes import BACKGROUNDS, OCCLUDERS
from demeanour.miniature.drawing.textures import flat_noise

FLOORED = ("room", "chequered floor")   # have a horizon, and shadows
LEAVES = ((-0.45, 0.3, 0.5), (0.1, -0.1, -0.6), (0.5, 0.35, 0.2), (-0.2, -0.5, -0.2), (0.45, -0.5, 0.9))   # x, y, turn


def _soft(t: Tensor, width: float = 0.03) -> Tensor:
    return (t / width + 0.5).clamp(0, 1)


def background(kind: int, x: Tensor, y: Tensor, colours: Tensor, seed: Tensor, horizon: Tensor) -> Tensor:
    """One kind of background for several pictures.

    Args:
        kind: Position in ``BACKGROUNDS``.
        x: To the right, half sides from the centre, turned by the camera's roll, (n, side, side).
        y: Up, likewise.
        colours: (n, 2, 3).
        seed: (n,).
        horizon: (n,) in half sides.

    Returns:
        RGB, (n, side, side, 3).
    """
    first, second = colours[:, 0, None, None, :], colours[:, 1, None, None, :]
    seeds = seed[:, None, None].expand_as(x)
    level = horizon[:, None, None]
    name = BACKGROUNDS[kind]
    if name == "plain":
        share = torch.zeros_like(x) + 0.06 * y
    elif name == "gradient":
        share = (0.5 + 0.45 * y + 0.15 * x).clamp(0, 1)
    elif name == "room":
        floor = _soft(level - y)
        share = floor * (0.75 + 0.25 * (level - y).clamp(0, 1)) + (1 - floor) * 0.12 * (1 - y)
    elif name == "wallpaper":
        share = _soft((x * 9 + 0.8 * (y * 6).sin()).sin(), 0.6) * 0.8
    elif name == "grass":
        share = 0.6 * flat_noise(x * 9, y * 4, seeds) + 0.4 * flat_noise(x * 17, y * 9, seeds + 7)
    elif name == "clouds":
        share = 0.65 * flat_noise(x * 2, y * 3, seeds) + 0.35 * flat_noise(x * 5, y * 7, seeds + 7)
    elif name == "chequered floor":
        floor = _soft(level - y)
        away = 1 / (level - y + 0.35).clamp_min(0.05)
        squares = _soft((x * away * 4).sin() * (away * 6).sin(), 0.5)
        share = floor * squares + (1 - floor) * 0.5
    else:   # lights: blurred spots
        spots = flat_noise(x * 3.2, y * 3.2, seeds)
        share = _soft(spots - 0.62, 0.12)
    return first + (second - first) * share[..., None]


def shadow(x: Tensor, y: Tensor, centre: Tensor, scale: Tensor, light: Tensor) -> Tensor:
    """How dark the floor is under an object, from 0 to .55, (n, side, side)."""
    away_x = (x - (centre[:, 0] - 0.5 * scale * light[:, 0])[:, None, None]) / (scale[:, None, None] * 0.95)
    away_y = (y - (centre[:, 1] - 0.72 * scale)[:, None, None]) / (scale[:, None, None] * 0.32)
    return 0.55 * (1.3 - (away_x**2 + away_y**2)).clamp(0, 1)


def occluder(kind: int, x: Tensor, y: Tensor, size: Tensor, colours: Tensor) -> tuple[Tensor, Tensor]:
    """One kind of occluder for several pictures.

    Args:
        kind: Position in ``OCCLUDERS``, not that of ``none``.
        x: To the right of its centre, half sides, (n, side, side).
        y: Above its centre.
        size: (n,).
        colours: (n, 2, 3).

    Returns:
        RGB (n, side, side, 3) and how much of each pixel it fills (n, side, side).
    """
    x, y = x / size[:, None, None], y / size[:, None, None]
    name = OCCLUDERS[kind]
    second = torch.zeros_like(x)
    if name == "post":
        mask = _soft(0.22 - x.abs(), 0.06)
        second = _soft(0.06 - (x - 0.08).abs(), 0.06)
    elif name == "board":
        along, across = 0.8 * x + 0.6 * y, 0.8 * y - 0.6 * x
        mask = _soft(0.3 - across.abs(), 0.06) * _soft(1.3 - along.abs(), 0.06)
        second = _soft((along * 14).sin(), 0.8) * 0.6
    elif name == "leaves":
        mask = torch.zeros_like(x)
        for dx, dy, turn in LEAVES:
            u, v = (x - dx) + turn * (y - dy), (y - dy) - turn * (x - dx)
            leaf = _soft(1 - (u / 0.40) ** 2 - (v / 0.16) ** 2, 0.25)
            mask, second = torch.maximum(mask, leaf), torch.maximum(second, leaf * _soft(0.03 - v.abs(), 0.05))
    elif name == "box":
        mask = _soft(0.5 - torch.maximum(x.abs(), (y * 1.2).abs()), 0.05)
        second = _soft(0.07 - x.abs(), 0.05)
    else:   # a person from behind: head, body, legs
        head = _soft(0.03 - (x**2 + (y - 0.78) ** 2) , 0.02)
        body = _soft(1 - (x.abs() / 0.30) ** 4 - ((y - 0.22) / 0.40) ** 4, 0.3)
        legs = _soft(0.11 - (x.abs() - 0.14).abs(), 0.05) * _soft(-0.1 - y, 0.05) * _soft(y + 1.05, 0.05)
        mask = torch.maximum(head, torch.maximum(body, legs))
        second = torch.maximum(head, legs * (1 - body))
    rgb = colours[:, 0, None, None, :] + (colours[:, 1] - colours[:, 0])[:, None, None, :] * second[..., None]
    return rgb, mask
