"""The networks of the miniature cast: timm's and open_clip's own classes, about 0.7 million parameters an image tower.

Importing this module makes them known: ``timm.create_model("miniature_vit", checkpoint_path=…)`` and
``open_clip.create_model("miniature-vit", pretrained=…)`` find them as they find any other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import timm
import torch
from open_clip.factory import add_model_config
from timm.models import build_model_with_cfg, register_model
from timm.models.convnext import ConvNeXt
from timm.models.resnet import BasicBlock, ResNet
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from demeanour.errors import EvidenceError, did_you_mean
from demeanour.miniature.names import CLASSES, SIDE
from demeanour.statistics.seeds import generator

MEAN = STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class Role:
    """A part in the miniature cast, and the network that plays it.

    Attributes:
        architecture: ``vit``, ``convnext`` or ``resnet``.
        paradigm: ``supervised`` or ``clip``.
        network: The name that timm (supervised) or open_clip (CLIP) knows it by.
    """

    architecture: str
    paradigm: str
    network: str


ROLES = {
    "ViT-sup": Role("vit", "supervised", "miniature_vit"),
    "ConvNeXt-sup": Role("convnext", "supervised", "miniature_convnext"),
    "ViT-clip": Role("vit", "clip", "miniature-vit"),
    "ConvNeXt-clip": Role("convnext", "clip", "miniature-convnext"),
    "reference": Role("resnet", "supervised", "miniature_resnet"),   # selects the set A, plays in no comparison
}


def _cfg(first_conv: str, classifier: str, **more: Any) -> dict[str, Any]:
    return {
        "num_classes": len(CLASSES), "input_size": (3, SIDE, SIDE), "crop_pct": 1.0, "interpolation": "bicubic",
        "mean": MEAN, "std": STD, "first_conv": first_conv, "classifier": classifier, **more,
    }  # fmt: skip


default_cfgs = {   # timm looks here for what is registered below
    "miniature_vit": _cfg("patch_embed.proj", "head", fixed_input_size=True),
    "miniature_convnext": _cfg("stem.0", "head.fc", pool_size=(2, 2)),
    "miniature_resnet": _cfg("conv1", "fc", pool_size=(2, 2)),
}


@register_model
def miniature_vit(pretrained: bool = False, **options: Any) -> nn.Module:
    """A ViT for 64×64 pictures: 64 patches of 8×8 and a class token, width 96, 6 blocks of 3 heads."""
    size = {"img_size": SIDE, "patch_size": 8, "embed_dim": 96, "depth": 6, "num_heads": 3}
    model: nn.Module = build_model_with_cfg(VisionTransformer, "miniature_vit", pretrained, **{**size, **options})
    return model


@register_model
def miniature_convnext(pretrained: bool = False, **options: Any) -> nn.Module:
    """A ConvNeXt for 64×64 pictures: stages of 16², 8², 4² and 2² positions.

    Layer scale and a standard deviation of .02 are made for deep and wide networks: with them, contrastive training of
    this one has hardly begun after 800 steps. It has no layer scale, and weights start by their fan-in.
    """
    size = {"depths": (2, 3, 1, 1), "dims": (48, 96, 128, 128), "ls_init_value": None}
    features = {"out_indices": (0, 1, 2, 3), "flatten_sequential": True}
    model: nn.Module = build_model_with_cfg(
        ConvNeXt, "miniature_convnext", pretrained, feature_cfg=features, **{**size, **options}
    )
    for part in model.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.trunc_normal_(part.weight, std=part.weight[0].numel() ** -0.5)
    return model


@register_model
def miniature_resnet(pretrained: bool = False, **options: Any) -> nn.Module:
    """A ResNet for 64×64 pictures: one basic block in each of four stages."""
    size = {"block": BasicBlock, "layers": (1, 1, 1, 1), "channels": (24, 48, 96, 192)}
    model: nn.Module = build_model_with_cfg(ResNet, "miniature_resnet", pretrained, **{**size, **options})
    return model


add_model_config(Path(__file__).parent / "open_clip")


def role_of(name: str) -> Role:
    """The role of a name; raises an `EvidenceError` where there is none."""
    if name not in ROLES:
        raise EvidenceError(f"the miniature cast has no '{name}'; {did_you_mean(name, ROLES)}")
    return ROLES[name]


def untrained(name: str, seed: int = 0, texts: Iterable[str] = ()) -> nn.Module:
    """The network of a role with weights as they are before training, from a seed.

    Args:
        name: The role.
        seed: Of the weights.
        texts: All that a CLIP model will ever read. The embeddings of tokens that none of them has are zero and stay
            so: they are never learned, and zeros take no space in a compressed file.
    """
    role = role_of(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator("miniature weights", name, str(seed)).integers(2**31)))
        if role.paradigm == "supervised":
            model: nn.Module = timm.create_model(role.network)
            return model
        clip = open_clip.create_model(role.network, load_weights=False)
    with torch.no_grad():
        clip.token_embedding.weight[~tokens_of(name, texts)] = 0.0
    assert isinstance(clip, nn.Module)
    return clip


def tokens_of(name: str, texts: Iterable[str]) -> Tensor:
    """Which tokens of the vocabulary occur in texts, (vocabulary,) bool; padding does not count."""
    tokenizer = open_clip.get_tokenizer(role_of(name).network)
    found = torch.zeros(tokenizer.vocab_size, dtype=torch.bool)
    found[[tokenizer.sot_token_id, tokenizer.eot_token_id]] = True
    for text in set(texts):
        found[tokenizer.encode(text)] = True
    return found


def image_tower(model: nn.Module) -> nn.Module:
    """What sees the picture: the visual tower of a CLIP model with its projection, the whole of another."""
    tower = getattr(model, "visual", model)
    assert isinstance(tower, nn.Module)
    return tower


def parameters(model: nn.Module) -> tuple[int, int]:
    """Numbers of parameters of the image tower and of all the rest, the text tower."""
    image = sum(one.numel() for one in image_tower(model).parameters())
    return image, sum(one.numel() for one in model.parameters()) - image


def flops(model: nn.Module) -> int:
    """Floating-point operations of the image tower for one picture: two for each multiply-add."""
    tower = image_tower(model)
    was_training, device = tower.training, next(tower.parameters()).device
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        tower.eval()(torch.zeros(1, 3, SIDE, SIDE, device=device))
    tower.train(was_training)
    return int(counter.get_total_flops())
