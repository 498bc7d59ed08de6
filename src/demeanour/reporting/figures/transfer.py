"""Figure 6, lower half, and Table 3: what a linear probe makes of frozen features (§3.6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demeanour.measures.groups import ALL
from demeanour.measures.transfer import TASK_GROUPS
from demeanour.reporting.figures.bars import Bars, cells, draw_bars
from demeanour.reporting.figures.figure import Cell, Figure, Found
from demeanour.reporting.figures.looks import Looks

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_UNIT = "accuracy (%)"
_DATA, _BY_GROUP, _BY_TASK = "vtab", "probe_accuracy", "probe_task_accuracy"


@dataclass(frozen=True)
class Transferred:
    """Accuracy of linear probes: of every task, and means of groups of tasks."""

    tasks: Bars
    groups: Bars


def _numbers(found: Found) -> Transferred | None:
    """Tasks in the order of the data set's card, a space between the groups."""
    by_group, by_task = found.values(_BY_GROUP, _DATA), found.values(_BY_TASK, _DATA)
    if not by_group:
        return None
    tasks = found.evidence.cast.tasks(_DATA)
    first = {task.group: task.name for task in reversed(tasks)}
    labels = {task.name: task.name.removeprefix("vtab-").replace("_", " ") for task in tasks}
    named = {group: group for group in TASK_GROUPS if any(group in values for values in by_group.values())}
    return Transferred(
        Bars(labels, by_task, _UNIT, percent=True, apart=frozenset(first.values())),
        Bars({**named, ALL: "overall"}, by_group, _UNIT, percent=True),
    )


def _groups(numbers: Transferred) -> Iterator[Cell]:
    return cells(numbers.groups, _BY_GROUP, _DATA)


def _tasks(numbers: Transferred) -> Iterator[Cell]:
    return cells(numbers.tasks, _BY_TASK, _DATA)


def _draw(canvas: Canvas, numbers: Transferred, looks: Looks) -> None:
    draw_bars(canvas, numbers.tasks, looks)


TRANSFER = Figure(
    name="figure-6-transfer",
    title="Figure 6, lower half: transfer to other tasks",
    caption="Accuracy of a linear probe on frozen features, on each of VTAB's tasks.",
    section="3.6",
    data=(_DATA,),
    numbers=_numbers,
    cells=_tasks,
    draw=_draw,
)

GROUPS = Figure(
    name="table-3-transfer",
    title="Table 3: transfer by groups of tasks",
    caption="Means over the tasks of a group, and over all tasks.",
    section="3.6",
    data=(_DATA,),
    numbers=_numbers,
    cells=_groups,
    draw=None,
    by_model=True,
)
