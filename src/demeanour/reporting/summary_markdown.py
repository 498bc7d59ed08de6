"""``summary.md``: a run on one page, what needs action on top; GitHub shows it as a step's summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from demeanour.reporting.changes import Changes
from demeanour.reporting.gate_markdown import gate_section_markdown
from demeanour.reporting.run import Record, Run, Table, beyond_gate, carried, counts
from demeanour.reporting.style import mark, status
from demeanour.reporting.trends import Trends
from demeanour.reporting.undecided import LACKS, what_would_decide
from demeanour.verdicts.outcome import contradicts
from demeanour.verdicts.words import interval, number

_FEW = 12   # rows that are shown without a click


def summary_markdown(run: Run) -> str:
    """The outcome, what contradicts, what could not be decided and what would decide it, what changed, all verdicts."""
    judged, beyond = run.judged, beyond_gate(run)
    undecided = [record for record in beyond if record["verdict"] == "undecided"]
    asked = [record for record in undecided if record["expected"] != "undecided"]
    left_open = [record for record in undecided if record["expected"] == "undecided"]
    lines = [f"# {run.word.capitalize()} – cast `{run.cast}` (exit {run.code})", ""]
    lines += [gate_section_markdown(run.gate)] if run.gate else []
    lines += [counts(run.records), ""]
    lines += [carried(judged).capitalize(), ""] if judged and run.gate is None else []
    lines += [f"> {_text(run.about)}", ""] if run.about else []
    lines += ["```", run.message, "```", ""] if run.message else []
    lines += _section("What contradicts the expectation", _reasons(r for r in beyond if contradicts(r)))
    lines += _section("What broke", [f"- `{name}`" for name in run.broken])
    lines += _section("What could not be measured", _by_reason(r for r in beyond if r["verdict"] == "not measured"))
    lines += _section("What the data could not decide", _undecided(asked))
    lines += [line for one in run.tables if not one.folded for line in _section(one.title, _beside(one))]
    lines += _since(run.since)
    lines += _section("What moved by more than its margin", _beyond(run.trends))
    lines += _section("What the data could not decide, as left open", _undecided(left_open))
    lines += _section("What was measured otherwise than published", _otherwise(judged))
    lines += _folded(f"All {len(judged)} verdicts", _table(_HEADER, map(_row, judged))) if judged else []
    lines += [line for one in run.tables if one.folded for line in _folded(one.title, _beside(one))]
    lines += _why(judged)
    outside = [f"- `{record['id']}`: {_text(record['reason'])}" for record in run.out_of_scope]
    lines += _folded(f"{len(outside)} out of scope of this cast", outside) if outside else []
    lines += [*(f"- Note: {_text(note)}" for note in run.notes), ""] if run.notes else []
    lines += [f"`{run.command}`, {run.started}, {run.seconds:.1f} s. Intervals are those that decide (90 %).", ""]
    return "\n".join(lines)


_HEADER = ("", "verdict", "finding", "compared with the margin", "interval", "strength")


def _row(record: Record) -> list[str]:
    d = record["difference"]
    value, bounds = (number(d["value"], True), interval(d["interval"], True)) if d else ("", "")
    return [mark(record), status(record), _name(record), value, bounds, record["strength"]]


def _reasons(records: Iterable[Record]) -> list[str]:
    lines = []
    for record in records:
        because = f": {record['expected_because'].rstrip('.')}" if record["expected_because"] else ""
        lines.append(
            f"- **{record['label']}** `{record['id']}` {record['verdict']}: {_text(record['reason'])}. "
            f"Expected {record['expected']}{_text(because)}."
        )
    return lines


def _by_reason(records: Iterable[Record]) -> list[str]:
    """What is missing, each once, with the verdicts that wait for it."""
    waiting: dict[str, list[str]] = {}
    for record in records:
        waiting.setdefault(record["reason"], []).append(f"`{record['id']}`")
    return [f"- {_text(reason)}: {', '.join(names)}" for reason, names in waiting.items()]


def _otherwise(records: Iterable[Record]) -> list[str]:
    """Published values that sampling and reading do not explain, each once, with the verdicts that show it."""
    found: dict[str, list[str]] = {}
    for record in records:
        for text in record["deviations"]:
            found.setdefault(f"{record['measure']} on {', '.join(record['data'])}, {text}", []).append(record["id"])
    return [f"- {_text(text)}: {', '.join(f'`{name}`' for name in names)}" for text, names in found.items()]


def _undecided(records: Sequence[Record]) -> list[str]:
    if not records:
        return []
    rows = []
    for record in records:
        d, lack = record["difference"], what_would_decide(record)
        found = f"{number(d['value'], True)} {interval(d['interval'], True)}" if d else ""
        rows.append([_name(record), found, lack.images, lack.told, lack.needed])
    return _table(LACKS, rows)


def _since(changes: Changes | None) -> list[str]:
    if changes is None:
        return []
    lines = [f"## Since the last run of this cast on {changes.date}", "", _text(_capital(changes.told)) + ".", ""]
    for table in changes.tables:
        rows = [[f"`{first}`" if table.ids else first, *rest] for first, *rest in table.rows]
        shown = _table(table.header, rows)
        lines += [f"**{table.title}**", "", *shown, ""] if len(rows) <= _FEW else _folded(table.title, shown)
    return lines


def _beyond(found: Trends | None) -> list[str]:
    """Requirements whose value is farther from the first one that is known than one candidate may lose."""
    return [
        f"- **{one.label}** `{one.id}`: {_text(one.about)} of {_text(one.place.model)} moved "
        f"{number(one.change, True)} since {found.steps[one.points[0].step].date} ({one.course}), by more than its "
        f"margin of {one.margin:g}"
        for one in found.moved if one.beyond_margin and found.is_last(one)
    ] if found else []   # fmt: skip


def _why(judged: Sequence[Record]) -> list[str]:
    expected: dict[tuple[str, str], list[str]] = {}
    for record in judged:
        if record["expected_because"] and not contradicts(record):
            key = (record["expected"], record["expected_because"])
            expected.setdefault(key, []).append(f"`{record['id']}`")
    lines = [f"- {word}, {_text(because)}: {', '.join(names)}" for (word, because), names in expected.items()]
    return _folded(f"Why {sum(map(len, expected.values()))} were not expected to hold", lines) if lines else []


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""] if lines else []


def _folded(title: str, lines: Sequence[str]) -> list[str]:
    return [f"<details><summary>{_text(title)}</summary>", "", *lines, "", "</details>", ""]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines]


def _beside(table: Table) -> list[str]:
    return [_text(table.about), "", *_table(table.header, [[_text(cell) for cell in row] for row in table.rows])]


def _name(record: Record) -> str:
    return f"{record['label']} `{record['id']}`"


def _cell(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|")


def _text(text: str) -> str:
    """Text that cannot open a tag: what others wrote is shown, not obeyed."""
    return text.replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
