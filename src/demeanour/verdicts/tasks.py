"""Sums of accuracies over tasks: each task's test images are drawn for themselves, the same for all models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demeanour.measures.groups import Columns
from demeanour.measures.registry import Measure
from demeanour.statistics.limits import Limits
from demeanour.statistics.stratified import Part, stratified_limits
from demeanour.verdicts.replicates import Subject


def limits_over_tasks(
    measure: Measure, terms: Sequence[tuple[float, str, Subject]], columns: Mapping[Subject, Columns]
) -> Limits:
    """Limits of a weighted sum of values that are means of accuracies of tasks.

    Args:
        measure: Of the method ``strata``.
        terms: Weight, group and model of each value.
        columns: The measure's columns for each model.
    """
    assert measure.strata is not None
    tasks, strata = terms[0][2][0].column("task"), dict[str, list[Part]]()
    for weight, group, subject in terms:
        for task, share in measure.strata(group, columns[subject]).items():
            strata.setdefault(task, []).append((weight * share, columns[subject][0][tasks == task]))
    return stratified_limits(list(strata.values()))
