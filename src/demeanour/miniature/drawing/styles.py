"""How a picture is rendered other than as a photo: flat, cartoon, inverted, mosaic, painting, hatching, sketch."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from demeanour.miniature.names import STYLES

PAPER = 0.96


class Layers(NamedTuple):
    """What the renderer knows of each pixel, (n, side, side) or (n, side, side, 3).

    Attributes:
        photo: The picture as it would be photographed.
        flat: The colour of what is seen, without light or texture, on a plain background.
        shade: How much light falls on it; 1 on the background.
        normal: Of the surface; 0 on the background.
        depth: Towards the viewer.
        mask: How much of the pixel objects fill.
    """

    photo: Tensor
    flat: Tensor
    shade: Tensor
    normal: Tensor
    depth: Tensor
    mask: Tensor


def styled(style: int, layers: Layers) -> Tensor:
    """The picture in a style.

    Args:
        style: Position in ``STYLES``.
        layers: What is known of the pixels.

    Returns:
        RGB, (n, side, side, 3), in [0, 1] but for rounding.
    """
    name = STYLES[style]
    if name == "photo":
        return layers.photo
    if name == "flat":
        return layers.flat
    if name == "cartoon":
        toned = layers.flat * (0.55 + _steps(layers.shade))[..., None]
        return toned * (1 - edges(layers))[..., None]
    if name == "inverted":
        return 1 - layers.photo
    if name == "mosaic":
        return _mosaic(layers.photo)
    if name == "painting":
        return _painting(layers.photo)
    if name == "hatching":
        return _hatching(layers)
    return (PAPER - 0.86 * edges(layers))[..., None].expand_as(layers.photo)


def _steps(shade: Tensor) -> Tensor:
    """Three tones with soft edges, so that no rounding error flips a pixel."""
    low, high = ((shade - 0.45) / 0.04 + 0.5).clamp(0, 1), ((shade - 0.75) / 0.04 + 0.5).clamp(0, 1)
    return 0.25 * low + 0.25 * high


def edges(layers: Layers) -> Tensor:
    """Lines where the surface bends or ends, from 0 to 1, (n, side, side)."""
    total = torch.zeros_like(layers.mask)
    for axis in (1, 2):
        mask = _step(layers.mask, axis)
        depth = _step(layers.depth * layers.mask, axis)
        bend = sum(_step(layers.normal[..., k], axis) ** 2 for k in range(3))
        total = total + 1.4 * mask**2 + (8 * depth) ** 2 * 0.15 + 0.5 * bend
    return ((total - 0.12) * 1.6).clamp(0, 1)


def _step(values: Tensor, axis: int) -> Tensor:
    """Central differences along an axis, 0 at the border."""
    result = torch.zeros_like(values)
    size = values.shape[axis]
    result.narrow(axis, 1, size - 2).copy_(values.narrow(axis, 2, size - 2) - values.narrow(axis, 0, size - 2))
    return result.abs()


def _mosaic(photo: Tensor, block: int = 4) -> Tensor:
    small = functional.avg_pool2d(photo.permute(0, 3, 1, 2), block)
    large = small.repeat_interleave(block, 2).repeat_interleave(block, 3)
    seam = torch.ones(photo.shape[1], device=photo.device)
    seam[::block] = 0.72
    return (large * seam[:, None] * seam[None, :]).permute(0, 2, 3, 1)


def _painting(photo: Tensor, radius: int = 2) -> Tensor:
    """Kuwahara's filter: of four windows that touch at the pixel, the means weighted towards the smoothest."""
    picture = photo.permute(0, 3, 1, 2)
    padded = functional.pad(picture, (radius,) * 4, mode="replicate")
    mean = functional.avg_pool2d(padded, radius + 1, 1)
    spread = (functional.avg_pool2d(padded**2, radius + 1, 1) - mean**2).sum(1, keepdim=True)
    side = picture.shape[-1]
    total, weights = torch.zeros_like(picture), torch.zeros_like(picture[:, :1])
    for dy in (0, radius):
        for dx in (0, radius):
            window = (..., slice(dy, dy + side), slice(dx, dx + side))
            weight = 1 / (spread[window].clamp_min(0) + 1e-4) ** 2
            total, weights = total + weight * mean[window], weights + weight
    return ((total / weights - 0.5) * 1.15 + 0.5).permute(0, 2, 3, 1)


def _hatching(layers: Layers) -> Tensor:
    side = layers.mask.shape[-1]
    grid = torch.arange(side, device=layers.mask.device, dtype=torch.float32)
    down, up = grid[:, None] + grid[None, :], grid[:, None] - grid[None, :]
    dark = (1 - layers.photo.mean(-1)) * (0.35 + 0.65 * layers.mask)
    first = (0.5 + 0.5 * (down * (2 * torch.pi / 5)).cos()) * (dark * 1.6).clamp(0, 1)
    second = (0.5 + 0.5 * (up * (2 * torch.pi / 5)).cos()) * ((dark - 0.5) * 2.4).clamp(0, 1)
    ink = torch.maximum(torch.maximum(first, second), edges(layers))
    return (PAPER - 0.85 * ink)[..., None].expand_as(layers.photo)
