"""What a run leaves behind: ``verdicts.json`` for machines, a table for the terminal, and pages for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from demeanour.files import write_whole
from demeanour.reporting.run import Record, Run, versions
from demeanour.reporting.style import mark, status
from demeanour.reporting.summary_html import summary_html
from demeanour.reporting.summary_markdown import summary_markdown
from demeanour.verdicts.outcome import contradicts, is_open
from demeanour.verdicts.words import interval, number

SCHEMA = 1
REPORTS = ("verdicts.json", "summary.md", "summary.html")   # a run replaces them
_KEYS = (
    "id", "finding", "data", "strength", "expected", "verdict", "measure", "measure_version", "unit", "level",
    "estimates", "difference", "parts", "published", "published_notes", "deviations", "reason", "expected_because",
    "label", "claim", "shown", "shortfall", "kind", "candidate", "burden", "p_harm", "p_harm_adjusted", "before",
    "told", "same",
)  # fmt: skip


def verdicts_json(run: Run) -> str:
    """The run as JSON; numbers that are not finite never appear."""
    cast = run.thresholds.cast if run.thresholds else None
    content = {
        "schema": SCHEMA,
        "cast": run.cast,
        "outcome": run.word,
        "exit": run.code,
        "candidate": {name: cast.models[name].source for name in cast.candidates} if cast and cast.role else None,
        "baseline": cast.role if cast else None,
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
        lines.append((f"{mark(record)} {record['label']:<{label}} {record['id']:<{name}} {found}", kind))
        if not record["told"] and (kind in ("contradicts", "not measured") or is_open(record)):
            why = f"  {status(record)}: {record['reason']}"
            if all(why != told for told, _ in lines):
                lines.append((why, kind))
    return lines


def write_reports(folder: Path, run: Run) -> None:
    """Write the reports, each at once or not at all."""
    texts = (verdicts_json(run), summary_markdown(run), summary_html(run))
    for name, text in zip(REPORTS, texts, strict=True):
        write_whole(folder / name, text)
