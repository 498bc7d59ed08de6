"""Whether all that is said of a model of open_clip agrees, and the preprocessing that follows.

A checkpoint holds weights and nothing else: neither QuickGELU nor mean and standard deviation stand in it, and where
they are wrong open_clip warns at most. So whoever says something must not be contradicted.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import open_clip
from open_clip.transform import PreprocessCfg

from demeanour.errors import EvidenceError
from demeanour.models.open_clip_origin import QUICK_GELU, Origin, square
from demeanour.models.source import Source
from demeanour.views.geometry import Interpolation, Preprocessing

_TWIN = "-quickgelu"
_CARD = "the card"


def agreed(source: Source, origin: Origin, own: Preprocessing | None) -> tuple[Preprocessing, tuple[str, ...]]:
    """The preprocessing that a model was made for, once nobody contradicts anybody; and notes.

    Args:
        source: Begins messages.
        origin: From `origin_of`.
        own: What the card says of pixels; it decides, and who contradicts it is noted.

    Raises:
        EvidenceError: Two places contradict each other, in values that are named, or pictures are prepared in a way
            that `Preprocessing` cannot say.
    """
    found: dict[str, tuple[str, Any]] = {}
    for key, value in (("size", side_of(origin)), (QUICK_GELU, bool(origin.config.get(QUICK_GELU, False)))):
        found[key] = f"the architecture {origin.known_as}", value
    if own is not None:
        for key in ("mean", "std", "interpolation"):
            found[key] = _CARD, getattr(own, key)
        found["resize_mode"] = _CARD, "shortest"
    notes: list[str] = []
    for said in origin.said:
        for key, value in said.values.items():
            where, before = found.setdefault(key, (said.where, value))
            if _same(before, value):
                continue
            told = f"{where} says {key} {_shown(before)}, {said.where} says {_shown(value)}"
            if where != _CARD:
                raise EvidenceError(f"{source}: {told}; {_remedy(key, source)}")
            notes.append(f"{told}; the card's is used")
    notes += _not_said(source, origin, found)
    native = own or _native(source, {key: value for key, (_, value) in found.items()})
    return native, tuple(notes)


def side_of(origin: Origin) -> int:
    """The side of the pictures that an architecture takes.

    Raises:
        EvidenceError: They are no squares.
    """
    side = square(origin.config["vision_cfg"].get("image_size", 224))
    if not isinstance(side, int):
        raise EvidenceError(f"{origin.known_as} takes pictures of {side[0]}×{side[1]}; only squares are prepared here")
    return side


def _native(source: Source, said: Mapping[str, Any]) -> Preprocessing:
    """open_clip's transform for validation, with its defaults for what nobody says."""
    values = {**asdict(PreprocessCfg()), **said}
    if values["resize_mode"] != "shortest":
        raise EvidenceError(
            f"{source}: open_clip's resize_mode '{values['resize_mode']}' has no counterpart here, where the shorter "
            "side is resized and the centre cut out; say `preprocessing` in the card"
        )
    interpolation: Interpolation = "bilinear" if values["interpolation"] == "bilinear" else "bicubic"   # as open_clip
    return Preprocessing(values["size"], interpolation, values["size"], values["mean"], values["std"])


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(one, other, strict=True))
    return bool(one == other)


def _shown(value: Any) -> str:
    return f"({', '.join(f'{one:g}' for one in value)})" if isinstance(value, tuple) else str(value)


def _twin(name: str) -> str | None:
    twin = name.removesuffix(_TWIN) if name.endswith(_TWIN) else name + _TWIN
    return twin if twin in open_clip.list_models() else None


def _remedy(key: str, source: Source) -> str:
    twin = _twin(source.name)
    if key == QUICK_GELU and twin:
        return f"name open_clip:{twin}@{source.checkpoint}"
    if key == "size":
        return "name the architecture of the side that the weights were made for"
    return "correct the one that is wrong: a loss of accuracy would be its only sign"


def _not_said(source: Source, origin: Origin, found: Mapping[str, Any]) -> tuple[str, ...]:
    notes = []
    twin = _twin(source.name)
    if twin and not any(QUICK_GELU in said.values for said in origin.said):
        uses = "uses" if origin.config.get(QUICK_GELU) else "does not use"
        notes.append(f"nothing says whether the weights were trained with QuickGELU; {source.name} {uses} it")
    if "mean" not in found or "std" not in found:
        notes.append("nothing says how pictures were prepared for these weights; open_clip's default is taken")
    return tuple(notes)
