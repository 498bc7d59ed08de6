"""Where a model comes from, as a card writes it: a scheme, a name, and often a checkpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass

from demeanour.errors import ThresholdsError, did_you_mean

_NAME = r"(?P<name>[\w.+-]+)"
_CHECKPOINT = r"@(?P<checkpoint>.+)"   # after the first @ that ends the name: a path may hold more of them
_GRAMMAR = {
    "timm": (rf"{_NAME}({_CHECKPOINT})?", "timm:NAME, timm:NAME.TAG or timm:NAME@FILE"),
    "open_clip": (rf"{_NAME}{_CHECKPOINT}", "open_clip:NAME@TAG or open_clip:NAME@FILE"),
    "hf-hub": (rf"(?P<name>[\w.-]+/[\w.-]+)({_CHECKPOINT})?", "hf-hub:ORG/REPO or hf-hub:ORG/REPO@REVISION"),
    "python": (
        rf"(?P<name>(.+?\.py|[^\W\d][\w.]*):[^\W\d]\w*)({_CHECKPOINT})?",
        "python:MODULE:FACTORY or python:/PATH/FILE.py:FACTORY, with @CHECKPOINT or without",
    ),
    "onnx": (r"(?P<name>.+)", "onnx:FILE"),
    "predictions": (r"(?P<name>.+)", "predictions:PATH"),
}
SCHEMES = tuple(_GRAMMAR)


@dataclass(frozen=True)
class Source:
    """Where a model comes from.

    Attributes:
        scheme: One of `SCHEMES`.
        name: What the scheme's library knows it by; ``MODULE:FACTORY`` or ``FILE.py:FACTORY`` for ``python``, the path
            for ``onnx`` and ``predictions``.
        checkpoint: The file of weights; of open_clip it may be a tag, of a hub's repository it is a revision.
    """

    scheme: str
    name: str
    checkpoint: str | None = None

    def __str__(self) -> str:
        return f"{self.scheme}:{self.name}" + (f"@{self.checkpoint}" if self.checkpoint else "")


def parse_source(text: str) -> Source:
    """A source from how a card writes it; names are case-sensitive.

    Raises:
        ThresholdsError: There is no such scheme, or what follows it is not of its form.
    """
    scheme, colon, rest = text.partition(":")
    if not colon:
        raise ThresholdsError(f"'{text}' names no scheme; write timm:{text or 'NAME'}, or one of {', '.join(SCHEMES)}")
    if scheme not in _GRAMMAR:
        raise ThresholdsError(f"'{text}': no scheme '{scheme}'; {did_you_mean(scheme, SCHEMES)}")
    pattern, form = _GRAMMAR[scheme]
    match = re.fullmatch(pattern, rest)
    if match is None:
        hub = "; a repository of the hub is hf-hub:ORG/REPO" if "/" in rest.partition("@")[0] else ""
        raise ThresholdsError(f"'{text}' is not of the form {form}{hub if scheme in ('timm', 'open_clip') else ''}")
    return Source(scheme, match["name"], match.groupdict().get("checkpoint"))
