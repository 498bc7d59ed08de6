"""Files that are written whole or not at all, what identifies them, and where this user's are kept."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import platformdirs


def cache_root() -> Path:
    """The user's cache folder: ``$DEMEANOUR_CACHE``, or the system's place for such."""
    root = os.environ.get("DEMEANOUR_CACHE") or platformdirs.user_cache_dir("demeanour", appauthor=False)
    return Path(root).expanduser()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def whole_file(path: Path, *, durable: bool = False) -> Iterator[BinaryIO]:
    """A file to write into; at the end it takes the place of the old one, so that readers find either, never half.

    Args:
        path: Its folder is made if need be.
        durable: Wait until the disk has it, so that a loss of power does not leave less.

    Raises:
        OSError: It cannot be written; the old one stays, and nothing else.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        with suppress(OSError):   # what went wrong is told already
            part.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes, *, durable: bool = False) -> None:
    """Write a text (UTF-8) or bytes as `whole_file` does."""
    data = content.encode() if isinstance(content, str) else content
    with whole_file(path, durable=durable) as file:
        file.write(data)
