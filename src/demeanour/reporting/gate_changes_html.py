"""What changed besides the requirements: flips with their pictures, slices that lost, findings that are otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape

from demeanour.reporting.gate_report import GateReport, Record
from demeanour.reporting.gate_words import amount, change, in_points, right_answers, said, share
from demeanour.reporting.style import MARKS
from demeanour.reporting.summary_verdict import link, section, table
from demeanour.verdicts.flips import Flip, Flips
from demeanour.verdicts.slices import FEWEST, SOURCES, Slice, Slices
from demeanour.verdicts.words import interval, number

SMALL = 0.0001   # p-values below are told to be
MOST_SLICES = 15   # of each candidate; what blocks is above, and these are warnings


def changes_html(report: GateReport) -> str:
    """Flips, gallery, slices and characteristics, each under its heading."""
    return _flips(report) + _gallery(report) + _slices(report) + _characteristics(report)


def _flips(report: GateReport) -> str:
    several = len(report.candidates) > 1
    lines = []
    for one in report.flips:
        rate = f' <span class="bounds">{in_points(one.rate[1], False)}</span>' if one.rate[1] else ""
        lines.append([
            escape(f"{one.candidate}, {one.data}" if several else one.data), f"{one.n:,}",
            share(one.negative, one.n) + rate, share(one.positive, one.n),
            change((one.right_after - one.right_before) / one.n), amount(one.agreement),
            _kappa(one.kappa), _kappa(one.kappa_of_errors),
        ])  # fmt: skip
    header = ("", "images", "right before, wrong now", "wrong before, right now", "accuracy", "same answer",
              "κ of answers", "κ of being right")  # fmt: skip
    told = (
        '<p class="who">Whoever relied on an answer feels what was right and is wrong, whatever is gained elsewhere. '
        "κ is agreement beyond chance: 1 where both say the same. Intervals are 90 %.</p>"
    )
    content = f'<div class="card">{table(header, lines, "plain")}{told}</div>' if lines else ""
    return section(f"What flipped against {report.role}", content)


def _gallery(report: GateReport) -> str:
    several, parts = len(report.candidates) > 1, []
    for place, one in enumerate(flips for flips in report.flips if flips.most_confident):
        name = f"{one.candidate} on {one.data}" if several else one.data
        pictures = "".join(_figure(report, one, flip) for flip in one.most_confident)
        some = len(one.most_confident)
        shown = f"{some} of {one.negative:,}" if some < one.negative else f"{some}"
        unfolded = ' open=""' if place == 0 else ""
        parts.append(
            f'<details class="card"{unfolded}><summary>{escape(name)}: {shown} that were right and are wrong</summary>'
            f'<div class="gallery">{pictures}</div></details>'
        )
    told = '<p class="who">The pictures in whose wrong answer the candidate trusts most.</p>'
    return section("Pictures that it gets wrong now", told + "".join(parts) if parts else "")


def _figure(report: GateReport, of: Flips, flip: Flip) -> str:
    picture = report.pictures.get((of.data, flip.id))
    label = right_answers(report, of.data, flip)
    image = f'<img src="{picture}" alt="{escape(label)}"/>' if picture else ""
    before = escape(said(report, of.data, flip.before, flip.sure_before))
    after = escape(said(report, of.data, flip.after, flip.sure_after))
    return (
        f'<figure title="{escape(flip.id)}">{image}<figcaption><b>{escape(label)}</b>'
        f'<span class="holds">✔ before: {before}</span><span class="against">✘ now: {after}</span>'
        f'<code class="who">{escape(flip.id)}</code></figcaption></figure>'
    )


def _slices(report: GateReport) -> str:
    several, lines = len(report.candidates) > 1, []
    lost = [(of, one) for of in report.slices for one in of.lost]
    for of, one in sorted(lost, key=_worst)[: MOST_SLICES * len(report.candidates)]:
        lines.append(_slice(of, one, several))
    header = ("slice", "images", "accuracy, 90 % interval", "all of the set", "p, corrected", "flips")
    counted = _counted(report.slices)
    shown = table(header, lines, "plain") if lines else "<p>No slice is shown to have lost accuracy.</p>"
    more = f'<p class="who">{len(lost) - len(lines)} more lost.</p>' if len(lost) > len(lines) else ""
    return section("Warnings: slices that lost", f'<div class="card">{shown}{more}{counted}</div>' if counted else "")


def _worst(found: tuple[Slices, Slice]) -> tuple[float, float]:
    return found[1].p_adjusted, found[1].value


def _slice(of: Slices, one: Slice, several: bool) -> list[str]:
    who = f"{of.candidate}, " if several else ""
    bounds = f' <span class="bounds">{in_points(one.interval, True)}</span>' if one.interval else ""
    place = f'<span class="who">{escape(who)}{of.kind} of {escape(of.data)}</span>'
    return [
        f"<b>{escape(one.name.replace('_', ' '))}</b> {place}", f"{one.n:,}", change(one.value) + bounds,
        change(of.overall), _small(one.p_adjusted), f"−{one.negative} +{one.positive}",
    ]  # fmt: skip


def _counted(found: Sequence[Slices]) -> str:
    """How many slices were looked at, and which could not be."""
    if not found:
        return ""
    looked, lost, out = Counter[str](), Counter[str](), Counter[str]()
    for of in found:
        looked[of.kind] += len(of.slices)
        lost[of.kind] += len(of.lost)
        out[of.kind] += len(of.left_out)
    kinds = ", ".join(f"{lost[kind]} of {looked[kind]} by {kind}" for kind in looked if looked[kind])
    left = ", ".join(f"{out[kind]} by {kind}" for kind in out if out[kind])
    left = f" Left out, with fewer than {FEWEST} images or {SOURCES} sources: {left}." if left else ""
    return (
        f'<p class="who">Lost: {kinds or "none"}.{left} Of those that are told as lost 5 % at most are expected to be '
        "none (Benjamini and Hochberg, within each kind of a data set). They warn and block nothing.</p>"
    )


def _characteristics(report: GateReport) -> str:
    lines, counts = [], []
    for name in report.candidates:
        mine = report.characteristics_of(name)
        lines += [_changed(record, report, name) for record in report.changed(name)]
        counts.append(f"{len(report.changed(name))} of {len(mine)}")
    if not report.characteristics:
        return ""
    shown = table(("finding", report.role, "candidate", "difference, 90 % interval"), lines, "plain") if lines else ""
    told = (
        f'<p class="who">Decided otherwise than before: {", ".join(counts)} findings of the literature. They are told, '
        "and block nothing unless that is asked for.</p>"
    )
    return section("Characteristics that changed", f'<div class="card">{shown}{told}</div>')


def _changed(record: Record, report: GateReport, candidate: str) -> list[str]:
    found = record["difference"]
    value = f"{number(found['value'], True)} {interval(found['interval'], True)}" if found else ""
    words = "broken" if record["verdict"] == "violated" else "newly fulfilled"
    who = f"{candidate}: " if len(report.candidates) > 1 else ""
    claim = f'<span class="label">{escape(record["label"])}</span> {escape(who)}{escape(record["claim"])} '
    claim += link(record["id"])
    return [claim, f"{MARKS[record['before']]} {record['before']}", f"<b>{MARKS[record['verdict']]} {words}</b>", value]


def _small(p: float) -> str:
    return f"{p:.4f}" if p >= SMALL else f"&lt; {SMALL:.4f}"


def _kappa(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".replace("-", "−")
