"""A world of a few small files, made as the miniature world is: what tests of its cache write, and break."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from demeanour.miniature.cache.parts import Part

VERSION = "abc"
Done = Callable[[int], None]


def write_pictures(log: Path | None, pause: float, folder: Path, root: Path, done: Done) -> None:
    _note(log, folder, "val")
    for number in range(4):
        path = folder / f"class{number % 2}" / f"{number:04d}.JPEG"
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as file:
            file.write(bytes([number]) * 300)
            file.flush()
            sys.audit("toy.half")   # somebody may be killed here
            file.write(bytes([255 - number]) * 300)
        done(1)
        time.sleep(pause)


def write_darker(log: Path | None, pause: float, folder: Path, root: Path, done: Done) -> None:
    _note(log, folder, "dark")
    for path in sorted((root / "imagenet" / "val").rglob("*.JPEG")):
        (folder / path.name).write_bytes(bytes(value // 2 for value in path.read_bytes()))
        done(1)
        time.sleep(pause)


def write_shard(log: Path | None, pause: float, folder: Path, root: Path, done: Done) -> None:
    _note(log, folder, "dots")
    (folder / "train.bin").write_bytes(bytes(range(256)))
    time.sleep(2 * pause)
    done(3)


def _note(log: Path | None, folder: Path, word: str) -> None:
    assert list(folder.iterdir()) == []
    if log is not None:
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{word}\n")


def toy_parts(log: Path | None = None, pause: float = 0.0) -> tuple[Part, ...]:
    """Three parts; the first in order is made from the last."""
    return (
        Part("imagenet-c", partial(write_darker, log, pause), 4, needs=("imagenet/val",)),
        Part("vtab/dots-count", partial(write_shard, log, pause), 3),
        Part("imagenet/val", partial(write_pictures, log, pause), 4),
    )


def tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in _files(root)}


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file())


def write_half_and_raise(error: Exception, folder: Path, root: Path, done: Done) -> None:
    (folder / "half").write_bytes(b"of it")
    done(1)
    raise error


class Unportable(Exception):   # noqa: N818 the name is what it is
    """An error that cannot be pickled back."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def raise_unportable(folder: Path, root: Path, done: Done) -> None:
    raise Unportable("this", "that")


def die(folder: Path, root: Path, done: Done) -> None:
    os._exit(7)


def write_nothing(folder: Path, root: Path, done: Done) -> None:
    done(4)


def write_to_a_full_disk(folder: Path, root: Path, done: Done) -> None:
    (folder / "some").write_bytes(b"some")
    Path("/dev/full").write_bytes(b"more")
