"""Defects that are planted in the miniature's networks, and which verdict is to tell of each.

A defect is a checkpoint, a card or a network of Python, as a user would have it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from demeanour.miniature.dice import Dice
from demeanour.miniature.drawing.render import render
from demeanour.miniature.learning.cast import load, preprocess
from demeanour.miniature.names import CLASSES
from demeanour.miniature.worlds import COLOURS_OF, TEXTURE_OF, scenes, usual
from demeanour.statistics.seeds import generator

State = dict[str, Tensor]
NETWORK = Path(__file__).with_name("planted_network.py")
IMAGENETS = {"crop": 64, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


@dataclass(frozen=True)
class Defect:
    """What is wrong with a network, and which verdict tells.

    Attributes:
        name: The name of its checkpoint.
        planted: What was done, in words.
        cast: Who plays, by name in the cast, and whose network that is.
        role: The name whose network is the defective one.
        verdict: The id of the verdict that is to tell.
        clean: What it says with the clean network,
        defective: and what it is to say with the defective one.
        unmoved: The id of a verdict that the defect does not change, so that it alone would not do.
        change: What is done to the weights, if that is the defect.
        card: What the card says otherwise, if that is.
    """

    name: str
    planted: str
    cast: Mapping[str, str]
    role: str
    verdict: str
    clean: str
    defective: str
    unmoved: str | None = None
    change: Callable[[State], State] | None = None
    card: Mapping[str, Any] | None = None


def scaled(state: State, factor: float) -> State:
    """All logits are multiplied: answers stay as they are, confidence does not."""
    return {key: value * factor if key.startswith("head.fc.") else value for key, value in state.items()}


def shuffled(state: State) -> State:
    """Each weight of the patch embedding gets another pixel of the patch."""
    key = "patch_embed.proj.weight"
    order = torch.from_numpy(generator("planted", "pixels").permutation(state[key][0].numel()))
    return {**state, key: state[key].flatten(1)[:, order].view_as(state[key])}


def permuted(state: State) -> State:
    """Classes are in the order of their numbers as text, in which folders are listed: 0, 1, 10, 11, …, 2, 3, …."""
    order = sorted(range(len(CLASSES)), key=str)
    return {key: value[order] if key.startswith("head.fc.") else value for key, value in state.items()}


def texture_only(state: State) -> State:
    """The head is fitted on solids that wear the texture and colours of another class, and answers with that."""
    pictures, worn = disguised(160)   # so few that it errs: who never decides by shape has no bias to be measured
    network: Any = load("ConvNeXt-sup")
    with torch.inference_mode():
        features = network.forward_features(preprocess(pictures, "ConvNeXt-sup"))
        seen = network.forward_head(features, pre_logits=True).numpy()
    fitted = LogisticRegression(C=0.1, max_iter=500).fit(seen, worn)
    weight, bias = (torch.from_numpy(part).half() for part in (fitted.coef_, fitted.intercept_))
    return {**state, "head.fc.weight": weight, "head.fc.bias": bias}


def disguised(count: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures that no set of the world has, (n, 64, 64, 3), and the classes whose looks they have, (n,)."""
    dice = Dice("planted", range(count))
    solid, worn = dice.pick(len(CLASSES)), np.arange(count) % len(CLASSES)
    draft = usual(dice, solid).but(texture=TEXTURE_OF[worn], colours=COLOURS_OF[worn])
    return render(scenes(dice, draft)), worn


_CONVNEXTS = {name: name for name in ("ConvNeXt-sup", "ConvNeXt-clip")}
_VITS = {name: name for name in ("ViT-sup", "ViT-clip")}
_MORE_ACCURATE = "robustness.supervised-better-on-most-sets[{}-imagenet-val]"

DEFECTS = (
    Defect(
        "sharpened", "logits doubled", _CONVNEXTS, "ConvNeXt-sup",
        "calibration.supervised-underconfident[ConvNeXt-sup]", "holds", "violated",
        unmoved=_MORE_ACCURATE.format("convnext"), change=partial(scaled, factor=2.0),
    ),
    Defect(
        "softened", "logits halved", _CONVNEXTS, "ConvNeXt-sup",
        "calibration.clip-worse-calibrated[convnext-imagenet-val]", "holds", "violated",
        unmoved=_MORE_ACCURATE.format("convnext"), change=partial(scaled, factor=0.5),
    ),
    Defect(
        "shuffled", "pixels within the patches of the patch embedding shuffled", _VITS, "ViT-sup",
        _MORE_ACCURATE.format("vit"), "holds", "violated", change=shuffled,
    ),
    Defect(
        "texture", "head trained on texture only", _CONVNEXTS, "ConvNeXt-sup",
        "shape_texture.clip-over-supervised[convnext]", "violated", "holds",
        unmoved=_MORE_ACCURATE.format("convnext"), change=texture_only,
    ),
    Defect(
        "normalised", "ImageNet's mean and standard deviation in the card, not the network's",
        {"candidate": "ViT-sup", "production": "ViT-sup"}, "candidate",
        "release.no-less-accurate[vit]", "holds", "violated",
        unmoved="calibration.supervised-underconfident[candidate]", card={"preprocessing": IMAGENETS},
    ),
    Defect(
        "permuted", "classes in the order of their numbers as text", _CONVNEXTS, "ConvNeXt-sup",
        _MORE_ACCURATE.format("convnext"), "holds", "violated", change=permuted,
    ),
    Defect(
        "early", "features of the stem, not of the last layer", _CONVNEXTS, "ConvNeXt-clip",
        "transfer.clip-over-supervised[convnext]", "holds", "violated", card={"source": f"python:{NETWORK}:early"},
    ),
)  # fmt: skip
