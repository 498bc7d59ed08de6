"""Which Parquet files make a split, as Hugging Face's data sets are laid out."""

from __future__ import annotations

import re
from pathlib import Path

from demeanour.datasets.catalogue import PUBLISHED
from demeanour.errors import EvidenceError, NotMeasuredError, did_you_mean

_NUMBERED = re.compile(r"(.+)-(\d{5})-of-(\d{5})(?:-[0-9a-f]+)?")   # validation-00000-of-00009, with or without a hash


def parquet_files(root: Path, data: str, split: str | None) -> list[Path]:
    """The Parquet files of one split in the order of their names.

    A split is told by the names of its files, ``data/validation-00000-of-00009.parquet`` or ``test.parquet``, or where
    these are only numbers by the name of their folder, ``default/train/0000.parquet``.

    Args:
        root: One file, of whatever name, or a folder of them at any depth.
        data: The name of the data set in the cast.
        split: Its name; not needed where there is only one.

    Raises:
        NotMeasuredError: The folder, the split or all files are missing.
        EvidenceError: Files are missing or of two editions, or there are several splits and none is named.
    """
    if not root.exists():
        raise NotMeasuredError(f"{root} is missing; it holds the Parquet files of {data}{_obtain(data)}")
    if root.is_file():
        return [root]
    found: dict[tuple[Path, str], list[Path]] = {}
    for path in sorted(root.rglob("*.parquet")):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            found.setdefault((path.parent, _split_of(path)), []).append(path)
    names = sorted({name for _, name in found})
    chosen = [files for (_, name), files in found.items() if split in (None, name)]
    if not chosen:
        if split and names:
            raise NotMeasuredError(f"{root} holds no split '{split}' of {data}; {did_you_mean(split, names)}")
        raise NotMeasuredError(f"{root} holds no Parquet files of {data}{_obtain(data)}")
    if len(chosen) > 1 and split is None and len(names) > 1:
        raise EvidenceError(f"{root} holds several splits: {', '.join(names)}; say which one is the `split`")
    if len(chosen) > 1:
        folders = ", ".join(str(files[0].parent.relative_to(root)) for files in chosen)
        raise EvidenceError(f"{root} holds '{_split_of(chosen[0][0])}' several times: {folders}; name one folder")
    _check_numbers(chosen[0])
    return chosen[0]


def _obtain(data: str) -> str:
    known = PUBLISHED.get(data)
    return f"; obtain them from {known.obtain}" if known else ""


def _split_of(path: Path) -> str:
    numbered = _NUMBERED.fullmatch(path.stem)
    if numbered:
        return numbered[1]
    return path.parent.name if path.stem.isdecimal() else path.stem


def _check_numbers(files: list[Path]) -> None:
    """Files that count themselves must be all of one edition."""
    matches = [match for path in files if (match := _NUMBERED.fullmatch(path.stem))]
    if not matches:
        return
    folder = files[0].parent
    counts = sorted({match[3] for match in matches})
    if len(counts) > 1:
        raise EvidenceError(f"{folder}: files of {' and of '.join(counts)}; keep one edition of {matches[0][1]}")
    wanted = {f"{number:05d}" for number in range(int(counts[0]))}
    missing = sorted(wanted - {match[2] for match in matches})
    if missing:
        such = f"{matches[0][1]}-{missing[0]}-of-{counts[0]}"
        raise EvidenceError(f"{folder}: {len(missing)} of {len(wanted)} files are missing, such as {such}; obtain them")
    if len(files) > len(wanted):
        raise EvidenceError(f"{folder}: {len(files)} files where there are {len(wanted)}; keep one edition")
