"""Evidence on disk: Parquet, found by what it was made from, written once, verified on every read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from filelock import FileLock
from numpy.typing import NDArray

from demeanour.evidence.table import SCHEMA, PredictionTable
from demeanour.evidence.used import mark_used
from demeanour.files import cache_root, file_hash, whole_file, write_whole

_MANIFEST = b"demeanour"


def evidence_key(**parts: object) -> str:
    """The identity of a piece of evidence: change any part, and it is other evidence."""
    text = json.dumps({"schema": SCHEMA, **parts}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache   # asked for each of a hundred keys, in each process
def code_hash(*packages: str) -> str:
    """The identity of parts of this library and of the packages that its numbers rest on: other code, other key.

    Args:
        packages: Folders and files of the library: ``measures``, ``reporting/plots.py``.
    """
    root = Path(__file__).parents[1]
    files = [file for name in packages for file in (sorted((root / name).rglob("*.py")) or [root / name])]
    versions = [version(name) for name in ("numpy", "scipy", "pyarrow", "matplotlib")]
    return evidence_key(code=[file_hash(file) for file in files], versions=versions)


def write_table(path: Path, table: PredictionTable, manifest: Mapping[str, object]) -> None:
    """Write a table as Parquet with its manifest and the checksum of its content, by atomic rename."""
    arrays: dict[str, pa.Array] = {"id": pa.array(table.ids.tolist(), pa.string())}
    for name, values in table.columns.items():
        arrays[name] = pa.array(values.tolist()) if values.ndim > 1 else pa.array(values)
    record = {**manifest, "content": _content_hash(table)}
    arrow = pa.table(arrays).replace_schema_metadata({_MANIFEST: json.dumps(record, sort_keys=True)})
    with whole_file(path, durable=True) as file:
        pa.parquet.write_table(arrow, file, compression="zstd")


@dataclass(frozen=True)
class Store:
    """A folder of evidence, shared by all workers and runs.

    Attributes:
        root: The folder; ``$DEMEANOUR_CACHE``, or the user's cache folder.
        notice: Called with a sentence when a damaged file is made anew.
    """

    root: Path
    notice: Callable[[str], None] = print

    @classmethod
    def default(cls, notice: Callable[[str], None] = print) -> Store:
        """The store of this user."""
        return cls(cache_root(), notice)

    def path(self, key: str) -> Path:
        """Where the table of a key lies, whether it exists or not."""
        return self.root / "predictions" / f"{key}.parquet"

    def found(self, key: str) -> PredictionTable | None:
        """The table of a key where it is there and whole."""
        found, path = _read(self.path(key), key), self.path(key)
        if found is None and path.exists():
            self.notice(f"{path} was damaged or not ours; it counts as missing")
        return found

    def text(self, kind: str, key: str, make: Callable[[], str]) -> str:
        """A text that follows from a key: read and verified, or made and written.

        Workers may make the same one at the same time; each writes it whole.

        Args:
            kind: The folder that it is kept in.
            key: Of all that it follows from.
            make: Makes it; what it raises is not remembered.
        """
        path = self.root / kind / f"{key}.txt"
        try:
            kept = read_text(path, key)
            if kept is not None:
                mark_used(path)
                return kept
            self.notice(f"{path} was damaged; it is made anew")
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            self.notice(f"{path} cannot be read ({error}); it is made anew")
        text = make()
        try:
            write_whole(path, f"{_digest(key, text)}\n{text}")
        except OSError as error:
            self.notice(f"{self.root} cannot be written ({error.strerror}); verdicts and pictures are not kept")
        return text

    def table(
        self, key: str, manifest: Mapping[str, object], make: Callable[[], PredictionTable]
    ) -> PredictionTable:
        """The table of a key: read and verified, or made and written, once among all processes.

        A truncated, altered or foreign file is made anew, and said so. The lock is released by the system when
        its holder dies, so a killed worker blocks nobody.
        """
        path = self.path(key)
        found = _read(path, key)
        if found is not None:
            return found
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(path.with_suffix(".lock"))
            lock.acquire()
        except OSError as error:
            self.notice(f"{self.root} cannot be written ({error}); evidence is read but not kept")
            return make()
        try:
            found = _read(path, key)
            if found is None:
                if path.exists():
                    self.notice(f"{path} was damaged or not ours; it is made anew")
                found = make()
                write_table(path, found, {**manifest, "key": key})
        finally:
            lock.release()
        return found


def _digest(key: str, text: str) -> str:
    """Of a text and the key that it was made for: another key's text is no answer."""
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()


def read_text(path: Path, key: str) -> str | None:
    """A text as `Store.text` keeps it; None where it is damaged, or another key's.

    Raises:
        OSError: It is missing or cannot be read.
        ValueError: It is no UTF-8.
    """
    digest, _, text = path.read_text(encoding="utf-8").partition("\n")
    return text if digest == _digest(key, text) else None


def manifest_of(path: Path) -> dict[str, Any]:
    """What a table's file says of itself, unverified; nothing where it cannot be read or is not ours."""
    try:
        return dict(json.loads((pa.parquet.read_schema(path).metadata or {})[_MANIFEST]))
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return {}


def _read(path: Path, key: str) -> PredictionTable | None:
    found = read_table(path, key)
    if found is not None:
        mark_used(path)
    return found


def read_table(path: Path, key: str) -> PredictionTable | None:
    """A table as `write_table` wrote it under a key; None where it is missing, damaged, or another key's."""
    try:
        with pa.parquet.ParquetFile(path) as file:   # imports less than `read_table`, which reads folders as well
            arrow = file.read()
        record = json.loads((arrow.schema.metadata or {}).get(_MANIFEST, b"{}"))
        columns = {name: _values(arrow[name]) for name in arrow.column_names if name != "id"}
        table = PredictionTable(np.asarray(arrow["id"].to_pylist(), dtype=np.str_), columns)
        ours = record["key"] == key and record["content"] == _content_hash(table)
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError):
        return None
    return table if ours else None


def _values(column: pa.ChunkedArray) -> NDArray[np.generic]:
    if pa.types.is_list(column.type):
        return np.asarray(column.to_pylist(), dtype=np.int64)
    return np.asarray(column.to_numpy())


def _content_hash(table: PredictionTable) -> str:
    digest = hashlib.sha256("\n".join(table.ids.tolist()).encode())
    for name in sorted(table.columns):
        values = np.ascontiguousarray(table.columns[name])
        digest.update(f"{name}{values.dtype.str}{values.shape}".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()
