"""What a run leaves behind: ``verdicts.json`` for machines, ``summary.md`` for people, a table for the terminal."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from demeanour import __version__
from demeanour.reporting.style import MARKS, status
from demeanour.verdicts.outcome import WORDS, contradicts
from demeanour.verdicts.words import interval, number

SCHEMA = 1
_KEYS = (
    "id", "finding", "data", "strength", "expected", "verdict", "measure", "measure_version", "unit", "level",
    "estimates", "difference", "parts", "published", "reason", "expected_because", "label", "claim", "shown",
)  # fmt: skip

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Run:
    """A finished run.

    Attributes:
        cast: The cast's name.
        about: What the cast says of itself, and its protocol.
        code: The exit code.
        records: The verdicts' records, in the order of the findings; those out of scope last.
        command: What was typed.
        started: When, as an ISO 8601 text with its time zone.
        seconds: How long it took.
        broken: What failed outside of any verdict.
        message: Why nothing could be judged at all.
        notes: What happened on the way, such as evidence that was damaged and read anew.
    """

    cast: str
    about: str
    code: int
    records: Sequence[Record]
    command: str
    started: str
    seconds: float
    broken: Sequence[str] = ()
    message: str = ""
    notes: Sequence[str] = ()

    @property
    def word(self) -> str:
        """The outcome in words."""
        return WORDS.get(self.code, "interrupted")


def versions() -> dict[str, str]:
    """The versions that numbers depend on."""
    found = {name: version(name) for name in ("numpy", "scipy", "pyarrow", "pytest")}
    return {"python": platform.python_version(), "demeanour": __version__, **found}


def verdicts_json(run: Run) -> str:
    """The run as JSON; numbers that are not finite never appear."""
    content = {
        "schema": SCHEMA,
        "cast": run.cast,
        "outcome": run.word,
        "exit": run.code,
        "candidate": None,
        "baseline": None,
        "run": {
            "versions": versions(),
            "command": run.command,
            "started": run.started,
            "seconds": round(run.seconds, 2),
            "broken": list(run.broken),
            "message": run.message,
            "notes": list(run.notes),
        },
        "verdicts": [{key: record[key] for key in _KEYS} for record in run.records],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def summary_markdown(run: Run) -> str:
    """One page: the outcome, what contradicts, what could not be decided and what would decide it, and all verdicts."""
    judged = [record for record in run.records if record["verdict"] != "out of scope"]
    outside = [record for record in run.records if record["verdict"] == "out of scope"]
    lines = [f"# {run.word.capitalize()} – cast `{run.cast}` (exit {run.code})", "", counts(run.records), ""]
    lines += [run.about, ""] if run.about else []
    if run.message:
        lines += ["```", run.message, "```", ""]
    lines += _listed("What contradicts the expectation", [record for record in judged if contradicts(record)])
    lines += _listed("What could not be measured", [r for r in judged if r["verdict"] == "not measured"])
    lines += _listed("What the data could not decide", [r for r in judged if r["verdict"] == "undecided"])
    if run.broken:
        lines += ["## What broke", "", *(f"- `{name}`" for name in run.broken), ""]
    if judged:
        lines += ["## All verdicts", "", "| | verdict | finding | compared with the margin | interval | strength |"]
        lines += ["|---|---|---|---|---|---|", *(_row(record) for record in judged), ""]
    expected = [r for r in judged if r["expected_because"] and not contradicts(r)]
    if expected:
        lines += ["## Why these were not expected to hold", ""]
        lines += [f"- `{r['id']}` ({r['expected']}): {r['expected_because']}" for r in expected] + [""]
    if outside:
        lines += ["<details><summary>", f"{len(outside)} out of scope of this cast", "</summary>", ""]
        lines += [f"- `{record['id']}`: {record['reason']}" for record in outside] + ["", "</details>", ""]
    lines += [f"- Note: {note}" for note in run.notes] + [""] if run.notes else []
    lines += [f"`{run.command}`, {run.started}, {run.seconds:.1f} s. Intervals are those that decide (90 %).", ""]
    return "\n".join(lines)


def counts(records: Sequence[Record]) -> str:
    """How many verdicts of each kind, in a line."""
    words = ("holds", "violated", "undecided", "not measured", "out of scope")
    numbers = {word: sum(record["verdict"] == word for record in records) for word in words}
    against = sum(contradicts(record) for record in records)
    text = ", ".join(f"{count} {word}" for word, count in numbers.items() if count)
    return f"{text or 'no verdict'}; {against or 'none'} against the expectation"


def terminal_table(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Lines for the terminal with the verdict that each stands for, so that the caller may colour them.

    What is not as expected is followed by its reason; one that several share is told once, after the first.
    """
    judged = [record for record in records if record["verdict"] != "out of scope"]
    label = max((len(record["label"]) for record in judged), default=0)
    name = max((len(record["id"]) for record in judged), default=0)
    lines = []
    for record in judged:
        kind = "contradicts" if contradicts(record) else record["verdict"]
        d = record["difference"]
        found = f"{number(d['value'], True)} {interval(d['interval'], True)}" if d else ""
        mark = "✘" if contradicts(record) else MARKS[record["verdict"]]
        lines.append((f"{mark} {record['label']:<{label}} {record['id']:<{name}} {found}", kind))
        if kind in ("contradicts", "not measured") or (kind == "undecided" and record["expected"] != "undecided"):
            why = f"  {status(record)}: {record['reason']}"
            if all(why != told for told, _ in lines):
                lines.append((why, kind))
    return lines


def write_reports(folder: Path, run: Run) -> None:
    """Write both files, each at once or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("verdicts.json", verdicts_json(run)), ("summary.md", summary_markdown(run))):
        part = folder / f".{name}.{os.getpid()}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(folder / name)


def _listed(title: str, records: Sequence[Record]) -> list[str]:
    if not records:
        return []
    lines = [f"## {title}", ""]
    for record in records:
        because = f": {record['expected_because'].rstrip('.')}" if record["expected_because"] else ""
        lines.append(
            f"- **{record['label']}** `{record['id']}` {record['verdict']}: {record['reason']}. "
            f"Expected {record['expected']}{because}."
        )
    return [*lines, ""]


def _row(record: Record) -> str:
    d = record["difference"]
    value, bounds = (number(d["value"], True), interval(d["interval"], True)) if d else ("", "")
    mark = "✘" if contradicts(record) else MARKS[record["verdict"]]
    name = f"{record['label']} `{record['id']}`"
    return f"| {mark} | {status(record)} | {name} | {value} | {bounds} | {record['strength']} |"


