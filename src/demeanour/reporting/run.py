"""A finished run, as every report tells it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, get_args

from demeanour import __version__
from demeanour.findings.thresholds import Thresholds
from demeanour.reporting.changes import Changes
from demeanour.reporting.gate_report import GateReport
from demeanour.reporting.trends import Trends
from demeanour.verdicts.outcome import RELEASES, WORDS, contradicts
from demeanour.verdicts.verdict import Word

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """A table of a report, in plain words.

    Attributes:
        title: Its heading.
        about: How it is read.
        header: Of its columns.
        rows: Cells as text; the first of each row heads it.
        folded: Whether it is for those who look for it.
    """

    title: str
    about: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    folded: bool = False


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
        thresholds: What it was to decide; None where that could not be read.
        pictures: SVG by verdict id.
        reproduce: The command that decides a verdict again, by its id.
        since: What changed since the last run of the cast; None where there is no earlier one.
        tables: What stands beside the verdicts.
        gate: What the gate said of candidates; None where there are none.
        trends: How values moved over the last runs of the cast; None where this one leaves nothing to them.
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
    thresholds: Thresholds | None = None
    pictures: Mapping[str, str] = field(default_factory=dict)
    reproduce: Mapping[str, str] = field(default_factory=dict)
    since: Changes | None = None
    tables: Sequence[Table] = ()
    gate: GateReport | None = None
    trends: Trends | None = None

    @property
    def word(self) -> str:
        """The outcome in words; of candidates, what it means for their release."""
        on_trial = self.thresholds is not None and self.thresholds.policy is not None
        return {**WORDS, **(RELEASES if on_trial else {})}.get(self.code, "interrupted")

    @property
    def judged(self) -> list[Record]:
        """The records of what was in scope."""
        return [record for record in self.records if record["verdict"] != "out of scope"]

    @property
    def out_of_scope(self) -> list[Record]:
        """The records of what the cast cannot speak about."""
        return [record for record in self.records if record["verdict"] == "out of scope"]


def beyond_gate(run: Run) -> list[Record]:
    """The records in scope that need a place of their own: not what the gate's section tells, nor what is only told."""
    if run.gate is None:
        return run.judged
    return [record for record in run.judged if record["kind"] != "requirement" and not record["told"]]


def versions() -> dict[str, str]:
    """The versions that numbers depend on."""
    found = {name: version(name) for name in ("numpy", "scipy", "pyarrow", "pytest")}
    return {"python": platform.python_version(), "demeanour": __version__, **found}


def by_word(records: Sequence[Record]) -> dict[str, int]:
    """How many verdicts say each of the words."""
    return {word: sum(record["verdict"] == word for record in records) for word in get_args(Word)}


def counts(records: Sequence[Record]) -> str:
    """How many verdicts of each kind, in a line."""
    against = sum(contradicts(record) for record in records)
    text = ", ".join(f"{count} {word}" for word, count in by_word(records).items() if count)
    return f"{text or 'no verdict'}; {against or 'none'} against the expectation"


def carried(records: Sequence[Record]) -> str:
    """How many findings hold with this cast, in a line; nothing where no verdict was in scope."""
    words: dict[str, set[str]] = {}
    for record in records:
        if record["verdict"] != "out of scope":
            words.setdefault(record["finding"], set()).add(record["verdict"])
    alike = [next(iter(said)) for said in words.values() if len(said) == 1]
    text = ", ".join(f"{alike.count(word)} {word}" for word in get_args(Word) if word in alike)
    several = len(words) - len(alike)
    parts = [part for part in (text, f"{several} differ between models or data sets" if several else "") if part]
    return f"of {len(words)} findings, by all of their verdicts: {', '.join(parts)}" if words else ""
