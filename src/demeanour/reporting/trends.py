"""How values moved over the last runs of a cast: from its history to the series that reports draw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from demeanour.findings.pairing import Case
from demeanour.measures.groups import ALL
from demeanour.reporting.changes import SAME
from demeanour.reporting.history import PastRun, PastVerdict
from demeanour.reporting.past_values import Place, Value, values_of, values_of_verdict
from demeanour.reporting.style import feature
from demeanour.verdicts.outcome import contradicts
from demeanour.verdicts.words import number

LAST = 20   # runs that are looked at, with this one
_NINE_DIGITS = 1e-6   # what is left of a difference of two values that were each rounded to nine digits, and then some


@dataclass(frozen=True)
class Step:
    """A run, or several in succession that say the same of the same checkpoints.

    Attributes:
        date: When the first of them started.
        until: When the last one did.
        runs: How many they are.
        candidates: The checkpoint of each candidate; none where there was no candidate, or none was written down.
        values: What they measured.
        verdicts: What they decided, by id.
    """

    date: str
    until: str
    runs: int
    candidates: Mapping[str, str]
    values: Mapping[Place, Value]
    verdicts: Mapping[str, PastVerdict]


@dataclass(frozen=True)
class Point:
    """A value of a series.

    Attributes:
        step: The number of its step.
        value: The value.
        interval: Its interval, where it has one.
        lowest: The least that a requirement allows, where it allows no less.
        highest: The most that a requirement allows, where it allows no more.
        word: What was decided of the requirement; empty of other values.
        blocks: Whether that is a loss that no waiver let pass.
    """

    step: int
    value: float
    interval: tuple[float, float] | None
    lowest: float | None = None
    highest: float | None = None
    word: str = ""
    blocks: bool = False


@dataclass(frozen=True)
class Trend:
    """A value that moved.

    Attributes:
        place: What it is of.
        id: The first verdict that it is told with.
        label: That verdict's short name.
        section: Where that verdict stands in reports.
        required: Whether a requirement decides by it.
        margin: What the requirement allows to be lost, as of the last run that has it.
        points: Its values, the oldest first.
        baseline: Those of the model that a candidate would replace.
    """

    place: Place
    id: str
    label: str
    section: str
    required: bool
    margin: float | None
    points: tuple[Point, ...]
    baseline: tuple[Point, ...]

    @property
    def change(self) -> float:
        """From the first value to the last one."""
        return self.points[-1].value - self.points[0].value

    @property
    def course(self) -> str:
        """The first value and the last one."""
        return f"{number(self.points[0].value)} → {number(self.points[-1].value)}"

    @property
    def beyond_margin(self) -> bool:
        """Whether that is more than a requirement lets a candidate lose."""
        return self.margin is not None and 0 < self.margin < abs(self.change)

    @property
    def about(self) -> str:
        """What is measured, and on what."""
        group = "" if self.place.group == ALL else f", {self.place.group}"
        return f"{self.place.measure} on {self.place.data}{group}"


@dataclass(frozen=True)
class Trends:
    """What moved over the last runs of a cast.

    Attributes:
        runs: How many runs were looked at.
        steps: Those that are told apart, the oldest first.
        moved: The values that are not the same in all of them: of requirements first, as the policy has them, then by
            section.
        still: How many values are the same in all.
        role: The model that candidates would replace; None where there are none.
    """

    runs: int
    steps: tuple[Step, ...]
    moved: tuple[Trend, ...]
    still: int
    role: str | None

    def is_last(self, one: Trend) -> bool:
        """Whether the last step has a value of it."""
        return one.points[-1].step == len(self.steps) - 1


def trends(runs: Sequence[PastRun], cases: Mapping[str, Case], role: str | None) -> Trends:
    """What moved.

    Values of verdicts that are no longer in scope are left out, and so are those of a baseline alone: it stands beside
    its candidates.

    Args:
        runs: Of one cast, the oldest first; this run is the last one.
        cases: What is in scope now, by id.
        role: The model that candidates would replace.
    """
    steps = _steps(runs)
    moved, still = list[Trend](), set[Place]()
    seen = Counter(place for run in runs for place in dict(values_of(run)))
    for place, case in _told(runs, cases):
        if place.model != role and seen[place] > 1:
            one = _trend(place, case, steps, role)
            if _moves(one.points) or _moves(one.baseline):
                moved.append(one)
            else:
                still.add(place)
    order = {name: index for index, name in enumerate(cases)}
    moved.sort(key=lambda one: ("" if one.required else one.section, one.points[-1].interval is None, order[one.id]))
    return Trends(len(runs), steps, tuple(moved), len(still), role)


def _steps(runs: Sequence[PastRun]) -> tuple[Step, ...]:
    """The runs, those in succession that say the same of the same checkpoints together."""
    steps: list[Step] = []
    for run in runs:
        values, verdicts = dict(values_of(run)), {found.id: found for found in run.verdicts}
        last = steps[-1] if steps else None
        if last is not None and last.candidates == run.candidates and _agree(last.values, values):
            values, verdicts = {**last.values, **values}, {**last.verdicts, **verdicts}
            steps[-1] = replace(last, until=run.date, runs=last.runs + 1, values=values, verdicts=verdicts)
        else:
            steps.append(Step(run.date, run.date, 1, run.candidates, values, verdicts))
    return tuple(steps)


def _agree(before: Mapping[Place, Value], now: Mapping[Place, Value]) -> bool:
    """Whether two runs measured something in common, and the same of all that they have in common."""
    both = before.keys() & now.keys()
    return bool(both) and all(abs(now[place].value - before[place].value) <= SAME for place in both)


def _told(runs: Sequence[PastRun], cases: Mapping[str, Case]) -> Iterator[tuple[Place, Case]]:
    """Each value with the verdict that it is told with: with every requirement on it, else with the first verdict.

    One that it decided comes before one that it only stands beside.
    """
    every, order = list(cases.values()), {name: index for index, name in enumerate(cases)}
    first: dict[Place, tuple[bool, int]] = {}
    required: dict[tuple[Place, int], None] = {}
    for run in runs:
        for verdict in (one for one in run.verdicts if one.id in order):
            index = order[verdict.id]
            for place, value in values_of_verdict(run.cast, verdict):
                rank = (value.estimate is None, index)
                first[place] = min(rank, first.get(place, rank))
                if value.estimate is not None and _requires(every[index], place):
                    required[place, index] = None
    yield from ((place, every[index]) for place, index in required)
    alone = first.keys() - {place for place, _ in required}
    yield from ((place, every[index]) for place, (_, index) in first.items() if place in alone)


def _requires(case: Case, place: Place) -> bool:
    """Whether a case is a requirement on this value."""
    return case.kind == "requirement" and (case.candidate, case.finding.measure) == (place.model, place.measure)


def _trend(place: Place, case: Case, steps: Sequence[Step], role: str | None) -> Trend:
    required = _requires(case, place)
    points, baseline, margin = [], [], None
    for index, step in enumerate(steps):
        value = step.values.get(place)
        before = step.values.get(place._replace(model=role)) if role else None
        if before is not None:
            baseline.append(_point(index, before))
        if value is not None:
            verdict = step.verdicts.get(case.id) if required else None
            if verdict is None or (verdict.measure_version, verdict.group) != (place.version, place.group):
                points.append(_point(index, value))
                continue
            points.append(_judged(index, value, before, verdict, case))
            margin = verdict.difference.margin if verdict.difference else margin
    return Trend(
        place, case.id, case.finding.label, feature(case.finding), required, margin, tuple(points), tuple(baseline)
    )


def _point(step: int, value: Value) -> Point:
    return Point(step, value.value, value.estimate.interval if value.estimate else None)


def _judged(step: int, value: Value, before: Value | None, verdict: PastVerdict, case: Case) -> Point:
    """A candidate's value with what the requirement allows, measured from its baseline's or as a number."""
    lowest = highest = None
    relation, bound, found = case.finding.relation, case.finding.bound, verdict.difference
    if bound is not None:
        lowest, highest = (bound, None) if relation == "value > bound" else (None, bound)
    elif before is not None and found and abs(value.value - before.value - found.value) <= _NINE_DIGITS:
        lowest = before.value - found.margin if relation != "left <= right" else None
        highest = before.value + found.margin if relation != "left >= right" else None
    record = {"kind": case.kind, "verdict": verdict.verdict, "expected": verdict.expected}
    interval = value.estimate.interval if value.estimate else None
    return Point(step, value.value, interval, lowest, highest, verdict.verdict, contradicts(record))


def _moves(points: Sequence[Point]) -> bool:
    values = [point.value for point in points]
    return bool(values) and max(values) - min(values) > SAME
