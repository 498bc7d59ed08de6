"""What changed since the last run of the same cast: words, values, and the rules that they are judged by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from demeanour.measures.groups import ALL
from demeanour.reporting.history import PastRun, PastVerdict
from demeanour.verdicts.words import interval, number

SAME = 1e-9   # values that differ by no more are the same: records keep nine digits
_NAMED = 3    # verdicts that the one line names


@dataclass(frozen=True)
class Word:
    """A verdict whose word changed, with what was compared with the margin then and now."""

    id: str
    before: str
    now: str
    value_before: str
    value_now: str


@dataclass(frozen=True)
class Moved:
    """A model's value that changed, of the same version of its measure."""

    measure: str
    data: str
    group: str
    model: str
    before: float
    now: float

    @property
    def place(self) -> str:
        """Whose value it is."""
        return f"{self.measure} of {self.model} on {self.data}" + ("" if self.group == ALL else f", {self.group}")


@dataclass(frozen=True)
class Method:
    """The same value and word with another interval: it is computed in another way."""

    id: str
    before: str
    now: str


@dataclass(frozen=True)
class Rule:
    """What a verdict is judged by, such as its margin, and how that changed."""

    id: str
    what: str
    before: str
    now: str


@dataclass(frozen=True)
class Table:
    """Changes of one kind for a page; the first cell of each row is a verdict's id where ``ids`` says so."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    ids: bool = True


@dataclass(frozen=True)
class Changes:
    """What changed since an earlier run.

    Attributes:
        date: When the earlier run started.
        outcome: The outcomes then and now.
        words: Verdicts that say something else.
        rules: Expectations, margins and measures that are others.
        moved: Values that are others.
        methods: Intervals that are others, of values that are not.
        new: Verdicts that the earlier run did not have.
        gone: Verdicts that are no longer in scope.
        again: In scope then and not judged; judged now.
        not_judged: Judged then; in scope and not judged now.
    """

    date: str
    outcome: tuple[str, str]
    words: tuple[Word, ...]
    rules: tuple[Rule, ...]
    moved: tuple[Moved, ...]
    methods: tuple[Method, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]
    again: tuple[str, ...]
    not_judged: tuple[str, ...]

    @property
    def since(self) -> str:
        """The run that this one is compared with."""
        return f"since the last run of this cast on {self.date}"

    @property
    def told(self) -> str:
        """All in a line."""
        parts = [f"the outcome was {self.outcome[0]}"] if self.outcome[0] != self.outcome[1] else []
        if self.words:
            named = [f"{word.id} {word.before} → {word.now}" for word in self.words[:_NAMED]]
            more = f", and {len(self.words) - _NAMED} more" if len(self.words) > _NAMED else ""
            parts.append(f"{_many(self.words, 'verdict')} changed: {', '.join(named)}{more}")
        parts += [f"{_many(self.rules, 'rule')} changed"] if self.rules else []
        parts += [f"{_many(self.moved, 'value')} moved"] if self.moved else []
        parts += [f"{_many(self.methods, 'interval')} computed otherwise"] if self.methods else []
        parts += [f"{_many(self.new, 'verdict')} new"] if self.new else []
        parts += [f"{_many(self.gone, 'verdict')} gone"] if self.gone else []
        parts += [f"{_many(self.again, 'verdict')} not judged then"] if self.again else []
        parts += [f"{_many(self.not_judged, 'verdict')} not judged this time"] if self.not_judged else []
        return "; ".join(parts) or "nothing changed"

    @property
    def tables(self) -> list[Table]:
        """All in tables, without those that would be empty."""
        words = tuple((w.id, w.before, w.now, w.value_before, w.value_now) for w in self.words)
        rules = tuple((rule.id, rule.what, rule.before, rule.now) for rule in self.rules)
        moved = tuple((v.place, number(v.before), number(v.now), number(v.now - v.before, True)) for v in self.moved)
        methods = tuple((one.id, one.before, one.now) for one in self.methods)
        values = ("value", "then", "now", "change")
        lists = (("New", self.new), ("Gone", self.gone), ("Not judged then", self.again),
                 ("Not judged this time, still in scope", self.not_judged))  # fmt: skip
        return [
            table
            for table in (
                Table("Verdicts that changed", ("verdict", "then", "now", "compared then", "compared now"), words),
                Table("Rules that changed", ("verdict", "what", "then", "now"), rules),
                Table("Values that moved", values, moved, ids=False),
                Table("Intervals that are computed otherwise", ("verdict", "then", "now"), methods),
                *(Table(title, ("verdict",), tuple((name,) for name in names)) for title, names in lists),
            )
            if table.rows
        ]


def compare(before: PastRun, now: PastRun) -> Changes:
    """What changed from one run to a later one of the same cast."""
    old, new = ({verdict.id: verdict for verdict in run.verdicts} for run in (before, now))
    both = [(old[name], new[name]) for name in new if name in old]
    return Changes(
        date=before.date,
        outcome=(before.outcome, now.outcome),
        words=tuple(
            Word(then.id, then.verdict, this.verdict, _compared(then), _compared(this))
            for then, this in both
            if then.verdict != this.verdict
        ),
        rules=tuple(rule for then, this in both for rule in _rules(then, this)),
        moved=tuple(_moved(before, now)),
        methods=tuple(
            Method(then.id, _compared(then), _compared(this))
            for then, this in both
            if then.verdict == this.verdict and _computed_otherwise(then, this)
        ),
        new=tuple(name for name in new if name not in old and name not in before.not_judged),
        gone=tuple(name for name in old if name not in new and name not in now.not_judged),
        again=tuple(name for name in new if name not in old and name in before.not_judged),
        not_judged=tuple(name for name in old if name in now.not_judged),
    )


def _rules(then: PastVerdict, this: PastVerdict) -> Iterator[Rule]:
    margins = [found.difference.margin if found.difference else None for found in (then, this)]
    if None not in margins and margins[0] != margins[1]:
        yield Rule(this.id, "margin", f"{margins[0]:g}", f"{margins[1]:g}")
    if then.expected != this.expected:
        yield Rule(this.id, "expected", str(then.expected), str(this.expected))
    measures = [f"{found.measure}, version {found.measure_version}" for found in (then, this)]
    if measures[0] != measures[1]:
        yield Rule(this.id, "measure", *measures)


def _moved(before: PastRun, now: PastRun) -> Iterator[Moved]:
    """Values of the same version of a measure, data set, group and model: told once, however many verdicts share it."""
    old = _values(before)
    for (measure, version, data, group, model), value in _values(now).items():
        then = old.get((measure, version, data, group, model))
        if then is not None and abs(value - then) > SAME:
            yield Moved(measure, data, group, model, then, value)


def _computed_otherwise(then: PastVerdict, this: PastVerdict) -> bool:
    old, new = then.difference, this.difference
    if old is None or new is None or then.group != this.group or abs(new.value - old.value) > SAME:
        return False
    return any(abs(end - before) > SAME for end, before in zip(new.interval, old.interval, strict=True))


def _values(run: PastRun) -> dict[tuple[str, int, str, str, str], float]:
    return {
        (found.measure, found.measure_version, " + ".join(found.data), found.group, model): estimate.value
        for found in run.verdicts
        for model, estimate in found.estimates.items()
    }


def _compared(found: PastVerdict) -> str:
    d = found.difference
    return f"{number(d.value, True)} {interval(d.interval, True)}" if d else ""


def _many(what: tuple[object, ...], name: str) -> str:
    return f"{len(what)} {name}{'' if len(what) == 1 else 's'}"
