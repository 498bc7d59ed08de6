"""What must be known of a network without loading it: enough for keys, plans and reports."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demeanour.views.geometry import Preprocessing


@dataclass(frozen=True)
class Head:
    """The zero-shot head that a card asks for.

    Attributes:
        names: A JSON or text file of class names, or ``imagenet`` (open_clip's 1000).
        templates: A JSON or text file of templates with ``{}``, or ``imagenet`` (open_clip's 80) or ``simple`` (its 7).
        logit_scale: Cosines are multiplied by it, as the paper's 100; None takes the model's own.
    """

    names: str = "imagenet"
    templates: str = "imagenet"
    logit_scale: float | None = 100.0


@dataclass(frozen=True)
class Request:
    """What a card asks for, all of it plain values.

    Attributes:
        source: ``SCHEME:NAME[@CHECKPOINT]``, variables of the environment replaced and paths absolute.
        imports: A module that is imported first, by which timm or open_clip come to know a network.
        weights: Which weights a checkpoint with several is read for; None prefers the averaged ones (EMA).
        head: Of a CLIP model.
        classes: How many the head must have; None accepts any.
        preprocessing: What the card says of pixels, in place of what the network or its library says.
    """

    source: str
    imports: str | None = None
    weights: str | None = None
    head: Head | None = None
    classes: int | None = None
    preprocessing: Preprocessing | None = None

    def record(self) -> dict[str, Any]:
        """As plain values, for keys and JSON."""
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Request:
        """From ``record``'s values."""
        head, pixels = record["head"], record["preprocessing"]
        fixed = {"head": Head(**head) if head else None, "preprocessing": Preprocessing.of(pixels) if pixels else None}
        return cls(**{**record, **fixed})


@dataclass(frozen=True)
class Description:
    """What a network is.

    Attributes:
        identity: SHA-256 of all that its answers depend on but pixels: weights, architecture, head; the
            preprocessing and the numeric mode stand beside it in a key.
        family: ``supervised`` (a head of its own) or ``clip`` (a head made of text): by which protocols differ.
        native: The preprocessing that it was made for.
        classes: How many logits it gives; None for a CLIP model without a head.
        parameters: How many weights its image tower has.
        files: Path, bytes and time of change (ns) of every file that it was read from; other looks, another reading.
        notes: What a reader of its numbers should know.
    """

    identity: str
    family: str
    native: Preprocessing
    classes: int | None
    parameters: int
    files: tuple[tuple[str, int, int], ...]
    notes: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, record: dict[str, Any]) -> Description:
        """From ``record``'s values."""
        fixed = {
            "native": Preprocessing.of(record["native"]),
            "files": tuple((str(path), int(size), int(time)) for path, size, time in record["files"]),
            "notes": tuple(record["notes"]),
        }
        return cls(**{**record, **fixed})


def looks(path: Path) -> tuple[str, int, int]:
    """A file as ``Description.files`` keeps it: path, bytes and time of change (ns)."""
    state = path.stat()
    return str(path), state.st_size, state.st_mtime_ns


def identity(**parts: Any) -> str:
    """SHA-256 of plain values by name, whatever their order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
