"""The miniature cast on disk: weights in half precision, and a card and learning curve beside each.

The weights are ordinary ones: timm and open_clip load them strictly under their own names. They are kept as fp16 and
computed with as fp32.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import timm
import torch
from numpy.typing import NDArray
from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor, nn

from demeanour.errors import EvidenceError
from demeanour.files import file_hash, write_whole
from demeanour.miniature.learning import networks
from demeanour.miniature.names import CLASSES, TEMPLATES

WEIGHTS = Path(__file__).parent / "weights"


def preprocess(images: NDArray[np.uint8], name: str) -> Tensor:
    """Pictures as the network of a role wants them.

    Args:
        images: (n, 64, 64, 3), uint8 RGB.
        name: The role; supervised models have timm's mean and standard deviation, CLIP models open_clip's.

    Returns:
        (n, 3, 64, 64), float32.
    """
    mean, std = normalisation(name)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    return pixels.sub_(torch.tensor(mean).view(3, 1, 1) * 255).div_(torch.tensor(std).view(3, 1, 1) * 255)


def normalisation(name: str) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and standard deviation of the role's preprocessing, of red, green and blue in [0, 1]."""
    if networks.role_of(name).paradigm == "clip":
        return OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
    return networks.MEAN, networks.STD


def zero_shot_head(model: nn.Module, name: str) -> Tensor:
    """What open_clip's own classifier makes of the class names in all templates, (embedding, classes), unit columns."""
    tokenizer = open_clip.get_tokenizer(networks.role_of(name).network)
    device = next(model.parameters()).device
    head: Tensor = open_clip.build_zero_shot_classifier(model, tokenizer, CLASSES, TEMPLATES, device=device)
    return head


def logits(model: Any, pixels: Tensor, head: Tensor | None = None) -> Tensor:
    """The scores of the classes, (n, classes).

    Args:
        model: In evaluation mode.
        pixels: From `preprocess`, on the model's device.
        head: Of a CLIP model, from `zero_shot_head`: its scores are scaled cosines, as open_clip has them.
    """
    if head is None:
        scores: Tensor = model(pixels)
    else:
        scores = model.logit_scale.exp() * model.encode_image(pixels, normalize=True) @ head
    return scores


def put(
    model: nn.Module, name: str, folder: Path, card: Mapping[str, object], curve: Sequence[Mapping[str, float]]
) -> Path:
    """Write a model's weights as fp16, its card and its learning curve, each whole or not at all.

    Args:
        model: Finished.
        name: The role; names the files.
        folder: Where they go.
        card: What it is, how it was made, what it is not; the weights' SHA-256 is added.
        curve: What was recorded while it was trained.

    Returns:
        The path of the weights.

    Raises:
        EvidenceError: If a weight is not finite in fp16.
    """
    weights = {}
    for key, value in model.state_dict().items():
        weights[key] = (value.half() if value.is_floating_point() else value).cpu().contiguous()
        if not torch.isfinite(weights[key]).all():
            raise EvidenceError(f"{name}: '{key}' is not finite in half precision; these weights are not kept")
    data = save(weights, metadata={"format": "pt"})
    path = folder / f"{name}.safetensors"
    write_whole(path, data, durable=True)
    write_whole(folder / f"{name}.curve.json", _json(list(curve)), durable=True)
    write_whole(folder / f"{name}.json", _json({**card, "sha256": hashlib.sha256(data).hexdigest()}), durable=True)
    return path


def card(name: str, folder: Path = WEIGHTS) -> dict[str, object]:
    """What is written about a role's weights; raises an `EvidenceError` where there is nothing."""
    path = folder / f"{name}.json"
    try:
        found: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EvidenceError(f"{path} is missing; {_REMEDY.format(networks.role_of(name) and name)}") from error
    except ValueError as error:
        raise EvidenceError(f"{path} is no JSON ({error}); {_REMEDY.format(name)}") from error
    return found


def load(name: str, folder: Path = WEIGHTS) -> nn.Module:
    """The trained network of a role, in evaluation mode, fp32, on the CPU.

    Args:
        name: The role.
        folder: Where weights and cards are.

    Raises:
        EvidenceError: If the file is missing or damaged, is not the one that the card speaks of, or does not fit the
            network.
    """
    model: nn.Module
    role, path = networks.role_of(name), folder / f"{name}.safetensors"
    told = card(name, folder)
    try:
        digest = file_hash(path)
    except FileNotFoundError as error:
        raise EvidenceError(f"{path} is missing; {_REMEDY.format(name)}") from error
    if digest != told.get("sha256"):
        raise EvidenceError(f"{path} is not the file that its card speaks of; {_REMEDY.format(name)}")
    try:
        if role.paradigm == "clip":
            model = open_clip.create_model(role.network, pretrained=str(path))
        else:
            model = timm.create_model(role.network, checkpoint_path=str(path))
    except (RuntimeError, KeyError, SafetensorError) as error:
        raise EvidenceError(f"{path} does not fit {role.network}: {error}; {_REMEDY.format(name)}") from error
    return model.eval()


_REMEDY = "restore it from the repository, or train it with: python -m demeanour.miniature.train --models {}"


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
