"""What a figure of the paper is: the evidence that it is drawn from, its numbers, and how they are drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demeanour.errors import DemeanourError, NotMeasuredError
from demeanour.evidence.gather import Evidence
from demeanour.evidence.observations import Observations
from demeanour.measures.groups import ALL
from demeanour.measures.registry import MEASURES
from demeanour.verdicts.replicates import columns_of

Values = dict[str, dict[str, float]]   # model → group → value


@dataclass(frozen=True)
class Cell:
    """A number of a figure, as the page shows it beside the published one.

    Attributes:
        row: What it is about, such as ``texture``.
        model: Whose it is.
        value: In the measure's unit.
        measure: What was measured.
        data: On which data set.
        group: Of which group.
    """

    row: str
    model: str
    value: float
    measure: str
    data: str
    group: str = ALL


def values_of(one: Observations, measure: str) -> dict[str, float]:
    """A measure's value of each group, from what a model said; what is undefined is left out.

    Raises:
        NotMeasuredError: A column that it needs is missing.
    """
    which = MEASURES[measure].named(one.names)
    values = which.values(columns_of(which, (one,)))
    return {group: float(value) for group, value in values.items() if math.isfinite(value)}


@dataclass
class Found:
    """The evidence that a figure may be drawn from, read when it is asked for; what cannot be used is told.

    Attributes:
        evidence: Of the cast.
        models: The models that have evidence on each data set, in the order of the cast.
        notes: Why something is not shown.
        whole: Whether all that should be there could be read; another time it may be otherwise.
    """

    evidence: Evidence
    models: Mapping[str, Sequence[str]]
    notes: list[str] = field(default_factory=list)
    whole: bool = True

    def observed(self, data: str) -> list[Observations]:
        """What each model said of a data set."""
        found = []
        for model in self.models.get(data, ()):
            try:
                found.append(self.evidence.observations(model, data))
            except DemeanourError as error:
                self.notes.append(f"{model} on {data}: {error}")
                self.whole = False
        return found

    def values(self, measure: str, data: str) -> Values:
        """A measure's values of each model on a data set; what is undefined is left out."""
        found = {}
        for one in self.observed(data):
            try:
                found[one.model] = values_of(one, measure)
            except NotMeasuredError as error:
                self.notes.append(str(error))
        return found


@dataclass(frozen=True)
class Figure:
    """A figure or table of the paper.

    Attributes:
        name: Of its files: ``figure-2-mistakes``.
        title: As the paper numbers it, and what it shows.
        caption: How it is read.
        section: The section that it belongs to, such as ``3.1``.
        data: The data sets that it is drawn from; those that the cast does not have are left out.
        numbers: Its numbers from the evidence: whatever ``draw`` takes; None where there are none.
        cells: Those that the page shows in a table.
        draw: Draws the numbers with the looks of the models; None for a table.
        by_model: Whether the table has a row for each model, as the paper's tables do, instead of a column.
        context: Whether references such as people are shown, too.
        claims: Whether claims are made of it, so that it is drawn with those of its section only.
    """

    name: str
    title: str
    caption: str
    section: str
    data: tuple[str, ...]
    numbers: Callable[[Found], Any]
    cells: Callable[[Any], Iterable[Cell]]
    draw: Callable[..., None] | None
    by_model: bool = False
    context: bool = False
    claims: bool = True
