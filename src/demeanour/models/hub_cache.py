"""Published weights that the cache of the Hugging Face hub holds, told by its files alone: nobody is asked."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from demeanour.models.source import Source

WEIGHTS = (
    "model.safetensors", "open_clip_model.safetensors", "pytorch_model.bin", "open_clip_pytorch_model.bin",
)  # fmt: skip


def repository_of(source: Source) -> str | None:
    """The hub's repository with a source's weights, as far as the source itself tells.

    timm keeps most of its weights in a repository of the same name, if the name has its tag; which tag is meant without
    one, and where open_clip keeps what, is known only to these libraries, which cost an import of torch.

    Returns:
        ``ORG/REPO``, or None.
    """
    if source.scheme == "hf-hub":
        return source.name
    if source.scheme == "timm" and source.checkpoint is None and "." in source.name:
        return f"timm/{source.name}"
    return None


def cached_weights(source: Source) -> Path | None:
    """The file of weights in the hub's cache, or None where there is none or its repository is not known."""
    from huggingface_hub import constants, try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    repository = repository_of(source)
    if repository is None:
        return None
    revision = source.checkpoint if source.scheme == "hf-hub" else None
    with suppress(HFValidationError):   # the hub has no such names
        for name in WEIGHTS:
            found = try_to_load_from_cache(repository, name, cache_dir=constants.HF_HUB_CACHE, revision=revision)
            if isinstance(found, str):
                return Path(found)
    return None
