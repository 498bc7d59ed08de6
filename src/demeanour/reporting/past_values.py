"""The values that a history holds, each by what it is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from demeanour.findings.pairing import SEVERAL
from demeanour.reporting.history import PastEstimate, PastRun, PastVerdict


class Place(NamedTuple):
    """What a value is of; only values of the same place are compared."""

    cast: str
    measure: str
    version: int
    data: str
    group: str
    model: str


class Value(NamedTuple):
    """A value; interval and n where it decided something, and did not only stand beside."""

    value: float
    estimate: PastEstimate | None


Series = Mapping[Place, Mapping[int, Value]]   # by the number of the run


def values_of(run: PastRun) -> Iterator[tuple[Place, Value]]:
    """The values of a run; those that decided something come last."""
    found = [one for verdict in run.verdicts for one in values_of_verdict(run.cast, verdict)]
    for decided in (False, True):
        yield from ((place, value) for place, value in found if (value.estimate is not None) == decided)


def values_of_verdict(cast: str, v: PastVerdict) -> Iterator[tuple[Place, Value]]:
    """What a verdict was told with: what stood beside, then what decided it."""
    data = SEVERAL.join(v.data)
    for measure, beside in v.shown.items():
        for model, value in beside.values.items():
            yield Place(cast, measure, beside.measure_version, data, beside.group, model), Value(value, None)
    for model, estimate in v.estimates.items():
        yield Place(cast, v.measure, v.measure_version, data, v.group, model), Value(estimate.value, estimate)


def series_of(runs: Sequence[PastRun], asked: Callable[[Place], bool]) -> Series:
    """The values of each place that is asked for, by the number of the run."""
    series: dict[Place, dict[int, Value]] = {}
    for index, run in enumerate(runs):
        for place, value in values_of(run):
            if asked(place):
                series.setdefault(place, {})[index] = value
    return series
