"""The shards of an evaluation in flight: whoever is killed loses the shard in hand, and no other.

``partial/KEY/`` holds a file for each shard that is done: a line of JSON that says what it is, with a checksum, and
the arrays as .npz. When the evidence is written, they are dropped.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from demeanour.errors import EvidenceError
from demeanour.evidence.arrays import Array, plain
from demeanour.files import write_whole

KIND = "partial"
_FILE = re.compile(r"(\d{6,})\.shard")


@dataclass(frozen=True)
class Shards:
    """What is done of a unit of evaluation.

    Attributes:
        root: The folder of evidence.
        key: Of the evidence, and of how its images are cut into shards.
        manifest: What it is, as with `Arrays.write`; for listings.
        notice: Called with a sentence when something damaged is found.
    """

    root: Path
    key: str
    manifest: Mapping[str, object] = field(default_factory=dict)
    notice: Callable[[str], None] = print

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.root / KIND / self.key

    def done(self) -> set[int]:
        """The numbers of the shards that are there and intact; a damaged one is told of, and not done."""
        found = set()
        for path in sorted(self.folder.glob("*.shard")):
            number = _FILE.fullmatch(path.name)
            if number and self._read(int(number[1])) is not None:
                found.add(int(number[1]))
        return found

    def put(self, shard: int, arrays: Mapping[str, Array]) -> None:
        """Keep the arrays of a shard, whole or not at all.

        Args:
            shard: Its number, from 0.
            arrays: By name: booleans, numbers or text of any shape.

        Raises:
            ValueError: The number is negative, or an array is of another type.
            OSError: It cannot be written; says where.
        """
        if shard < 0:
            raise ValueError(f"{shard} is no number of a shard")
        payload = io.BytesIO()
        np.savez(payload, **{name: plain(name, array) for name, array in arrays.items()})  # type: ignore[arg-type]
        content = payload.getvalue()
        told = {"key": self.key, "shard": shard, "manifest": dict(self.manifest)}
        record = json.loads(json.dumps(told, allow_nan=False))   # as it will be read
        head = json.dumps({**record, "content": _digest(record, content)}, sort_keys=True)
        path = self._path(shard)
        try:
            write_whole(path, head.encode() + b"\n" + content)
        except OSError as error:
            raise OSError(f"{path} cannot be written: {error}") from error

    def get(self, shard: int) -> dict[str, Array] | None:
        """The arrays of a shard; None if it is not done."""
        content = self._read(shard)
        if content is None:
            return None
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}

    def joined(self, count: int) -> dict[str, Array]:
        """The arrays of shards 0 … ``count`` − 1, one after the other along the first axis.

        Raises:
            EvidenceError: A shard is not done, or they do not belong together.
        """
        parts: list[dict[str, Array]] = []
        for shard in range(count):
            part = self.get(shard)
            if part is None:
                raise EvidenceError(f"{self._path(shard)} is missing; {count} shards were to be joined")
            if _kinds(part) != _kinds(parts[0] if parts else part):
                raise EvidenceError(f"{self._path(shard)} holds other arrays than the first: {_kinds(part)}")
            parts.append(part)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}

    def drop(self) -> None:
        """Remove all shards: the evidence is written, or no longer wanted."""
        shutil.rmtree(self.folder, ignore_errors=True)   # what stays is in nobody's way, and cleared up some day

    def _path(self, shard: int) -> Path:
        return self.folder / f"{shard:06d}.shard"

    def _read(self, shard: int) -> bytes | None:
        try:
            return load(self._path(shard), self.key)
        except FileNotFoundError:
            return None
        except EvidenceError as error:
            self.notice(f"{error}; it is made anew")
            return None


def load(path: Path, key: str) -> bytes:
    """The .npz of a shard's file, verified.

    Raises:
        FileNotFoundError: It is not there.
        EvidenceError: It is damaged.
    """
    try:
        record, content = _parts(path)
        claimed = record.pop("content")
        intact = claimed == _digest(record, content) and record["key"] == key
        intact = intact and path.name == f"{record['shard']:06d}.shard"
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"{path} was damaged or not ours") from error
    if not intact:
        raise EvidenceError(f"{path} was damaged or not ours")
    return content


def manifest_of(folder: Path) -> dict[str, Any]:
    """What the first shard of a folder says of itself, unverified; nothing where there is none or it is damaged."""
    for path in sorted(folder.glob("*.shard"))[:1]:
        with suppress(OSError, ValueError, KeyError, TypeError), path.open("rb") as file:
            return dict(json.loads(file.readline())["manifest"])
    return {}


def _parts(path: Path) -> tuple[dict[str, Any], bytes]:
    head, _, content = path.read_bytes().partition(b"\n")
    return json.loads(head), content


def _digest(record: Mapping[str, object], content: bytes) -> str:
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode() + b"\n")
    digest.update(content)
    return digest.hexdigest()


def _kinds(part: Mapping[str, Array]) -> dict[str, str]:
    return {name: f"{array.dtype}{list(array.shape[1:])}" for name, array in sorted(part.items())}
