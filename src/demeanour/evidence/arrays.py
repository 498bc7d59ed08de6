"""Arrays of evidence on disk: logits, features, Gram statistics; .npy files beside a manifest, verified on every read.

``arrays/KEY/`` holds the arrays, each in a file that is named by its content, and ``manifest.json``, which names them
with their checksums and is written last. What the manifest does not name does not count: whoever is killed while
writing leaves what was there before.
"""

from __future__ import annotations

import hashlib
import io
import json
import mmap
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from demeanour.errors import EvidenceError
from demeanour.evidence.used import mark_used
from demeanour.files import whole_file, write_whole

KIND, MANIFEST, VERSION = "arrays", "manifest.json", 1
Array = NDArray[np.generic]
_PLAIN = "biufUS"   # booleans, numbers, text: all that a file holds without pickle
_NAME = re.compile(r"\w[\w.-]*", re.ASCII)


@dataclass(frozen=True)
class Arrays:
    """The arrays of a folder of evidence, shared by all processes and runs.

    Attributes:
        root: The folder of evidence.
        notice: Called with a sentence when something damaged is found.
    """

    root: Path
    notice: Callable[[str], None] = print

    def folder(self, key: str) -> Path:
        """Where the arrays of a key lie, whether they exist or not."""
        return self.root / KIND / key

    def write(self, key: str, arrays: Mapping[str, Array], manifest: Mapping[str, object]) -> None:
        """Write arrays and what they are, all of them or none; those that the key had are replaced.

        Meanwhile ``arrays/KEY.lock`` is held, so the caller must not hold it.

        Args:
            key: Of all that the arrays follow from.
            arrays: By name: booleans, numbers or text of any shape and width, kept bit by bit.
            manifest: What JSON can hold; by ``model``, ``data``, ``view``, ``protocol``, ``numerics``, ``device`` and
                ``when`` they are listed.

        Raises:
            ValueError: Something is of another type, or a name cannot be that of a file; nothing was written.
            OSError: It cannot be written; says where. What was there stays.
        """
        contents = {name: _content(name, array) for name, array in arrays.items()}
        files = {name: _described(name, content, arrays[name]) for name, content in contents.items()}
        record = _through_json({"version": VERSION, "key": key, "arrays": files, "manifest": dict(manifest)})
        folder = self.folder(key)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder.with_name(f"{key}.lock")):
                try:
                    for name, (header, data) in contents.items():
                        with whole_file(folder / files[name]["file"], durable=True) as file:
                            file.write(header)
                            file.write(data)
                    write_whole(folder / MANIFEST, _sealed(record), durable=True)
                finally:
                    _tidy(folder, key)
        except OSError as error:   # a full disk does not say where it is
            raise OSError(f"{folder} cannot be written: {error}") from error

    def read(self, key: str, *, mapped: bool = False) -> tuple[dict[str, Array], dict[str, Any]] | None:
        """The arrays of a key and their manifest, verified; None where they must be made (anew).

        Args:
            key: As they were written.
            mapped: Leave the arrays in the file: nothing is copied, and processes share the memory. On a file system of
                a network the file must stay as long as the arrays are used.

        Returns:
            The arrays, read-only, as they were written, and what they are. None if nothing was written, and, with a
            notice, if anything is truncated, altered, missing or not ours.
        """
        try:
            found = load(self.folder(key), key, mapped)
        except EvidenceError as error:
            self.notice(f"{error}; it is made anew")
            return None
        if found is not None:
            mark_used(self.folder(key) / MANIFEST)
        return found


def load(folder: Path, key: str, mapped: bool = False) -> tuple[dict[str, Array], dict[str, Any]] | None:
    """Read and verify a folder of arrays as `Arrays.read` does.

    Raises:
        EvidenceError: Something is damaged; says what.
    """
    record = _record(folder, key)
    if record is None:
        return None
    arrays = {name: _array(folder / told["file"], told, mapped) for name, told in record["arrays"].items()}
    return arrays, record["manifest"]


def manifest_of(folder: Path, key: str) -> dict[str, Any]:
    """What a folder of arrays says of itself, its arrays unread; nothing where they were never written to the end.

    Raises:
        EvidenceError: The manifest is damaged.
    """
    record = _record(folder, key)
    found: dict[str, Any] = record["manifest"] if record else {}
    return found


def plain(name: str, array: Array) -> Array:
    """An array in C order, of a type that a file holds without pickle.

    Raises:
        ValueError: It is of another type; names it.
    """
    if array.dtype.kind not in _PLAIN:
        raise ValueError(f"'{name}' holds {array.dtype}; expected booleans, numbers or text")
    return np.asarray(array, order="C")


def _content(name: str, array: Array) -> tuple[bytes, memoryview]:
    """The two parts of a .npy file; the second is the array's own memory."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"'{name}' is no name of an array; expected letters, digits, and . - _ within")
    ordered = plain(name, array)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(ordered))
    return header.getvalue(), ordered.reshape(-1).view(np.uint8).data


def _described(name: str, content: tuple[bytes, memoryview], array: Array) -> dict[str, Any]:
    digest = hashlib.sha256(content[0])
    digest.update(content[1])
    return {
        "file": f"{name}-{digest.hexdigest()[:16]}.npy",
        "bytes": len(content[0]) + len(content[1]),
        "sha256": digest.hexdigest(),
        "dtype": array.dtype.str,
        "shape": list(array.shape),
    }


def _through_json(record: dict[str, Any]) -> dict[str, Any]:
    """As it will be read."""
    found: dict[str, Any] = json.loads(json.dumps(record, allow_nan=False))
    return found


def _sealed(record: dict[str, Any]) -> str:
    return json.dumps({**record, "content": _digest(record)}, indent=1, sort_keys=True, ensure_ascii=False)


def _digest(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _record(folder: Path, key: str) -> dict[str, Any] | None:
    """The manifest with what it says of the files, verified; None where there is none."""
    path = folder / MANIFEST
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        intact = record.pop("content") == _digest(record) and (record["version"], record["key"]) == (VERSION, key)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvidenceError(f"{path} was damaged or not ours") from error
    if not intact:
        raise EvidenceError(f"{path} was damaged or not ours")
    return record


def _array(path: Path, told: dict[str, Any], mapped: bool) -> Array:
    try:
        with path.open("rb") as file:
            size = file.seek(0, io.SEEK_END)
            if size != told["bytes"]:
                raise EvidenceError(f"{path} has {size:,} bytes instead of {told['bytes']:,}")
            file.seek(0)
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if mapped else file.read()
    except FileNotFoundError as error:
        raise EvidenceError(f"{path} is missing") from error
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read ({error.strerror})") from error
    if hashlib.sha256(content).hexdigest() != told["sha256"]:
        raise EvidenceError(f"{path} was altered")
    dtype = np.dtype(told["dtype"])
    offset = len(content) - dtype.itemsize * int(np.prod(told["shape"]))
    return np.ndarray(told["shape"], dtype, buffer=content, offset=offset)


def _tidy(folder: Path, key: str) -> None:
    """Remove what the manifest does not name: the state before, what was half written, a folder that stays empty."""
    try:
        record = _record(folder, key)
    except EvidenceError:   # of the state before, which was damaged: nothing of it is needed
        record = None
    named = {MANIFEST, *(told["file"] for told in record["arrays"].values())} if record else set()
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if path.name not in named:
                path.unlink()
        if not named:
            folder.rmdir()
