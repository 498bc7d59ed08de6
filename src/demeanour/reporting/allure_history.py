"""The runs before this one, as Allure 3 keeps them: a line of JSON each, to which two words of ours are added.

Allure compares with whatever stands in the file, adds a line whenever it makes a report, and fails at a line that it
cannot read. Here a run is compared with earlier runs of its own cast, stands in the file once, and a damaged line costs
no more than itself.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demeanour.files import write_whole

KEEP = 100       # runs; the oldest go
COMPARED = 20    # runs; each adds some 3 kB a verdict to the page
_OURS = "demeanour"


@dataclass(frozen=True)
class History:
    """The lines of a history file.

    Attributes:
        lines: Those that can be read, the oldest first.
        damaged: Those that cannot, as they stand in the file.
    """

    lines: tuple[dict[str, Any], ...]
    damaged: tuple[bytes, ...]

    def before(self, cast: str, run: str) -> list[dict[str, Any]]:
        """The last runs of a cast before this one, which may stand in the file already."""
        found = []
        for line in self.lines:
            ours = line.get(_OURS, {})
            if ours.get("run") == run:
                break
            if ours.get("cast", cast) == cast:   # a line that Allure wrote without us has no cast
                found.append(line)
        return found[-COMPARED:]

    def knows(self, run: str) -> bool:
        """Whether a run stands in the file."""
        return any(line.get(_OURS, {}).get("run") == run for line in self.lines)


def read_history(file: Path) -> History:
    """Read a history file; one that is not there is empty."""
    try:
        rows = [row for row in file.read_bytes().split(b"\n") if row.strip()]
    except FileNotFoundError:
        rows = []
    lines, damaged = [], []
    for row in rows:
        try:
            line = json.loads(row)
            whole = isinstance(line["testResults"], dict) and isinstance(line["uuid"], str)
        except (ValueError, KeyError, TypeError):
            whole = False
        if whole:
            lines.append(line)
        else:
            damaged.append(row)
    return History(tuple(lines), tuple(damaged))


def write_lines(file: Path, lines: list[dict[str, Any]]) -> None:
    """Write a history file, at once or not at all."""
    write_whole(file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def append(file: Path, history: History, line: dict[str, Any], cast: str, run: str) -> bool:
    """Add a run to a history file, unless it stands there; damaged lines move to a file beside it.

    Args:
        file: The history file.
        history: What it holds.
        line: What Allure tells of the run.
        cast: Its cast.
        run: Its identity.

    Returns:
        Whether the line was added.
    """
    if history.knows(run):
        return False
    if history.damaged:
        with set_aside(file).open("ab") as aside:
            aside.writelines(row + b"\n" for row in history.damaged)
    write_lines(file, [*history.lines, {**line, _OURS: {"cast": cast, "run": run}}][-KEEP:])
    return True


def set_aside(file: Path) -> Path:
    """Where the damaged lines of a history file go."""
    return file.with_name(f"{file.name}.damaged")


def identity(results: Path) -> str:
    """What tells one run's results from another's: the names of their files are random."""
    names = sorted(file.name for file in results.glob("*-result.json"))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
