"""Networks of a few thousand weights that timm knows by name once this is imported."""

from __future__ import annotations

from typing import Any

from timm.models import build_model_with_cfg, register_model
from timm.models.convnext import ConvNeXt
from timm.models.vision_transformer import VisionTransformer
from torch import nn

_CFG = {
    "num_classes": 10, "input_size": (3, 32, 32), "crop_pct": 0.8, "interpolation": "bilinear",
    "mean": (0.5, 0.4, 0.3), "std": (0.2, 0.2, 0.3),
}  # fmt: skip
default_cfgs = {
    "tiny_vit_of_tests": {**_CFG, "first_conv": "patch_embed.proj", "classifier": "head", "fixed_input_size": True},
    "tiny_convnext_of_tests": {**_CFG, "first_conv": "stem.0", "classifier": "head.fc"},
}


@register_model
def tiny_vit_of_tests(pretrained: bool = False, **options: Any) -> nn.Module:
    size = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 2, **options}
    model: nn.Module = build_model_with_cfg(VisionTransformer, "tiny_vit_of_tests", pretrained, **size)
    return model


@register_model
def tiny_convnext_of_tests(pretrained: bool = False, **options: Any) -> nn.Module:
    size = {"depths": (1, 1, 1, 1), "dims": (8, 8, 16, 16), **options}
    model: nn.Module = build_model_with_cfg(ConvNeXt, "tiny_convnext_of_tests", pretrained, **size)
    return model
