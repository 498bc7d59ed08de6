"""A verdict as one card of HTML: what a reader of the report sees without a click."""

from __future__ import annotations

import base64
from html import escape

from demeanour.findings.schema import Finding, Paper
from demeanour.reporting.style import GREY, INK, MARKS, colour, status
from demeanour.verdicts.verdict import Verdict
from demeanour.verdicts.words import interval, number


def card(verdict: Verdict, finding: Finding, paper: Paper, svg: str | None, reproduce: str) -> str:
    """The card: verdict, claim, quote, numbers with interval and margin, picture, how to reproduce.

    Args:
        verdict: What was decided.
        finding: The claim.
        paper: The work that it comes from.
        svg: The picture, or None.
        reproduce: The command that decides it again.
    """
    record = verdict.record()
    head = (
        f'<div style="background:{colour(record)};color:#fff;padding:10px 14px;border-radius:6px 6px 0 0;'
        f'font-weight:600">{MARKS[verdict.verdict]} {escape(status(record))}'
        f'<span style="float:right;font-weight:400">{escape(verdict.label)} · strength {escape(verdict.strength)}'
        "</span></div>"
    )
    body = [
        f'<p style="font-size:16px;margin:4px 0 6px"><b>{escape(verdict.claim)}</b></p>',
        f"<p>{escape(_sentence(verdict.reason))}</p>",
    ]
    if verdict.expected_because:
        body.append(f"<p><b>Expected because</b> {escape(verdict.expected_because)}</p>")
    body.append(_numbers(verdict))
    if svg is not None:
        data = base64.b64encode(svg.encode()).decode()
        body.append(f'<img alt="{escape(verdict.measure)} of {escape(", ".join(verdict.estimates))}" '
                    f'style="max-width:100%;background:#fff" src="data:image/svg+xml;base64,{data}">')  # fmt: skip
    body += [_parts(verdict), _source(finding, paper)]
    body.append(f'<p style="color:{GREY};margin-bottom:0">Reproduce: <code>{escape(reproduce)}</code></p>')
    return (
        f'<div style="font:14px/1.45 system-ui,sans-serif;color:{INK};background:#fff;border:1px solid #d0d7de;'
        f'border-radius:6px;max-width:860px">{head}<div style="padding:8px 14px 12px">{"".join(body)}</div></div>'
    )


def _numbers(verdict: Verdict) -> str:
    level = f"{verdict.level:.0%}"
    published = (verdict.published or {}).get(verdict.measure, {}).get(verdict.data[0], {})
    beside = list(verdict.shown)
    header = ["", f"{verdict.measure} ({verdict.unit})", f"{level} interval", "images"]
    header += ["published"] if published else []
    header += beside
    rows = []
    for model, estimate in verdict.estimates.items():
        cells = [escape(model), number(estimate.value), interval(estimate.interval), f"{estimate.n:,}"]
        if published:
            cells.append(number(published[model]) if model in published else "")
        cells += [number(verdict.shown[name][model], name == "signed_gap") if model in verdict.shown[name] else ""
                  for name in beside]  # fmt: skip
        rows.append(cells)
    if verdict.difference:
        d = verdict.difference
        bold = [f"<b>{text}</b>" for text in (number(d.value, True), interval(d.interval, True))]
        rows.append(["<b>compared with the margin</b>", *bold, f"margin {d.margin:g}"])
        if d.interval_two_way:
            rows.append(["two-way clustered", "", interval(d.interval_two_way, True), ""])
    method = f'<p style="color:{GREY};margin:2px 0 8px">Interval: {escape(verdict.difference.method)}.</p>' if (
        verdict.difference) else ""  # fmt: skip
    others = {name: values for name, values in (verdict.published or {}).items() if name != verdict.measure}
    for name, sets in others.items():
        text = ", ".join(f"{model} {value:g}" for values in sets.values() for model, value in values.items())
        method += f"<p>Published {escape(name)}: {escape(text)}.</p>"
    return (_table(header, rows) if rows else "") + method


def _parts(verdict: Verdict) -> str:
    if not verdict.parts:
        return ""
    rows = []
    for part in verdict.parts:
        said = f"{MARKS[part.verdict]} {part.verdict}" + ("" if part.counts else " (too few images to count)")
        value = number(part.value, True) if part.value is not None else ""
        rows.append([escape(part.group), value, interval(part.interval, True) if part.interval else "",
                     f"{part.n:,}", said])  # fmt: skip
    return _table(["comparison", "difference", f"{verdict.level:.0%} interval", "images", "on its own"], rows)


def _source(finding: Finding, paper: Paper) -> str:
    source = finding.source
    place = [f"§{source.section}"]
    place += [f"Figure {source.figure}"] if source.figure else []
    place += [f"Table {source.table}"] if source.table else []
    text = (
        f'<blockquote style="margin:10px 0;padding:4px 12px;border-left:3px solid {GREY}">“{escape(source.quote)}”'
        f'<br><span style="color:{GREY}">{escape(paper.title)} ({paper.year}), {", ".join(place)}</span></blockquote>'
    )
    for conflict in source.conflicts:
        text += f"<p><b>The sources disagree.</b> {escape(conflict)}</p>"
    return text + (f"<p>{escape(finding.note)}</p>" if finding.note else "")


def _table(header: list[str], rows: list[list[str]]) -> str:
    return (
        '<table style="border-collapse:collapse;margin:8px 0;font-variant-numeric:tabular-nums">'
        f"{_row('th', header)}{''.join(_row('td', row) for row in rows)}</table>"
    )


def _row(tag: str, cells: list[str]) -> str:
    style = "padding:3px 10px;border-bottom:1px solid #d0d7de;text-align:"
    parts = [f'<{tag} style="{style}{"right" if i else "left"}">{text}</{tag}>' for i, text in enumerate(cells)]
    return f"<tr>{''.join(parts)}</tr>"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
