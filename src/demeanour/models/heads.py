"""Zero-shot heads on disk: eighty thousand prompts are half an hour of two cores, so each head is made once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from demeanour.files import cache_root, write_whole
from demeanour.models.description import identity

Head = NDArray[np.float32]


@dataclass(frozen=True)
class Workshop:
    """Where heads are made and kept, and who hears of it.

    Attributes:
        root: The folder of all that is kept.
        device: Where text towers run, as torch names it.
        progress: Called after every batch: how many prompts are done, of how many.
        notice: Called with a sentence when a head is made, when a kept one was damaged, or when none can be kept.
    """

    root: Path = field(default_factory=cache_root)
    device: str = "cpu"
    progress: Callable[[int, int], None] = lambda _done, _of: None
    notice: Callable[[str], None] = print


def kept_head(root: Path, parts: Mapping[str, object], make: Callable[[], Head], notice: Callable[[str], None]) -> Head:
    """A head that follows from its parts: read and verified, or made and kept, once among all processes.

    ``heads/KEY.npy`` is the head, ``heads/KEY.json`` its checksum and parts. The lock is released by the system when
    its holder dies.

    Args:
        root: The folder of all that is kept.
        parts: All that it follows from, plain values by name; their `identity` is its key.
        make: Makes it; what it raises is not remembered.
        notice: Called with a sentence when a damaged one is made anew, or when nothing can be kept.

    Returns:
        (embedding, classes), float32.
    """
    path = root / "heads" / f"{identity(**parts)}.npy"
    found = _read(path)
    if found is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_suffix(".lock"))
        lock.acquire()
    except OSError as error:
        notice(f"{root} cannot be written ({error.strerror}); the zero-shot head is not kept")
        return make()
    try:
        found = _read(path)
        if found is None:
            if path.with_suffix(".json").exists():
                notice(f"{path} was damaged; the zero-shot head is made anew")
            found = make()
            _write(path, found, parts, notice)
    finally:
        lock.release()
    return found


def _read(path: Path) -> Head | None:
    try:
        data = path.read_bytes()
        record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if record["sha256"] != hashlib.sha256(data).hexdigest():
            return None
        found: Head = np.load(BytesIO(data), allow_pickle=False)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found


def _write(path: Path, head: Head, parts: Mapping[str, object], notice: Callable[[str], None]) -> None:
    """The checksum comes last: without it there is no head, whatever lies there."""
    data = BytesIO()
    np.save(data, head, allow_pickle=False)
    record = {"sha256": hashlib.sha256(data.getvalue()).hexdigest(), "parts": parts}
    try:
        write_whole(path, data.getvalue(), durable=True)
        write_whole(path.with_suffix(".json"), json.dumps(record, ensure_ascii=False, indent=1), durable=True)
    except OSError as error:
        notice(f"{path.parent} cannot be written ({error.strerror}); the zero-shot head is not kept")
