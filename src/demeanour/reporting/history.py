"""``history.jsonl``: one line for each finished run, so that the next one can tell what changed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from demeanour.measures.registry import MEASURES, group_beside

SCHEMA = 1
FILE = "history.jsonl"
_RULE = ("id", "verdict", "expected", "measure", "measure_version", "data")


class _Plain(BaseModel):
    """A part of a line; keys that a later version may add are not read."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


class PastEstimate(_Plain):
    """A model's value with its interval."""

    value: float
    interval: tuple[float, float]
    n: int


class PastDifference(_Plain):
    """What was compared with the margin."""

    value: float
    interval: tuple[float, float]
    margin: float


class PastValues(_Plain):
    """Values that stood beside the deciding ones."""

    measure_version: int
    group: str
    values: dict[str, float]


class PastVerdict(_Plain):
    """A verdict as history keeps it; ``group`` is the one that its estimates are of."""

    id: str
    verdict: str
    expected: str | None
    measure: str
    measure_version: int
    data: tuple[str, ...]
    group: str
    difference: PastDifference | None
    estimates: dict[str, PastEstimate]
    shown: dict[str, PastValues]


class PastRun(_Plain):
    """One line of the history.

    Attributes:
        form: The version of the line's form.
        run: The hash of all else.
        started: When, as an ISO 8601 text with its time zone.
        cast: The cast's name.
        outcome: In words.
        exit: The exit code.
        command: What was typed.
        versions: Of what numbers depend on.
        not_judged: Ids of verdicts that were in scope and not asked for, or that a crash left without an answer.
        verdicts: What was judged.
        candidates: Which checkpoint each candidate was, by its name; lines of runs without any have no such key.
    """

    form: Literal[1] = Field(alias="schema")
    run: str
    started: str
    cast: str
    outcome: str
    exit: int
    command: str
    versions: dict[str, str]
    not_judged: tuple[str, ...]
    verdicts: tuple[PastVerdict, ...]
    candidates: dict[str, str] = Field(default_factory=dict)

    @property
    def date(self) -> str:
        """When it started, to the minute."""
        return day_and_time(self.started)


def day_and_time(started: str) -> str:
    """An ISO 8601 text for people: ``2026-11-22 09:36 UTC``."""
    clock = started[:16].replace("T", " ")
    return f"{clock} UTC" if started.endswith(("+00:00", "Z")) else f"{clock}{started[19:]}"


def checkpoint(source: str) -> str:
    """A source as history names it: of the folders of this machine only the one that holds the file."""
    return re.sub(r"(?<=[:@])/[^@]*", lambda path: "/".join(PurePosixPath(path[0]).parts[1:][-2:]), source)


def past_run(records: Sequence[Mapping[str, Any]], in_scope: Sequence[str], **facts: Any) -> PastRun:
    """A run as history will remember it.

    Args:
        records: Of what was judged.
        in_scope: Ids of all that could have been.
        facts: ``started``, ``cast``, ``outcome``, ``exit``, ``command`` and ``versions``; of a gate ``candidates``.
    """
    judged = {record["id"] for record in records}
    content = {
        "schema": SCHEMA, **facts, "not_judged": [name for name in in_scope if name not in judged],
        "verdicts": [_verdict(record) for record in records],
    }  # fmt: skip
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False)
    content["run"] = hashlib.sha256(text.encode()).hexdigest()[:16]
    return PastRun.model_validate_json(json.dumps(content))


def _verdict(record: Mapping[str, Any]) -> dict[str, Any]:
    found, group = record["difference"], record["group"]
    shown = {
        name: {
            "measure_version": MEASURES[name].version, "values": values,
            "group": group_beside(record["measure"], group, name),
        }
        for name, values in record["shown"].items() if name in MEASURES   # not what is told of each group
    }  # fmt: skip
    difference = {key: found[key] for key in ("value", "interval", "margin")} if found else None
    own = {"group": group, "difference": difference, "estimates": record["estimates"], "shown": shown}
    return {**{key: record[key] for key in _RULE}, **own}


def append(path: Path, run: PastRun) -> None:
    """Add a line, whole or not at all; runs that end at the same time wait for each other.

    Half a line that a crash left behind is closed first, so that it cannot swallow this one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = run.model_dump_json(by_alias=True, exclude_defaults=True).encode() + b"\n"
    with _lock(path), path.open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size and not _ends_a_line(path):
            line = b"\n" + line
        try:
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
        except OSError:   # such as a disk that is full
            os.truncate(path, size)
            raise


def newest_first(path: Path, notice: Callable[[str], None], cast: str | None = None) -> Iterator[PastRun]:
    """The runs of a history, the last one first; a line is parsed only when it is asked for.

    Args:
        path: The file; none at all is a history without runs.
        notice: Called with a sentence for each line that cannot be read; it stays where it is.
        cast: Only the runs of this cast.

    Raises:
        OSError: The file is there and cannot be read.
    """
    lines = _lines(path)
    for number in range(len(lines), 0, -1):
        line = lines[number - 1].strip()
        whole = line.startswith(b"{") and line.endswith(b"}")
        if not line or (whole and cast is not None and json.dumps(cast, ensure_ascii=False).encode() not in line):
            continue
        try:
            run = PastRun.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            why = f"{place}: {first['msg']}" if place else first["msg"]
            notice(f"{path}, line {number}, cannot be read and is passed over ({why})")
            continue
        if cast is None or run.cast == cast:
            yield run


def _lines(path: Path) -> list[bytes]:
    if not path.exists():
        return []
    try:
        with _lock(path):
            content = path.read_bytes()
    except OSError:   # of the lock: a folder that may be read and not written
        content = path.read_bytes()
    return content.split(b"\n")


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_name(f".{path.name}.lock"))
