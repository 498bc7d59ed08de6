"""One verdict of ``summary.html``: a line of a table, and all that is behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from demeanour.findings.cast import Cast
from demeanour.findings.schema import Assertion, Finding, Paper
from demeanour.measures.groups import ALL
from demeanour.reporting.glyph import Scale, axis, glyph, scale
from demeanour.reporting.run import Record
from demeanour.reporting.style import MARKS, kind, mark, status
from demeanour.reporting.undecided import images_of
from demeanour.verdicts.words import interval, number, percent

COLUMNS = 5


@dataclass(frozen=True)
class Shown:
    """What a verdict is shown with.

    Attributes:
        record: The verdict.
        finding: Its claim.
        paper: The work that claims it; None of a requirement.
        cast: Who played.
        models: Who is compared, in the order of the comparison.
        label: What tells it from the finding's other verdicts.
        picture: The picture, as an element of the page, or a link to it; empty where there is none.
        reproduce: The command that decides it again; empty where it is not known.
    """

    record: Record
    finding: Assertion
    paper: Paper | None
    cast: Cast
    models: tuple[str, ...]
    label: str
    picture: str
    reproduce: str


def anchor(name: str) -> str:
    """The id of a verdict's place on the page."""
    return re.sub(r"\s", "_", name)


def link(name: str, text: str = "") -> str:
    """A link to a verdict on the page."""
    return f'<a href="#{quote(anchor(name))}">{text or f"<code>{escape(name)}</code>"}</a>'


def rows(shown: Shown, on: Scale | None) -> str:
    """The verdict as a part of its finding's table: a line, and what opens below it."""
    record = shown.record
    found, name = record["difference"], escape(record["id"])
    word, expected = record["verdict"], status(record).removeprefix(record["verdict"]).strip("(), –")
    value = f"{number(found['value'], True)} {_bounds(found['interval'], True)}" if found else "–"
    image = glyph(found, on, kind(record)) if found and on else ""
    n = f"{images:,}" if (images := images_of(record)) else "–"
    cells = (
        f'<th scope="row"><span class="what">{escape(shown.label or " + ".join(record["data"]))}</span> '
        f'<span class="who">{escape(_subject(shown))}</span></th>'
        f'<td class="said"><b><span class="mark">{mark(record)}</span> {escape(word)}</b> '
        f'<span class="who">{escape(expected)}</span></td>'
        f'<td class="drawn">{image}</td><td class="number">{value}</td><td class="number images">{n}</td>'
    )
    more = f'<details><summary><span class="hidden">Details of {name}</span></summary>{_panel(shown)}</details>'
    return (
        f'<tbody class="verdict {kind(record)}" id="{escape(anchor(record["id"]))}" data-kind="{kind(record)}">'
        f'<tr>{cells}</tr><tr class="more"><td colspan="{COLUMNS}">{more}</td></tr></tbody>'
    )


def because(record: Record) -> str:
    """What is expected of a verdict, and why."""
    why = record["expected_because"]
    return f"Expected: {record['expected']}" + (f". {_sentence(why)}" if why else ".")


def table(header: Sequence[str], lines: Iterable[Sequence[str]], name: str = "") -> str:
    """A table; the first cell of each line heads it, and all are HTML already."""
    head = "".join(f'<th scope="col">{cell}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in lines
    )
    content = f'<table class="{name}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<div class="scroll">{content}</div>'


def section(title: str, content: str) -> str:
    """A part of the page under its heading; nothing without content."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def _subject(shown: Shown) -> str:
    """What is compared with the margin, as the reason has it; without such a reason, whose answers it rests on."""
    found = shown.record["difference"]
    subject, equals, _ = shown.record["reason"].partition(" = ")
    if found and equals:
        return str(subject)
    group = f": {found['group']}" if found and found["group"] != ALL else ""
    return f"{', '.join(shown.models)}{group}"


def _panel(shown: Shown) -> str:
    record, cast = shown.record, shown.cast
    text = [f"<p><b>{escape(record['claim'])}</b></p>", f"<p>{escape(_sentence(record['reason']))}</p>"]
    text.append(f'<p class="who">{escape(because(record))}</p>')
    text.append(_numbers(record))
    figure = f"<figure>{shown.picture}</figure>" if shown.picture else ""
    notes = [f"{name}: {cast.data[name].version}." for name in record["data"]
             if name in cast.data and cast.data[name].version]  # fmt: skip
    notes += [f"{name}: {_sentence(cast.models[name].note or '')}" for name in shown.models
              if name in cast.models and cast.models[name].note]  # fmt: skip
    notes += [_sentence(note) for note in (*record["published_notes"], *record["deviations"])]
    foot = [f'<p class="who">{escape(note)}</p>' for note in notes]
    if shown.reproduce:
        foot.append(f'<p class="who">Reproduce: <code>{escape(shown.reproduce)}</code></p>')
    return (
        f'<div class="panel"><div class="beside"><div>{"".join(text)}</div>{figure}</div>'
        f"{_parts(record, shown.finding)}{_source(shown.finding, shown.paper)}{''.join(foot)}</div>"
    )


def _numbers(record: Record) -> str:
    if not record["estimates"]:
        return ""
    published = (record["published"] or {}).get(record["measure"], {}).get(record["data"][0], {})
    published = {model: value for model, value in published.items() if model in record["estimates"]}
    beside = record["shown"]
    header = ["", f"{escape(record['measure'])}, {percent(record['level'])} interval", "images"]
    header += [*(["published"] if published else []), *(escape(name).replace("_", "_<wbr/>") for name in beside)]
    lines = []
    for model, estimate in record["estimates"].items():
        line = [escape(model), f"{number(estimate['value'])} {_bounds(estimate['interval'])}", f"{estimate['n']:,}"]
        line += [number(published[model]) if model in published else ""] if published else []
        line += [number(values[model], name == "signed_gap") if model in values else ""
                 for name, values in beside.items()]  # fmt: skip
        lines.append(line)
    found = record["difference"]
    blank = [""] * (len(header) - 2)
    if found:
        value = f"<b>{number(found['value'], True)}</b> {_bounds(found['interval'], True)}"
        lines.append([f'<b>difference</b><br/><span class="bounds">margin {found["margin"]:g}</span>', value, *blank])
    if found and found["interval_two_way"]:
        lines.append(["two-way clustered", _bounds(found["interval_two_way"], True), *blank])
    method = f" Interval: {escape(found['method'])}." if found else ""
    return table(header, lines, "numbers") + f'<p class="who">Unit: {escape(record["unit"])}.{method}</p>'


def _parts(record: Record, finding: Assertion) -> str:
    if not record["parts"]:
        return ""
    if finding.follows:
        basis = [[link(part["group"]), escape(f"{MARKS[part['verdict']]} {part['verdict']}"), f"{part['n']:,}"]
                 for part in record["parts"]]  # fmt: skip
        return f"<h4>{len(basis)} verdicts that it follows from</h4>" + table(["", "verdict", "images"], basis, "parts")
    measured = [part for part in record["parts"] if part["interval"]]
    on, lines = scale(finding, measured), []
    for part in record["parts"]:
        small = "" if part["counts"] else " (too few images to count)"
        said = f"{mark({**part, 'expected': part['verdict']})} {part['verdict']}{small}"
        shown = f"{number(part['value'], True)} {_bounds(part['interval'], True)}" if part["interval"] else ""
        image = f'<div class="{part["verdict"]}">{glyph(part, on, part["verdict"])}</div>' if part["interval"] else ""
        lines.append([escape(part["group"]), escape(said), image, shown, f"{part['n']:,}"])
    level = f"difference, {percent(record['level'])} interval"
    title = f"{len(lines)} comparisons"
    return f"<h4>{title}</h4>" + table(["", "on its own", axis(on), level, "images"], lines, "parts")


def _source(finding: Assertion, paper: Paper | None) -> str:
    if not isinstance(finding, Finding) or paper is None:
        return f'<p class="who">{escape(finding.note)}</p>' if finding.note else ""
    source = finding.source
    cite = f'<a href="{escape(paper.url)}">{escape(paper.title)}</a> ({paper.year}), {escape(source.place)}'
    notes = [f"The sources disagree. {conflict}" for conflict in source.conflicts]
    notes += [note for note in (finding.note, paper.note) if note]
    return (
        f"<blockquote><p>“{escape(source.quote)}”</p><footer>{cite}</footer></blockquote>"
        + "".join(f'<p class="who">{escape(note)}</p>' for note in notes)
    )  # fmt: skip


def _bounds(limits: Sequence[float], signed: bool = False) -> str:
    return f'<span class="bounds">{interval((limits[0], limits[1]), signed)}</span>'


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def by_finding(records: Iterable[Record]) -> Mapping[str, list[Record]]:
    """Records of the same finding together, in their order."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record["finding"], []).append(record)
    return found
