"""The gate's section of ``summary.html``: what blocks and why, then all that was asked, and what changed besides."""

from __future__ import annotations

from html import escape

from demeanour.reporting.gate_changes_html import changes_html
from demeanour.reporting.gate_glyph import axis, glyph
from demeanour.reporting.gate_report import STANDINGS, GateReport, Required, Standing
from demeanour.reporting.gate_words import allowed, between, found, headline, title, would_decide
from demeanour.reporting.summary_verdict import link, section, table

SIGNS: dict[Standing, str] = {
    "blocks": "✘", "missing": "–", "undecided": "?", "waived": "≠", "spared": "·", "holds": "✔",
}  # fmt: skip
_TONES: dict[Standing, str] = {
    "blocks": "against", "missing": "asked", "undecided": "asked", "waived": "violated", "spared": "missing",
    "holds": "holds",
}  # fmt: skip
_WORDS: dict[str, Standing] = {
    "blocked": "blocks", "not measured": "missing", "undecided": "undecided", "released": "holds",
}  # fmt: skip
_CARDS = 4   # requirements that block, each with its own card; the others are in the table


def gate_banner(report: GateReport) -> tuple[str, str]:
    """What the head of the page says of the candidates, and how many requirements stand how; HTML."""
    names = list(report.candidates)
    if len(names) > 1 and report.trusted:
        words = [report.outcome(name) for name in names]
        counted = ((word, words.count(word)) for word in _WORDS)
        said = f"{len(names)} candidates for {report.role}: " + ", ".join(
            f"{', '.join(name for name, of in zip(names, words, strict=True) if of == word)} {word}"
            for word, n in counted if n
        ) + "."   # fmt: skip
        return escape(said), ""
    counts = report.counts(names[0])
    items = "".join(f"<li><b>{counts[one]}</b> {text}</li>" for one, text in STANDINGS.items() if counts[one])
    return escape(headline(report, names[0])), f"<ul>{items}</ul>"


def gate_section_html(report: GateReport) -> str:
    """All that the page says of the candidates.

    Args:
        report: What the gate said.

    Returns:
        A ``<div>`` with sections of their own headings, for the top of the page.
    """
    several = len(report.candidates) > 1
    parts = [_failed(report), _comparison(report) if several else ""]
    for name in report.candidates:
        head = f' – {name}' if several else ""
        parts.append(_blocking(report, name, head))
        parts.append(_missing(report, name, head))
        parts.append(_undecided(report, name, head))
        parts.append(_requirements(report, name, head))
    parts += [changes_html(report), _checks(report), _notes(report)]
    return f'<div class="gate" id="gate">{"".join(parts)}</div>'


def _blocking(report: GateReport, candidate: str, head: str) -> str:
    cards = []
    blocking = report.of(candidate, "blocks")
    for one in blocking[:_CARDS]:
        record = one.record
        cards.append(
            f'<li class="card against"><div><p class="loss">{found(one)} <small>{escape(title(one))}</small></p>'
            f'<p>{_capital(allowed(one))}; the interval <span class="bounds">{between(one)}</span> '
            f"{'lies beyond' if one.bound is None else 'misses it'} as a whole.</p>"
            f'<p class="who">{_label(one)} Required: {escape(record["claim"])} {link(record["id"])}</p></div>'
            f'<div class="drawn">{axis()}{glyph(one)}</div></li>'
        )
    more = len(blocking) - _CARDS
    rest = f'<p class="who">{more} more in the table below.</p>' if more > 0 else ""
    return section(f"What blocks{head}", f'<ul class="cards">{"".join(cards)}</ul>{rest}' if cards else "")


def _missing(report: GateReport, candidate: str, head: str) -> str:
    items = [
        f"<li><b>{escape(title(one))}</b>: {escape(one.record['reason'])}</li>"
        for one in report.of(candidate, "missing")
    ]
    return section(f"What was not measured{head}", f'<ul class="card">{"".join(items)}</ul>' if items else "")


def _undecided(report: GateReport, candidate: str, head: str) -> str:
    lines = [
        [f"{_label(one)} {escape(title(one))}", f'{found(one)} <span class="bounds">{between(one)}</span>',
         allowed(one), escape(would_decide(one))]
        for one in report.of(candidate, "undecided")
    ]  # fmt: skip
    content = table(("requirement", "found, 90 % interval", "", "images that would decide"), lines, "plain")
    return section(f"What is not proved yet{head}", f'<div class="card">{content}</div>' if lines else "")


def _requirements(report: GateReport, candidate: str, head: str) -> str:
    lines = [one for standing in STANDINGS for one in report.of(candidate, standing)]
    if not lines:
        return ""
    body = "".join(map(_row, lines))
    content = (
        f'<table class="plain requirements"><thead><tr><th scope="col">requirement</th><th scope="col">says</th>'
        f'<th scope="col" class="drawn"><span class="hidden">interval against the limit</span>{axis()}</th>'
        f'<th scope="col">candidate against {escape(report.role)}</th></tr></thead><tbody>{body}</tbody></table>'
    )
    told = (
        '<p class="who">Each interval is drawn in units of its own margin, better to the right. All in the shade it is '
        "proved that the candidate loses no more than is allowed; all left of the limit that it loses more. Intervals "
        "are 90 %; what blocks is shown at .05 for all requirements together (Holm).</p>"
    )
    card = f'<div class="card"><div class="scroll">{content}</div>{told}</div>'
    heading = f"All {len(lines)} requirements{head}"
    if head:   # of each of several, when they stand beside each other already
        return f"<details><summary>{escape(heading)}</summary>{card}</details>"
    return section(heading, card)


def _row(one: Required) -> str:
    record = one.record
    tone, image = _TONES[one.standing], glyph(one) if record["difference"] else ""
    said = f'<b>{SIGNS[one.standing]} {STANDINGS[one.standing]}</b>'
    because = _because(one)
    value = f'{found(one)} <span class="bounds">{between(one)}</span>' if record["difference"] else "–"
    return (
        f'<tr class="{tone}"><th scope="row">{_label(one)} {link(record["id"], escape(title(one)))}'
        f'<span class="who">{escape(record["claim"])} {escape(because)}</span></th><td class="said">{said}</td>'
        f'<td class="drawn">{image}</td><td class="number">{value}<span class="who">{allowed(one)}</span></td></tr>'
    )


def _comparison(report: GateReport) -> str:
    """Every requirement beside every candidate."""
    rows: dict[tuple[str, tuple[str, ...]], dict[str, Required]] = {}
    for name, requirements in report.requirements.items():
        for one in requirements:
            rows.setdefault(one.key, {})[name] = one
    words = [report.outcome(name) for name in report.candidates]
    lines = [["<b>the gate says</b>", *(_cell(_WORDS[word], word) for word in words)]]
    for beside in rows.values():
        first = next(iter(beside.values()))
        said = [beside.get(name) for name in report.candidates]
        cells = [_cell(one.standing, found(one)) if one else "" for one in said]
        lines.append([f'{_label(first)} {escape(title(first))}<span class="who">{allowed(first)}</span>', *cells])
    sources = (f'<br/><code class="who">{escape(_short(source))}</code>' for source in report.candidates.values())
    names = [escape(name) + source for name, source in zip(report.candidates, sources, strict=True)]
    content = table([f"against {escape(report.role)}", *names], lines, "plain comparison")
    return section("All candidates beside each other", f'<div class="card">{content}</div>')


def _cell(standing: Standing, text: str) -> str:
    return f'<span class="{_TONES[standing]} said"><b>{SIGNS[standing]} {text or STANDINGS[standing]}</b></span>'


def _checks(report: GateReport) -> str:
    items = [
        f'<li class="{"holds" if one.passed else "against"}"><b class="said">{"✔" if one.passed else "✘"}</b> '
        f"{escape(one.planted)}: {escape(one.said)}</li>"
        for one in report.self_checks
    ]
    content = f'<ul class="card checks">{"".join(items)}</ul>' if items else ""
    return section("The gate's own test in this run", content)


def _failed(report: GateReport) -> str:
    if report.trusted:
        return ""
    return f'<p class="about drawn">{escape(headline(report, next(iter(report.candidates))))}</p>'


def _notes(report: GateReport) -> str:
    return "".join(f'<p class="who">Not shown: {escape(note)}.</p>' for note in report.notes)


def _label(one: Required) -> str:
    return f'<span class="label">{escape(one.record["label"])}</span>'


def _because(one: Required) -> str:
    """What a reader must know of a requirement that does not stop the candidate by its numbers."""
    if one.standing == "waived":
        return f"Waived: {one.record['expected_because'].rstrip('.')}."
    return "The candidate is the baseline: the same weights." if one.record.get("same") else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _short(source: str, most: int = 40) -> str:
    return source if len(source) <= most else f"…{source[-most:]}"
