"""Models of open_clip: weights loaded strictly into both towers, a zero-shot head, and the image tower that is left."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.convert import convert_state_dict
from open_clip.model import convert_to_custom_text_state_dict
from torch import Tensor, nn

from demeanour.errors import EvidenceError
from demeanour.models.checkpoints import StateDict, content_hash, fit, read_state_dict
from demeanour.models.description import Description, Request, identity, looks
from demeanour.models.heads import Workshop, kept_head
from demeanour.models.open_clip_agreement import agreed, side_of
from demeanour.models.open_clip_network import ImageTower, OpenClipNetwork
from demeanour.models.open_clip_origin import QUICK_GELU, Origin, Said, origin_of, with_weights
from demeanour.models.source import Source
from demeanour.models.zero_shot import (
    NAMES,
    TEMPLATES,
    build_head,
    class_names,
    repeated,
    templates,
    tokenizer_identity,
)

ADAPTER = 1   # part of every identity: other ways to load or to compute are other evidence
_OPENAI = ("input_resolution", "context_length", "vocab_size")   # numbers in OpenAI's own checkpoints, no weights
_POSITIONS = "text.transformer.embeddings.position_ids"   # of older text towers of transformers; counts 0, 1, 2, …
_SCALES = ("logit_scale", "logit_bias")


def load_open_clip(source: Source, request: Request, workshop: Workshop | None = None) -> OpenClipNetwork:
    """A model of open_clip: its image tower, and the head that the card asks for.

    A head that is kept is read; else it is made, in float32, and only then does the text tower run.

    Args:
        source: ``open_clip:NAME@TAG``, ``open_clip:NAME@FILE`` or ``hf-hub:ORG/REPO[@REVISION]``.
        request: What the card asks for; `demeanour.models.load` has imported its ``imports``.
        workshop: Where a head is made and kept; None for this user's cache and the CPU.

    Raises:
        NotMeasuredError: A file is missing.
        EvidenceError: The name or the tag is unknown, weights do not fit both towers, QuickGELU, mean, standard
            deviation or side contradict what is said of them, or class names, templates and their number are not as
            they should be.
    """
    head, names, patterns = request.head, *_words(request)
    origin = origin_of(source)
    agreed(source, origin, request.preprocessing)   # before anything is fetched
    origin, path = with_weights(source, origin)
    files = tuple(looks(one) for one in (path, *origin.files, *_word_files(request)))   # as they are before reading
    state, chosen = read_state_dict(path, request.weights)
    if _OPENAI[0] in state:
        origin = replace(origin, said=(*origin.said, Said(f"{path.name}, OpenAI's own,", {QUICK_GELU: True})))
    native, unsaid = agreed(source, origin, request.preprocessing)
    model = _made(source, origin)
    fitted = fit(_renamed(state, model), model, str(path))
    del state
    image: nn.Module = model.visual
    config = {key: value for key, value in origin.config.items() if key != "text_cfg"}
    parts: dict[str, Any] = {"adapter": ADAPTER, "open_clip": config, "image": content_hash(image.state_dict())}
    columns, scale = None, 1.0
    if head is not None:
        scale = float(model.logit_scale.detach().exp()) if head.logit_scale is None else head.logit_scale
        columns, parts["head"] = _head(model, origin, names, patterns, workshop or Workshop())
        parts["scale"] = scale
    description = Description(
        identity=identity(**parts),
        family="clip",
        native=native,
        classes=len(names) or None,
        parameters=sum(one.numel() for one in image.parameters()),
        files=files,
        notes=(*chosen, *fitted, *unsaid, *repeated(names)),
    )
    del model   # and with it the text tower
    return OpenClipNetwork(description, ImageTower(image.cpu(), columns), side_of(origin), scale)


def _words(request: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    head = request.head
    names = class_names(head.names) if head else ()
    if request.classes is not None and len(names) != request.classes:
        named = f"{head.names} names {len(names)} classes" if head else "there is no zero-shot head"
        raise EvidenceError(f"{request.source}: {request.classes} classes are wanted, but {named}")
    return names, templates(head.templates) if head else ()


def _word_files(request: Request) -> tuple[Path, ...]:
    if request.head is None:
        return ()
    lists = ((request.head.names, NAMES), (request.head.templates, TEMPLATES))
    return tuple(Path(source) for source, known in lists if source not in known)


def _made(source: Source, origin: Origin) -> Any:
    """The architecture in evaluation mode, its weights still random."""
    try:
        with _without_warnings():   # that nothing was loaded
            model = open_clip.create_model(origin.known_as, load_weights=False, pretrained_text=False)
    except Exception as error:
        raise EvidenceError(f"{source}: open_clip cannot make the network: {error}") from error
    return model.eval()


def _renamed(state: StateDict, model: Any) -> StateDict:
    """Weights under the names of today, as open_clip's ``load_checkpoint`` has them; shapes stay as they are."""
    known = model.state_dict()
    dropped = {key for key in (*_OPENAI, _POSITIONS) if key not in known}
    state = convert_state_dict(model, {key: value for key, value in state.items() if key not in dropped})
    if "positional_embedding" in state and not hasattr(model, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    for key in _SCALES:
        if key in state and key in known and state[key].numel() == known[key].numel():
            state[key] = state[key].reshape(known[key].shape)   # a number, or a list of one
    return state


def _head(
    model: Any, origin: Origin, names: tuple[str, ...], patterns: tuple[str, ...], workshop: Workshop
) -> tuple[Tensor, str]:
    """The head, (embedding, classes), and its key; the text tower runs where none is kept."""
    try:
        tokenizer = open_clip.get_tokenizer(origin.tokenizer)
    except Exception as error:
        raise EvidenceError(f"{origin.known_as}: open_clip cannot make the tokenizer: {error}") from error
    text = {key: value for key, value in model.state_dict().items() if not key.startswith(("visual.", *_SCALES))}
    parts = {
        "adapter": ADAPTER,
        "config": {key: value for key, value in origin.config.items() if key != "vision_cfg"},
        "text": content_hash(text),
        "tokenizer": tokenizer_identity(tokenizer, names, patterns),
        "names": names,
        "templates": patterns,
    }

    def make() -> NDArray[np.float32]:
        workshop.notice(f"a zero-shot head of {len(names)} names in {len(patterns)} templates is made, and kept")
        return build_head(model.to(workshop.device), tokenizer, names, patterns, workshop.progress)

    return torch.from_numpy(kept_head(workshop.root, parts, make, workshop.notice)), identity(**parts)


@contextmanager
def _without_warnings() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
