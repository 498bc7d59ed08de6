"""Files of a data set, written all or none."""

from __future__ import annotations

import csv
import io
import shutil
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path


def write_tree(folder: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write a folder of files, all of them or none.

    Args:
        folder: It must not be there yet, or be empty, so that nothing of an older one stays among the files.
        files: Paths below the folder, with slashes, and their contents; all are made before the first is written.

    Raises:
        FileExistsError: The folder is there, and not empty.
        ValueError: A path stands twice.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds files already; remove it, or write elsewhere")
    made = list(files)
    refuse_duplicates([name for name, _ in made], "files")
    part = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    try:
        for parent in {name.rpartition("/")[0] for name, _ in made}:
            (part / parent).mkdir(parents=True, exist_ok=True)
        for name, content in made:
            (part / name).write_bytes(content)
        part.rename(folder)
    finally:
        with suppress(FileNotFoundError):
            shutil.rmtree(part)


def text_of_lines(lines: Sequence[str], what: str) -> str:
    """Names or prompts, one a line.

    Raises:
        ValueError: There are none, one is empty or holds a line break, or one stands twice.
    """
    if not lines:
        raise ValueError(f"no {what}")
    for line in lines:
        if not line.strip() or len(line.splitlines()) > 1:
            raise ValueError(f"{what}: expected one line of text each, found {line!r}")
    refuse_duplicates(lines, what)
    return "".join(f"{line}\n" for line in lines)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV file."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def refuse_duplicates(names: Iterable[object], what: str) -> None:
    """Raise a ValueError where one of the names stands twice."""
    seen: set[object] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: {name!r} stands twice")
        seen.add(name)
