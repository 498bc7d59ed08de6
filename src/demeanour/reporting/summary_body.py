"""The findings of ``summary.html``: a map of all verdicts, what needs action, what changed, then one by one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from demeanour.findings.schema import Assertion
from demeanour.findings.thresholds import Thresholds
from demeanour.reporting.changes import Changes
from demeanour.reporting.glyph import Scale, axis, glyph, scale
from demeanour.reporting.pictures import inline
from demeanour.reporting.run import Record, Run, Table, beyond_gate
from demeanour.reporting.style import MARKS, feature, kind, mark, status
from demeanour.reporting.summary_verdict import Shown, because, by_finding, link, rows, section, table
from demeanour.reporting.trends_html import trends_html
from demeanour.reporting.undecided import LACKS, what_would_decide
from demeanour.verdicts.words import interval, number

KINDS = {
    "against": "against the expectation",
    "missing": "not measured",
    "asked": "undecided, an answer was expected",
    "holds": "hold",
    "violated": "violated, none against the expectation",
    "open": "undecided, as left open",
}


def _shown(run: Run, thresholds: Thresholds) -> tuple[dict[str, Shown], str]:
    """Every verdict with what it is shown with; a picture that several share stands at the first of them."""
    places: dict[str, list[Record]] = {}
    for record in run.judged:
        if record["id"] in run.pictures:
            places.setdefault(run.pictures[record["id"]], []).append(record)
    drawn, shapes = inline(list(places))
    pictures = {}
    for svg, records in zip(drawn, places.values(), strict=True):
        first = records[0]["id"]
        name = escape(f"{records[0]['measure']} of {', '.join(records[0]['estimates'])}")
        pictures.update({r["id"]: f'<p class="who">The picture is that of {link(first)}.</p>' for r in records})
        pictures[first] = svg.replace("<svg", f'<svg role="img" aria-label="{name}" class="plot"', 1)
    found = {}
    for record in run.judged:
        case, name = thresholds.cases[record["id"]], record["id"]
        paper = thresholds.findings.paper_of(case.finding)
        found[name] = Shown(record, case.finding, paper, thresholds.cast, case.models, case.label,
                            pictures.get(name, ""), run.reproduce.get(name, ""))  # fmt: skip
    return found, shapes


def verdicts_html(run: Run, thresholds: Thresholds) -> tuple[str, str]:
    """All verdicts, from the whole to its parts, and the shapes that must stand before them on the page."""
    shown, shapes = _shown(run, thresholds)
    scales = {}
    for name, records in by_finding(run.judged).items():
        compared = [record["difference"] for record in records if record["difference"]]
        scales[name] = scale(shown[records[0]["id"]].finding, compared) if compared else None
    sections: dict[str, dict[str, list[Record]]] = {}
    for name, records in by_finding(run.judged).items():
        sections.setdefault(feature(shown[records[0]["id"]].finding), {})[name] = records
    beyond = beyond_gate(run)
    against = [record for record in beyond if kind(record) == "against"]
    parts = [_against(against, scales), _map(sections), _missing(run, beyond), _undecided(beyond, "asked", _ASKED)]
    parts += [_beside(one) for one in run.tables if not one.folded]
    parts += [_since(run.since), trends_html(run.trends, shown), _FILTER]
    parts += [
        f'<section class="findings"><h2 id="{_slug(title)}">{escape(title)}</h2>'
        f"{''.join(_finding(found, shown, scales) for found in findings.values())}</section>"
        for title, findings in sorted(sections.items())
    ]
    parts.append(_undecided(run.judged, "open", "What would decide what was left open"))
    parts += [_beside(one) for one in run.tables if one.folded]
    return "".join(parts), shapes


_ASKED = "What the data could not decide, though an answer is expected"
_FILTER = (
    '<form class="filter" hidden="" role="search"><label>Filter <input type="search" placeholder="model, data set, '
    'claim …"/></label><label>Show <select><option value="">all verdicts</option>'
    + "".join(f'<option value="{name}">{text}</option>' for name, text in KINDS.items())
    + '</select></label><button type="button">Open all</button><output></output></form>'
    '<p class="who">All intervals of a claim stand on one scale. Shaded: where the claim holds; solid line: 0; dashed '
    "line: the margin. All in the shade it holds, all outside it is violated. Each line opens.</p>"
)


def _map(sections: Mapping[str, Mapping[str, Sequence[Record]]]) -> str:
    """One tile for each verdict."""
    lines = []
    for title, findings in sorted(sections.items()):
        labels: dict[str, list[Record]] = {}
        for records in findings.values():
            labels.setdefault(records[0]["label"], []).extend(records)
        groups = []
        for label, records in labels.items():
            tiles = "".join(
                link(r["id"], f'<span class="tile {kind(r)}" title="{escape(r["id"])}: {escape(status(r))}">{mark(r)}'
                     f'<span class="hidden">{escape(r["id"])}: {escape(status(r))}</span></span>')
                for r in records
            )  # fmt: skip
            groups.append(f'<li><span class="label">{escape(label)}</span><span class="tiles">{tiles}</span></li>')
        head = f'<h3><a href="#{_slug(title)}">{escape(title)}</a></h3>'
        lines.append(f'{head}<ul class="groups">{"".join(groups)}</ul>')
    words = {"✔": "holds", "≠": "violated, not against the expectation", "✘": "against the expectation",
             MARKS["undecided"]: "undecided (dashed: as left open)", MARKS["not measured"]: "not measured"}  # fmt: skip
    legend = " · ".join(f"{sign} {word}" for sign, word in words.items())
    return (
        f'<nav class="card map" aria-label="All verdicts"><h2>All verdicts at a glance</h2>{"".join(lines)}'
        f'<p class="who">{legend}</p></nav>'
    )


def _against(records: Sequence[Record], scales: Mapping[str, Scale | None]) -> str:
    cards = []
    for record in records:
        found, on = record["difference"], scales[record["finding"]]
        image = f"<div>{axis(on)}{glyph(found, on, 'against')}</div>" if found and on else ""
        cards.append(
            f'<li class="card against"><div><p><span class="label">{escape(record["label"])}</span> '
            f"<b>{escape(record['claim'])}</b></p><p><b>✘ {escape(status(record))}.</b> {escape(record['reason'])}.</p>"
            f'<p class="who">{escape(because(record))} {link(record["id"])}</p></div>{image}</li>'
        )
    return section("What contradicts the expectation", f'<ul class="cards">{"".join(cards)}</ul>' if cards else "")


def _missing(run: Run, judged: Iterable[Record]) -> str:
    waiting: dict[str, list[str]] = {}
    for record in judged:
        if record["verdict"] == "not measured":
            waiting.setdefault(record["reason"], []).append(link(record["id"]))
    items = [f"<li>{escape(reason)}: {', '.join(links)}</li>" for reason, links in waiting.items()]
    broken = [f"<li><code>{escape(name)}</code></li>" for name in run.broken]
    return (
        section("What broke", f'<ul class="card">{"".join(broken)}</ul>' if broken else "")
        + section("What could not be measured", f'<ul class="card">{"".join(items)}</ul>' if items else "")
    )  # fmt: skip


def _undecided(judged: Iterable[Record], which: str, title: str) -> str:
    lines = []
    for record in judged:
        if kind(record) == which:
            found, lack = record["difference"], what_would_decide(record)
            value = f"{number(found['value'], True)} {interval(found['interval'], True)}" if found else ""
            name = f"{escape(record['label'])} {link(record['id'])}"
            lines.append([name, value, escape(lack.images), lack.told, lack.needed])
    return section(title, f'<div class="card">{table(LACKS, lines, "plain")}</div>' if lines else "")


def _since(changes: Changes | None) -> str:
    if changes is None:
        return '<p class="since">No earlier run of this cast is known to compare with.</p>'
    tables = "".join(
        f"<h3>{escape(one.title)}</h3>"
        + table(one.header, [[link(row[0]) if one.ids and one.title not in ("Gone",) else escape(row[0]),
                              *map(escape, row[1:])] for row in one.rows], "plain")
        for one in changes.tables
    )  # fmt: skip
    if not tables:
        return f'<p class="since">{escape(_capital(changes.since))}: {escape(changes.told)}.</p>'
    told = f"<p>{escape(_capital(changes.told))}.</p>"
    return section(_capital(changes.since), f'<div class="card">{told}{tables}</div>')


def _finding(records: Sequence[Record], shown: Mapping[str, Shown], scales: Mapping[str, Scale | None]) -> str:
    first = shown[records[0]["id"]]
    finding, on = first.finding, scales[records[0]["finding"]]
    ticks = axis(on) if on else ""
    head = (
        '<thead><tr><th scope="col">about</th><th scope="col">verdict</th><th scope="col" class="drawn">'
        f'<span class="hidden">interval against the margin</span>{ticks}</th><th scope="col" class="number">'
        'difference, interval</th><th scope="col" class="number images">images</th></tr></thead>'
    )
    body = "".join(rows(shown[record["id"]], on) for record in records)
    strength = f" · strength {records[0]['strength']}" if records[0]["strength"] else ""
    return (
        f'<article class="card"><h3><span class="label">{escape(finding.label)}</span> {escape(finding.claim)}</h3>'
        f'<p class="who">{escape(_rule(finding))}{escape(strength)}</p>'
        f'<table class="verdicts">{head}{body}</table></article>'
    )


def _beside(found: Table) -> str:
    lines = [[escape(cell) for cell in row] for row in found.rows]
    content = f'<p class="who">{escape(found.about)}</p>{table(found.header, lines, "plain")}'
    content = f"<details><summary>{len(lines)} rows</summary>{content}</details>" if found.folded else content
    return section(found.title, f'<div class="card">{content}</div>')


def _rule(finding: Assertion) -> str:
    if finding.follows:
        return f"all hold: {', '.join(finding.findings or [])}"
    groups = f" in {', '.join(finding.groups)}" if finding.groups else ""
    relation: str = finding.relation
    if finding.bound is not None:
        relation = relation.replace("bound", f"{finding.bound:g}")
    if finding.group is not None:
        relation = f"{finding.group} in top {finding.top}"
    offset = f", offset {finding.offset:g}" if finding.offset is not None else ""
    return f"{finding.measure}{groups}: {relation}, margin {finding.margin:g}{offset}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _slug(title: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in title)
