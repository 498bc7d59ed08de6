"""How values moved over checkpoints, as a section of ``summary.html``: curves, and tables for those who see none."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from html import escape
from itertools import groupby, takewhile

from demeanour.measures.registry import MEASURES
from demeanour.reporting.summary_verdict import link, section, table
from demeanour.reporting.trends import Point, Step, Trend, Trends
from demeanour.reporting.trends_picture import picture, sign, spark
from demeanour.verdicts.words import interval, number

TITLE = "How values moved over checkpoints"
_REQUIRED, _OTHERS = 12, 6   # pictures that are open: of requirements, or of what else moved where there are none
_FOLDED = 140   # lines below them, each half a kilobyte


def trends_html(found: Trends | None, on_page: Collection[str]) -> str:
    """The section; nothing where there is no earlier run.

    Args:
        found: What moved.
        on_page: Ids of the verdicts that have a place on the page.
    """
    if found is None or not (found.moved or found.still):
        return ""
    if not found.moved:
        same = f"{_many(found.still)} {_are(found.still)} the same in all"
        return f'<p class="since">Nothing moved over the last {found.runs} runs of this cast: {same}.</p>'
    names = _short_names(found.steps)
    shown = [one for one in found.moved if one.required][:_REQUIRED] or found.moved[:_OTHERS]
    cards = "".join(_card(one, found, names, on_page) for one in shown)
    rest = found.moved[len(shown) :]
    decided_first = sorted(range(len(rest)), key=lambda place: rest[place].points[-1].interval is None)
    kept = [rest[place] for place in sorted(decided_first[:_FOLDED])]
    folded = "".join(_folded(title, list(some), found, names)
                     for title, some in groupby(kept, lambda one: one.section))   # fmt: skip
    more = len(rest) - len(kept)
    folded += f'<p class="who">{more} more: <code>demeanour history MEASURE</code></p>' if more else ""
    folded = f'<div class="card">{_values(shown, found, names)}{folded}</div>'
    return section(TITLE, f'{_legend(found)}<ul class="trends">{cards}</ul>{folded}')


def _legend(found: Trends) -> str:
    """How the pictures are read, and what is not in them."""
    told = [f"The last {found.runs} runs of this cast, since {found.steps[0].date}."]
    again = found.runs - len(found.steps)
    if again:
        points = "is no point of its own" if again == 1 else "are no points of their own"
        told.append(f"{again} that repeated the run before, same checkpoint and same values, {points}.")
    if found.still:
        told.append(f"{_many(found.still)} that never moved {_are(found.still)} not drawn.")
    told.append("Each picture has its own scale: its ends are the numbers at its lines.")
    if found.role is not None:
        told.append("Requirements are decided by the paired difference, whose interval is not that of the value.")
    marks = [f"{sign('point')} value", f"{sign('whisker')} its interval"]
    if found.role is not None:
        marks = [f"{sign('point')} within the margin", f"{sign('ring')} not proved, or waived",
                 f"{sign('cross')} blocked", f"{sign('whisker')} interval",
                 f"{sign('square')} {escape(found.role)}, the baseline", f"{sign('claimed')} allowed"]   # fmt: skip
    spans = "".join(f"<span>{mark}</span>" for mark in marks)
    return f'<p class="who">{" ".join(told)}</p><p class="who marks">{spans}</p>'


def _card(one: Trend, found: Trends, names: Mapping[str, str], on_page: Collection[str]) -> str:
    """A value with its picture."""
    title = escape(one.about)
    said = (
        f"{one.about}: {one.place.model} from {number(one.points[0].value)} to {number(one.points[-1].value)} in "
        f"{len(one.points)} points"
    )
    return (
        f'<li class="card"><h3><span class="label">{escape(one.label)}</span> '
        f'{link(one.id, title) if one.id in on_page else title}</h3><p class="who">{escape(_of(one))}</p>'
        f"<p><b>{one.course}</b>{_ended(one, found)}</p>"
        f"{picture(one, len(found.steps), _ends(one, found, names), _tips(one, found, names), said)}</li>"
    )


def _values(some: Sequence[Trend], found: Trends, names: Mapping[str, str]) -> str:
    """The pictures in numbers: a line for each value, and one for its baseline."""
    lines = []
    for one in some:
        about = f'<span class="label">{escape(one.label)}</span> {escape(one.about)}'
        lines.append([f"{about} <b>{escape(one.place.model)}</b>", *_cells(one.points, found)])
        if one.baseline:
            lines.append([f"{about} {escape(found.role or '')}", *_cells(one.baseline, found)])
    header = ["value", *(_head(step, names) for step in found.steps)]
    return f"<details><summary>The pictures in numbers</summary>{table(header, lines, 'plain courses')}</details>"


def _cells(points: Sequence[Point], found: Trends) -> list[str]:
    told = {point.step: " ".join([_told(point), _says(point)]).rstrip() for point in points}
    return [told.get(index, "") for index in range(len(found.steps))]


def _folded(title: str, some: Sequence[Trend], found: Trends, names: Mapping[str, str]) -> str:
    """What moved besides: a line for each value, its course drawn small."""
    lines = []
    for one in some:
        values = {point.step: number(point.value) for point in one.points}
        lines.append([f"{escape(one.about)} <b>{escape(one.place.model)}</b>", spark(one, len(found.steps)),
                      one.course, *(values.get(index, "") for index in range(len(found.steps)))])   # fmt: skip
    header = ["value", "course", "first → last", *(_head(step, names) for step in found.steps)]
    told = f"{escape(title)}: {_many(len(some))} that moved"
    return f"<details><summary>{told}</summary>{table(header, lines, 'plain courses')}</details>"


def _tips(one: Trend, found: Trends, names: Mapping[str, str]) -> list[str]:
    """What each step says when it is pointed at."""
    values, before = ({point.step: point for point in points} for points in (one.points, one.baseline))
    tips = []
    for index, step in enumerate(found.steps):
        now, beside = values.get(index), before.get(index)
        checkpoint = [_checkpoint(step, one, names)] if found.role is not None else []
        told = [f"{one.place.model} {' '.join([_told(now), _says(now)]).rstrip()}"] if now else []
        told += [f"{found.role} {number(beside.value)}"] if beside else []
        tips.append(", ".join([_when(step), *checkpoint, *told]) if told else "")
    return tips


def _ends(one: Trend, found: Trends, names: Mapping[str, str]) -> tuple[str, str]:
    """What is written below the first and the last step: the checkpoint, else the day."""
    first, last = (
        _checkpoint(step, one, names) if found.role is not None else step.date[:10]
        for step in (found.steps[0], found.steps[-1])
    )
    return first, last


def _short_names(steps: Sequence[Step]) -> dict[str, str]:
    """The checkpoints by what tells them apart: without the part that all begin with."""
    names = sorted({name for step in steps for name in step.candidates.values()})
    parts = [re.split(r"(?<=[/@:])", name) for name in names]
    beginnings = zip(*(some[:-1] for some in parts), strict=False)
    shared = sum(1 for _ in takewhile(lambda beside: len(set(beside)) == 1, beginnings))
    return {name: "".join(some[shared:]) for name, some in zip(names, parts, strict=True)}


def _checkpoint(step: Step, one: Trend, names: Mapping[str, str]) -> str:
    source = step.candidates.get(one.place.model)
    return "checkpoint not recorded" if source is None else names[source]


def _head(step: Step, names: Mapping[str, str]) -> str:
    checkpoints = dict.fromkeys(names[source] for source in step.candidates.values())
    return "<br/>".join([step.date[:10], *map(escape, checkpoints)])


def _of(one: Trend) -> str:
    """Whose value it is, in which unit, and which direction is better."""
    measure = MEASURES.get(one.place.measure)
    unit = f", {measure.unit}" if measure else ""
    better = f", {measure.better} is better" if measure and measure.better != "neither" else ""
    return f"{one.place.model}{unit}{better}"


def _ended(one: Trend, found: Trends) -> str:
    """By how much it moved; whether this run has no value of it."""
    missing = "" if found.is_last(one) else "; not measured in this run"
    return f" ({number(one.change, True)}{missing})"


def _says(point: Point) -> str:
    return "blocked" if point.blocks else {"violated": "waived"}.get(point.word, point.word)


def _told(point: Point) -> str:
    return number(point.value) + (f" {interval(point.interval)}" if point.interval else "")


def _when(step: Step) -> str:
    return step.date if step.runs == 1 else f"{step.date}, {step.runs} runs until {step.until}"


def _many(count: int) -> str:
    return f"{count} {'value' if count == 1 else 'values'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
