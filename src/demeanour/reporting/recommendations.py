"""What stands beside the verdicts of a run as tables: which model for which use, and how models compare otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from demeanour.evidence.gather import Evidence
from demeanour.measures.effective_robustness import AccuracyLine
from demeanour.measures.registry import MEASURES
from demeanour.reporting.run import Table
from demeanour.verdicts.agreement import agreements
from demeanour.verdicts.recommendation import USES, Recommendation, recommendations
from demeanour.verdicts.shifts import accuracy_lines
from demeanour.verdicts.words import interval, number

AGREE_ON = ("cue-conflict", "imagenet-val")


def tables_beside(evidence: Evidence, sets: Sequence[str]) -> list[Table]:
    """The tables of a run, of the data sets that it judged; those without rows are left out.

    Args:
        evidence: Of the cast.
        sets: The data sets.
    """
    found = [table_of_recommendations(recommendations(evidence, sets))]
    found += [table_of_shifts(accuracy_lines(evidence, sets))]
    found += [table_of_agreement(evidence, data) for data in AGREE_ON if data in sets]
    return [table for table in found if table.rows]


def table_of_recommendations(found: Sequence[Recommendation]) -> Table:
    """Which model for which use: a row for each use, in the order of `USES`."""
    order = {use: place for place, use in enumerate(USES)}
    rows = tuple(_row(one) for one in sorted(found, key=lambda one: order.get(one.use, len(order))))
    return Table(
        "Which model for which use",
        "A model stands alone where the paired interval says that it is better than each other one. Where several "
        "stand, no other one is shown to be better than they are, and these images do not tell which of them is best. "
        "α = .05 is shared among the comparisons with the others, so that with 95 % the best model of the cast is "
        "among those that stand. Intervals of values are 90 %.",
        ("use", "model", "ahead by", "measured as", "values"),
        rows,
    )


def table_of_shifts(lines: Mapping[str, AccuracyLine]) -> Table:
    """Effective robustness: a row for each shifted data set."""
    rows = [
        (data, number(line.slope), ", ".join(line.fitted_to),
         "; ".join(f"{model} {number(distance, True)}" for model, distance in line.distance.items()))
        for data, line in lines.items()
    ]  # fmt: skip
    return Table(
        "Which models are more robust than their accuracy lets one expect",
        "Accuracy under a shift, less that of a line fitted on accuracy without it, in logits (effective robustness; "
        "Taori et al., 2020). A line through few models is drawn towards them, and one with a slope below 0 says that "
        "they are of two kinds: nothing is decided by it.",
        ("data set", "slope", "fitted to", "accuracy beyond the line"),
        tuple(rows),
        folded=True,
    )


def table_of_agreement(evidence: Evidence, data: str) -> Table:
    """Cohen's κ of being right, of all pairs of models and references."""
    context = evidence.cast.references
    rows = []
    for one in agreements(evidence, data):
        names = " and ".join(f"{name} (reference)" if name in context else name for name in one.pair)
        if one.kappa is None:
            rows.append((names, "not measured", one.why, ""))
        else:
            rows.append((names, number(one.kappa.value), interval(one.kappa.interval), f"{one.kappa.n:,}"))
    return Table(
        f"Which models err alike on {data}",
        "Cohen's κ of being right: 1 where both err on the same images, 0 where they err as if independently, whatever "
        "their accuracies. Intervals are 90 %.",
        ("pair", "κ", "interval", "images"),
        tuple(rows),
        folded=True,
    )


def _row(found: Recommendation) -> tuple[str, ...]:
    use, lead = found.use, found.lead
    which = MEASURES[use.measure]
    if not found.best:
        said = "not measured"
    elif len(found.best) == 1:
        said = found.best[0]
    elif len(found.best) == len(found.values):
        said = f"not told apart: {', '.join(found.best)}"
    else:
        said = f"{', '.join(found.best)}: not told apart"
    ahead = f"{number(lead.value, True)} {interval(lead.interval, True)} of {lead.over}" if lead else ""
    values = [f"{model} {number(one.value)} {interval(one.interval)}" for model, one in found.values.items()]
    values += [f"{model} not measured ({why})" for model, why in found.lacking.items()]
    better = "less" if use.sign < 0 else "more"
    return use.name, said, ahead, f"{use.measure} on {use.data} ({which.unit}; {better} is better)", "; ".join(values)
