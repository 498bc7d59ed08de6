"""A network of a user's in eight bits: each convolution and linear layer is fed with 255 values for each picture."""

from __future__ import annotations

from typing import Any

import timm
import torch
from torch import Tensor, nn

PIXELS = {"resize": 256, "interpolation": "bicubic", "crop": 224, "mean": (0.5,) * 3, "std": (0.5,) * 3}


def rounded(values: Tensor) -> Tensor:
    """To 255 values for each row, evenly spaced and symmetric around 0: output channels of weights, or pictures."""
    low, high = values.flatten(1).aminmax(dim=1)
    step = (torch.maximum(-low, high).clamp_min(1e-12) / 127).view(-1, *[1] * (values.ndim - 1))
    return (values / step).round_().mul_(step)


def _feed(_: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
    return rounded(given[0])


def lite0() -> tuple[nn.Module, dict[str, Any]]:
    """EfficientNet-Lite0, whose weights are to come, with rounded activations."""
    module: nn.Module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_pre_hook(_feed)
    return module, PIXELS


def in_int8(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Its weights, per output channel; biases and what normalises stay as they are."""
    return {name: rounded(value) if value.ndim > 1 else value for name, value in state.items()}


def perturbed(state: dict[str, Tensor], stage: str, strength: float) -> dict[str, Tensor]:
    """Normal noise on the weights of one stage, in units of each layer's own standard deviation."""
    random = torch.Generator().manual_seed(0)
    return {
        name: value + strength * value.std() * torch.randn(value.shape, generator=random)
        if name.startswith(stage) and value.ndim > 1 else value for name, value in state.items()
    }  # fmt: skip
