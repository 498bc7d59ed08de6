"""What adds up over baselines that replaced each other: each lost less than the margin, all together perhaps more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from demeanour.findings.baseline import Baseline, Pin, Value
from demeanour.statistics.limits import Limits
from demeanour.statistics.proportions import independent_difference
from demeanour.statistics.zones import LEVEL
from demeanour.verdicts.verdict import Interval

_HIGHER, _LOWER = ("left >= right", "value > bound"), ("left <= right", "value < bound")


@dataclass(frozen=True)
class Drift:
    """How far one requirement's value has moved since a baseline was first pinned.

    Attributes:
        value: As it was pinned first: what is measured, on which data, of which group.
        since: The date of that pin.
        steps: How many times the baseline was replaced since, the candidate counted.
        now: The value now.
        difference: Now − then.
        interval: Of the difference at 90 %, the two values combined as if they were of different images (MOVER), which
            for models that err alike is wide rather than narrow; None where either has none.
        who: Whose the value is now.
    """

    value: Value
    since: str
    steps: int
    now: float
    difference: float
    interval: Interval | None
    who: str

    @property
    def lost(self) -> float:
        """How much was lost; below 0 what was gained. Where both directions are losses, how much it moved."""
        if self.value.relation in _HIGHER:
            return -self.difference
        return self.difference if self.value.relation in _LOWER else abs(self.difference)

    @property
    def margins(self) -> float | None:
        """How many times the margin of one step was lost; None where there is no margin."""
        return self.lost / self.value.margin if self.value.margin else None

    @property
    def beyond(self) -> bool:
        """Whether more was lost in several steps than one may lose."""
        return self.margins is not None and self.margins > 1


def drift_of_baseline(baseline: Baseline) -> list[Drift]:
    """How far a pinned baseline is from the first of its line, requirement by requirement."""
    found = (_drift(baseline, value, value.value, value.interval, baseline.role, 0) for value in baseline.values)
    return [one for one in found if one is not None]


def drift_of_candidates(baseline: Baseline, records: Iterable[Mapping[str, Any]]) -> Iterator[Drift]:
    """How far candidates are from the first of the line of their baseline; nothing where that was never replaced.

    Args:
        baseline: The pinned baseline.
        records: Of a gate's verdicts; of each requirement the group counts that decided.
    """
    known = {value.place: value for value in baseline.values}
    for record in records:
        own = record["estimates"].get(record["candidate"]) if record["kind"] == "requirement" else None
        named = (record["finding"], record["measure"], record["measure_version"])
        place = (*named, tuple(record["data"]), record["group"])
        if own is None or place not in known:
            continue
        found = _drift(baseline, known[place], own["value"], tuple(own["interval"]), record["candidate"], 1)
        if found is not None:
            yield found


def _drift(
    baseline: Baseline, known: Value, now: float, interval: Interval | None, who: str, more: int
) -> Drift | None:
    """From the first pin that measured the same on the same images; None where there is no earlier one."""
    for index, pin in enumerate(baseline.lineage):
        first = _same_place(pin, known)
        if first is not None and pin.alike(baseline, known.data):
            steps = len(baseline.lineage) - index + more
            limits = _apart(now, interval, first)
            return Drift(first.model_copy(update={"margin": known.margin}), pin.date, steps, now, now - first.value,
                         limits, who)   # fmt: skip
    return None


def _same_place(pin: Pin, known: Value) -> Value | None:
    return next((value for value in pin.values if value.place == known.place), None)


def _apart(now: float, interval: Interval | None, first: Value) -> Interval | None:
    if interval is None or first.interval is None or None in interval:
        return None
    return independent_difference(_fixed(now, interval), _fixed(first.value, first.interval)).interval(LEVEL)


def _fixed(value: float, interval: Interval) -> Limits:
    """Limits of which one level is known."""
    return Limits(value, lambda _: interval[0], lambda _: interval[1], "pinned")
