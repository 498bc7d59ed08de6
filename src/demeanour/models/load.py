"""A network from what its card asks for, whatever library it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from demeanour.errors import ThresholdsError
from demeanour.models import remembered
from demeanour.models.description import Description, Request, looks
from demeanour.models.heads import Workshop
from demeanour.models.hub import hub_file
from demeanour.models.network import Network
from demeanour.models.source import Source, parse_source
from demeanour.models.user_code import imported

_OPEN_CLIP = "open_clip_config.json"


def load(request: Request, workshop: Workshop | None = None) -> Network:
    """The network, on the CPU, in evaluation mode, computing in fp32.

    Args:
        request: What its card asks for.
        workshop: Where the heads of CLIP models are made and kept; the user's cache and the CPU by default.

    Raises:
        ThresholdsError: The source is none of a network.
        NotMeasuredError: A file or package is missing.
        EvidenceError: The weights do not fit, or what is said of the network contradicts itself.
    """
    source = parse_source(request.source)
    code = imported(request.imports).__file__ if request.imports else None
    network = _loaded(source, request, workshop)
    if code is not None:
        files = dict.fromkeys((*network.description.files, looks(Path(code))))
        network.description = replace(network.description, files=tuple(files))
    return network


def describe(request: Request, root: Path) -> Description:
    """What a network is, remembered below a folder, so that it is loaded only once for that."""
    return remembered.describe(request, root, lambda asked: load(asked).description)


def _loaded(source: Source, request: Request, workshop: Workshop | None) -> Network:
    """Libraries are imported as they are needed: each takes seconds."""
    if source.scheme == "timm":
        from demeanour.models.timm_source import load_timm

        return load_timm(source, request)
    if source.scheme == "hf-hub" and not _is_open_clip(source):
        from demeanour.models.timm_source import load_timm_repository

        return load_timm_repository(source, request)
    if source.scheme in ("open_clip", "hf-hub"):
        from demeanour.models.open_clip_source import load_open_clip

        return load_open_clip(source, request, workshop)
    if source.scheme == "python":
        from demeanour.models.python_source import load_python

        return load_python(source, request)
    if source.scheme == "onnx":
        from demeanour.models.onnx_source import load_onnx

        return load_onnx(source, request)
    raise ThresholdsError(f"'{source}' names predictions, not a network that could be loaded")


def _is_open_clip(source: Source) -> bool:
    """Whether a hub's repository holds open_clip's configuration, which may lie beside timm's."""
    return hub_file(source.name, [_OPEN_CLIP, "config.json"], source.checkpoint).name == _OPEN_CLIP
