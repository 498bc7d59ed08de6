"""Networks of timm: by name with a file of weights, by name with published weights, or from a hub's repository."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import timm
from timm.models import get_pretrained_cfg, is_model, list_models, model_entrypoint
from torch import nn

from demeanour.errors import EvidenceError, did_you_mean
from demeanour.files import file_hash
from demeanour.models.checkpoints import content_hash, fit, read_state_dict
from demeanour.models.description import Description, Request, identity, looks
from demeanour.models.hub import hub_file, url_file
from demeanour.models.source import Source
from demeanour.models.timm_network import Blueprint, TimmNetwork, architecture_of, convert
from demeanour.models.timm_preprocessing import check_said, native, said_beside
from demeanour.views.geometry import Preprocessing

_PREPARED = ("input_size", "crop_pct", "crop_mode", "interpolation", "mean", "std")
_WEIGHTS = "pytorch_model.bin"
_SAFE = {_WEIGHTS: "model.safetensors", "open_clip_pytorch_model.bin": "open_clip_model.safetensors"}
# names of networks that take each other's weights and compute otherwise: padding, batch norm, activation
_TWINS = (("tf_", ""), ("_clip_quickgelu_", "_clip_"))


def load_timm(source: Source, request: Request) -> TimmNetwork:
    """A network of timm with the weights of a file, or with those that timm publishes under its name and tag.

    Raises:
        NotMeasuredError: Weights are missing.
        EvidenceError: timm knows no such network, or the weights do not fit it.
    """
    architecture, _, tag = source.name.partition(".")
    if not is_model(architecture):
        raise EvidenceError(f"timm knows no '{architecture}'; {did_you_mean(architecture, list_models())}")
    try:
        cfg = get_pretrained_cfg(source.name)
    except RuntimeError as error:
        tags = [name.partition(".")[2] for name in timm.list_pretrained(f"{architecture}.*")]
        raise EvidenceError(f"timm has no tag '{tag}' of {architecture}; {did_you_mean(tag, tags)}") from error
    if cfg is None and request.preprocessing is None:
        raise EvidenceError(f"timm does not know how pictures are prepared for {architecture}: say `preprocessing`")
    blueprint = Blueprint(source.name, _options(request))
    if source.checkpoint is not None:
        return _load(blueprint, Path(source.checkpoint), request, own=True)
    if cfg is None or not (cfg.hf_hub_id or cfg.url):
        raise EvidenceError(f"timm publishes no weights of {source.name}; name a file: timm:{source.name}@FILE")
    if cfg.hf_hub_id is None:
        return _load(blueprint, url_file(str(cfg.url)), request)
    repository, _, revision = cfg.hf_hub_id.partition("@")
    name = cfg.hf_hub_filename or _WEIGHTS
    safe = _SAFE.get(name, str(Path(name).with_suffix(".safetensors")))
    return _load(blueprint, hub_file(repository, list(dict.fromkeys((safe, name))), revision or None), request)


def load_timm_repository(source: Source, request: Request) -> TimmNetwork:
    """A network of a hub's repository that has timm's ``config.json``.

    Raises:
        NotMeasuredError: A file is missing.
        EvidenceError: The repository is not made by timm, or the weights do not fit the network.
    """
    config = hub_file(source.name, ["config.json"], source.checkpoint)
    weights = hub_file(source.name, ["model.safetensors", _WEIGHTS], source.checkpoint)
    try:
        record = json.loads(config.read_text(encoding="utf-8"))
        record["architecture"]
    except (ValueError, KeyError, TypeError) as error:
        raise EvidenceError(f"hf-hub:{source.name} has no config.json of timm or open_clip") from error
    blueprint = Blueprint(f"local-dir:{config.parent}", {**record.get("model_args", {}), **_options(request)})
    network = _load(blueprint, weights, request)
    files = (*network.description.files, looks(config))
    network.description = replace(network.description, files=files)
    return network


def _options(request: Request) -> dict[str, Any]:
    return {} if request.classes is None else {"num_classes": request.classes}


def _load(blueprint: Blueprint, weights: Path, request: Request, own: bool = False) -> TimmNetwork:
    """A network with the weights of a file; of a user's own, timm's registry knows nothing."""
    state, notes = read_state_dict(weights, request.weights)
    module = blueprint.build()
    converted, more = convert(state, blueprint, module)
    notes = (*notes, *more, *fit(converted, module, str(weights)))
    architecture = architecture_of(blueprint, module)
    cfg: dict[str, Any] = getattr(module, "pretrained_cfg", {})
    files = [weights]
    if own:
        files += [path for path, _ in said_beside(weights) if path != weights]
        notes = (*notes, *_unsaid(weights, blueprint, {**cfg, "num_classes": _classes(module)}, request.preprocessing))
    code = Path(sys.modules[model_entrypoint(architecture).__module__].__file__ or "")
    foreign = not code.is_relative_to(Path(timm.__file__).parent)
    description = Description(
        identity=identity(
            adapter="timm",
            architecture=architecture,
            options={**blueprint.options, "num_classes": _classes(module), "input_side": _side(module, cfg)},
            code=file_hash(code) if foreign else None,
            weights=content_hash(module.state_dict()),
        ),
        family="supervised",
        native=request.preprocessing or native(cfg, f"timm:{architecture}"),
        classes=_classes(module),
        parameters=sum(one.numel() for one in module.parameters()),
        files=tuple(looks(path) for path in [*files, *([code] if foreign else [])]),
        notes=notes,
    )
    return TimmNetwork(description, module, _side(module, cfg), blueprint)


def _classes(module: nn.Module) -> int | None:
    return getattr(module, "num_classes", 0) or None


def _side(module: nn.Module, cfg: dict[str, Any]) -> int | None:
    """Of the input, where the network takes one only."""
    patches: Any = getattr(module, "patch_embed", None)
    if getattr(patches, "strict_img_size", False) and patches.img_size:
        return int(patches.img_size[0])
    if cfg.get("fixed_input_size") and not getattr(module, "dynamic_img_size", False):
        return int(cfg["input_size"][-1])
    return None


def _unsaid(weights: Path, blueprint: Blueprint, cfg: dict[str, Any], card: Preprocessing | None) -> tuple[str, ...]:
    """Notes of what a file of weights does not say and is assumed, once what is said does not contradict it."""
    architecture, _, tag = blueprint.name.partition(".")
    said = said_beside(weights)
    known = {**cfg, "architecture": architecture}
    notes = list(check_said(said, known, f"timm:{architecture}", own_pixels=card is not None))
    spoken = {key for _, record in said for key in record}
    if card is None and not tag and not {"mean", "std"} <= spoken:
        notes.append(
            f"{weights.name} does not say how its pictures were prepared: {native(cfg, blueprint.name)}, "
            f"mean {cfg['mean']} and std {cfg['std']} are assumed{_of_tags(cfg, architecture)}"
        )
    for twin in _twins(architecture) if "architecture" not in spoken else ():
        notes.append(f"{twin} takes the same weights and computes otherwise: made for it, they lose accuracy here")
    return (*notes,)


def _of_tags(cfg: dict[str, Any], architecture: str) -> str:
    """Whose preprocessing is assumed, where timm's tags of an architecture do not agree."""
    names = timm.list_pretrained(f"{architecture}.*")
    others = [name for name in names if any(vars(get_pretrained_cfg(name))[key] != cfg.get(key) for key in _PREPARED)]
    if not others:
        return ""
    return f", as for {architecture}.{cfg['tag']}, not as for {others[0]}: name the right one (timm:NAME.TAG@FILE)"


def _twins(architecture: str) -> list[str]:
    names = {architecture.replace(one, other, 1) for one, other in _TWINS if one in architecture}
    names |= {"tf_" + architecture, architecture.replace("_clip_", "_clip_quickgelu_", 1)}
    return sorted(name for name in names - {architecture} if is_model(name))
