"""``paper.html``: the paper section by section, its claims with verdicts, its figures drawn anew, its numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from demeanour.findings.cast import Cast
from demeanour.reporting.figures.drawn import Drawn
from demeanour.reporting.figures.published import Published
from demeanour.reporting.history import day_and_time
from demeanour.reporting.paper_figures import figure_html, themed
from demeanour.reporting.pictures import inline
from demeanour.reporting.run import Record, Run, Table
from demeanour.reporting.style import FEATURES, MARKS, kind, mark, status
from demeanour.reporting.summary_html import about_html
from demeanour.reporting.summary_verdict import anchor, by_finding, table
from demeanour.verdicts.words import interval, number

PAGE, PAPER, SUMMARY = "paper.html", "vishniakov2024", "5"
_HERE = Path(__file__).parent
_SECTIONS = ("2", *(f"3.{place}" for place in range(1, 9)), SUMMARY)
_TITLES = dict(zip(_SECTIONS, ("Models", *FEATURES.values()), strict=True))


def paper_html(run: Run, cast: Cast, drawn: Sequence[Drawn], published: Published) -> str:
    """The page: no request to any network, no script, light and dark.

    Args:
        run: The run whose verdicts stand beside the figures.
        cast: Who played.
        drawn: The figures that were asked for.
        published: What stands beside their numbers.
    """
    style = "".join((_HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("summary", "paper"))
    pictures, shapes = inline([one.svg for one in drawn if one.svg])
    waiting = iter(pictures)
    shown: dict[str, list[str]] = {}
    for one in drawn:
        picture = next(waiting) if one.svg else ""
        shown.setdefault(one.figure.section, []).append(figure_html(one, picture, cast, published))
    claims: dict[str, list[Record]] = {}
    for record in run.records:
        claims.setdefault(_section(run, record), []).append(record)
    if run.tables:
        shown[SUMMARY] = [_beside(one) for one in run.tables if not one.folded]
    sections = [name for name in _TITLES if name in shown or name in claims]
    body = "".join(_part(name, claims.get(name, ()), shown.get(name, ())) for name in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'; '
        'img-src data:"/>'
        f"<title>The paper, with the cast {escape(run.cast)}</title><style>{style}</style></head><body>"
        f'<a class="skip" href="#main">Skip to the sections</a>{themed(shapes)}{_banner(run)}'
        f'<main id="main">{about_html(run)}{_contents(sections, claims)}{body}</main></body></html>\n'
    )


def _section(run: Run, record: Record) -> str:
    """The section of the paper that a verdict's finding comes from; empty where it is another work's."""
    finding = run.thresholds.findings.findings.get(record["finding"]) if run.thresholds else None
    return finding.source.section if finding and finding.source.paper == PAPER else ""


def _banner(run: Run) -> str:
    facts = f"cast <b>{escape(run.cast)}</b> · {day_and_time(run.started)}"
    return (
        f'<header class="banner paper"><p class="facts">demeanour · {facts}</p><h1>The paper, drawn anew</h1>'
        "<p>Vishniakov, Shen and Liu: ConvNet vs Transformer, Supervised vs CLIP: Beyond ImageNet Accuracy "
        '(<a href="https://arxiv.org/abs/2311.09215">arXiv 2311.09215</a>). Its claims with the verdicts of this run, '
        "its figures and tables with what was measured, and the published values beside.</p></header>"
    )


def _contents(sections: Sequence[str], claims: Mapping[str, Sequence[Record]]) -> str:
    lines = []
    for name in sections:
        judged = [record for record in claims.get(name, ()) if record["verdict"] != "out of scope"]
        counted = {sign: sum(mark(record) == sign for record in judged) for sign in (*MARKS.values(), "✘")}
        tally = " ".join(f"{n} {sign}" for sign, n in counted.items() if n)
        lines.append(f'<li><a href="#{_slug(name)}">{_title(name)}</a><span class="tally">{tally}</span></li>')
    words = "✔ holds · ≠ violated, not against the expectation · ✘ against the expectation · ? undecided"
    return (
        f'<nav class="card toc" aria-label="Contents"><ol>{"".join(lines)}</ol><p class="who">{words} · '
        f'{MARKS["not measured"]} not measured. Intervals and reasons: <a href="summary.html">summary.html</a>.</p>'
        "</nav>"
    )


def _part(name: str, records: Sequence[Record], figures: Sequence[str]) -> str:
    claims = _claims(records)
    missing = '<p class="who">No figure: this run asked for nothing that it shows.</p>'
    shown = "".join(figures) or (missing if name != SUMMARY else "")
    return f'<section id="{_slug(name)}"><h2>{_title(name)}</h2>{claims}{shown}</section>'


def _beside(found: Table) -> str:
    """A table of the run, such as which model to take for which use."""
    lines = [[escape(cell) for cell in row] for row in found.rows]
    return (
        f'<div class="card"><h3>{escape(found.title)}</h3><p class="who">{escape(found.about)}</p>'
        f'{table(found.header, lines, "plain")}</div>'
    )


def _claims(records: Sequence[Record]) -> str:
    lines = []
    for found in by_finding(records).values():
        judged = [record for record in found if record["verdict"] != "out of scope"]
        tiles = "".join(map(_tile, judged)) or f'<span class="who">out of scope: {escape(found[0]["reason"])}</span>'
        claim = re.sub(r" \[[^\]]*\]$", "", found[0]["claim"])
        lines.append([f'<span class="label">{escape(found[0]["label"])}</span>', escape(claim),
                      f'<span class="tiles">{tiles}</span>'])  # fmt: skip
    if not lines:
        return ""
    return f'<div class="card">{table(["", "claim", "verdicts"], lines, "claims")}</div>'


def _tile(record: Record) -> str:
    """A verdict's sign with what it is about, linked to all that is known of it."""
    about = re.search(r"\[([^\]]*)\]$", record["id"])
    found = record["difference"]
    value = f": {number(found['value'], True)} {interval(found['interval'], True)}" if found else ""
    told = escape(f"{record['id']}: {status(record)}{value}")
    return (
        f'<a class="tile {kind(record)}" href="summary.html#{quote(anchor(record["id"]))}" title="{told}">'
        f"{mark(record)} {escape(about[1]) if about else ''}</a>"
    )


def _title(name: str) -> str:
    return f"§{name} {escape(_TITLES[name])}"


def _slug(name: str) -> str:
    return f"section-{name.replace('.', '-')}"
