"""The identity of a data set's pictures: one hash of their ids, their labels and the bytes of their files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray

from demeanour.datasets.frame import Frame
from demeanour.errors import EvidenceError
from demeanour.files import whole_file

_LOOKS = ("size", "mtime", "inode")   # what a file that was not touched keeps
_MEMO = pa.schema([("file", pa.string()), *((name, pa.uint64()) for name in _LOOKS), ("digest", pa.binary(32))])
_FILES_OF_A_TASK = 256   # of one thread: handing over one by one would cost more than a look at a file

Look = tuple[int, int, int]
Item = TypeVar("Item")
Result = TypeVar("Result")


def manifest_of(frame: Frame, root: Path, files: Sequence[str], memo_root: Path) -> str:
    """SHA-256 of a data set's ids, labels, annotations and contents; neither its name nor where it lies counts.

    Args:
        frame: Ids, labels and annotations.
        root: The folder of the data set.
        files: The files that hold the pictures, as paths below ``root``, each once and in an order that follows from
            the data set: row by row where every picture is a file, else all tars or Parquet files.
        memo_root: Where `content_hashes` remembers.

    Returns:
        64 hexadecimal digits.

    Raises:
        EvidenceError: A file cannot be read.
    """
    whole = hashlib.sha256()
    about = {"images": len(frame.ids), "classes": frame.classes, "clusters": frame.clusters, "names": frame.names}
    whole.update(json.dumps(about, sort_keys=True).encode())
    for name, values in (("id", frame.ids), *sorted(frame.columns.items())):
        whole.update(json.dumps([name, values.dtype.kind, values.shape]).encode())
        whole.update(_bytes_of(values))
    for digest in content_hashes(root, files, memo_root):
        whole.update(digest)
    return whole.hexdigest()


def _bytes_of(values: NDArray[np.generic]) -> bytes:
    """The same bytes for the same values, whatever the width of their type."""
    if values.dtype.kind == "U":
        return "\0".join(values.ravel().tolist()).encode()
    wide = {"b": "|b1", "i": "<i8", "u": "<u8", "f": "<f8"}[values.dtype.kind]
    return values.astype(wide).tobytes()


def content_hashes(root: Path, files: Sequence[str], memo_root: Path) -> list[bytes]:
    """SHA-256 of each file's bytes, remembered by its size, its time of change and its inode.

    A file that looks as it did is not read again. So bytes that were changed in place, with the size kept and the
    time of change set back, are not noticed.

    Args:
        root: The folder of the data set; there is one memo for each.
        files: Paths below it, each once.
        memo_root: The folder in which ``manifests`` holds the memos. A damaged memo is made anew; where none can be
            written, the next run reads everything again.

    Returns:
        One digest of 32 bytes for each file, in their order.

    Raises:
        EvidenceError: A file cannot be read, or is written while it is read.
    """
    name = hashlib.sha256(os.fsencode(root.resolve())).hexdigest()[:32]
    memo_file = memo_root / "manifests" / f"{name}.parquet"
    memo = _read_memo(memo_file)
    names = pa.array(files, pa.string())
    looks = _in_threads(lambda file: _look(root, file), files)
    rows = _rows_of_unchanged(memo, names, np.asarray(looks, dtype=np.uint64).reshape(-1, len(_LOOKS)))
    digests: list[bytes] = memo["digest"].take(pa.array(rows, mask=rows < 0)).to_pylist()
    fresh = np.flatnonzero(rows < 0).tolist()
    read = _in_threads(lambda row: _hash(root, files[row], looks[row]), fresh)
    for row, digest in zip(fresh, read, strict=True):
        digests[row] = digest
    if fresh:
        columns = [names, *(pa.array(column, pa.uint64()) for column in zip(*looks, strict=True)), pa.array(digests)]
        found = pa.table([column.cast(kind.type) for column, kind in zip(columns, _MEMO, strict=True)], schema=_MEMO)
        others = memo.filter(pc.invert(pc.is_in(memo["file"], value_set=names)))   # of other sets in the same folder
        with suppress(OSError):   # what cannot be remembered is only slower
            _write_memo(memo_file, pa.concat_tables([found, others]))
    return digests


def _look(root: Path, file: str) -> Look:
    try:
        return _as_look(os.stat(f"{root}/{file}"))   # noqa: PTH116 (three times as fast, of millions of files)
    except OSError as error:
        raise EvidenceError(f"{root / file} cannot be read: {error.strerror}") from error


def _as_look(found: os.stat_result) -> Look:
    return found.st_size, found.st_mtime_ns % 2**64, found.st_ino   # a time before 1970 is negative


def _hash(root: Path, file: str, look: Look) -> bytes:
    try:
        with (root / file).open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").digest()
            after = _as_look(os.fstat(opened.fileno()))
    except OSError as error:
        raise EvidenceError(f"{root / file} cannot be read: {error.strerror}") from error
    if after != look:
        raise EvidenceError(f"{root / file} was written while it was read; run again when nothing writes there")
    return digest


def _in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What a function that waits for the disk gives for each item, in their order."""
    with ThreadPoolExecutor() as pool:
        step = max(1, min(_FILES_OF_A_TASK, len(items) // 32))   # a few tars are shared among all threads
        parts = [items[start : start + step] for start in range(0, len(items), step)]
        return list(chain.from_iterable(pool.map(lambda part: [function(item) for item in part], parts)))


def _rows_of_unchanged(memo: pa.Table, names: pa.Array, looks: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each file its row in the memo, or −1 where it is not there or looked otherwise."""
    index = pc.index_in(names, value_set=memo["file"].combine_chunks())
    rows = index.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    known = rows >= 0
    remembered = np.stack([memo[name].to_numpy() for name in _LOOKS], axis=1)
    known[known] = (remembered[rows[known]] == looks[known]).all(axis=1)
    return np.where(known, rows, -1)


def _read_memo(path: Path) -> pa.Table:
    """What is remembered; nothing where the file is missing, damaged or something else."""
    with suppress(OSError, pa.ArrowException):
        found = pa.parquet.read_table(path, page_checksum_verification=True)
        if found.schema.equals(_MEMO):
            return found
    return _MEMO.empty_table()


def _write_memo(path: Path, memo: pa.Table) -> None:
    with whole_file(path) as file:
        pa.parquet.write_table(memo, file, compression="zstd", write_page_checksum=True)
