"""Where a model of open_clip comes from, and what is said there of how it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import open_clip
from open_clip.constants import HF_CONFIG_NAME, HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME
from open_clip.pretrained import _PRETRAINED, get_pretrained_cfg, list_pretrained_models_by_tag

from demeanour.datasets.json_file import read_json
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.models.hub import hub_file
from demeanour.models.source import Source

QUICK_GELU = "quick_gelu"
_DESCRIBES = "describes a model of open_clip"
_OF_A_REPOSITORY = (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME)
_PREPARED = ("size", "mean", "std", "interpolation", "resize_mode")


@dataclass(frozen=True)
class Said:
    """What a place says of how a network was trained: mean, std, size, interpolation, resize_mode, quick_gelu."""

    where: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Origin:
    """An architecture, and all that is said of the weights that go with it.

    Attributes:
        known_as: What open_clip knows the architecture by.
        tokenizer: What it knows the tokenizer by.
        config: The architecture: embed_dim, vision_cfg, text_cfg, quick_gelu.
        said: By whom, and what.
        files: Configurations that were read.
    """

    known_as: str
    tokenizer: str
    config: dict[str, Any]
    said: tuple[Said, ...]
    files: tuple[Path, ...] = ()


def origin_of(source: Source) -> Origin:
    """Find the architecture, and what is said of the weights before they are there.

    Args:
        source: ``open_clip:NAME@TAG``, ``open_clip:NAME@FILE`` or ``hf-hub:ORG/REPO[@REVISION]``.

    Raises:
        NotMeasuredError: A repository's configuration is missing, see `demeanour.models.hub`.
        EvidenceError: open_clip knows no such name.
    """
    if source.scheme == "hf-hub":
        path = hub_file(source.name, [HF_CONFIG_NAME], source.checkpoint)
        said, folder = _said_by_config(path), f"local-dir:{path.parent}"
        config = read_json(path, _DESCRIBES)["model_cfg"]
        tokenizer = f"hf-hub:{source.name}" if config["text_cfg"].get("hf_tokenizer_name") else folder
        return Origin(folder, tokenizer, config, (said,), (path,))
    name = source.name
    config = open_clip.get_model_config(name)
    if config is None:
        raise EvidenceError(f"open_clip knows no '{name}'; {did_you_mean(name, open_clip.list_models())}")
    listed = get_pretrained_cfg(name, source.checkpoint or "")
    return Origin(name, name, config, (_said_by_list(name, str(source.checkpoint), listed),) if listed else ())


def with_weights(source: Source, origin: Origin) -> tuple[Origin, Path]:
    """Find the weights, and what is said beside them.

    Args:
        source: As for `origin_of`; what belongs to a tag or a repository is found as `demeanour.models.hub` says.
        origin: From `origin_of`.

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: open_clip knows no such tag, or the configuration beside the file is none.
    """
    if source.scheme == "hf-hub":
        return origin, hub_file(source.name, _OF_A_REPOSITORY, source.checkpoint)
    listed = get_pretrained_cfg(source.name, source.checkpoint or "")
    path = _of_tag(listed) if listed else Path(source.checkpoint or "")
    if not path.is_file():
        raise _no_such(source.name, str(path))
    said = list(origin.said) or _said_of_file(path)
    beside = path.with_name(HF_CONFIG_NAME)
    if not beside.is_file():
        return replace(origin, said=tuple(said)), path
    return replace(origin, said=(*said, _said_by_config(beside)), files=(beside,)), path


def _of_tag(listed: Mapping[str, Any]) -> Path:
    if "file" in listed:
        return Path(listed["file"])
    repository, _, name = str(listed["hf_hub"]).rpartition("/")
    safe = str(Path(name).with_suffix(".safetensors")) if name else ""
    return hub_file(repository, list(dict.fromkeys((safe, name))) if name else _OF_A_REPOSITORY)


def _no_such(name: str, checkpoint: str) -> NotMeasuredError:
    if "/" in checkpoint or Path(checkpoint).suffix:
        return NotMeasuredError(f"{checkpoint} is missing; it holds the weights of open_clip:{name}")
    tags = open_clip.list_pretrained_tags_by_model(name)
    elsewhere = list_pretrained_models_by_tag(checkpoint)
    if elsewhere:
        hint = f"'{checkpoint}' is one of {', '.join(elsewhere)}"
    else:
        hint = did_you_mean(checkpoint, tags) or f"name a file: open_clip:{name}@FILE"
    return EvidenceError(f"open_clip has no weights '{checkpoint}' of {name}; {hint}")


def _said_by_list(name: str, tag: str, listed: Mapping[str, Any]) -> Said:
    return Said(f"open_clip's list ({name}, {tag})", _values(listed, listed))


def _said_of_file(weights: Path) -> list[Said]:
    """What open_clip's list says of a file that has a name from it, and what a name says itself."""
    for name, tags in _PRETRAINED.items():
        for tag, listed in tags.items():
            repository = "models--" + str(listed.get("hf_hub", "")).rpartition("/")[0].replace("/", "--")
            released = "openaipublic" not in listed.get("url", "") and Path(listed.get("url", "")).name == weights.name
            if released or repository in weights.parts:
                return [_said_by_list(name, tag, listed)]
    return [Said(f"the name of {weights.name}", {QUICK_GELU: True})] if "quickgelu" in weights.name.lower() else []


def _said_by_config(path: Path) -> Said:
    config = read_json(path, _DESCRIBES)
    if not isinstance(config, dict) or not isinstance(config.get("model_cfg"), dict):
        raise EvidenceError(f"{path}: expected an object with 'model_cfg', as open_clip writes it")
    return Said(str(path), _values(config.get("preprocess_cfg") or {}, config["model_cfg"]))


def _values(prepared: Mapping[str, Any], architecture: Mapping[str, Any]) -> dict[str, Any]:
    values = {key: prepared[key] for key in _PREPARED if prepared.get(key) is not None}
    for key in ("mean", "std"):
        if key in values:
            channels = values[key] if isinstance(values[key], list | tuple) else [values[key]] * 3
            values[key] = tuple(float(value) for value in channels)
    if "size" in values:
        values["size"] = square(values["size"])
    return {**values, QUICK_GELU: bool(architecture.get(QUICK_GELU, False))}


def square(size: Any) -> int | tuple[int, int]:
    """The side of pictures as open_clip's configurations tell it; height and width where these differ."""
    height, width = size[-2:] if isinstance(size, list | tuple) else (size, size)
    return int(height) if height == width else (int(height), int(width))
