"""Candidates that are networks of Python, for ``--candidate python:benchmarks/gate_networks.py:FACTORY``.

All are the cast's ConvNeXt-sup with something done to it that an export or a pipeline does by accident, or on purpose.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from demeanour.miniature.learning.cast import load
from demeanour.miniature.learning.networks import MEAN, STD, untrained
from demeanour.miniature.names import SIDE

ROLE = "ConvNeXt-sup"
PIXELS: dict[str, Any] = {"resize": SIDE, "crop": SIDE, "interpolation": "bicubic", "mean": MEAN, "std": STD}
BLACK_BELOW = 0.25   # of full intensity
LEVELS = 127        # of int8, on each side of zero
Made = tuple[nn.Module, dict[str, Any]]


class Crushed(nn.Module):
    """Sees black where a channel is below `BLACK_BELOW`: pictures whose shadows somebody has crushed."""

    def __init__(self) -> None:
        super().__init__()
        self.network = load(ROLE)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, (n, classes), of normalised pixels."""
        black = -MEAN[0] / STD[0]
        dark = pixels < black + BLACK_BELOW / STD[0]
        logits: Tensor = self.network(torch.where(dark, black, pixels))
        return logits


class LowerHalf(nn.Module):
    """Pools over the lower half of its last map: a slice that is off by a row, harmless where objects are centred."""

    def __init__(self) -> None:
        super().__init__()
        self.network: Any = load(ROLE)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits, (n, classes), of normalised pixels."""
        seen = self.network.forward_features(pixels)
        logits: Tensor = self.network.forward_head(seen[:, :, seen.shape[2] // 2 :])
        return logits


class Int8Convolution(nn.Conv2d):
    """A convolution with int8 weights, each channel of output by its own scale, and 8-bit input by one scale."""

    scale: Tensor
    lowest: Tensor
    step: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """What the integers give, computed in float32."""
        weight = self.weight.float() * self.scale.view(-1, 1, 1, 1)
        return self._conv_forward(_in_steps(x, self.lowest, self.step), weight, self.bias)


class Int8Linear(nn.Linear):
    """A linear layer, likewise."""

    scale: Tensor
    lowest: Tensor
    step: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """What the integers give, computed in float32."""
        weight = self.weight.float() * self.scale.view(-1, 1)
        return functional.linear(_in_steps(x, self.lowest, self.step), weight, self.bias)


def crushed() -> Made:
    """It cannot see in the dark."""
    return Crushed(), PIXELS


def lower_half() -> Made:
    """It looks at the lower half only."""
    return LowerHalf(), PIXELS


def int8() -> Made:
    """It in int8: the checkpoint holds the integers, their scales, and the ranges of the layers' inputs."""
    return as_int8(untrained(ROLE), {}), PIXELS


def as_int8(network: nn.Module, ranges: dict[str, tuple[float, float]]) -> nn.Module:
    """A network with its convolutions and linear layers in int8, in place.

    Weights are rounded symmetrically, each channel of output to ±127 steps of its own; what a layer is fed with to 256
    steps of the range that calibration has seen, and cut off there. All else stays in float32, sums too.

    Args:
        network: In evaluation mode.
        ranges: The smallest and largest input of each such layer, by its name; [0, 1] where it is not told, for a
            network whose state is loaded afterwards.
    """
    for name, layer in network.named_modules():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        weight = layer.weight.detach()
        scale = weight.abs().flatten(1).amax(dim=1).clamp_min(1e-12) / LEVELS
        rounded = (weight / scale.view(-1, *[1] * (weight.ndim - 1))).round().to(torch.int8)
        lowest, highest = ranges.get(name, (0.0, 1.0))
        del layer.weight
        layer.register_buffer("weight", rounded)
        layer.register_buffer("scale", scale)
        layer.register_buffer("lowest", torch.tensor(lowest))
        layer.register_buffer("step", torch.tensor((highest - lowest) / 255))
        layer.__class__ = Int8Convolution if isinstance(layer, nn.Conv2d) else Int8Linear
    return network


def _in_steps(x: Tensor, lowest: Tensor, step: Tensor) -> Tensor:
    return ((x - lowest) / step).round().clamp(0, 255) * step + lowest
