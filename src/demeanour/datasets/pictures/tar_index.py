"""What a WebDataset's tar file holds: where each picture lies in it, and its label."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from demeanour.errors import EvidenceError
from demeanour.files import whole_file

_PICTURES = ("webp", "png", "jpg", "jpeg")
_LABELS = ("cls", "npy")
_SAMPLE = re.compile(r"((?:.*/)?[^./]+)[.]([^/]*)")   # a key ends at the first dot of its name, as WebDataset has it
_BLOCK = 512
_PIECE = 1 << 20
_LONGEST_LABEL = 12   # bytes of text, with white space
_VERSION = 1
_INDEX = pa.schema([
    ("key", pa.string()), ("member", pa.string()), ("offset", pa.int64()), ("size", pa.int64()),
    ("labels", pa.list_(pa.int64())),
])  # fmt: skip

Parts = dict[str, tuple[str, int, int]]   # of a sample, by their endings: name, offset and size of the member


def tar_index(path: Path, memo_root: Path) -> pa.Table:
    """The samples of a tar file, each with a key, a picture and a label; no picture is read.

    Args:
        path: The tar file, not compressed.
        memo_root: The folder in which ``manifests`` holds the memos: a file that looks as it did, in size, time of
            change and inode, is not read again. Where no memo can be written, the next run reads it again.

    Returns:
        One row for each sample, in their order: ``key``, the picture's ``member`` with its ``offset`` and ``size`` in
        bytes, and ``labels``. Where labels are vectors with a 1 for each right class (``.npy``), the schema's metadata
        tell their ``width``.

    Raises:
        EvidenceError: The file cannot be read, is no tar file or a truncated one, has bytes after its end, or a sample
            has no picture, no label, or two of them.
    """
    try:
        with path.open("rb") as file:
            look = _look(file)
            name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]
            memo = memo_root / "manifests" / f"{name}.tar.parquet"
            index = _remembered(memo, look)
            if index is None:
                index = _scan(file, path, look)
                if _look(file) != look:
                    raise EvidenceError(f"{path} was written while it was read; run again when nothing writes there")
                with suppress(OSError), whole_file(memo) as written:
                    pa.parquet.write_table(index, written, write_page_checksum=True)
            return index
    except OSError as error:
        raise EvidenceError(f"{path} cannot be read: {error.strerror or error}") from error


def _look(file: BinaryIO) -> str:
    found = os.fstat(file.fileno())
    return f"{_VERSION} {found.st_size} {found.st_mtime_ns} {found.st_ino}"


def _remembered(memo: Path, look: str) -> pa.Table | None:
    """The index of a file that looked like this; None where there is none, or a damaged one."""
    with suppress(OSError, pa.ArrowException):
        found = pa.parquet.read_table(memo, page_checksum_verification=True)
        if found.schema.equals(_INDEX) and (found.schema.metadata or {}).get(b"look") == look.encode():
            return found
    return None


def _scan(file: BinaryIO, path: Path, look: str) -> pa.Table:
    rows: list[tuple[str, str, int, int, list[int]]] = []
    widths: set[int | None] = set()
    for key, parts in _samples(file, path).items():
        member, offset, size = _only(parts, _PICTURES, "picture", f"{path}: '{key}'")
        label, width = _label(file, _only(parts, _LABELS, "label", f"{path}: '{key}'"), path)
        widths.add(width)
        rows.append((key, member, offset, size, label))
    if not rows:
        raise EvidenceError(f"{path}: holds no samples")
    if len(widths) > 1:
        raise EvidenceError(f"{path}: labels are of different kinds or lengths; a data set has one")
    width = widths.pop()
    about = {"look": look} if width is None else {"look": look, "width": str(width)}
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), _INDEX, strict=True)]
    return pa.table(columns, schema=_INDEX.with_metadata(about))


def _samples(file: BinaryIO, path: Path) -> dict[str, Parts]:
    samples: dict[str, Parts] = {}
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                member.name.encode()   # a name that is no text is a ValueError
                match = _SAMPLE.fullmatch(member.name.removeprefix("./"))
                if match is None or not member.isreg():
                    continue
                if member.issparse():
                    raise EvidenceError(f"{path}: '{member.name}' is sparse; write the tar file without holes")
                parts, ending = samples.setdefault(match[1], {}), match[2].lower()
                if ending in parts:
                    raise EvidenceError(f"{path}: '{member.name}' stands twice; keep one")
                parts[ending] = (member.name, member.offset_data, member.size)
            end = tar.offset
    except (tarfile.TarError, ValueError, OverflowError) as error:
        what = "truncated, damaged, compressed or no tar file"
        raise EvidenceError(f"{path}: {what} ({error}); obtain it again") from error
    _check_end(file, path, end)
    return samples


def _check_end(file: BinaryIO, path: Path, end: int) -> None:
    """Where tarfile found no more members there must be the end: it takes a damaged header for one, too."""
    file.seek(end)
    block = file.read(_BLOCK)
    if len(block) < _BLOCK:
        raise EvidenceError(f"{path}: truncated after {end:,} bytes, where members end without the mark of the end")
    if block.strip(b"\0"):
        raise EvidenceError(f"{path}: damaged: no header of a member at byte {end:,}; obtain it again")
    while piece := file.read(_PIECE):
        if piece.strip(b"\0"):
            raise EvidenceError(f"{path}: more follows after its end at byte {end:,}; one tar file to a file")


def _only(parts: Parts, endings: tuple[str, ...], what: str, where: str) -> tuple[str, int, int]:
    found = [parts[ending] for ending in endings if ending in parts]
    if len(found) == 1:
        return found[0]
    told = f"several: {', '.join(name for name, _, _ in found)}" if found else f"none, only {', '.join(parts)}"
    raise EvidenceError(f"{where}: expected one {what} (.{', .'.join(endings)}), found {told}")


def _label(file: BinaryIO, member: tuple[str, int, int], path: Path) -> tuple[list[int], int | None]:
    """Class indices, and how many classes a vector of them has."""
    name, offset, size = member
    file.seek(offset)
    content = file.read(size)
    if not name.lower().endswith(".npy"):
        if not content.strip().isdigit() or len(content) > _LONGEST_LABEL:
            raise EvidenceError(f"{path}: '{name}': expected a class index, found {content[:20]!r}")
        return [int(content)], None
    try:
        vector = np.load(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise EvidenceError(f"{path}: '{name}': no array: {error}") from error
    if not isinstance(vector, np.ndarray) or vector.ndim != 1 or not np.isin(vector, (0, 1)).all():
        raise EvidenceError(f"{path}: '{name}': expected a vector with 1 for each right class and 0 for the others")
    return np.flatnonzero(vector).tolist(), len(vector)
