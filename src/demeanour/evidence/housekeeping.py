"""What lies in the folder of evidence: listed, verified, removed, and kept below a limit.

Other things lie below the same root, such as the miniature world; only the folders of `KINDS` are looked at.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from filelock import FileLock, Timeout

from demeanour.errors import EvidenceError, ThresholdsError
from demeanour.evidence import arrays, shards, store

LIMIT = "DEMEANOUR_CACHE_LIMIT"
PARTIAL = shards.KIND   # shards of an evaluation in flight, and whatever else was never finished
KINDS = (
    "predictions", arrays.KIND, PARTIAL, "failures", "decisions", "pictures", "heads", "models", "manifests", "sizes",
)  # fmt: skip
LOCKS = "locks"   # the folder of those that evaluators hold
HOUR, WEEK = 3600.0, 604800.0
_SMALL_AND_DEAR = ("heads", "models", "manifests", "sizes")   # half an hour of work in a megabyte: they go last
_UNITS = {"": 1, **{f"{prefix}b": 1000**n for n, prefix in enumerate(("", "k", "m", "g", "t"))},
          **{f"{prefix}ib": 1024**n for n, prefix in enumerate(("k", "m", "g", "t"), 1)}}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One piece of evidence, or what follows from evidence.

    Attributes:
        kind: One of `KINDS`.
        key: Its key.
        files: Its files, or its folder.
        size: Bytes of all of them.
        used: When it was last read or written, in seconds since 1970.
    """

    kind: str
    key: str
    files: tuple[Path, ...]
    size: int
    used: float


def entries(root: Path) -> list[Entry]:
    """All evidence below a root, by kind and key; nothing where there is none.

    Raises:
        OSError: A folder cannot be read.
    """
    found: dict[tuple[str, str, str], list[Path]] = {}
    for folder in KINDS:
        with suppress(FileNotFoundError), os.scandir(root / folder) as scanned:
            for item in scanned:
                if not item.name.endswith(".lock"):
                    path = Path(item.path)
                    kind = PARTIAL if _unfinished(path) else folder
                    found.setdefault((kind, _key(path), folder), []).append(path)
    listed = []
    for (kind, key, _), files in sorted(found.items()):
        with suppress(FileNotFoundError):   # another process removed it in this moment
            listed.append(Entry(kind, key, tuple(sorted(files)), *_size_and_use(files)))
    return listed


def about(entry: Entry) -> dict[str, Any]:
    """What a piece of evidence says of itself, such as ``model`` and ``data``; nothing where it says nothing."""
    path = entry.files[0]
    with suppress(EvidenceError):
        if entry.kind == "predictions":
            return store.manifest_of(path)
        if entry.kind == arrays.KIND:
            return arrays.manifest_of(path, entry.key)
        if entry.kind == PARTIAL and path.is_dir():
            return shards.manifest_of(path)
    return {}


def has_checksum(entry: Entry) -> bool:
    """Whether it can be told if a piece of evidence is as it was written."""
    return entry.kind in _CHECKS and not _unfinished(entry.files[0])


def damage(entry: Entry) -> str | None:
    """What is wrong with a piece of evidence by its checksum, every byte read; None if nothing is."""
    if not has_checksum(entry):
        return None
    wrong = _CHECKS[entry.kind](entry)
    gone = not any(path.exists() for path in entry.files)   # removed by another process meanwhile
    return None if gone else wrong


def remove(entry: Entry, root: Path) -> bool:
    """Remove a piece of evidence; whoever is killed here leaves something unfinished, never something damaged.

    Returns:
        False if it stays: another process holds a lock of its key, or it is partial and some evaluation is at work.

    Raises:
        OSError: It cannot be removed.
    """
    with ExitStack() as held:
        try:
            if entry.kind == PARTIAL:   # evaluators share shards: whichever of them is at work may need these
                for lock in (root / LOCKS).glob("*.lock"):
                    with FileLock(lock, timeout=0):
                        pass
            for lock in _locks(entry, root):
                held.enter_context(FileLock(lock, timeout=0))
        except Timeout:
            return False
        for path in sorted(entry.files, key=lambda path: path.suffix != ".json"):   # what makes it valid goes first
            if path.is_dir() and not path.is_symlink():
                (path / arrays.MANIFEST).unlink(missing_ok=True)
                shutil.rmtree(path, ignore_errors=True)   # another process may remove it, too
                with suppress(FileNotFoundError):
                    shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    return True


def evict(root: Path, limit_bytes: int, notice: Callable[[str], None] = print) -> list[Entry]:
    """Remove evidence until what is left fits into a limit.

    What was never finished and is older than a week goes first, then the least recently used; what is small and takes
    long to make (heads, descriptions of models, hashes of pictures) goes last. What is locked, and what was used within
    the last hour, stays, even if the limit is exceeded then.

    Args:
        root: The folder of evidence.
        limit_bytes: How much may stay.
        notice: Called with a sentence on what cannot be removed.

    Returns:
        What was removed, in this order.
    """
    found, now = entries(root), time.time()
    excess = sum(entry.size for entry in found) - limit_bytes
    removed = []
    for entry in sorted(found, key=lambda entry: (_turn(entry, now), entry.used)):
        if excess <= 0:
            break
        if now - entry.used < HOUR:
            continue
        try:
            if remove(entry, root):
                removed.append(entry)
                excess -= entry.size
        except OSError as error:
            notice(f"{entry.files[0]} cannot be removed: {error.strerror}")
    return removed


def cache_limit() -> int | None:
    """How many bytes of evidence may stay: ``$DEMEANOUR_CACHE_LIMIT``, such as ``50GB``; None if it is not set.

    Raises:
        ThresholdsError: It is set to something else.
    """
    text = os.environ.get(LIMIT, "").strip()
    if not text:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?", text.lower())
    if match is None or (match[2] or "") not in _UNITS:
        raise ThresholdsError(f"{LIMIT} is '{text}'; expected a size such as 50GB, 800 MB or 1.5TiB")
    return int(float(match[1]) * _UNITS[match[2] or ""])


def _turn(entry: Entry, now: float) -> int:
    if entry.kind == PARTIAL and now - entry.used > WEEK:
        return 0
    return 2 if entry.kind in _SMALL_AND_DEAR else 1


def _unfinished(path: Path) -> bool:
    """A file that was being written, or arrays without the manifest that comes last."""
    if path.suffix == ".part":
        return True
    return path.parent.name == arrays.KIND and path.is_dir() and not (path / arrays.MANIFEST).exists()


def _key(path: Path) -> str:
    """Files are named ``KEY.ending``, and ``.KEY.ending.….part`` while they are written."""
    return path.name.removeprefix(".").partition(".")[0]


def _size_and_use(paths: list[Path]) -> tuple[int, float]:
    sizes, times, waiting = 0, [0.0], list(paths)
    while waiting:
        path = waiting.pop()
        found = path.lstat()
        times.append(found.st_mtime)
        if path.is_dir() and not path.is_symlink():
            waiting += path.iterdir()
        else:
            sizes += found.st_size
    return sizes, max(times)


def _locks(entry: Entry, root: Path) -> list[Path]:
    """All locks of a key, whichever kind of evidence their holder makes; one that has no file was never held."""
    return [lock for kind in (*KINDS, LOCKS) if (lock := root / kind / f"{entry.key}.lock").exists()]


def _of_table(entry: Entry) -> str | None:
    intact = store.read_table(entry.files[0], entry.key) is not None
    return None if intact else f"{entry.files[0]} was damaged or not ours"


def _of_arrays(entry: Entry) -> str | None:
    try:
        arrays.load(entry.files[0], entry.key, mapped=True)
    except EvidenceError as error:
        return str(error)
    return None


def _of_shards(entry: Entry) -> str | None:
    try:
        for path in sorted(entry.files[0].glob("*.shard")):
            with suppress(FileNotFoundError):
                shards.load(path, entry.key)
    except EvidenceError as error:
        return str(error)
    return None


def _of_text(entry: Entry) -> str | None:
    wrong = f"{entry.files[0]} was damaged or not ours"
    try:
        return wrong if store.read_text(entry.files[0], entry.key) is None else None
    except OSError as error:
        return f"{entry.files[0]} cannot be read ({error.strerror})"
    except ValueError:
        return wrong


def _of_head(entry: Entry) -> str | None:
    """A .npy file, and its checksum in a .json file beside it."""
    path = entry.files[0].with_suffix(".npy")
    try:
        record = json.loads(path.with_suffix(".json").read_bytes())
        intact = record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        intact = False
    return None if intact else f"{path} was damaged or not ours"


def _of_model(entry: Entry) -> str | None:
    """What a network is, in a .json file with its checksum."""
    try:
        record = json.loads(entry.files[0].read_bytes())
        text = json.dumps(record["description"], sort_keys=True)
        intact = record["check"] == hashlib.sha256(text.encode()).hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        intact = False
    return None if intact else f"{entry.files[0]} was damaged or not ours"


def _of_hashes(entry: Entry) -> str | None:
    """A Parquet file whose pages have checksums."""
    try:
        pa.parquet.read_table(entry.files[0], page_checksum_verification=True)
    except (OSError, pa.ArrowException):
        return f"{entry.files[0]} was damaged or not ours"
    return None


_CHECKS: dict[str, Callable[[Entry], str | None]] = {
    "predictions": _of_table, arrays.KIND: _of_arrays, PARTIAL: _of_shards, "decisions": _of_text,
    "pictures": _of_text, "heads": _of_head, "models": _of_model, "manifests": _of_hashes, "sizes": _of_text,
}  # fmt: skip
