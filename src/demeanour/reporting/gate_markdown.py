"""The gate's section of ``summary.md``: for a pull request or a step's summary, without pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from demeanour.reporting.gate_html import SIGNS
from demeanour.reporting.gate_report import STANDINGS, GateReport, Required, Standing
from demeanour.reporting.gate_words import (
    allowed,
    amount,
    between,
    change,
    found,
    headline,
    right_answers,
    said,
    share,
    title,
    would_decide,
)  # fmt: skip
from demeanour.reporting.style import MARKS

_FEW = 5   # flips and slices of each candidate; all of them are in the page
_SHOWN: tuple[Standing, ...] = ("blocks", "missing", "undecided", "waived")
_WORDS: dict[str, Standing] = {
    "blocked": "blocks", "not measured": "missing", "undecided": "undecided", "released": "holds",
}  # fmt: skip


def gate_section_markdown(report: GateReport) -> str:
    """What the gate says of the candidates, from what blocks to what changed besides.

    Args:
        report: What the gate said.

    Returns:
        Markdown as GitHub shows it; ends with a new line.
    """
    lines: list[str] = []
    if len(report.candidates) > 1:
        lines += _comparison(report)
    for name in report.candidates:
        outcome = report.outcome(name)
        if len(report.candidates) > 1:
            lines += [f"## {SIGNS[_WORDS[outcome]]} {_text(name)}: {outcome}", ""]
        lines += [f"**{_text(headline(report, name))}**", ""]
        lines += _requirements(report, name)
    lines += _flips(report) + _slices(report) + _characteristics(report) + _checks(report)
    lines += [f"- Not shown: {_text(note)}" for note in report.notes]
    return "\n".join(lines).rstrip() + "\n"


def _requirements(report: GateReport, candidate: str) -> list[str]:
    urgent = [one for standing in _SHOWN for one in report.of(candidate, standing)]
    quiet = [one for one in report.requirements[candidate] if one not in urgent]
    header = ("", "requirement", "candidate against baseline", "90 % interval", "allowed", "")
    lines = [*_table(header, map(_row, urgent)), ""] if urgent else []
    if quiet:
        told = f"<details><summary>{len(quiet)} requirements that let it pass</summary>"
        lines += [told, "", *_table(header, map(_row, quiet)), "", "</details>", ""]
    return lines


def _row(one: Required) -> list[str]:
    more = ""
    if one.standing == "undecided":
        more = f"images: {would_decide(one)}"
    elif one.standing in ("missing", "waived"):
        more = str(one.record["reason" if one.standing == "missing" else "expected_because"] or "")
    first = f"{SIGNS[one.standing]} {STANDINGS[one.standing]}"
    return [first, f"{one.record['label']} {title(one)}", found(one), between(one), allowed(one), more]


def _comparison(report: GateReport) -> list[str]:
    rows: dict[tuple[str, tuple[str, ...]], dict[str, Required]] = {}
    for name, requirements in report.requirements.items():
        for one in requirements:
            rows.setdefault(one.key, {})[name] = one
    words = [report.outcome(name) for name in report.candidates]
    lines = [["**the gate says**", *(f"**{SIGNS[_WORDS[word]]} {word}**" for word in words)]]
    for beside in rows.values():
        of = [beside.get(name) for name in report.candidates]
        cells = [f"{SIGNS[one.standing]} {found(one)}" if one else "" for one in of]
        lines.append([title(next(iter(beside.values()))), *cells])
    table = _table([f"against {report.role}", *report.candidates], lines)
    return ["## All candidates beside each other", "", *table, ""]


def _flips(report: GateReport) -> list[str]:
    header = ("", "images", "right before, wrong now", "wrong before, right now", "accuracy", "same answer")
    rows = [
        [f"{one.candidate}, {one.data}" if len(report.candidates) > 1 else one.data, f"{one.n:,}",
         share(one.negative, one.n), share(one.positive, one.n),
         change((one.right_after - one.right_before) / one.n), amount(one.agreement)]
        for one in report.flips
    ]  # fmt: skip
    if not rows:
        return []
    worst = [
        f"- `{flip.id}` of {_text(of.data)}: {_text(right_answers(report, of.data, flip))}; before "
        f"{_text(said(report, of.data, flip.before, flip.sure_before))}, now "
        f"{_text(said(report, of.data, flip.after, flip.sure_after))}"
        for of in report.flips for flip in of.most_confident[:_FEW]
    ]  # fmt: skip
    told = ["", "<details><summary>The most confident of those that are wrong now; the page shows them</summary>", "",
            *worst, "", "</details>"] if worst else []   # fmt: skip
    return [f"## What flipped against {_text(report.role)}", "", *_table(header, rows), *told, ""]


def _slices(report: GateReport) -> list[str]:
    if not report.slices:
        return []
    lost = sorted(((of, one) for of in report.slices for one in of.lost), key=lambda found: found[1].p_adjusted)
    looked = sum(len(of.slices) for of in report.slices)
    lines = [
        f"- {_text(one.name.replace('_', ' '))} ({of.kind} of {_text(of.data)}"
        f"{f', {_text(of.candidate)}' if len(report.candidates) > 1 else ''}): {change(one.value)} on "
        f"{one.n:,} images, all of the set {change(of.overall)}"
        for of, one in lost[:_FEW]
    ]
    more = [f"- and {len(lost) - _FEW} more"] if len(lost) > _FEW else []
    return [f"## Warnings: {len(lost)} of {looked} slices lost", "", *lines, *more, ""]


def _characteristics(report: GateReport) -> list[str]:
    lines = [
        f"- {record['label']} {_text(record['claim'])} {MARKS[record['before']]} {record['before']} before, "
        f"{MARKS[record['verdict']]} {record['verdict']} now"
        for name in report.candidates for record in report.changed(name)
    ]  # fmt: skip
    return ["## Characteristics that changed", "", *lines, ""] if lines else []


def _checks(report: GateReport) -> list[str]:
    if not report.self_checks:
        return []
    lines = [f"- {'✔' if one.passed else '✘'} {_text(one.planted)}: {_text(one.said)}" for one in report.self_checks]
    passed = sum(one.passed for one in report.self_checks)
    title = f"The gate tested itself in this run: {passed} of {len(lines)} as it must be"
    if report.trusted:
        return [f"<details><summary>{title}</summary>", "", *lines, "", "</details>", ""]
    return [f"## {title}", "", *lines, ""]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return [f"| {' | '.join(_text(cell).replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def _text(text: str) -> str:
    return text.replace("\n", " ").replace("&", "&amp;").replace("<", "&lt;")
