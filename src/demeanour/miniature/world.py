"""The whole miniature world: which parts it has, what writes each, and where it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from demeanour.miniature.cache.parts import Part
from demeanour.miniature.sizes import SIZES, Size
from demeanour.vocabulary import CORRUPTIONS

TASKS = (
    "new-solids", "textures", "digits",
    "land-use", "cells", "scans",
    "count", "distance", "azimuth", "elevation", "orientation", "x-position", "y-position",
)  # fmt: skip


def _version() -> str:
    """Of the code and lists that the data sets follow from: any change of them makes another world."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted((*here.rglob("*.py"), here / "adversarial.json")):
        if path.parent.name not in ("learning", "cache") and path.name != "train.py":   # which change no data set
            digest.update(path.relative_to(here).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


VERSION = _version()


def parts(size: Size) -> tuple[Part, ...]:
    """The parts of the world, those that take longest first.

    Args:
        size: ``quick`` or ``full``.
    """
    n = SIZES[size]

    def part(name: str, pictures: int, *arguments: object, needs: tuple[str, ...] = ()) -> Part:
        writer = name.partition("/")[0].replace("-", "_")
        return Part(name, partial(_write, writer, arguments), pictures, needs)

    tasks = [part(f"vtab/{name}", n.train + n.test, name, n.train, n.test) for name in TASKS]
    corrupted = [
        part(f"imagenet-c/{name}", 5 * n.corrupted, name, n.corrupted, needs=("imagenet/val",)) for name in CORRUPTIONS
    ]
    return (
        part("imagenet/val", n.validation, n.validation),
        part("pug-imagenet", 65 * 12 * n.characters, n.characters),
        part("imagenetv2", n.validation, n.validation),
        part("cue-conflict", 144 * n.sources, n.sources),
        part("imagenet-r", n.r, n.r),
        part("imagenet-sketch", n.sketch, n.sketch),
        part("imagenet-a", n.a, size),
        part("imagenet-hard", n.hard, n.hard),
        *tasks,
        *corrupted,
        Part("annotations", partial(_write, "annotated", (n.validation,)), 0),
        Part("names", partial(_write, "names", ()), 0),
    )


def _write(
    writer: str, arguments: tuple[object, ...], folder: Path, root: Path, done: Callable[[int], None]
) -> None:
    import demeanour.miniature.writers as writers  # and with it torch: not before a part is made

    getattr(writers, writer)(folder, root, done, *arguments)
