"""Zero-shot heads: a column for every class, made of its name in every template, as open_clip makes them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.zero_shot_metadata import (
    IMAGENET_CLASSNAMES,
    OPENAI_IMAGENET_TEMPLATES,
    SIMPLE_IMAGENET_TEMPLATES,
)

from demeanour.datasets.json_file import read_json
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean
from demeanour.models.numerics import inference

PLACES = ("{}", "{c}")   # where a template takes the name
NAMES: dict[str, tuple[str, ...]] = {"imagenet": tuple(IMAGENET_CLASSNAMES)}
TEMPLATES: dict[str, tuple[str, ...]] = {
    "imagenet": tuple(one("{}") for one in OPENAI_IMAGENET_TEMPLATES),
    "simple": tuple(one("{}") for one in SIMPLE_IMAGENET_TEMPLATES),
}
_PROMPTS = 800   # at once: ten classes in eighty templates, as open_clip has it


def class_names(source: str) -> tuple[str, ...]:
    """The names of the classes in the order of their indices.

    Args:
        source: ``imagenet`` (open_clip's 1000), a JSON file with a list, or a text file with a name a line.

    Raises:
        NotMeasuredError: There is no such list or file.
        EvidenceError: The file holds no list of names.
    """
    return _texts(source, NAMES, "names the classes of a zero-shot head")


def templates(source: str) -> tuple[str, ...]:
    """The templates, with ``{}`` or ``{c}`` for the name.

    Args:
        source: ``imagenet`` (open_clip's 80), ``simple`` (its 7), a JSON file with a list, or a text file with a
            template a line.

    Raises:
        NotMeasuredError: There is no such list or file.
        EvidenceError: The file holds no list of templates, or one of them has no place for the name.
    """
    found = _texts(source, TEMPLATES, "holds the templates of a zero-shot head")
    for one in found:
        if not any(place in one for place in PLACES):
            raise EvidenceError(f"{source}: the template '{one}' has no place for the name; write {{}} where it goes")
    return found


def repeated(names: Sequence[str]) -> tuple[str, ...]:
    """A note on every name that stands for several classes: nothing but their order tells these apart."""
    places = defaultdict(list)
    for index, name in enumerate(names):
        places[name].append(str(index))
    return tuple(
        f"classes {', '.join(where)} have the same name '{name}' and so the same logits"
        for name, where in places.items() if len(where) > 1
    )  # fmt: skip


def prompts(names: Sequence[str], patterns: Sequence[str]) -> list[str]:
    """Every name in every template, the templates of a name together."""
    return [_fill(pattern, name) for name in names for pattern in patterns]


def tokenizer_identity(tokenizer: Any, names: Sequence[str], patterns: Sequence[str]) -> str:
    """SHA-256 of what a tokenizer makes of every name in one template and of one name in every template."""
    rows = tokenizer(prompts(names, patterns[:1]) + prompts(names[:1], patterns))
    digest = hashlib.sha256(f"{type(tokenizer).__name__}{tuple(rows.shape)}".encode())
    digest.update(np.ascontiguousarray(rows.numpy(), dtype=np.int64).tobytes())
    return digest.hexdigest()


def build_head(
    model: Any, tokenizer: Any, names: Sequence[str], patterns: Sequence[str], progress: Callable[[int, int], None]
) -> NDArray[np.float32]:
    """The head: text embeddings of unit length, averaged over the templates, of unit length again.

    The same as open_clip's ``build_zero_shot_classifier``, in float32.

    Args:
        model: Of open_clip, in evaluation mode and float32, on any device.
        tokenizer: The model's.
        names: Of the classes.
        patterns: The templates.
        progress: Called after every batch: how many prompts are done, of how many.

    Returns:
        (embedding, classes), float32, columns of unit length.

    Raises:
        EvidenceError: A prompt is longer than what the text tower reads, or an embedding is not finite.
    """
    device = next(model.parameters()).device
    step = max(1, _PROMPTS // len(patterns))
    columns = []
    for start in range(0, len(names), step):
        batch = names[start : start + step]
        texts = prompts(batch, patterns)
        _whole(tokenizer, texts)
        with inference(device.type, "fp32"):
            embedded = model.encode_text(tokenizer(texts).to(device), normalize=True)
            mean = embedded.reshape(len(batch), len(patterns), -1).mean(dim=1)
            columns.append((mean / mean.norm(dim=-1, keepdim=True)).cpu())
        if not torch.isfinite(columns[-1]).all():
            raise EvidenceError(f"the text tower's embedding of '{batch[0]}' or of a name near it is not finite")
        progress((start + len(batch)) * len(patterns), len(names) * len(patterns))
    return np.ascontiguousarray(torch.cat(columns).T.numpy())


def _fill(pattern: str, name: str) -> str:
    for place in PLACES:
        if place in pattern:
            return pattern.replace(place, name)
    raise EvidenceError(f"the template '{pattern}' has no place for the name")


def _whole(tokenizer: Any, texts: Sequence[str]) -> None:
    """Raises where a prompt would be cut; only open_clip's own tokenizer tells how long one is."""
    encode, length = getattr(tokenizer, "encode", None), getattr(tokenizer, "context_length", None)
    if encode is None or length is None or getattr(tokenizer, "reduction_fn", None) is not None:
        return
    for text in texts:
        if (tokens := len(encode(text)) + 2) > length:
            raise EvidenceError(f"the prompt '{text}' is of {tokens} tokens; the text tower reads {length}; shorten it")


def _texts(source: str, known: dict[str, tuple[str, ...]], what_it_does: str) -> tuple[str, ...]:
    if source in known:
        return known[source]
    path = Path(source)
    if not path.is_file():
        raise NotMeasuredError(f"{source} is missing; it {what_it_does}; {did_you_mean(source, known)}")
    if path.suffix == ".json":
        found = read_json(path, what_it_does)
    else:
        try:
            found = [line.strip() for line in path.read_text(encoding="utf-8").rstrip().split("\n")]
        except ValueError as error:
            raise EvidenceError(f"{path}: no text in UTF-8: {error}") from error
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise EvidenceError(f"{path}: expected a list of texts; it {what_it_does}")
    for place, one in enumerate(found):
        if not one.strip():
            raise EvidenceError(f"{path}: entry {place} is empty; it would be a class or a template without words")
    if not found:
        raise EvidenceError(f"{path}: the list is empty; it {what_it_does}")
    return tuple(found)
