"""A verdict as one card of HTML: what a reader of the report sees without a click."""

from __future__ import annotations

import base64
from html import escape

from demeanour.findings.cast import Cast
from demeanour.findings.schema import Assertion, Finding, Paper
from demeanour.reporting.style import GREY, INK, MARKS, colour, mark, status
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import interval, number, percent


def card(
    verdict: Verdict, finding: Assertion, paper: Paper | None, cast: Cast, svg: str | None, reproduce: str
) -> str:
    """The card: verdict, claim, quote, numbers with interval and margin, picture, how to reproduce.

    Args:
        verdict: What was decided.
        finding: The claim.
        paper: The work that it comes from; None of a requirement.
        cast: Who played, by which protocol.
        svg: The picture, or None.
        reproduce: The command that decides it again.
    """
    record = verdict.record()
    strength = f" · strength {verdict.strength}" if verdict.strength else ""
    head = (
        f'<div style="background:{colour(record)};color:#fff;padding:10px 14px;border-radius:6px 6px 0 0;'
        f'font-weight:600">{mark(record)} {escape(status(record))}'
        f'<span style="float:right;font-weight:400">{escape(verdict.label)}{escape(strength)}'
        "</span></div>"
    )
    body = [
        f'<p style="font-size:16px;margin:4px 0 6px"><b>{escape(verdict.claim)}</b></p>',
        f"<p>{escape(_sentence(verdict.reason))}</p>",
    ]
    because = escape(_sentence(verdict.expected_because)) if verdict.expected_because else ""
    body.append(f"<p><b>Expected: {escape(verdict.expected or '')}.</b> {because}</p>")
    body.append(_numbers(verdict))
    if svg is not None:
        data = base64.b64encode(svg.encode()).decode()
        body.append(f'<img alt="{escape(verdict.measure)} of {escape(", ".join(verdict.estimates))}" '
                    f'style="max-width:100%;background:#fff" src="data:image/svg+xml;base64,{data}">')  # fmt: skip
    body += [_parts(verdict), _source(finding, paper)]
    body.append(_small(_played(verdict, cast)))
    code = f'<code style="color:{INK};background:#f0f2f5">{escape(reproduce)}</code>'
    body.append(f'<p style="color:{GREY};margin-bottom:0">Reproduce: {code}</p>')
    return (
        f'<div style="font:14px/1.45 system-ui,sans-serif;color:{INK};background:#fff;border:1px solid #d0d7de;'
        f'border-radius:6px;max-width:860px">{head}<div style="padding:8px 14px 12px">{"".join(body)}</div></div>'
    )


def _played(verdict: Verdict, cast: Cast) -> str:
    """The cast, its protocol, and what its cards say of the models and data of this verdict."""
    text = f"Cast {cast.name}: {_sentence(cast.about.strip())} Protocol: {cast.protocol}."
    for name in verdict.data:
        text += f" {name}: {cast.data[name].version}." if cast.data[name].version else ""
    for name in [name for name in verdict.estimates if name in cast.models]:
        text += f" {name}: {_sentence(cast.models[name].note or '')}" if cast.models[name].note else ""
    return text


def _numbers(verdict: Verdict) -> str:
    sets = (verdict.published or {}).get(verdict.measure, {})
    published = sets.get(verdict.data[0], {}) if len(verdict.data) == 1 else {}
    published = {model: value for model, value in published.items() if model in verdict.estimates}
    beside = list(verdict.shown)
    header = ["", f"{verdict.measure}, {percent(verdict.level)} interval", "images"]
    header += ["published"] if published else []
    header += beside
    rows = []
    for model, estimate in verdict.estimates.items():
        cells = [escape(model), _value(number(estimate.value), interval(estimate.interval)), f"{estimate.n:,}"]
        if published:
            cells.append(number(published[model]) if model in published else "")
        cells += [number(verdict.shown[name][model], name == "signed_gap") if model in verdict.shown[name] else ""
                  for name in beside]  # fmt: skip
        rows.append(cells)
    found = verdict.difference
    if found:
        rows.append([
            f"<b>difference</b>, margin {found.margin:g}",
            _value(f"<b>{number(found.value, True)}</b>", f"<b>{interval(found.interval, True)}</b>"),
        ])  # fmt: skip
        if found.interval_two_way:
            rows.append(["two-way clustered", _value("", interval(found.interval_two_way, True))])
    table = _table(header, rows) if rows else ""
    return table + (_small(f"Unit: {verdict.unit}. Interval: {found.method}.") if found else "") + _published(verdict)


def _published(verdict: Verdict) -> str:
    """Published values of other measures than the one that decides, and what is to be said of all."""
    text = ""
    for name, sets in (verdict.published or {}).items():
        values = [f"{model} {value:g}" for models in sets.values() for model, value in models.items()
                  if model in verdict.estimates and name != verdict.measure]  # fmt: skip
        text += _small(f"Published {name}: {', '.join(values)}.") if values else ""
    return text + "".join(_small(_sentence(note)) for note in (*verdict.published_notes, *verdict.deviations))


def _value(value: str, bounds: str) -> str:
    return f'{value} <span style="white-space:nowrap">{bounds}</span>'


def _small(text: str) -> str:
    return f'<p style="color:{GREY};margin:2px 0 8px">{escape(text)}</p>'


def _parts(verdict: Verdict) -> str:
    if not verdict.parts:
        return ""
    if not verdict.measure:
        basis = [[escape(part.group), f"{part.n:,}", f"{MARKS[part.verdict]} {part.verdict}"] for part in verdict.parts]
        return _table(["verdict that it follows from", "images", "says"], basis)
    rows = []
    for part in verdict.parts:
        said = f"{MARKS[part.verdict]} {part.verdict}" + ("" if part.counts else " (too few images to count)")
        value = number(part.value, True) if part.value is not None else ""
        bounds = interval(part.interval, True) if part.interval else ""
        rows.append([escape(part.group), _value(value, bounds), f"{part.n:,}", said])
    return _table(["comparison", f"difference, {percent(verdict.level)} interval", "images", "on its own"], rows)


def _source(finding: Assertion, paper: Paper | None) -> str:
    if not isinstance(finding, Finding) or paper is None:
        return f"<p>{escape(finding.note)}</p>" if finding.note else ""
    source = finding.source
    text = (
        f'<blockquote style="margin:10px 0;color:{INK};padding:4px 12px;border-left:3px solid {GREY}">'
        f'“{escape(source.quote)}”<br>'
        f'<span style="color:{GREY}">{escape(paper.title)} ({paper.year}), {escape(source.place)}</span>'
        "</blockquote>"
    )
    for conflict in source.conflicts:
        text += f"<p><b>The sources disagree.</b> {escape(conflict)}</p>"
    text += f"<p>{escape(finding.note)}</p>" if finding.note else ""
    return text + (_small(paper.note) if paper.note else "")


def _table(header: list[str], rows: list[list[str]]) -> str:
    return (
        '<table style="border-collapse:collapse;width:100%;margin:8px 0;font-size:13px;'
        'font-variant-numeric:tabular-nums">'
        f"{_row('th', header)}{''.join(_row('td', row) for row in rows)}</table>"
    )


def _row(tag: str, cells: list[str]) -> str:
    style = f"padding:3px 6px;border-bottom:1px solid #d0d7de;white-space:normal;color:{INK};background:#fff"
    parts = [f'<{tag} style="{style};text-align:{"right" if i else "left"}">{text}</{tag}>'
             for i, text in enumerate(cells)]  # fmt: skip
    return f"<tr>{''.join(parts)}</tr>"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
