"""Pictures in rows of Parquet files, read row group by row group."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from demeanour.errors import EvidenceError

_KEPT_BYTES = 256 << 20
_LEAST_KEPT = 2   # row groups: threads that read in order are in two of them at once


def open_parquet(path: Path) -> pa.parquet.ParquetFile:
    """A Parquet file whose pages are checked as they are read, where it holds checksums.

    Raises:
        EvidenceError: It cannot be read, is no Parquet file or a truncated one.
    """
    try:
        return pa.parquet.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise EvidenceError(f"{path}: truncated or no Parquet file ({error}); obtain it again") from error


class _Groups:
    """The last row groups that were read, each by one thread only; a copy in another process begins anew."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Path, int], Future[pa.ChunkedArray]] = OrderedDict()

    def __reduce__(self) -> tuple[type[_Groups], tuple[()]]:
        return _Groups, ()

    def get(self, path: Path, column: str, group: int) -> pa.ChunkedArray:
        key = (path, group)
        with self._lock:
            found = self._kept.get(key)
            awaited = found is not None
            if found is None:
                found = self._kept[key] = Future()
            self._kept.move_to_end(key)
        if awaited:
            return found.result()
        try:
            pictures = _read_group(path, column, group)
        except BaseException as error:
            with self._lock:
                self._kept.pop(key, None)
            found.set_exception(error)
            raise
        found.set_result(pictures)
        self._forget()
        return pictures

    def _forget(self) -> None:
        with self._lock:
            sizes = [future.result().nbytes if future.done() else 0 for future in self._kept.values()]
            while len(self._kept) > _LEAST_KEPT and sum(sizes) > _KEPT_BYTES:
                self._kept.popitem(last=False)
                del sizes[0]


def _read_group(path: Path, column: str, group: int) -> pa.ChunkedArray:
    with open_parquet(path) as file:
        try:
            table = file.read_row_group(group, columns=[column])
        except (OSError, pa.ArrowException) as error:
            raise EvidenceError(f"{path}: row group {group} cannot be read ({error}); obtain it again") from error
    return table.flatten().column(0)


@dataclass(frozen=True, eq=False)
class Rows:
    """Pictures in rows of Parquet files; for threads, and for processes that it is sent to.

    Attributes:
        paths: The files.
        column: The path of the column that holds the bytes, such as ``image.bytes``.
        file: For each picture the position of its file among ``paths``, (n,).
        group: Its row group in the file, (n,).
        row: Its row in the row group, (n,).
    """

    paths: tuple[Path, ...]
    column: str
    file: NDArray[np.int64]
    group: NDArray[np.int64]
    row: NDArray[np.int64]
    _groups: _Groups = field(default_factory=_Groups, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.row)

    def read(self, row: int) -> bytes:
        """The encoded bytes of one picture; a few row groups are kept, so rows in order are read once."""
        path, group, inside = self.paths[self.file[row]], int(self.group[row]), int(self.row[row])
        pictures = self._groups.get(path, self.column, group)
        data = pictures[inside].as_py() if inside < len(pictures) else None
        if data is None:
            raise EvidenceError(f"{path}: row {inside} of row group {group} holds no picture in '{self.column}'")
        return bytes(data)

    def files(self) -> list[Path]:
        """The Parquet files."""
        return list(self.paths)
