"""Weights from files, loaded strictly: what does not fit, is not finite or needs pickle is an error that says so."""

from __future__ import annotations

import argparse
import hashlib
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.models.mismatch import Mismatch

StateDict = dict[str, Tensor]
EMA = ("state_dict_ema", "model_ema", "ema")
RAW = ("state_dict", "model_state_dict", "model", "net")
PREFIXES = ("module.", "_orig_mod.", "model.")
_COUNTER = "num_batches_tracked"   # of a batch norm; no answer depends on it, and old checkpoints lack it
_AVERAGES = "n_averaged"           # how many steps torch's AveragedModel has seen
_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_DAMAGED = (RuntimeError, ValueError, EOFError, OSError, KeyError, TypeError, AttributeError, IndexError)


def read_state_dict(path: Path, weights: str | None = None) -> tuple[StateDict, tuple[str, ...]]:
    """The weights of a file by name, and notes of what was chosen.

    Dictionaries around the weights (``state_dict``, ``model``, …) are opened, and the prefixes that wrappers give to
    all names (``module.``, ``_orig_mod.``, ``model.``) are taken off.

    Args:
        path: safetensors, the index of sharded safetensors (``.index.json``), or what ``torch.save`` writes, read
            without running any code of it.
        weights: The key of the weights to read; None prefers averaged ones (EMA).

    Raises:
        NotMeasuredError: The file is missing.
        EvidenceError: It is damaged, is something else, needs pickle, or does not tell which weights to read.
    """
    if not path.is_file():
        raise NotMeasuredError(f"{path} is missing")
    content = _content(path)
    found, chosen = _chosen(content, weights, path)
    notes = []
    others = [key for key in (*EMA, *RAW) if chosen and key != chosen and _holds_weights(content.get(key))]
    if chosen in EMA or others:
        beside = f"; '{others[0]}' is there, too (`weights: {others[0]}` reads it)" if others else ""
        kind = "averaged weights (EMA)" if chosen in EMA else "weights"
        notes.append(f"{path.name}: the {kind} '{chosen}' were read{beside}")
    return _without_prefixes({str(key): value for key, value in found.items() if isinstance(value, Tensor)}), (*notes,)


def _content(path: Path) -> dict[str, Any]:
    try:
        if path.name.endswith(".index.json"):
            shards = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
            return {key: value for shard in sorted(shards) for key, value in load_file(path.parent / shard).items()}
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        with torch.serialization.safe_globals([argparse.Namespace]):   # options of the training, which many files hold
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise EvidenceError(f"{path}: {_why_not_unpickled(path, error)}") from error
    except (SafetensorError, *_DAMAGED) as error:
        if "TorchScript" in str(error):
            raise EvidenceError(f"{path} is a TorchScript archive; save its state_dict() as safetensors") from error
        raise EvidenceError(f"{path} is damaged or no checkpoint: {_first_line(error)}") from error
    if not isinstance(content, dict):
        raise EvidenceError(f"{path} holds no dictionary of weights, but a {type(content).__name__}")
    return content


def _why_not_unpickled(path: Path, error: Exception) -> str:
    try:
        objects = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except _DAMAGED:
        objects = []
    if not objects:
        return f"is damaged or no checkpoint: {_first_line(error)}"
    return (
        f"needs pickle, which can run any code, for {', '.join(sorted(objects)[:3])}; where you trust it, load it "
        "once with torch.load(…, weights_only=False) and save its state_dict() with safetensors.torch.save_file"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _holds_weights(value: Any) -> bool:
    if not isinstance(value, Mapping):
        return False
    return any(isinstance(one, Tensor) for one in value.values()) or any(_holds_weights(value.get(key)) for key in RAW)


def _chosen(content: Mapping[str, Any], weights: str | None, path: Path) -> tuple[Mapping[str, Any], str | None]:
    """The innermost dictionary of weights, and the outermost key that was chosen on the way."""
    if weights is not None:
        if not _holds_weights(content.get(weights)):
            keys = [str(key) for key, value in content.items() if _holds_weights(value)]
            known = did_you_mean(weights, keys) or "it holds one set of weights: leave `weights` out"
            raise EvidenceError(f"{path} holds no weights '{weights}'; {known}")
        key: str | None = weights
    else:
        for kind in (EMA, RAW):
            keys = [key for key in kind if _holds_weights(content.get(key))]
            if len(keys) > 1:
                raise EvidenceError(f"{path} holds {' and '.join(keys)}; say with `weights` which of them is meant")
            if keys:
                break
        key = keys[0] if keys else None
    if key is not None:
        return _chosen(content[key], None, path)[0], key
    if not _holds_weights(content):
        shown = ", ".join(str(key) for key in list(content)[:8]) or "none"
        raise EvidenceError(f"{path} holds no weights where they are looked for; its keys are: {shown}")
    return content, None


def _without_prefixes(state: StateDict) -> StateDict:
    names = [key for key in state if key != _AVERAGES]
    for prefix in PREFIXES:
        if names and all(key.startswith(prefix) for key in names):
            return _without_prefixes({key.removeprefix(prefix): state[key] for key in names})
    return state


def fit(state: StateDict, expected_module: nn.Module, where: str) -> tuple[str, ...]:
    """Put weights into a module, all of them and nothing else, as float32; returns notes.

    Args:
        state: Weights by name.
        expected_module: What they are for, on the CPU.
        where: Begins messages: the file.

    Raises:
        EvidenceError: Names are missing or unexpected, shapes or types differ, or a weight is NaN or infinite.
    """
    expected = {key: value for key, value in expected_module.state_dict().items() if isinstance(value, Tensor)}
    state = _with_prefixes_of(expected, state)
    mismatch = Mismatch(
        missing=[key for key in expected if key not in state and not key.endswith(_COUNTER)],
        unexpected=[key for key in state if key not in expected and not key.endswith(_COUNTER)],
        shapes={
            key: (tuple(state[key].shape), tuple(expected[key].shape))
            for key in expected
            if key in state and state[key].shape != expected[key].shape
        },
    )
    if mismatch:
        raise EvidenceError(f"{where}: the weights do not fit {type(expected_module).__name__}: {mismatch}")
    matched = {key: value for key, value in state.items() if key in expected}
    for key, value in matched.items():
        if expected[key].is_floating_point() and value.dtype not in _FLOATS:
            raise EvidenceError(f"{where}: {key} is {_name(value)}; quantised weights cannot be read")
        if value.is_floating_point() and not value.isfinite().all() and not torch.equal(value, expected[key]):
            raise EvidenceError(f"{where}: {key} holds NaN or infinite values; the checkpoint is damaged")
    expected_module.float().load_state_dict(matched, strict=False)
    stored = {_name(value) for value in matched.values() if value.is_floating_point()} - {"float32"}
    return tuple(f"weights are stored as {kind} and computed with in float32" for kind in sorted(stored))


def _with_prefixes_of(expected: StateDict, state: StateDict) -> StateDict:
    """A prefix put back that was taken off as a wrapper's, where it is the module's own."""
    for prefix in PREFIXES:
        if expected and all(key.startswith(prefix) for key in expected) and not set(expected) & set(state):
            inner = {key.removeprefix(prefix): value for key, value in expected.items()}
            return {prefix + key: value for key, value in _with_prefixes_of(inner, state).items()}
    return state


def _name(value: Tensor) -> str:
    return str(value.dtype).removeprefix("torch.")


def content_hash(state: StateDict) -> str:
    """SHA-256 of weights: names, types, shapes and values, in the order of names, whatever file they came from."""
    digest = hashlib.sha256()
    for key, value in sorted(state.items()):
        if not key.endswith(_COUNTER):
            digest.update(f"{key}\0{_name(value)}\0{tuple(value.shape)}\0".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
