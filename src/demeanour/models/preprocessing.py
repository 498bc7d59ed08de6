"""The preprocessing that a network's author states, in a dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from demeanour.errors import EvidenceError, did_you_mean
from demeanour.views.geometry import Preprocessing

KEYS = ("resize", "interpolation", "crop", "mean", "std")
EXAMPLE = '{"resize": 256, "interpolation": "bicubic", "crop": 224, "mean": […], "std": […]}'


def stated_preprocessing(stated: Any, where: str) -> Preprocessing:
    """A preprocessing from a dictionary with ``crop``, ``mean``, ``std``, and often ``resize`` and ``interpolation``.

    Args:
        stated: The dictionary; without ``resize`` pictures keep their size, ``interpolation`` is bicubic if not said.
        where: Begins messages.

    Raises:
        EvidenceError: A key is missing or unknown, or a value cannot be meant.
    """
    if isinstance(stated, Preprocessing):
        return stated
    if not isinstance(stated, Mapping):
        raise EvidenceError(f"{where}: the preprocessing is a {type(stated).__name__}; expected {EXAMPLE}")
    for key in stated.keys() - set(KEYS):
        raise EvidenceError(f"{where}: no '{key}' in a preprocessing; {did_you_mean(str(key), KEYS)}")
    values = {"resize": None, "interpolation": "bicubic", **stated}
    for key, possible in {
        "resize": values["resize"] is None or _is_side(values["resize"]),
        "interpolation": values["interpolation"] in ("bilinear", "bicubic"),
        "crop": _is_side(values.get("crop")),
        "mean": _are_colours(values.get("mean")),
        "std": _are_colours(values.get("std")) and min(values["std"]) > 0,
    }.items():
        if not possible:
            raise EvidenceError(f"{where}: {key} is {values.get(key)!r} in the preprocessing; expected {EXAMPLE}")
    return Preprocessing.of(values)


def _is_side(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_colours(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(one, int | float) for one in value)
