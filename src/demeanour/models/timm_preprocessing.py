"""How timm prepares pictures for a network, and whether what lies beside a checkpoint agrees."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from timm.data.config import resolve_data_config

from demeanour.errors import EvidenceError
from demeanour.views.geometry import Preprocessing

_SPOKEN_OF = ("architecture", "num_classes", "input_size", "mean", "std")
_PIXELS = ("input_size", "mean", "std")   # what a card's own preprocessing decides


def native(cfg: Mapping[str, Any], where: str) -> Preprocessing:
    """What timm's own evaluation does, from a network's ``pretrained_cfg`` (its training size, as by default there).

    The shorter side becomes ⌊side / crop_pct⌋ (`timm.data.transforms_factory.transforms_imagenet_eval`).

    Args:
        cfg: The configuration; what it lacks is timm's default.
        where: Begins messages.

    Raises:
        EvidenceError: timm would prepare pictures in a way that `Preprocessing` cannot say.
    """
    found = resolve_data_config({}, pretrained_cfg=dict(cfg))  # type: ignore[no-untyped-call]
    channels, height, width = found["input_size"]
    possible = {
        "input_size": channels == 3 and height == width,
        "crop_mode": found["crop_mode"] == "center",
        "interpolation": found["interpolation"] in ("bilinear", "bicubic"),
    }
    for name in (name for name, known in possible.items() if not known):
        raise EvidenceError(f"{where}: timm's {name} {found[name]} cannot be done here; say `preprocessing`")
    resize = math.floor(height / found["crop_pct"])
    return Preprocessing(resize, found["interpolation"], height, _three(found["mean"]), _three(found["std"]))


def said_beside(weights: Path) -> list[tuple[Path, dict[str, Any]]]:
    """What the metadata of safetensors, a ``config.json`` beside the file and a JSON file of its name say of it."""
    said = []
    if weights.suffix == ".safetensors":
        try:
            with safe_open(weights, "pt") as file:
                said.append((weights, {key: _parsed(value) for key, value in (file.metadata() or {}).items()}))
        except (SafetensorError, OSError):   # reading the weights will tell
            pass
    for path in (weights.with_name("config.json"), weights.with_suffix(".json")):
        if path.is_file():
            record = _parsed(path.read_text(encoding="utf-8", errors="replace"))
            if isinstance(record, dict):
                said.append((path, record))
    return [(path, found) for path, record in said if (found := _spoken_of(record))]


def check_said(
    said: list[tuple[Path, dict[str, Any]]], cfg: Mapping[str, Any], where: str, own_pixels: bool
) -> tuple[str, ...]:
    """Notes of what was said, once nobody contradicts a network's configuration.

    Args:
        said: As `said_beside` finds it.
        cfg: What of ``architecture``, ``num_classes``, ``input_size``, ``mean`` and ``std`` will be used.
        where: Begins messages.
        own_pixels: Whether the card has its own preprocessing, which decides.

    Raises:
        EvidenceError: Two values differ, which are named.
    """
    notes = []
    for path, record in said:
        for key, value in record.items():
            if key not in cfg or _same(cfg[key], value):
                continue
            told = f"{path} says {key} {_shown(value)}, {where} {_shown(cfg[key])}"
            if not (own_pixels and key in _PIXELS):
                remedy = ", or say `preprocessing` in the card" if key in _PIXELS else ""
                raise EvidenceError(f"{told}: name the architecture or tag that the weights were made for{remedy}")
            notes.append(f"{told}; the card's preprocessing is used")
    return tuple(notes)


def _spoken_of(record: Mapping[str, Any]) -> dict[str, Any]:
    nested = record.get("pretrained_cfg")
    flat = {**(nested if isinstance(nested, dict) else {}), **record}
    found = {key: flat[key] for key in _SPOKEN_OF if flat.get(key) is not None}
    if isinstance(found.get("architecture"), str) and not {"pretrained_cfg", "num_classes"} & flat.keys():
        del found["architecture"]   # another kind of file, in which the word means something else
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _same(one: Any, other: Any) -> bool:
    if _numbers(one) and _numbers(other):
        return len(one) == len(other) and all(math.isclose(a, b, abs_tol=5e-4) for a, b in zip(one, other, strict=True))
    if isinstance(one, str) and isinstance(other, str):
        return one.partition(".")[0] == other.partition(".")[0]
    return bool(one == other)


def _numbers(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value)


def _shown(value: Any) -> str:
    return f"({', '.join(f'{one:g}' for one in value)})" if _numbers(value) else str(value)


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in (*values,) * (3 if len(values) == 1 else 1))
    return red, green, blue
